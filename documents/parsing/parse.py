"""The one way from bytes to text: bounds, kind, parser, clean-up."""

from collections.abc import Callable
from dataclasses import dataclass

from documents.errors import ParseError
from documents.parsing.cleaning import clean_text
from documents.parsing.plain import parse_plain
from documents.parsing.sniffing import sniff_kind
from documents.parsing.table import parse_csv
from documents.parsing.types import Kind, Limits


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file's text, ready to store: no NUL, no lone surrogate, `\\n` line ends, never blank."""

    kind: Kind
    media_type: str
    text: str


@dataclass(frozen=True, slots=True)
class Parser:
    media_type: str
    suffix: str
    parse: Callable[[bytes, Limits], str]


# The libraries behind these four weigh 3 to 12 MiB each: loaded with the first file of their kind, not at start.


def _parse_pdf(data: bytes, limits: Limits) -> str:
    from documents.parsing.pdf import parse_pdf

    return parse_pdf(data, limits)


def _parse_docx(data: bytes, limits: Limits) -> str:
    from documents.parsing.word import parse_docx

    return parse_docx(data, limits)


def _parse_html(data: bytes, limits: Limits) -> str:
    from documents.parsing.html import parse_html

    return parse_html(data, limits)


def _parse_markdown(data: bytes, limits: Limits) -> str:
    from documents.parsing.markdown import parse_markdown

    return parse_markdown(data, limits)


PARSERS: dict[Kind, Parser] = {
    Kind.PDF: Parser("application/pdf", ".pdf", _parse_pdf),
    Kind.DOCX: Parser("application/vnd.openxmlformats-officedocument.wordprocessingml.document", ".docx", _parse_docx),
    Kind.HTML: Parser("text/html", ".html", _parse_html),
    Kind.MD: Parser("text/markdown", ".md", _parse_markdown),
    Kind.CSV: Parser("text/csv", ".csv", parse_csv),
    Kind.TXT: Parser("text/plain", ".txt", parse_plain),
}


SUFFIXES: dict[str, str] = {parser.media_type: parser.suffix for parser in PARSERS.values()}


def parse_file(data: bytes, *, name: str = "", limits: Limits | None = None) -> Parsed:
    """The text of a file. `name` only decides between text kinds (md, csv, txt) that the bytes leave open.

    Raises: ParseError with a sentence for the person who uploaded it.
    """
    limits = limits or Limits()
    if len(data) > limits.max_bytes:
        raise too_large(limits.max_bytes)
    if not data.strip(b"\0\t\n\x0b\x0c\r "):
        raise ParseError("The file is empty: check that it was saved and upload it again.", code="empty")
    kind = sniff_kind(data, name)
    parser = PARSERS[kind]
    text = clean_text(parser.parse(data, limits))
    if not text:
        raise ParseError("No text was found in the file: upload a version that holds text.", code="no_text")
    if len(text) > limits.max_characters:
        raise ParseError(
            f"The file holds {len(text):,} characters of text and the limit is {limits.max_characters:,}: split it "
            "into smaller files.",
            code="too_long",
        )
    return Parsed(kind, parser.media_type, text)


def too_large(max_bytes: int) -> ParseError:
    mebibytes = max_bytes / (1024 * 1024)
    return ParseError(
        f"The file is larger than the limit of {mebibytes:.3g} MiB for one file: split it, or ask an operator to raise "
        "MAX_UPLOAD_BYTES.",
        code="too_large",
    )
