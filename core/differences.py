"""What two JSON values differ in, place by place."""

from collections.abc import Iterator, Sequence, Sized
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Literal

from core.canonical import canonical_json
from core.matching import Effort, blocks

Kind = Literal["added", "removed", "changed"]
PATH_CHARACTERS = 20_000_000
"""How much text the paths of one comparison may have. A path stands before each of its children, so that a long key
above many small values would be gigabytes; what goes beyond is told as one change of the whole."""


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
    """Objects are compared key by key. Of lists, entries that are the same are found wherever they moved to, as far as
    the effort goes; what lies between them is compared in order."""

    def __init__(self) -> None:
        self.effort = Effort()
        self.path_characters = PATH_CHARACTERS

    def walk(self, path: str, before: Any, after: Any) -> Iterator[Change]:
        if isinstance(before, dict) and isinstance(after, dict) and self._can_name(path, before, after):
            yield from self._objects(path, before, after)
        elif isinstance(before, list) and isinstance(after, list) and self._can_name(path, before, after):
            yield from self._lists(path, before, after)
        elif type(before) is not type(after) or before != after or canonical_json(before) != canonical_json(after):
            yield Change(path, "changed", before, after)

    def _can_name(self, path: str, before: Sized, after: Sized) -> bool:
        """Whether the places inside may still be told one by one."""
        needed = len(path) * (len(before) + len(after))
        if needed > self.path_characters:
            return False
        self.path_characters -= needed
        return True

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
        for word, first, last, to_first, to_last in blocks(old, new, self.effort):
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
