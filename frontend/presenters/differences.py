"""Two JSON values beside each other: the places they differ in, and all their lines."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from core.differences import changes_between
from core.matching import Effort, blocks
from core.side_by_side import Compared, side_by_side

MOST_CHARACTERS = 200_000  # of a value that is compared while somebody waits for the page
MOST_LINES = 3000
MOST_CHANGES = 500
LONGEST_LINE = 2000


@dataclass(frozen=True, slots=True)
class Line:
    """The lines of both sides at one height; a side that has none there has no number. `mark`: same, changed, gone,
    new."""

    before_number: int | None
    before: str
    after_number: int | None
    after: str
    mark: str


@dataclass(frozen=True, slots=True)
class Differences:
    """What a page shows of two values. `lines` is empty when there are too many; with `is_too_long` nothing was
    compared."""

    changes: Sequence[Compared] = ()
    more: int = 0
    """Changes that are not shown."""
    lines: Sequence[Line] = ()
    is_too_long: bool = False

    @property
    def is_same(self) -> bool:
        return not (self.changes or self.is_too_long)


def differences_of(before: Any, after: Any) -> Differences:
    texts = [_indented(value) for value in (before, after)]
    if any(len(text) > MOST_CHARACTERS for text in texts):
        return Differences(is_too_long=before != after)
    changes = changes_between(before, after)
    shown = side_by_side(changes[:MOST_CHANGES])
    lines = list(_lines(*(text.split("\n") for text in texts))) if changes else []
    return Differences(shown, len(changes) - len(shown), lines)


def _indented(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)


def _lines(old: list[str], new: list[str]) -> Iterator[Line]:
    """Lines that are alike at the same height; keys in order, so that two writers' order makes no difference. None
    when there are too many."""
    head = _alike(old, new)
    tail = _alike(old[head:][::-1], new[head:][::-1])
    left, right = old[head : len(old) - tail], new[head : len(new) - tail]
    if max(len(old), len(new)) > MOST_LINES:
        return
    ends = len(old) - tail, len(old), len(new) - tail, len(new)
    yield from _rows(old, new, "equal", 0, head, 0, head)
    for word, *places in blocks(left, right, Effort()):
        yield from _rows(old, new, word, *(head + place for place in places))
    yield from _rows(old, new, "equal", *ends)


def _rows(old: list[str], new: list[str], word: str, *places: int) -> Iterator[Line]:
    """The lines of one stretch: `places` are from and to in the old ones, from and to in the new ones."""
    old_from, old_to, new_from, new_to = places
    for left, right in zip_longest(range(old_from, old_to), range(new_from, new_to)):
        mark = "same" if word == "equal" else "new" if left is None else "gone" if right is None else "changed"
        yield Line(_number(left), _text(old, left), _number(right), _text(new, right), mark)


def _alike(left: list[str], right: list[str]) -> int:
    """How many lines both begin with."""
    pairs = zip(left, right, strict=False)
    return next((place for place, (one, other) in enumerate(pairs) if one != other), min(len(left), len(right)))


def _number(index: int | None) -> int | None:
    return None if index is None else index + 1


def _text(lines: list[str], index: int | None) -> str:
    return "" if index is None else lines[index][:LONGEST_LINE]
