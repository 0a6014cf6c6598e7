"""Decisions about agents: which steps lead to an asked status, which definition a type word means, what a
configuration breaks. Pure: values in, values out."""

from collections import deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from agents.states import STATUS_WORDS, AgentStateDetail, AgentStatus, AgentType, agent_type

REMOTE_DEFINITION = "remote"
"""Slug of the definition behind agents that live at an endpoint."""

BUILTIN_SLUGS = ("research", "synthesis", "validation", "planning")
"""Definitions every new project gets an agent of."""

DEFINITION_OF_TYPE = {
    AgentType.RESEARCHER: "research",
    AgentType.SPECIALIST: "synthesis",
    AgentType.AUDITOR: "validation",
    AgentType.COORDINATOR: "planning",
}

MAX_SHOWN_ERRORS = 20

_D = AgentStateDetail
_STEPS: Mapping[AgentStateDetail, Mapping[str, AgentStateDetail]] = {
    _D.CREATED: {"initialize": _D.READY},
    _D.READY: {"activate": _D.ACTIVE},
    _D.ACTIVE: {"deactivate": _D.READY, "pause": _D.PAUSED},
    _D.PAUSED: {"resume": _D.ACTIVE, "deactivate": _D.READY},
    _D.ERROR: {"recover": _D.READY},
}

OPERATOR_VERBS = ("initialize", "activate", "pause", "resume", "deactivate", "recover", "terminate")
"""The lifecycle verbs a person may ask for; the others (`become_ready`, `fail`) are outcomes of these."""


def past_tense(verb: str) -> str:
    """`paused` for `pause`, `recovered` for `recover`: the audit log's word for a lifecycle verb."""
    return f"{verb}d" if verb.endswith("e") else f"{verb}ed"


def steps_between(present: AgentStateDetail, wanted: Collection[AgentStateDetail]) -> list[str] | None:
    """The fewest operator verbs that lead to any of `wanted`; [] when already there, None when none do.

    Never goes through `terminate`, unless TERMINATED itself is wanted.
    """
    if present in wanted:
        return []
    if _D.TERMINATED in wanted:
        return ["terminate"]
    queue: deque[tuple[AgentStateDetail, list[str]]] = deque([(present, [])])
    seen = {present}
    while queue:
        state, path = queue.popleft()
        for verb, target in _STEPS.get(state, {}).items():
            if target in wanted:
                return [*path, verb]
            if target not in seen:
                seen.add(target)
                queue.append((target, [*path, verb]))
    return None


@dataclass(frozen=True, slots=True)
class AskedStatus:
    """What a status word asks for: any of `states`, and the maintenance flag on or off (None: leave it)."""

    states: frozenset[AgentStateDetail] | None
    maintenance: bool | None


def asked_status(word: str) -> AskedStatus | None:
    """The meaning of a status word of any vocabulary, in any case; None when it is no such word.

    A word of the machine (READY, PAUSED, …) asks for that state; INACTIVE and its older words for any resting one.
    """
    upper = word.strip().upper()
    if upper in ("READY", "PAUSED", "TERMINATED", "ACTIVE", "CREATED"):
        return AskedStatus(frozenset({_D(upper)}), None if upper == "TERMINATED" else False)
    status = STATUS_WORDS.get(upper)
    if status is None:
        return None
    if status == AgentStatus.MAINTENANCE:
        return AskedStatus(None, True)
    if status == AgentStatus.INACTIVE:
        return AskedStatus(frozenset({_D.CREATED, _D.READY, _D.PAUSED}), False)
    return AskedStatus(frozenset(), None)


@dataclass(frozen=True, slots=True)
class TypeChoice:
    """The definition a type word stands for; `kept_word` is a word of the caller's own, for the metadata."""

    slug: str
    agent_type: AgentType | None
    kept_word: str = ""


def choose_definition(word: str, *, slugs: Collection[str], has_endpoint: bool) -> TypeChoice | None:
    """What a `type` word means where `slugs` are enabled; None when it cannot be told.

    A definition's slug means that definition; with an endpoint every word means a remote agent, unknown ones of type
    CUSTOM; a type means the built-in definition of that type, if there is one.
    """
    known = agent_type(word)
    if has_endpoint:
        return TypeChoice(REMOTE_DEFINITION, known or AgentType.CUSTOM, "" if known else word)
    slug = word.strip().lower()
    if slug in slugs:
        return TypeChoice(slug, None)
    builtin = DEFINITION_OF_TYPE.get(known) if known else None
    return TypeChoice(builtin, known) if builtin in slugs and builtin else None


def endpoint_problem(url: str) -> str:
    """Why this is no address of a remote agent; "" when it is one. Names without a dot are fine (`http://rag:8000`)."""
    try:
        parts = urlsplit(url)
        readable = parts.port is None or parts.port > 0
    except ValueError:
        readable = False
    if not readable or parts.scheme not in ("http", "https") or not parts.hostname or any(map(str.isspace, url)):
        return "Give a URL that starts with http:// or https:// and names a host."
    if parts.username or parts.password:
        return "Leave user and password out of the URL: it is shown to everybody who sees the agent."
    return ""


def config_errors(schema: Mapping[str, Any], configuration: Any) -> list[str]:
    """What a configuration breaks of a JSON Schema (2020-12), each with its JSON path; [] when nothing."""
    from jsonschema import Draft202012Validator  # 4 MiB and 50 ms, and most processes never check a schema
    from referencing.exceptions import Unresolvable

    try:
        errors = sorted(Draft202012Validator(schema).iter_errors(configuration), key=lambda error: error.json_path)
    except Unresolvable as error:
        return [f"$: the schema of the definition refers to {error.ref!r}, which it does not hold; mend the class"]
    return [f"{error.json_path}: {_short(error.message)}" for error in errors[:MAX_SHOWN_ERRORS]]


def _short(text: str) -> str:
    return text if len(text) <= 300 else f"{text[:297]}..."


def schema_problem(schema: Any) -> str:
    """Why this is no schema an agent may have; "" when it is one. References to elsewhere are refused."""
    from jsonschema import Draft202012Validator  # see config_errors
    from jsonschema.exceptions import SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return f"{error.json_path}: {_short(error.message)}"
    foreign = [ref for ref in _references(schema) if not ref.startswith("#")]
    return f"$ref may only point inside the schema (start with #), not to {foreign[0]!r}" if foreign else ""


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key in ("$ref", "$dynamicRef") and isinstance(value, str):
                yield value
            else:
                yield from _references(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from _references(value)
