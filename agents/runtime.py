"""What an agent sees while it runs: the context the engine hands to `BaseAgent.run`. No Django here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from core.differences import Change
from documents.types import PassageHit

T = TypeVar("T")


class AgentError(Exception):
    """An agent's own failure. Retried with backoff unless `permanent`."""

    def __init__(self, message: str, *, code: str = "agent_error", permanent: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.permanent = permanent


class StepOutcomeUnknown(AgentError):
    """A call made with `once=True` began, and nothing says whether it took place: it is not made again."""

    def __init__(self, key: str) -> None:
        text = f"the call {key!r} was begun by an earlier attempt and its outcome is unknown; it is not repeated"
        super().__init__(text, code="step_outcome_unknown", permanent=True)


@dataclass(slots=True)
class StepCall:
    """What a step's function is given. `idempotency_key` is the same at every attempt and in every retried session:
    hand it to the service you call, so that it, too, counts the call once. `add_usage` says what the call has cost."""

    key: str
    idempotency_key: str
    usage: dict[str, float] = field(default_factory=dict)

    def add_usage(self, **amounts: float) -> None:
        for name, amount in amounts.items():
            self.usage[name] = self.usage.get(name, 0) + amount


@dataclass(frozen=True, slots=True)
class OpenStep:
    """A step as an agent finds it: `is_known` with its `result`, or still to be done."""

    key: str
    input_hash: str
    idempotency_key: str
    is_known: bool = False
    result: Any = None


@dataclass(frozen=True, slots=True)
class TaskInfo:
    """The task at hand; `attempt` counts from 1."""

    id: str
    name: str
    task_type: str
    description: str
    input_data: Mapping[str, Any]
    attempt: int


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """The session the task belongs to: its goal and the context it was given."""

    id: str
    goal: str
    context: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class UpstreamOutput:
    """The finished output of a task this one depends on (or, in a sequence, of any earlier one)."""

    task_id: str
    name: str
    definition: str
    agent_name: str
    output: Any


@dataclass(frozen=True, slots=True)
class ReceivedMessage:
    """A message another agent of the session sent here."""

    from_agent: str
    message_type: str
    topic: str
    content: Any


@dataclass(frozen=True, slots=True)
class ContextHead:
    """One version of a context without its data. `author` is a user, a key or `agent:<name>`; `written_at` ISO 8601."""

    name: str
    version: int
    description: str
    author: str
    session_id: str | None
    written_at: str


@dataclass(frozen=True, slots=True)
class ContextVersion(ContextHead):
    """What a context held at one version; at version 0, before the first write, nothing."""

    data: dict[str, Any]


class ContextStore(Protocol):
    """Named, versioned JSON objects that outlive the session: this agent's own, and to be read those of the other
    agents of the project (`agent` is a name or an id). People see and write them, too.

    Raises: AgentError `unknown_agent`, `no_such_version`, `version_pruned`; `bad_context` for what cannot be kept.
    """

    async def read(self, name: str, *, version: int | None = None, agent: str | None = None) -> ContextVersion:
        """What the context holds now, or held at a version. One that was never written is at version 0."""
        ...

    async def write(
        self,
        name: str,
        data: Mapping[str, Any],
        *,
        description: str = "",
        expected_version: int | None = None,
        key: str = "",
    ) -> int:
        """The number of the new version. A write is a step: whatever crashes or runs again, it is made once, and
        counted by the order of the writes to this name; `key` names it where their order may vary.

        Raises: AgentError `context_conflict` when the context is not at `expected_version` any more: read it again.
        """
        ...

    async def history(self, name: str, *, limit: int = 20, agent: str | None = None) -> list[ContextHead]:
        """The versions that are kept, newest first."""
        ...

    async def diff(self, name: str, before: int, after: int, *, agent: str | None = None) -> list[Change]:
        """What differs between two versions, place by place."""
        ...

    async def rollback(self, name: str, version: int, *, reason: str = "", key: str = "") -> int:
        """Let the context hold again what it held at `version`, and answer this number. A step, as a write is."""
        ...

    async def names(self, *, agent: str | None = None) -> list[str]:
        """The names of an agent's contexts, sorted."""
        ...


class DocumentReader(Protocol):
    """The documents in the session's scope (chosen documents, a collection, or the whole project)."""

    async def search(self, query: str, *, limit: int = 10) -> list[PassageHit]:
        """The best passages for a question in plain words, best first."""
        ...

    async def passages(self, *, limit: int = 2000) -> list[PassageHit]:
        """All passages in document order."""
        ...

    async def titles(self) -> list[tuple[str, str]]:
        """(document id, title) of each document."""
        ...


class AgentContext(Protocol):
    """Inputs, and the ways an agent may act on the world. Every `await` is a point where a cancel may arrive."""

    task: TaskInfo
    session: SessionInfo
    configuration: Mapping[str, Any]
    capabilities: frozenset[str]
    """What the project's active agents can do together: what a plan may ask for."""
    upstream: Sequence[UpstreamOutput]
    documents: DocumentReader
    contexts: ContextStore

    async def progress(self, percentage: float, text: str = "") -> None:
        """Show how far the task is (0 to 100) and what is being done."""
        ...

    async def log(self, text: str, *, level: str = "info", data: Mapping[str, Any] | None = None) -> None:
        """Write a line into the session's log."""
        ...

    async def emit_token(self, text: str) -> None:
        """Stream a piece of a text being written; not stored. Pieces that come fast travel together, in order."""
        ...

    async def send(
        self, content: Any, *, to: str | None = None, message_type: str = "NOTIFICATION", topic: str = ""
    ) -> None:
        """Send a message to an agent of the session by name or definition; to all of them without `to`."""
        ...

    async def inbox(self) -> list[ReceivedMessage]:
        """The messages sent to this agent in this session so far, oldest first."""
        ...

    async def run_in_thread(self, function: Callable[..., T], *args: Any) -> T:
        """Run a CPU-heavy or blocking plain function off the loop."""
        ...

    async def add_usage(self, **amounts: float) -> None:
        """Count what was used (tokens, cost, calls); summed over the session."""
        ...

    async def step(
        self, key: str, function: Callable[[StepCall], Any], *, inputs: Any = None, once: bool = False
    ) -> Any:
        """The JSON result of `function(call)`, which is made once and kept: a later attempt, a retried or forked
        session gets the kept result for the same `key` and `inputs` (JSON). `function` may be async.

        Between the call and the commit of its result a crash repeats it, with the same `call.idempotency_key`; with
        `once` it is not repeated. Raises: StepOutcomeUnknown, then; AgentError when the result is not JSON.
        """
        ...

    async def sleep(self, seconds: float, *, key: str = "") -> None:
        """Wait without holding a thread, a place or memory: the agent ends here and runs again from its start when the
        time is over, its steps answered from what is kept. `key` names the sleep where their order may vary."""
        ...

    async def spawn_tasks(self, specs: Sequence[Mapping[str, Any]], *, key: str = "", join: bool = False) -> Any:
        """Add tasks to the running session: `{name, agent | required_capabilities, input_data?, depends_on?, …}`, as a
        plan holds them. `depends_on` may name tasks of `specs` and tasks the session has already. They are subtasks of
        this one, and begin once their inputs are there; the session ends after them.

        Answers their ids in the order of `specs`. With `join` the agent ends here and runs again from its start when
        all have ended, and gets their outputs by name. Under one `key` tasks are spawned once, at whichever attempt
        (without a key the order of the calls counts).
        Raises: AgentError `invalid_plan`, `too_many_tasks`, `too_deep`; with `join` `subtask_failed`, naming them.
        """
        ...

    async def spawn_session(
        self,
        goal: str,
        *,
        key: str,
        tasks: Sequence[Mapping[str, Any]] | None = None,
        agents: Sequence[str] | None = None,
        execution_mode: str | None = None,
        context: Mapping[str, Any] | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  (of the child session)
        priority: int | None = None,
        wait: bool = True,
    ) -> Any:
        """Start a session of its own in the same project, with the rights of whoever started this one, and wait for
        its end: `{session_id, status, result}`. Meanwhile the agent holds nothing; it runs again from its start.
        Several at once: `asyncio.gather`. Without `context` and `priority` it gets this session's.

        `key` names it within the task: one session for each key, however often the agent runs. `wait=False` answers
        its id as soon as it is there. Cancelling or pausing this session does so to the child; its usage counts here.
        Raises: AgentError `invalid_session`, `too_deep`, `too_many_sessions`, `child_failed`, `child_cancelled`.
        """
        ...


@dataclass(frozen=True, slots=True)
class NoDocuments:
    """A reader over nothing, for agents run without documents."""

    hits: list[PassageHit] = field(default_factory=list)

    async def search(self, query: str, *, limit: int = 10) -> list[PassageHit]:
        return self.hits[:limit]

    async def passages(self, *, limit: int = 2000) -> list[PassageHit]:
        return self.hits[:limit]

    async def titles(self) -> list[tuple[str, str]]:
        return list(dict.fromkeys((hit.document_id, hit.title) for hit in self.hits))
