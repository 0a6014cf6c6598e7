"""An agent in words: its state, what may be done with it now, and each move it made. Pure but for the rows it reads."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest

from agents.models import Agent, AgentCommand, AgentStateHistory
from agents.policies import OPERATOR_VERBS
from agents.services.moves import allowed_verbs
from agents.states import AgentCommandKind, AgentCommandOutcome, AgentStateDetail
from core.enums import AgentStatus

_D = AgentStateDetail

STATE_WORDS = {
    _D.CREATED: "It was made and has not been started. Initialize it, then activate it.",
    _D.INITIALIZING: "It prepares itself; when that is done it is ready.",
    _D.READY: "It is prepared, and gets no work until it is activated.",
    _D.ACTIVE: "It is given work that asks for what it can do.",
    _D.PAUSED: "It gets nothing new until it is resumed; what it has begun goes on.",
    _D.ERROR: "It gets no work. Mend what is wrong, then recover it.",
    _D.TERMINATED: "It has ended for good. What it did and what it kept can still be read here.",
}


def state_words(agent: Agent) -> str:
    """What its state means for whoever wants something done by it."""
    state = AgentStateDetail(agent.state_detail)
    if state != _D.ACTIVE or not agent.obstacle:
        return STATE_WORDS[state]
    return "It is active, and gets nothing new for now."


DONE = {
    "initialize": "initialized",
    "activate": "activated",
    "pause": "paused",
    "resume": "resumed",
    "deactivate": "deactivated",
    "recover": "recovered",
    "terminate": "terminated",
}
_ICONS = {
    "initialize": "gear",
    "activate": "play-fill",
    "pause": "pause-fill",
    "resume": "play-fill",
    "deactivate": "stop-fill",
    "recover": "bandaid",
    "terminate": "x-lg",
}
_PRIMARY = ("initialize", "activate", "resume", "recover")


@dataclass(frozen=True, slots=True)
class Action:
    """A button: a lifecycle verb, and how it looks."""

    verb: str
    icon: str
    style: str
    confirm: str = ""

    @property
    def words(self) -> str:
        return self.verb.capitalize()


def actions_of(agent: Agent) -> list[Action]:
    """Only what its lifecycle allows now, in the order of its life."""
    allowed = set(allowed_verbs(agent))
    return [_action(verb, agent.name) for verb in OPERATOR_VERBS if verb in allowed]


def _action(verb: str, name: str) -> Action:
    if verb == "terminate":
        return Action(verb, _ICONS[verb], "btn-danger-soft", f"Terminate {name} for good? It cannot be brought back.")
    return Action(verb, _ICONS[verb], "btn-primary" if verb in _PRIMARY else "btn-plain")


UNDER_WAY = {
    AgentCommandKind.INITIALIZE: "It is being initialized",
    AgentCommandKind.ACTIVATE: "It is being activated",
    AgentCommandKind.DEACTIVATE: "It is being deactivated",
    AgentCommandKind.RECOVER: "It is being recovered",
    AgentCommandKind.TERMINATE: "It is shutting down",
    AgentCommandKind.STATUS: "It is on its way to the status that was asked for",
    AgentCommandKind.START: "It is being started",
}
_OUTCOMES = {
    AgentCommandOutcome.DONE: ("done", "COMPLETED"),
    AgentCommandOutcome.FAILED: ("failed", "FAILED"),
    AgentCommandOutcome.SUPERSEDED: ("given up", "CANCELLED"),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """Something that was asked of an agent and took time; `seconds` until it ended, None while it is under way."""

    row: AgentCommand
    words: str
    outcome: str
    colour: str
    seconds: float | None

    @property
    def is_claimed(self) -> bool:
        return self.row.attempt > 0


def asked_of(row: AgentCommand) -> Asked:
    kind = AgentCommandKind(row.kind)
    if row.outcome is None or row.applied_at is None:
        return Asked(row, UNDER_WAY[kind], "under way", "RUNNING", None)
    outcome, colour = _OUTCOMES[AgentCommandOutcome(row.outcome)]
    seconds = (row.applied_at - row.created_at).total_seconds()
    return Asked(row, str(kind).capitalize(), outcome, colour, seconds)


@dataclass(frozen=True, slots=True)
class Move:
    """One entry of the history: what happened in a word or two, and the state whose colour it has."""

    row: AgentStateHistory
    words: str
    colour: str
    seconds: float | None = None
    """How long the state lasted that it left; None where that is not known, or was less than a second."""


_MOVES = {
    (_D.INITIALIZING, _D.READY): "Initialized",
    (_D.READY, _D.ACTIVE): "Activated",
    (_D.ACTIVE, _D.PAUSED): "Paused",
    (_D.PAUSED, _D.ACTIVE): "Resumed",
    (_D.ACTIVE, _D.READY): "Deactivated",
    (_D.PAUSED, _D.READY): "Deactivated",
    (_D.CREATED, _D.INITIALIZING): "Initializing",
    (_D.ERROR, _D.INITIALIZING): "Recovering",
}
_ENDS = {_D.ERROR: "Failed", _D.TERMINATED: "Terminated"}
_FLAGS = {AgentStatus.MAINTENANCE: "maintenance", AgentStatus.OFFLINE: "offline"}


def told_moves(rows: Iterable[AgentStateHistory], *, are_consecutive: bool) -> list[Move]:
    """The moves, newest first as given; with how long each state lasted when none was left out between them."""
    listed = list(rows)
    pairs = zip_longest(listed, listed[1:] if are_consecutive else [])
    return [Move(row, _told(row), _colour(row), _seconds_between(before, row)) for row, before in pairs]


def _seconds_between(before: AgentStateHistory | None, after: AgentStateHistory) -> float | None:
    seconds = (after.timestamp - before.timestamp).total_seconds() if before else 0
    return seconds if seconds >= 1 else None


def _told(row: AgentStateHistory) -> str:
    if row.previous_state_detail is None:
        return "Created"
    before, after = _D(row.previous_state_detail), _D(row.new_state_detail)
    if before != after:
        return _ENDS.get(after) or _MOVES.get((before, after)) or str(after).capitalize()
    if row.new_status in _FLAGS:
        return {"maintenance": "Maintenance begun", "offline": "Gone offline"}[_FLAGS[AgentStatus(row.new_status)]]
    if row.previous_status in _FLAGS:
        ended = _FLAGS[AgentStatus(row.previous_status)]
        return {"maintenance": "Maintenance ended", "offline": "Back online"}[ended]
    return "Noted"


def _colour(row: AgentStateHistory) -> str:
    flagged = row.new_status in _FLAGS and row.previous_state_detail == row.new_state_detail
    return str(row.new_status if flagged else row.new_state_detail)
