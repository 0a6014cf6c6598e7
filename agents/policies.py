"""Decisions about agents: which steps lead to an asked status, which definition a type word means.

Pure: values in, values out.
"""

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from agents.states import STATUS_WORDS, AgentStateDetail, agent_type
from core.enums import AgentStatus, AgentType

REMOTE_DEFINITION = "remote"
"""Slug of the definition behind agents that live at an endpoint."""

BUILTIN_SLUGS = ("research", "synthesis", "validation", "planning")
"""Definitions every new project gets an agent of."""

DEFINITION_OF_TYPE = {
    AgentType.RESEARCHER: "research",
    AgentType.SPECIALIST: "synthesis",
    AgentType.AUDITOR: "validation",
    AgentType.COORDINATOR: "planning",
    AgentType.ASSISTANT: "synthesis",
    AgentType.DEVELOPER: "synthesis",
    AgentType.DESIGNER: "synthesis",
}
"""The built-in definition of an agent when only its type is said; the gallery's templates of that type have it, too."""

_D = AgentStateDetail
_WAYS: Mapping[AgentStateDetail, Mapping[str, AgentStateDetail]] = {
    _D.CREATED: {"initialize": _D.READY},
    _D.READY: {"activate": _D.ACTIVE},
    _D.ACTIVE: {"deactivate": _D.READY, "pause": _D.PAUSED},
    _D.PAUSED: {"resume": _D.ACTIVE, "deactivate": _D.READY},
    _D.ERROR: {"recover": _D.READY},
}


@dataclass(frozen=True, slots=True)
class Step:
    """How a verb is carried out: a move at once, a hook of the agent's class, a move when that has ended.

    `during` is the state of an agent whose hook runs: from it a worker knows how far another one came.
    """

    begins: str = ""
    hook: str = ""
    ends: str = ""
    during: AgentStateDetail | None = None


STEPS: Mapping[str, Step] = {
    "initialize": Step("initialize", "initialize", "become_ready", _D.INITIALIZING),
    "recover": Step("recover", "initialize", "become_ready", _D.INITIALIZING),
    "activate": Step("", "activate", "activate", _D.READY),
    "deactivate": Step("deactivate", "deactivate", "", _D.READY),
    "terminate": Step("terminate", "shutdown", "", _D.TERMINATED),
    "pause": Step("pause"),
    "resume": Step("resume"),
}

OPERATOR_VERBS = ("initialize", "activate", "pause", "resume", "deactivate", "recover", "terminate")
"""The lifecycle verbs a person may ask for; the others (`become_ready`, `fail`) are outcomes of these."""


_MENDING: Mapping[AgentStateDetail, str] = {
    _D.CREATED: "is not initialized yet: initialize and activate it.",
    _D.INITIALIZING: "is still being initialized: wait a moment.",
    _D.READY: "is not active: activate it.",
    _D.PAUSED: "is paused: resume it.",
    _D.ERROR: "is in error: recover it.",
    _D.TERMINATED: "was terminated for good.",
}


def obstacle_of(
    state: AgentStateDetail,
    *,
    is_enabled: bool,
    in_maintenance: bool,
    is_offline: bool,
    slug: str,
    disabled_because: str,
) -> str:
    """Why an agent can be given no work now, as the end of a sentence that begins with its name; "" when it can.

    `slug` is its definition's, `disabled_because` why that is disabled (see `AgentDefinition`).
    """
    if state != _D.ACTIVE:
        return _MENDING[state]
    if not is_enabled:
        return "is disabled: enable it."
    if in_maintenance:
        return "is in maintenance: end it."
    if is_offline:
        return "is offline, for its heartbeats are missing: see to it."
    if disabled_because:
        return f'has a definition, "{slug}", that is disabled: {disabled_because}.'
    return ""


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
        for verb, target in _WAYS.get(state, {}).items():
            if target in wanted:
                return [*path, verb]
            if target not in seen:
                seen.add(target)
                queue.append((target, [*path, verb]))
    return None


def verbs_left(verbs: Sequence[str], present: AgentStateDetail) -> list[str]:
    """Those still to be done, the first of them with its hook under way; [] when the agent is not on this walk."""
    for number, verb in enumerate(verbs):
        if STEPS[verb].during == present:
            return list(verbs[number:])
    return []


STATUS_FILTERS: Mapping[str, Mapping[str, str]] = {
    **{str(word): {"state_detail": str(word)} for word in AgentStateDetail},
    **{word: {"status": str(status)} for word, status in STATUS_WORDS.items()},
}
"""What each status word of any vocabulary narrows a list to: one of the machine that is no status to that state."""


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


def surplus_checkpoints(kept: Sequence[tuple[int, bool]], *, limit: int) -> list[int]:
    """Numbers of the checkpoints to let go, so that at most `limit` are left: the oldest ones.

    `kept` is newest first, each with its number and whether it is recoverable. The latest and the latest recoverable
    one stay whatever the limit is.
    """
    latest = [number for number, _ in kept[:1]]
    recoverable = [number for number, can in kept if can][:1]
    spare = [number for number, _ in reversed(kept) if number not in (*latest, *recoverable)]
    return spare[: max(len(kept) - limit, 0)]


def next_instant(last: datetime, interval: timedelta, *, now: datetime) -> datetime:
    """The first instant after `now` on the grid of `interval` through `last`: what was missed is not made up for."""
    return last if last > now else last + interval * ((now - last) // interval + 1)


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


MAX_CONTEXT_NAME = 100


def context_name_problem(name: str) -> str:
    """Why a context cannot have this name; "" when it can."""
    if not name or name != name.strip() or len(name) > MAX_CONTEXT_NAME:
        return f"A context's name has 1 to {MAX_CONTEXT_NAME} characters and no space at its ends."
    return "" if name.isprintable() else "A context's name holds no control characters and no line breaks."


AGENT_AUTHOR = "agent:"
"""What an agent's name stands behind where people and keys are named: no user name and no key can begin so."""


def author_of_agent(name: str, session_id: str) -> str:
    """`agent:<name>@<session id>`: who acts when an agent writes in a session. At most 143 characters."""
    return f"{AGENT_AUTHOR}{name}@{session_id}"


def author_and_session(author: str) -> tuple[str, str | None]:
    """An author as people read it, and the session it wrote in: ("agent:<name>", id), or (the author, None)."""
    name, at, session_id = author.rpartition("@")
    if not author.startswith(AGENT_AUTHOR) or not at:
        return author, None
    try:
        return name, str(UUID(session_id))
    except ValueError:
        return author, None
