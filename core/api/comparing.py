"""Two versions of a thing held against each other: which are asked for, and how what differs is answered."""

from typing import Any

from rest_framework import serializers

from core.differences import Change
from core.versions import HIGHEST_VERSION


class ComparedVersions(serializers.Serializer[Any]):
    """`?from=&to=`; `between` says which are meant."""

    lowest = 1

    def get_fields(self) -> dict[str, Any]:
        bounds: dict[str, Any] = {"required": False, "min_value": self.lowest, "max_value": HIGHEST_VERSION}
        return {
            "from": serializers.IntegerField(**bounds, help_text="without it: the one before `to`"),
            "to": serializers.IntegerField(**bounds, help_text="without it: the present one"),
        }

    def between(self, present: int) -> tuple[int, int]:
        """From which version to which, where `present` is the version of the thing now."""
        to = self.validated_data.get("to", present)
        return self.validated_data.get("from", max(to - 1, self.lowest)), to


class ChangeSerializer(serializers.Serializer[Change]):
    """One place that differs; `before` is null where there was nothing, `after` where there is nothing."""

    path = serializers.CharField(help_text="as $.a[0].b")
    kind = serializers.ChoiceField(choices=["added", "removed", "changed"])
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)
