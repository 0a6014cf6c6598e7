"""What two JSON values differ in, place by place."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["added", "removed", "changed"]
_KINDS: dict[str, Kind] = {
    "dictionary_item_added": "added",
    "iterable_item_added": "added",
    "dictionary_item_removed": "removed",
    "iterable_item_removed": "removed",
    "values_changed": "changed",
    "type_changes": "changed",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One place (`path` as `$.a[0].b`) that was added, removed or changed; `before` is None where there was nothing,
    `after` where there is nothing."""

    path: str
    kind: Kind
    before: Any
    after: Any


def changes_between(before: Any, after: Any) -> list[Change]:
    """The places two JSON values differ in, in order of their paths; [] when they are the same. 1 and 1.0 differ."""
    from deepdiff import DeepDiff  # 0.2 s, and few processes ever compare anything

    found = DeepDiff(before, after, view="tree", threshold_to_diff_deeper=0)
    changes = [
        Change(
            json_path(place.path(output_format="list")),
            kind,
            None if kind == "added" else place.t1,
            None if kind == "removed" else place.t2,
        )
        for word, kind in _KINDS.items()
        for place in found.get(word, ())
    ]
    return sorted(changes, key=lambda change: change.path)


def json_path(steps: Sequence[str | int]) -> str:
    """`["a", 0, "b c"]` as `$.a[0]['b c']`, the way JSON Schema errors name their place."""
    return "$" + "".join(_step(step) for step in steps)


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if step.isidentifier() else f"[{step!r}]"
