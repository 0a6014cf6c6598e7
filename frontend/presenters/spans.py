"""A stretch of a document's text with one span marked."""

from dataclasses import dataclass

AROUND = 900


@dataclass(frozen=True, slots=True)
class MarkedText:
    """`before + marked + after` is the text shown; `start` and `end` are offsets in the whole text."""

    before: str
    marked: str
    after: str
    start: int
    end: int
    length: int
    cut_before: bool
    cut_after: bool


def mark_span(text: str, start: int | None, end: int | None, *, around: int | None = None) -> MarkedText:
    """The text with `[start:end]` marked, whole or with about `around` characters on each side.

    Offsets outside of the text are moved into it, so that an old citation still opens its document.
    """
    length = len(text)
    first = min(max(start or 0, 0), length)
    last = min(max(end or 0, first), length) if start is not None else first
    begin, stop = (0, length) if around is None else _window(text, first, last, around)
    return MarkedText(
        before=text[begin:first],
        marked=text[first:last],
        after=text[last:stop],
        start=first,
        end=last,
        length=length,
        cut_before=begin > 0,
        cut_after=stop < length,
    )


def _window(text: str, first: int, last: int, around: int) -> tuple[int, int]:
    """Cut at white space, so that no word is torn."""
    begin, stop = max(0, first - around), min(len(text), last + around)
    if begin:
        space = text.find(" ", begin, first)
        begin = space + 1 if space >= 0 else begin
    if stop < len(text):
        space = text.rfind(" ", last, stop)
        stop = space if space >= 0 else stop
    return begin, stop
