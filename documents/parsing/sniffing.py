"""Which kind of file these bytes are. Neither the file's name nor the declared type is believed."""

import io
import re
import zipfile
from pathlib import PurePath

from documents.errors import ParseError
from documents.parsing.charset import decode, decode_unmarked_utf16
from documents.parsing.table import looks_like_table
from documents.parsing.types import Kind

_HEAD_BYTES = 8192
_WAY_OUT = "upload PDF, DOCX, HTML, Markdown, plain text or CSV"
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_BINARIES = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"BM", "a BMP image"),
    (b"II*\0", "a TIFF image"),
    (b"MM\0*", "a TIFF image"),
    (b"RIFF", "a media file"),
    (b"OggS", "a media file"),
    (b"ID3", "an MP3 file"),
    (b"MZ", "a Windows program"),
    (b"\x7fELF", "a program"),
    (b"\xcf\xfa\xed\xfe", "a program"),
    (b"\xca\xfe\xba\xbe", "a program"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"SQLite format 3\0", "a SQLite database"),
)
_ZIP_MEMBERS = (
    ("xl/workbook.xml", "an Excel workbook: save the sheet as CSV"),
    ("ppt/presentation.xml", "a PowerPoint presentation: save it as PDF"),
    ("META-INF/manifest.xml", "an OpenDocument file: save it as PDF or DOCX"),
    ("META-INF/container.xml", "an EPUB book: save it as PDF or HTML"),
)
_HTML = re.compile(r"<(!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_HTML_START = re.compile(r"\s*(<!--.*?-->\s*)*<(p|div|h[1-6]|article|section|main|table|ul|ol)\b[^>]*>", re.I | re.S)
_MARKDOWN = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (r"^#{1,6} \S", r"^```", r"\[[^\]\n]+\]\([^)\n]+\)", r"^[-*+] \S", r"\*\*\S", r"^> \S")
)
_TEXT_SUFFIXES = {
    ".md": Kind.MD,
    ".markdown": Kind.MD,
    ".csv": Kind.CSV,
    ".tsv": Kind.CSV,
    ".txt": Kind.TXT,
    ".text": Kind.TXT,
    ".log": Kind.TXT,
}


def sniff_kind(data: bytes, name: str = "") -> Kind:
    """The kind, from the bytes.

    Raises: ParseError (unsupported, encrypted, broken) for whatever we have no parser for.
    """
    head = data[:_HEAD_BYTES]
    if b"%PDF-" in head[:1024]:
        return Kind.PDF
    if head.startswith(b"PK\x03\x04"):
        return _zip_kind(data)
    if head.startswith(_OLE):
        raise _ole_error(data)
    if head.startswith(rb"{\rtf"):
        raise _unsupported("a rich text file: save it as DOCX or PDF")
    return _text_kind(data, name)


def _zip_kind(data: bytes) -> Kind:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise ParseError(
            "The file starts like a Word document but is damaged or cut short: open it in a word processor, save it "
            "again and upload that.",
            code="broken",
        ) from error
    if "word/document.xml" in members:
        return Kind.DOCX
    for member, what in _ZIP_MEMBERS:
        if member in members:
            raise _unsupported(what)
    raise _unsupported("a ZIP archive: unpack it and upload the files in it")


def _ole_error(data: bytes) -> ParseError:
    if "EncryptedPackage".encode("utf-16-le") in data:
        return ParseError(
            "The document is protected by a password: save it without one and upload that.", code="encrypted"
        )
    return _unsupported("an Office file of the old format: save it as DOCX or PDF")


def _text_kind(data: bytes, name: str) -> Kind:
    text = _readable_text(data)
    start = text[:4096]
    if _HTML.search(start) and start.lstrip().startswith("<"):
        return Kind.HTML
    if _HTML_START.match(start) and "</" in text:
        return Kind.HTML
    return _plain_kind(text, PurePath(name).suffix.lower())


def _readable_text(data: bytes) -> str:
    """The decoded beginning of a text file.

    Raises: ParseError when the bytes are no text.
    """
    sample = data[: 16 * _HEAD_BYTES]
    if marked := decode_unmarked_utf16(sample):
        return marked
    text = decode(sample)
    odd = sum(1 for character in text if character < " " and character not in "\t\n\r\f\v") + text.count("\ufffd")
    if odd > len(text) * 0.02:
        raise _binary_error(data)
    return text


def _binary_error(data: bytes) -> ParseError:
    for magic, what in _BINARIES:
        if data.startswith(magic):
            return _unsupported(what)
    if data[4:8] == b"ftyp":
        return _unsupported("a media file")
    return ParseError(f"The file is neither text nor a kind that can be read here: {_WAY_OUT}.", code="unsupported")


def _unsupported(what: str) -> ParseError:
    reason, _, way_out = what.partition(": ")
    return ParseError(f"The file is {reason}, which cannot be read here: {way_out or _WAY_OUT}.", code="unsupported")


def _plain_kind(text: str, suffix: str) -> Kind:
    """Between md, csv and txt the bytes are never certain, so here, and only here, the name has a say."""
    named = _TEXT_SUFFIXES.get(suffix)
    if named is not None:
        return named
    if looks_like_table(text):
        return Kind.CSV
    return Kind.MD if sum(1 for mark in _MARKDOWN if mark.search(text)) >= 2 else Kind.TXT
