"""CSV to readable lines: each row becomes `header: value; header: value`, so that a passage explains itself."""

import csv
import io
from collections import Counter

from documents.errors import ParseError
from documents.parsing.plain import parse_plain
from documents.parsing.types import Limits

_DELIMITERS = ",;\t|"
_SAMPLE_LINES = 50


def parse_csv(data: bytes, limits: Limits) -> str:
    """Raises: ParseError (broken) when a cell is longer than any table has."""
    text = parse_plain(data, limits).lstrip("\ufeff").replace("\0", "")
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)) if any(row)]
    except csv.Error as error:
        raise ParseError(
            f"The table cannot be read ({error}): check its quotation marks and save it as CSV again.", code="broken"
        ) from error
    if not rows:
        return ""
    header, body = _header_and_body(rows)
    return "\n\n".join(_line(header, row) for row in body)


def looks_like_table(text: str) -> bool:
    """Whether the first lines, three at least, all have the same three or more columns."""
    rows = _sample_rows(text, _delimiter(text))
    widths = {len(row) for row in rows}
    return len(rows) >= 3 and len(widths) == 1 and min(widths) >= 3


def _delimiter(text: str) -> str:
    """The delimiter that gives the most lines the same, largest number of columns; a comma when none does."""
    best, best_score = ",", 0
    for delimiter in _DELIMITERS:
        widths = Counter(len(row) for row in _sample_rows(text, delimiter))
        width, count = widths.most_common(1)[0] if widths else (0, 0)
        score = (width - 1) * count
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _sample_rows(text: str, delimiter: str) -> list[list[str]]:
    lines = text[: 64 * 1024].replace("\0", "").splitlines()[:_SAMPLE_LINES]
    try:
        return [row for row in csv.reader(lines, delimiter=delimiter) if row]
    except csv.Error:
        return []


def _header_and_body(rows: list[list[str]]) -> tuple[list[str], list[list[str]]]:
    """The first row is the header unless a cell of it is blank, repeated or a number."""
    first = [cell.strip() for cell in rows[0]]
    if len(rows) > 1 and all(first) and len(set(first)) == len(first) and not any(map(_is_number, first)):
        return first, rows[1:]
    width = max(len(row) for row in rows)
    return [f"Column {number + 1}" for number in range(width)], rows


def _is_number(cell: str) -> bool:
    return cell.replace(".", "", 1).replace(",", "").lstrip("-+").isdigit()


def _line(header: list[str], row: list[str]) -> str:
    names = header + [f"Column {number + 1}" for number in range(len(header), len(row))]
    cells = [(name, " ".join(cell.split())) for name, cell in zip(names, row, strict=False)]
    return "; ".join(f"{name}: {cell}" for name, cell in cells if cell)
