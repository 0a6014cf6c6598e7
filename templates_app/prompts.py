"""Prompts with words to fill in: `{{name}}`. Filling in is plain substitution, once; nothing is ever evaluated."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

MAX_PROMPT_LENGTH = 100_000
MAX_VARIABLES = 50
MAX_VALUE_LENGTH = 20_000
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,49}")
DECLARATION_KEYS = {"name", "description", "required", "default"}

_PLACE = re.compile(r"\{\{([^{}\n]*)\}\}")
_OPENING = re.compile(r"\{\{")


def words_of(prompt: str) -> list[str]:
    """The names between double braces, in order, each once."""
    return list(dict.fromkeys(found[1].strip() for found in _PLACE.finditer(prompt)))


def prompt_problems(prompt: str, variables: Sequence[Mapping[str, Any]]) -> list[str]:
    """What is wrong with a prompt whose declared variables are in order; each names the word or the line."""
    if len(prompt) > MAX_PROMPT_LENGTH:
        return [f"The prompt has {len(prompt):,} characters, and {MAX_PROMPT_LENGTH:,} are kept. Shorten it."]
    declared = {str(variable["name"]) for variable in variables}
    problems = [
        f"{{{{{word}}}}} is not declared. Add it to prompt_variables, or take it out."
        for word in words_of(prompt)
        if NAME.fullmatch(word) and word not in declared
    ]
    problems += [
        f"{{{{{word}}}}} is no name of a variable: letters, digits and _ only, not starting with a digit."
        for word in words_of(prompt)
        if not NAME.fullmatch(word)
    ]
    return problems + _stray_braces(prompt)


def _stray_braces(prompt: str) -> list[str]:
    """Openings of a word that never ends. A `}}` alone is text: it ends many a JSON example."""
    rest = _PLACE.sub(lambda found: " " * len(found[0]), prompt)
    lines = sorted({rest.count("\n", 0, stray.start()) + 1 for stray in _OPENING.finditer(rest)})
    return [
        f"Line {line}: double braces that do not stand around a name. Close them, or take them out."
        for line in lines[:5]
    ]


def variable_problems(variables: Sequence[Any]) -> list[str]:
    """What is wrong with the declarations of a prompt's variables, each with its JSON path."""
    if len(variables) > MAX_VARIABLES:
        return [f"$: {len(variables)} variables, and at most {MAX_VARIABLES} are kept."]
    problems = [f"$[{number}]{problem}" for number, each in enumerate(variables) if (problem := _declaration(each))]
    names = [each["name"] for each in variables if isinstance(each, Mapping) and isinstance(each.get("name"), str)]
    doubled = sorted({name for name in names if names.count(name) > 1})
    return problems + [f"$: {name} is declared more than once." for name in doubled]


def _declaration(each: Any) -> str:
    if not isinstance(each, Mapping):
        return ': give an object with a name, such as {"name": "topic", "required": true}.'
    if unknown := set(each) - DECLARATION_KEYS:
        return f".{sorted(map(str, unknown))[0]}: unknown; a variable has {', '.join(sorted(DECLARATION_KEYS))}."
    if not isinstance(each.get("name"), str) or not NAME.fullmatch(each["name"]):
        return ".name: letters, digits and _ only, not starting with a digit, at most 50 characters."
    if not isinstance(each.get("description", ""), str) or len(each.get("description", "")) > 1000:
        return ".description: a text of at most 1,000 characters."
    if not isinstance(each.get("required", False), bool):
        return ".required: true or false."
    if "default" in each and (not isinstance(each["default"], str) or len(each["default"]) > MAX_VALUE_LENGTH):
        return f".default: a text of at most {MAX_VALUE_LENGTH:,} characters."
    return ""


def value_problems(variables: Sequence[Mapping[str, Any]], given: Mapping[str, Any]) -> list[str]:
    """What is wrong with the values given for a prompt's variables, each with its JSON path."""
    declared = {variable["name"]: variable for variable in variables}
    known = ", ".join(declared) or "none"
    problems = [f"$.{name}: There is no such variable. Declared: {known}." for name in given if name not in declared]
    problems += [
        f"$.{name}: Give a text of at most {MAX_VALUE_LENGTH:,} characters."
        for name, value in given.items()
        if name in declared and (not isinstance(value, str) or len(value) > MAX_VALUE_LENGTH)
    ]
    return problems + [
        f"$.{name}: This variable is required."
        for name, variable in declared.items()
        if variable.get("required") and not variable.get("default") and not str(given.get(name, "")).strip()
    ]


def length_problems(prompt: str, variables: Sequence[Mapping[str, Any]], given: Mapping[str, Any]) -> list[str]:
    """Whether the prompt would be too long once filled in; told without filling it in."""
    texts = _texts(variables, given)
    words = [found[1].strip() for found in _PLACE.finditer(prompt)]
    length = len(_PLACE.sub("", prompt)) + sum(len(texts.get(word, "")) for word in words)
    if length <= MAX_PROMPT_LENGTH:
        return []
    return [
        f"$: filled in, the prompt has {length:,} characters, and {MAX_PROMPT_LENGTH:,} are kept. Shorten the values."
    ]


def rendered(prompt: str, variables: Sequence[Mapping[str, Any]], given: Mapping[str, Any]) -> str:
    """The prompt with every `{{name}}` replaced by the value given, the default, or nothing. A value that itself holds
    double braces stays as it is."""
    texts = _texts(variables, given)
    return _PLACE.sub(lambda found: texts.get(found[1].strip(), ""), prompt)


def _texts(variables: Sequence[Mapping[str, Any]], given: Mapping[str, Any]) -> dict[str, str]:
    """What stands for each word."""
    defaults = {variable["name"]: variable.get("default", "") for variable in variables}
    return {**defaults, **{name: str(value) for name, value in given.items() if value != ""}}
