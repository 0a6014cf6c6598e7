"""DOCX to text: paragraphs and table rows in reading order, text boxes and content controls included."""

import io
import zipfile
from collections.abc import Iterator
from typing import Any

import docx
from docx.oxml.ns import qn

from documents.errors import ParseError
from documents.parsing.types import Limits

_MAX_MEMBERS = 10_000
_PARAGRAPH, _ROW, _CELL, _TEXT = qn("w:p"), qn("w:tr"), qn("w:tc"), qn("w:t")
_BREAKS = {qn("w:tab"): "\t", qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "-"}
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"


def parse_docx(data: bytes, limits: Limits) -> str:
    """Raises: ParseError (zip_bomb, encrypted, broken)."""
    try:
        _check_archive(data, limits)
        document = docx.Document(io.BytesIO(data))
        return "\n\n".join(_blocks(document.element.body))
    except ParseError:
        raise
    except Exception as error:
        raise ParseError(
            "The Word document is damaged: open it in a word processor, save it again and upload that.", code="broken"
        ) from error


def _check_archive(data: bytes, limits: Limits) -> None:
    """Python's zipfile never unpacks more than a member declares, so the declared sizes are a true bound."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
    if len(members) > _MAX_MEMBERS or sum(member.file_size for member in members) > limits.max_unpacked_bytes:
        raise ParseError(
            f"The document unpacks to more than {limits.max_unpacked_bytes // (1024 * 1024)} MiB: remove its pictures, "
            "or save it as PDF.",
            code="zip_bomb",
        )
    if any(member.flag_bits & 0x1 for member in members):
        raise ParseError(
            "The document is protected by a password: save it without one and upload that.", code="encrypted"
        )


def _blocks(parent: Any) -> Iterator[str]:
    """One string a paragraph, one a table row with its cells joined by ` | `."""
    for element in parent:
        if element.tag == _PARAGRAPH:
            yield "".join(_runs(element))
            yield from _boxes(element)
        elif element.tag == _ROW:
            cells = (" ".join(_blocks(cell)).strip() for cell in element if cell.tag == _CELL)
            yield " | ".join(cell for cell in cells if cell)
        elif element.tag != _FALLBACK:
            yield from _blocks(element)


def _runs(element: Any) -> Iterator[str]:
    for child in element:
        if child.tag == _TEXT:
            yield child.text or ""
        elif child.tag in _BREAKS:
            yield _BREAKS[child.tag]
        elif child.tag not in (_PARAGRAPH, _FALLBACK):
            yield from _runs(child)


def _boxes(paragraph: Any) -> Iterator[str]:
    """Paragraphs that stand inside a paragraph: text boxes, each once (their fallback drawing repeats them)."""
    for inner in paragraph.iterdescendants(_PARAGRAPH):
        if not any(ancestor.tag == _FALLBACK for ancestor in inner.iterancestors()):
            yield "".join(_runs(inner))
