"""Bytes to text without knowing the encoding."""

import codecs
import re

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(rb"""<meta[^>]+charset\s*=\s*["']?\s*([a-zA-Z0-9_.:-]+)""", re.IGNORECASE)
_SAMPLE_BYTES = 64 * 1024


def decode(data: bytes) -> str:
    """The text of `data`: byte order mark, UTF-8, UTF-16 without a mark, an HTML declaration, then statistics."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    try:
        return data.decode("utf-8", errors="surrogatepass")
    except UnicodeDecodeError:
        return data.decode(_guess(data), errors="replace")


def decode_unmarked_utf16(data: bytes) -> str | None:
    """The text when every other byte is mostly NUL, as in UTF-16 of a European language; else None."""
    sample = data[:_SAMPLE_BYTES]
    half = max(len(sample) // 2, 1)
    for encoding, start in (("utf-16-le", 1), ("utf-16-be", 0)):
        if sample[start::2].count(0) / half > 0.6 and sample[1 - start :: 2].count(0) / half < 0.1:
            return data.decode(encoding, errors="replace")
    return None


def _guess(data: bytes) -> str:
    declared = _DECLARED.search(data[:4096])
    if declared and (name := _known(declared.group(1).decode("ascii"))):
        return name
    from charset_normalizer import from_bytes  # 3 MiB, for files that are neither UTF-8 nor UTF-16

    matches = from_bytes(data[:_SAMPLE_BYTES])
    best = matches.best()
    if best is None or best.coherence == 0 or any(m.encoding == "cp1252" and m.chaos <= best.chaos for m in matches):
        return "cp1252"
    return best.encoding


def _known(name: str) -> str | None:
    """Python's name of a text encoding, None when it has none."""
    try:
        "".encode(name)
        return codecs.lookup(name).name
    except (LookupError, ValueError):
        return None
