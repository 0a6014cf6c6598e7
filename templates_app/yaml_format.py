"""YAML with the values of JSON only: no anchors, no tags, no dates, no keys twice; bounded before anything is built."""

import re
from collections.abc import Mapping
from typing import Any

import yaml

from core.errors import Invalid
from core.json_bounds import MAX_DEPTH

MAX_PARTS = 50_000
"""Values, lists and objects of a file, and their ends."""


_SCALARS = {
    "tag:yaml.org,2002:bool": r"^(?:true|false)$",
    "tag:yaml.org,2002:null": r"^(?:null|~|)$",
    "tag:yaml.org,2002:int": r"^-?(?:0|[1-9][0-9]*)$",
    "tag:yaml.org,2002:float": r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?$",
}
_FIRST = {"bool": list("tf"), "null": ["~", "n", ""], "int": list("-0123456789"), "float": list("-0123456789")}


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Reads the scalars of JSON and takes everything else as text: `no`, `1:30` and dates stay what was written."""

    yaml_implicit_resolvers: dict[str, Any] = {}


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Quotes what our reader, or any other, would not take as text; long texts stand as blocks."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: Any, text: str) -> Any:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


def _set_up() -> None:
    for tag, pattern in _SCALARS.items():
        for kind in (_Loader, _Dumper):
            kind.add_implicit_resolver(tag, re.compile(pattern), _FIRST[tag.rpartition(":")[2]])
    _Dumper.add_representer(str, _text)


_set_up()


def written(document: Mapping[str, Any]) -> str:
    """The document as text; `parsed` reads it back the same."""
    text: str = yaml.dump(dict(document), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return text


def parsed(text: str) -> tuple[dict[str, Any], dict[str, int]]:
    """The keys and values of a text, and the line each key stands in. Raises: Invalid, with the line."""
    try:
        _check_events(text)
        node = yaml.compose(text, Loader=_Loader)
        if not isinstance(node, yaml.MappingNode):
            raise _unreadable("A template's file has keys and values: name, agent_type, … at its left edge.")
        _check_keys(node)
        document = yaml.load(text, Loader=_Loader)  # noqa: S506  (a safe loader, made narrower)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _unreadable(f"line {line}: a control character, which a text may not hold. Remove it.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise _unreadable(str(getattr(error, "problem", "") or error), mark) from error
    except ValueError as error:
        raise _unreadable(str(error)) from error
    lines = {key.value: key.start_mark.line + 1 for key, _ in node.value}
    return document, lines


def _check_events(text: str) -> None:
    """Refuses, before anything is built, what grows when it is read: aliases, and nests too deep for recursion."""
    depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=_Loader)):
        if number > MAX_PARTS:
            raise _unreadable(f"More than {MAX_PARTS:,} values. A template has fewer.", event.start_mark)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _unreadable("Anchors and aliases (& and *) are not read. Write the value out.", event.start_mark)
        if getattr(event, "tag", None):
            raise _unreadable("Tags (!) are not read. Put the value in quotes, or leave the tag out.", event.start_mark)
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH + 1:
            raise _unreadable(f"Nested more than {MAX_DEPTH} deep. Flatten it.", event.start_mark)


def _check_keys(root: yaml.Node) -> None:
    """Refuses keys that are no text and keys given twice, which YAML would silently drop."""
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, yaml.SequenceNode):
            waiting.extend(node.value)
        if not isinstance(node, yaml.MappingNode):
            continue
        seen: set[str] = set()
        for key, value in node.value:
            if key.tag != "tag:yaml.org,2002:str":
                raise _unreadable("A key must be a text. Put it in quotes.", key.start_mark)
            if key.value in seen:
                raise _unreadable(f"The key {key.value!r} is there twice.", key.start_mark)
            seen.add(key.value)
            waiting.append(value)


def _unreadable(problem: str, mark: Any = None) -> Invalid:
    where = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
    sentence = f"{where}{problem}"
    return Invalid(f"The file cannot be read. {sentence}", code="unreadable_file", details={"file": [sentence]})
