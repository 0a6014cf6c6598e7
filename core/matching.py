"""What two sequences have in common, found with an effort that has an end.

Python's `SequenceMatcher` is quadratic for most sequences and cubic for some (entries that repeat in turns: eleven
seconds for two lists of a thousand), and the lists here are anybody's.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import Match, SequenceMatcher

Block = tuple[str, int, int, int, int]
"""What became of a stretch (`equal`, `replace`, `delete`, `insert`), and its ends in both, as `get_opcodes` says it."""

STEPS = 4_000_000
"""Pairs of like entries that are looked at in one comparison: about half a second."""


@dataclass(slots=True)
class Effort:
    """What a comparison may still cost, all its sequences together."""

    steps: int = STEPS


def blocks(before: Sequence[str], after: Sequence[str], effort: Effort) -> Sequence[Block]:
    """What became of each stretch of `before` in `after`; all of it one `replace` when the effort does not suffice."""
    try:
        return _Matcher(before, after, effort).get_opcodes()
    except _UsedUp:
        return [("replace", 0, len(before), 0, len(after))]


class _UsedUp(Exception):
    """The effort is at its end."""


class _Matcher(SequenceMatcher[str]):
    def __init__(self, before: Sequence[str], after: Sequence[str], effort: Effort) -> None:
        self._effort = effort
        super().__init__(None, before, after, autojunk=False)
        likes: Counter[str] = Counter(after)
        self._costs = [1 + likes[entry] for entry in before]

    def find_longest_match(self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None) -> Match:
        """The library's own, whose cost is known before: it looks at every like entry of each."""
        self._effort.steps -= sum(self._costs[alo:ahi])
        if self._effort.steps < 0:
            raise _UsedUp
        return super().find_longest_match(alo, ahi, blo, bhi)
