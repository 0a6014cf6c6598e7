"""HTML to text: a page's main text (trafilatura), or all that is visible (selectolax) where that loses too much."""

import re

from selectolax.lexbor import LexborHTMLParser
from trafilatura import extract

from documents.parsing.plain import parse_plain
from documents.parsing.types import Limits

_LARGEST_FOR_EXTRACTION = 2 * 1024 * 1024
_KEPT_SHARE = 0.6
_NOT_TEXT = ["script", "style", "noscript", "template", "svg", "head", "iframe", "object"]
_NOT_MAIN = ["nav", "footer", "aside", "form", "button", "select"]
_BLOCKS = (
    "p, div, br, hr, li, ul, ol, dl, dt, dd, h1, h2, h3, h4, h5, h6, tr, table, section, article, main, header, "
    "blockquote, pre, figure, figcaption"
)
_SPACES = re.compile(r"[ \t\r\f\v\u00a0]+")
_LINES = re.compile(r" ?\n[ \n]*")


def parse_html(data: bytes, limits: Limits) -> str:
    """trafilatura finds the article but drops repeated paragraphs and lists it takes for boilerplate, and on a page it
    cannot judge returns the menus too: unless it keeps most of what stands outside navigation, and no more, all of
    that is taken instead."""
    source = parse_plain(data, limits).replace("\0", "")
    main = visible_text(source, without=_NOT_MAIN) or visible_text(source)
    if len(source) > _LARGEST_FOR_EXTRACTION:
        return _paragraphs(main)
    extracted = extract(source, include_comments=False, include_tables=True, favor_recall=True) or ""
    return _paragraphs(extracted if _KEPT_SHARE * len(main) <= len(extracted) <= len(main) else main)


def _paragraphs(text: str) -> str:
    """Each block a paragraph, so that a heading is not read as the beginning of the sentence below it."""
    return _LINES.sub("\n\n", text)


def visible_text(source: str, without: list[str] | None = None) -> str:
    """Everything a browser would show, blocks on lines of their own."""
    tree = LexborHTMLParser(source)
    tree.strip_tags([*_NOT_TEXT, *(without or [])])
    if tree.body is None:
        return ""
    for node in tree.body.css(_BLOCKS):
        node.insert_before("\n")
        node.insert_after("\n")
    return _LINES.sub("\n", _SPACES.sub(" ", tree.body.text())).strip()
