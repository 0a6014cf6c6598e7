"""Bodies in which nothing is overlooked: what the call does not know is refused, null means the default."""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any, NoReturn

from rest_framework import serializers
from rest_framework.fields import empty


class ObjectField(serializers.DictField):
    """Any JSON object."""

    default_error_messages = {
        "not_a_dict": 'This must be a JSON object, like {{"step": 3}}, and not of type {input_type}.',
        "required": 'Send the object under this name, like {{"{field}": {{"step": 3}}}}.',
    }

    def fail(self, key: str, **kwargs: Any) -> NoReturn:
        super().fail(key, field=self.field_name, **kwargs)


class KnownFieldsSerializer(serializers.Serializer[Any]):
    """Refuses a field it does not have (a typing error would else be lost in silence), all at once with other errors.

    A field that is null counts as one with its default, where it has one.
    """

    default_error_messages = {"invalid": "Send a JSON object; this is of type {datatype}."}

    def passed_over(self) -> Collection[str]:
        """Fields that may stand in the body without effect: what the server itself answers of the object."""
        return ()

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, Mapping):
            return super().to_internal_value(data)
        problems = {str(name): [self._unknown(str(name))] for name in data if not self._knows(name)}
        try:
            values = super().to_internal_value(self._without_null(data))
        except serializers.ValidationError as error:
            if isinstance(error.detail, dict):
                raise serializers.ValidationError({**error.detail, **problems}) from error
            raise
        if problems:
            raise serializers.ValidationError(problems)
        return values

    def _knows(self, name: Any) -> bool:
        return name in self.fields or name in self.passed_over()

    def _unknown(self, name: str) -> str:
        near = get_close_matches(name, self.fields, n=1)
        guess = f" Did you mean {near[0]}?" if near else ""
        return f"This call has no such field.{guess} It takes {', '.join(self.fields)}."

    def _without_null(self, data: Mapping[str, Any]) -> dict[str, Any]:
        values = dict(data)
        for name, value in data.items():
            field = self.fields.get(name)
            if value is None and field is not None and not field.required and not field.allow_null:
                del values[name]
                if field.default is not empty:
                    values[name] = field.default() if callable(field.default) else field.default
        return values
