"""What two JSON values differ in, place by place."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any, Literal

from core.canonical import canonical_json

Kind = Literal["added", "removed", "changed"]
CELLS = 1_000_000
"""How many pairs of list entries are looked at in one comparison to find what moved: about half a second. Lists that
come after these are compared by position."""


@dataclass(frozen=True, slots=True)
class Change:
    """One place (`path` as `$.a[0].b`) that was added, removed or changed; `before` is None where there was nothing,
    `after` where there is nothing. An index is that in `after`, of what was removed that in `before`."""

    path: str
    kind: Kind
    before: Any
    after: Any


def changes_between(before: Any, after: Any) -> list[Change]:
    """The places two JSON values differ in, keys in order; [] when they are the same. 1, 1.0 and true differ."""
    return list(_Comparison().walk("$", before, after))


class _Comparison:
    """Objects are compared key by key. Of lists, entries that are the same are found wherever they moved to; what lies
    between them is compared in order."""

    def __init__(self) -> None:
        self.cells_left = CELLS

    def walk(self, path: str, before: Any, after: Any) -> Iterator[Change]:
        if isinstance(before, dict) and isinstance(after, dict):
            yield from self._objects(path, before, after)
        elif isinstance(before, list) and isinstance(after, list):
            yield from self._lists(path, before, after)
        elif type(before) is not type(after) or before != after:
            yield Change(path, "changed", before, after)

    def _objects(self, path: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
        for key in sorted({**before, **after}, key=_step):
            place = path + _step(key)
            if key not in before:
                yield Change(place, "added", None, after[key])
            elif key not in after:
                yield Change(place, "removed", before[key], None)
            else:
                yield from self.walk(place, before[key], after[key])

    def _lists(self, path: str, before: list[Any], after: list[Any]) -> Iterator[Change]:
        for first, last, to_first, to_last in self._unlike_parts(before, after):
            pairs = zip_longest(range(first, last), range(to_first, to_last))
            for old, new in pairs:
                if old is None:
                    yield Change(f"{path}[{new}]", "added", None, after[new])
                elif new is None:
                    yield Change(f"{path}[{old}]", "removed", before[old], None)
                else:
                    yield from self.walk(f"{path}[{new}]", before[old], after[new])

    def _unlike_parts(self, before: list[Any], after: list[Any]) -> Iterator[tuple[int, int, int, int]]:
        """(from, to) in `before` and (from, to) in `after` of each stretch that is not the same in both."""
        left, right = [canonical_json(item) for item in before], [canonical_json(item) for item in after]
        head = _alike(left, right)
        tail = _alike(left[head:][::-1], right[head:][::-1])
        old, new = left[head : len(left) - tail], right[head : len(right) - tail]
        if len(old) * len(new) > self.cells_left:
            yield head, head + len(old), head, head + len(new)
            return
        self.cells_left -= len(old) * len(new)
        for word, first, last, to_first, to_last in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            if word != "equal":
                yield head + first, head + last, head + to_first, head + to_last


def _alike(left: Sequence[str], right: Sequence[str]) -> int:
    """How many entries both begin with."""
    pairs = zip(left, right, strict=False)
    return next((place for place, (one, other) in enumerate(pairs) if one != other), min(len(left), len(right)))


def json_path(steps: Sequence[str | int]) -> str:
    """`["a", 0, "b c"]` as `$.a[0]['b c']`, the way JSON Schema errors name their place."""
    return "$" + "".join(_step(step) for step in steps)


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if step.isidentifier() else f"[{step!r}]"
