"""Two versions of something as the rows of a table: place, before, after. Pure; for the pages and the admin."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from core.canonical import indented_json
from core.differences import Change
from core.matching import Effort, blocks

LONGEST = 20_000  # characters of one value that are shown
UNCHANGED_AROUND = 2  # lines shown before and after a change in a long text


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a text: `mark` is same, gone, new or gap (lines left out because nothing changed there)."""

    text: str
    mark: str


@dataclass(frozen=True, slots=True)
class Compared:
    """One place that differs; a side where there is nothing has no pieces."""

    path: str
    kind: str
    before: Sequence[Piece]
    after: Sequence[Piece]


def side_by_side(changes: Iterable[Change]) -> list[Compared]:
    """Each change with what differs marked: lines of a longer text, else the whole value."""
    effort = Effort()
    return [_compared(change, effort) for change in changes]


def _compared(change: Change, effort: Effort) -> Compared:
    before = None if change.kind == "added" else as_text(change.before)
    after = None if change.kind == "removed" else as_text(change.after)
    if before is not None and after is not None and ("\n" in before or "\n" in after):
        return Compared(change.path, change.kind, *_by_line(before, after, effort))
    return Compared(change.path, change.kind, _whole(before, "gone"), _whole(after, "new"))


def _whole(text: str | None, mark: str) -> list[Piece]:
    return [] if text is None else [Piece(text, mark)]


def as_text(value: Any) -> str:
    """JSON, indented; a text as JSON too when it has one line (so that "1" is not 1), else as it is; cut when long."""
    plain = isinstance(value, str) and "\n" in value
    text = value if plain else indented_json(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} … {len(text) - LONGEST} more characters"


def _by_line(before: str, after: str, effort: Effort) -> tuple[list[Piece], list[Piece]]:
    old, new = before.split("\n"), after.split("\n")
    left, right = [], []
    found = blocks(old, new, effort)
    for number, (word, old_from, old_to, new_from, new_to) in enumerate(found):
        if word == "equal":
            same = _shortened(old[old_from:old_to], first=number == 0, last=number == len(found) - 1)
            left += same
            right += same
            continue
        left += [Piece(line, "gone") for line in old[old_from:old_to]]
        right += [Piece(line, "new") for line in new[new_from:new_to]]
    return left, right


def _shortened(lines: list[str], *, first: bool, last: bool) -> list[Piece]:
    """Unchanged lines: only those next to a change, and how many lie between."""
    head, tail = (0 if first else UNCHANGED_AROUND), (0 if last else UNCHANGED_AROUND)
    hidden = len(lines) - head - tail
    pieces = [Piece(line, "same") for line in lines]
    if hidden < 2:
        return pieces
    gap = Piece(f"… {hidden} lines the same …", "gap")
    return [*pieces[:head], gap, *pieces[len(pieces) - tail :]]
