"""Figures and JSON in words."""

import json
import re
from collections.abc import Mapping
from typing import Any

AGENT_ICONS = {
    "research": "search",
    "synthesis": "layers",
    "validation": "shield-check",
    "planning": "diagram-3",
    "scripted": "terminal",
    "remote": "hdd-network",
}
_KINDS = {
    "application/pdf": "PDF",
    "text/html": "HTML",
    "text/markdown": "Markdown",
    "text/plain": "Text",
    "text/csv": "CSV",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "Word",
}
LONGEST_JSON = 20_000
_TELLING = ("summary", "text", "answer", "message", "said", "goal", "question")


def seconds_in_words(seconds: object) -> str:
    """`340 ms`, `4.2 s`, `3 m 5 s`, `2 h 4 m`; "" for what is no number."""
    if not isinstance(seconds, int | float):
        return ""
    if seconds < 1:
        return f"{round(max(seconds, 0) * 1000)} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} m {int(seconds % 60)} s"
    return f"{minutes // 60} h {minutes % 60} m"


def gist(content: Any) -> str:
    """A short sentence for any JSON an agent sent; the whole is shown below it."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return f"{len(content)} entries"
    if not isinstance(content, Mapping):
        return str(content)
    if content.get("truncated") is True and isinstance(content.get("bytes"), int):
        return f"{max(1, round(content['bytes'] / 1024))} KB"
    if "output" in content:
        return gist(content["output"])
    for key in _TELLING:
        if isinstance(content.get(key), str | Mapping) and content[key]:
            return gist(content[key])
    return " · ".join(_part(key, value) for key, value in content.items())


def _part(key: str, value: Any) -> str:
    if isinstance(value, list):
        return f"{len(value)} {key}"
    return key if isinstance(value, Mapping) else f"{key}: {value}"


def pretty_json(value: Any, longest: int = LONGEST_JSON) -> str:
    """Indented JSON (a text as it is), cut after `longest` characters: one output alone may be a megabyte."""
    text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, default=str)
    return text if len(text) <= longest else f"{text[:longest]}\n… {len(text) - longest} more characters"


def kind_of_media(media_type: str) -> str:
    return _KINDS.get(media_type, media_type.rpartition("/")[2].upper()[:12])


_WRAPPED = re.compile(r"(?<=[^\n]{60})\n(?=[^\s*•-])")


def unwrapped(text: str) -> str:
    """A text whose long lines were broken by hand, as paragraphs again; short lines and lists stay as they are."""
    return _WRAPPED.sub(" ", text)
