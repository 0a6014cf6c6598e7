"""What requests of several areas have in common."""

from typing import Any, NoReturn

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

IF_MATCH = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description='The ETag of the version you change, like "3"; 412 when it has moved on. Without it: any version.',
)


class ObjectField(serializers.DictField):
    """Any JSON object."""

    default_error_messages = {
        "not_a_dict": 'This must be a JSON object, like {{"step": 3}}, and not of type {input_type}.',
        "required": 'Send the object under this name, like {{"{field}": {{"step": 3}}}}.',
    }

    def fail(self, key: str, **kwargs: Any) -> NoReturn:
        super().fail(key, field=self.field_name, **kwargs)


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses names it does not know: a misspelt one would else be taken for one left out."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        known = ", ".join(self.fields)
        unknown = {name: [f"There is no such field here. Possible: {known}."] for name in self.initial_data}
        unknown = {name: sentence for name, sentence in unknown.items() if name not in self.fields}
        if unknown:
            raise serializers.ValidationError(unknown)
        return attrs
