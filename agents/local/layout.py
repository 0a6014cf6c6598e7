"""The layout of a passage: turns of a transcript, headings, paragraphs. Headings are no statements and are left out."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from agents.local.text import Span, sentences

_TURN = re.compile(r"^[ \t]*(?P<speaker>[A-Z][\w.'’-]*(?: [\w.'’-]+){0,3}):[ \t]+", re.MULTILINE)
_TURNS_OF_A_TRANSCRIPT = 2
_LINE = re.compile(r"[^\n]*(?:\n|$)")
_ENDED = re.compile(r"[.!?:;,…][\"”’')\]]*\s*$")
_NEW_START = re.compile(r"\s*[\"“(\[]?[A-Z0-9•*–-]")
_RECORD = re.compile(r"[^:;\n]{1,60}: [^;\n]*; [^:;\n]{1,60}: ")  # a row of a table, as parsing writes it
_SHORT_LINE = 0.6
_LONGEST_HEADING_WORDS = 10
_SHORTEST_LONGEST_LINE = 40


@dataclass(frozen=True, slots=True)
class Spoken:
    """A sentence and who says it; in ordinary text nobody."""

    span: Span
    speaker: str


def statements(text: str) -> list[Spoken]:
    """The sentences of a text in order, without headings; in a transcript without the speakers' labels."""
    return [
        Spoken(Span(start + span.start, start + span.end, span.text), speaker)
        for speaker, start, end in _turns(text)
        for span in _plain_sentences(text[start:end])
    ]


def _turns(text: str) -> list[tuple[str, int, int]]:
    """(speaker, start, end) of each turn of a transcript; ordinary text is one turn without a speaker."""
    labels = [label for label in _TURN.finditer(text) if not _RECORD.match(text, label.start())]
    if len(labels) < _TURNS_OF_A_TRANSCRIPT:
        return [("", 0, len(text))]
    ends = [label.start() for label in labels[1:]] + [len(text)]
    turns = [("", 0, labels[0].start())]
    return turns + [(label["speaker"], label.end(), end) for label, end in zip(labels, ends, strict=True)]


def _plain_sentences(text: str) -> list[Span]:
    blocks = [block for block in _blocks(text) if block.text.strip()]
    found: list[Span] = []
    for number, block in enumerate(blocks):
        following = blocks[number + 1].text if number + 1 < len(blocks) else ""
        if not is_heading(block.text, following):
            found += [Span(block.start + s.start, block.start + s.end, s.text) for s in sentences(block.text)]
    return found


def is_heading(block: str, following: str) -> bool:
    """A few words without an end mark or a list's commas, before a block that has one (a CSV row is no heading)."""
    short = 0 < len(block.split()) <= _LONGEST_HEADING_WORDS
    return short and not _ENDED.search(block) and "," not in block and bool(re.search(r"[.!?]", following))


def _blocks(text: str) -> Iterator[Span]:
    """Runs of lines that belong together, cut at blank lines, between records, and where a short line ends early."""
    lines = [match for match in _LINE.finditer(text) if match.group()]
    longest = max((len(line.group().rstrip()) for line in lines), default=0)
    start = 0
    for number, line in enumerate(lines):
        following = lines[number + 1].group() if number + 1 < len(lines) else ""
        if _breaks(line.group().rstrip("\n"), following, longest):
            yield Span(start, line.end(), text[start : line.end()])
            start = line.end()
    if start < len(text):
        yield Span(start, len(text), text[start:])


def _breaks(line: str, following: str, longest: int) -> bool:
    if not line.strip() or not following.strip() or (_RECORD.match(line) and _RECORD.match(following)):
        return True
    short = len(line.rstrip()) < _SHORT_LINE * longest and longest >= _SHORTEST_LONGEST_LINE
    return short and bool(_NEW_START.match(following))
