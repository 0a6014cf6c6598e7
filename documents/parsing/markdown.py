"""Markdown to plain text: what a reader of the rendered page would read, without the marks."""

import re
from collections.abc import Iterable, Iterator

from markdown_it import MarkdownIt
from markdown_it.token import Token

from documents.parsing.html import visible_text
from documents.parsing.plain import parse_plain
from documents.parsing.types import Limits

_FRONT_MATTER = re.compile(r"\A---\n.*?\n(---|\.\.\.)\n", re.DOTALL)
_LARGEST_TO_RENDER = 2 * 1024 * 1024
_MARKDOWN = MarkdownIt("commonmark", {"maxNesting": 50}).enable(["table", "strikethrough"])


def parse_markdown(data: bytes, limits: Limits) -> str:
    """The source itself where the marks leave nothing (nested absurdly deep) or would take long (megabytes)."""
    source = parse_plain(data, limits).replace("\r\n", "\n").lstrip("\ufeff")
    if len(source) > _LARGEST_TO_RENDER:
        return source
    tokens = _MARKDOWN.parse(_FRONT_MATTER.sub("", source, count=1))
    text = "".join(_pieces(tokens))
    return text if text.strip() else source


def _pieces(tokens: Iterable[Token]) -> Iterator[str]:
    """The text of each block, with the white space that keeps blocks, list entries and table cells apart."""
    for token in tokens:
        if token.type == "inline":
            yield "".join(_inline(token.children or []))
        elif token.type in ("fence", "code_block"):
            yield token.content.rstrip() + "\n\n"
        elif token.type == "html_block":
            yield visible_text(token.content) + "\n\n"
        elif token.type == "list_item_open":
            yield "- "
        elif token.type in ("th_open", "td_open"):
            yield "| "
        elif token.type in ("th_close", "td_close"):
            yield " "
        elif token.type == "tr_close":
            yield "|\n"
        elif token.type == "paragraph_close" and token.hidden:
            yield "\n"
        elif token.nesting == -1 and token.type not in ("list_item_close", "thead_close", "tbody_close"):
            yield "\n\n"


def _inline(children: Iterable[Token]) -> Iterator[str]:
    for child in children:
        if child.type in ("text", "code_inline", "image", "text_special"):
            yield child.content
        elif child.type == "softbreak":
            yield " "
        elif child.type == "hardbreak":
            yield "\n"
