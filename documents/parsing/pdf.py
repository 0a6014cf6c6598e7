"""PDF to text with PDFium."""

import re
import threading
import time
from collections.abc import Iterator

import pypdfium2
from pypdfium2 import PdfDocument, PdfiumError

from documents.errors import ParseError
from documents.parsing.types import Limits

_PDFIUM = threading.Lock()
"""PDFium is not thread-safe: every call into it in this process holds this lock, one page at a time."""

_WRAPPED_SHARE = 0.75
_LINE = re.compile(r"[^\n\x02]*[\n\x02]|[^\n\x02]+$")
_SENTENCE_END = re.compile(r"[.!?:;][\"'”’)]*\s*$")


def parse_pdf(data: bytes, limits: Limits) -> str:
    """Raises: ParseError (encrypted, broken, too_many_pages, too_slow, no_text)."""
    document = _open(data)
    try:
        text = "\n\n".join(_page_texts(document, limits))
    finally:
        with _PDFIUM:
            document.close()
    if not any(character.isalnum() for character in text):
        raise ParseError(
            "The PDF holds pictures of pages but no text: run text recognition (OCR) on it and upload the result.",
            code="no_text",
        )
    return text


def _open(data: bytes) -> PdfDocument:
    try:
        with _PDFIUM:
            return PdfDocument(data)
    except PdfiumError as error:
        if getattr(error, "err_code", None) == pypdfium2.raw.FPDF_ERR_PASSWORD:
            raise ParseError(
                "The PDF is protected by a password: save it without one and upload that.", code="encrypted"
            ) from error
        raise _broken() from error


def _broken() -> ParseError:
    return ParseError(
        "The PDF is damaged or cut short: open it in a PDF reader, save or print it to a new PDF and upload that.",
        code="broken",
    )


def _page_texts(document: PdfDocument, limits: Limits) -> Iterator[str]:
    with _PDFIUM:
        page_count = len(document)
    if page_count == 0:
        raise _broken()
    if page_count > limits.max_pages:
        raise ParseError(
            f"The PDF has {page_count:,} pages and the limit is {limits.max_pages:,}: split it into parts.",
            code="too_many_pages",
        )
    deadline = time.monotonic() + limits.max_seconds
    for number in range(page_count):
        if time.monotonic() > deadline:
            raise ParseError(
                f"Reading the PDF took longer than {limits.max_seconds:.0f} seconds: split it into parts.",
                code="too_slow",
            )
        yield _reflow(_page_text(document, number))


def _page_text(document: PdfDocument, number: int) -> str:
    """The raw text of one page; lines end in CRLF, a hyphen at a line's end is U+0002."""
    try:
        with _PDFIUM:
            page = document[number]
            try:
                text_page = page.get_textpage()
                try:
                    text: str = text_page.get_text_bounded()
                finally:
                    text_page.close()
            finally:
                page.close()
    except PdfiumError as error:
        raise _broken() from error
    return text


def _reflow(page: str) -> str:
    """Joins lines that were only wrapped at the margin, so that sentences are whole; short lines stay lines."""
    page = page.replace("\r\n", "\n").replace("\x02\n", "\x02")
    lines = [line.strip(" \t") for line in _LINE.findall(page)]
    margin = max((len(line) for line in lines), default=0) * _WRAPPED_SHARE
    return "".join(line.rstrip("\x02\n") + _joint(line, margin) for line in lines).strip()


def _joint(line: str, margin: float) -> str:
    if line.endswith("\x02"):
        return ""
    wrapped = len(line) >= margin and not _SENTENCE_END.search(line)
    return " " if wrapped else "\n"
