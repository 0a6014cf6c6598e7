"""The OpenAPI description of a view, with the header that every creating call of ours heeds."""

from typing import Any

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The same key with the same body gets the same answer again for a day, and nothing is made twice; "
    "with another body 409.",
)


class DoorSchema(AutoSchema):
    def get_override_parameters(self) -> list[Any]:
        """A view that remembers keys by itself describes them itself, and one without an Access knows none."""
        heeds = self.method == "POST" and getattr(self.view, "has_own_keys", True) is False
        return [*super().get_override_parameters(), *([IDEMPOTENCY_KEY] if heeds else [])]
