"""What a running agent holds in its hands: `agents.runtime.AgentContext` over a live session."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any, TypeVar

from agents.runtime import (
    AgentError,
    ContextStore,
    DocumentReader,
    OpenStep,
    ReceivedMessage,
    SessionInfo,
    StepCall,
    TaskInfo,
    UpstreamOutput,
)
from core.canonical import canonical_json
from sessions.engine.context_calls import ContextCalls
from sessions.engine.gate import (
    MAX_EVENT_BYTES,
    MAX_EVENTS_PER_EXECUTION,
    NotStorable,
    clip_json,
    clip_text,
    percentage,
    storable,
)
from sessions.engine.inputs import Input, Logged, MessageSent, Progressed, Reply, StartAgent, UsageAdded
from sessions.engine.state import Session
from sessions.engine.step_calls import Parked, StepCalls
from sessions.engine.tokens import TokenStream
from sessions.events import TOKEN_FRAME
from sessions.routing_policy import AgentInfo
from sessions.states import MessageType

T = TypeVar("T")

ADVICE = 'Await, use `ctx.run_in_thread`, a plain `def run`, or `isolation = "process"`.'
LEVELS = ("debug", "info", "warning", "error")


class Revoked(BaseException):
    """The attempt has ended; whatever its code still does counts no more."""


class ExecutionContext:
    """The context of one attempt. Its calls pass to the session's runner, and stop the agent when they must."""

    def __init__(
        self,
        *,
        session: Session,
        effect: StartAgent,
        agent: AgentInfo,
        documents: DocumentReader,
        contexts: ContextStore,
        put: Callable[[Input], None],
        wait_for_room: Callable[[], Any],
        emit_frame: Callable[[str, str], None],
        new_id: Callable[[], str],
        threads: Executor,
        live_session: Callable[[], Session],
    ) -> None:
        task = effect.task
        self.execution_id = task.execution.id if task.execution else ""
        self.agent = agent
        given = own_copy(dict(task.input_data))
        self.task = TaskInfo(task.id, task.name, task.task_type, task.description, given, task.attempts)
        self.session = SessionInfo(session.id, session.goal, own_copy(dict(session.context)))
        self.configuration: Mapping[str, Any] = configuration_for(agent, session.context)
        self.capabilities = frozenset[str]().union(
            *(a.capabilities for a in session.roster.values() if a.is_assignable)
        )
        self.upstream: Sequence[UpstreamOutput] = tuple(_upstream(session, effect))
        self.documents: DocumentReader = _Watched(documents, self._check)
        self._events_left = MAX_EVENTS_PER_EXECUTION + 1 - (task.execution.event_count if task.execution else 0)
        self._put_input, self._wait_for_room, self._emit_frame = put, wait_for_room, emit_frame
        self._tokens = TokenStream(self._emit_tokens)
        self._new_id, self._threads, self._live_session = new_id, threads, live_session
        self.is_detached = False
        self._is_revoked = self._is_parking = False
        self._replies: dict[str, asyncio.Future[Any]] = {}
        self._steps = StepCalls(task, put=self._put, request=self._request)
        self.contexts: ContextStore = ContextCalls(contexts, self._steps, attempt=self.execution_id, check=self._check)

    @property
    def has_parked(self) -> bool:
        """Whether the agent has been stopped at a durable await; whatever its code still says counts no more."""
        return self._steps.has_parked

    @property
    def is_revoked(self) -> bool:
        return self._is_revoked

    def revoke(self) -> None:
        """Every later call raises `Revoked`, and so does one that waits for its answer."""
        self._is_revoked = True
        for future in self._replies.values():
            if not future.done():
                future.set_exception(Revoked())

    def give_time(self, seconds: float) -> None:
        """For agents whose calls take time to come here: before it stops, one that waits may ask for more."""
        self._steps.breath_seconds = seconds

    def park(self) -> None:
        """The next call raises `Parked`."""
        self._is_parking = True

    def warn_of_blocking(self, seconds: float, where: str) -> None:
        """Write into the log that this agent did not let anybody else work."""
        if not self._is_revoked:
            text = f"This agent held the engine's loop for {seconds:.1f} s. {ADVICE}"
            self._put_input(Logged(self.execution_id, "warning", text, {"where": where}))

    def _check(self) -> None:
        if self._is_revoked:
            raise Revoked
        if self._is_parking or self.has_parked:
            raise Parked

    async def _put(self, item: Input) -> None:
        """Pass an event on. What is beyond the limit would be dropped by the engine, and is dropped here."""
        self._check()
        self._events_left -= 1
        if self._events_left < 0 and not isinstance(item, UsageAdded):
            await asyncio.sleep(0)
            return
        self._put_input(item)
        await self._wait_for_room()
        self._check()

    async def _request(self, make: Callable[[str], Input]) -> Any:
        """The engine's answer to an input, which comes when it is committed. Raises: AgentError when it is refused."""
        self._check()
        name = self._new_id()
        future = self._replies[name] = asyncio.get_running_loop().create_future()
        try:
            self._put_input(make(name))
            return await future
        finally:
            del self._replies[name]

    def resolve(self, answer: Reply) -> None:
        """The engine has answered."""
        future = self._replies.get(answer.reply)
        if future is None or future.done():
            return
        if answer.code:
            future.set_exception(AgentError(answer.message, code=answer.code, permanent=True))
        else:
            future.set_result(answer.value)

    async def step(
        self, key: str, function: Callable[[StepCall], Any], *, inputs: Any = None, once: bool = False
    ) -> Any:
        self._check()
        return await self._steps.step(key, function, inputs=inputs, once=once)

    async def open_step(self, key: str, *, inputs: Any = None, once: bool = False) -> OpenStep:
        """The first half of a step whose function runs elsewhere than on the loop."""
        self._check()
        return await self._steps.open(key, inputs=inputs, once=once)

    async def close_step(self, opened: OpenStep, value: Any, usage: dict[str, float]) -> Any:
        """The second half: the result is kept."""
        self._check()
        try:
            return await self._steps.close(opened, value, usage)
        finally:
            self._steps.come_back(opened)

    async def drop_step(self, opened: OpenStep) -> None:
        """The second half, when the function has failed."""
        self._steps.come_back(opened)

    def let_go_on_elsewhere(self, opened: OpenStep) -> None:
        """What is being paid for in another process is let finish before the agent is stopped at a wait."""
        if not opened.is_known:
            self._steps.go_elsewhere(opened)

    def call_from_within(self, count: int) -> None:
        """The calls of this task of the loop are made from within so many steps whose functions run elsewhere."""
        self._steps.call_from_within(count)

    async def sleep(self, seconds: float, *, key: str = "") -> None:
        self._check()
        await self._steps.sleep(seconds, key=key)
        self._check()

    async def spawn_tasks(self, specs: Sequence[Mapping[str, Any]], *, key: str = "", join: bool = False) -> Any:
        self._check()
        return await self._steps.spawn_tasks(specs, key=key, join=join)

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
        self._check()
        request = {
            "goal": goal,
            "tasks": tasks,
            "agents": agents,
            "execution_mode": execution_mode,
            "context": context,
            "timeout": timeout,
            "priority": priority,
        }
        given = {name: value for name, value in request.items() if value is not None}
        return await self._steps.spawn_session(key, {**given, "wait": bool(wait)})

    async def progress(self, percentage_done: float, text: str = "") -> None:
        await self._put(Progressed(self.execution_id, percentage(percentage_done), clip_text(str(text), 500)))

    async def log(self, text: str, *, level: str = "info", data: Mapping[str, Any] | None = None) -> None:
        word = level if level in LEVELS else "info"
        await self._put(Logged(self.execution_id, word, clip_text(str(text)), _event_data(data or {})))

    async def emit_token(self, text: str) -> None:
        self._check()
        await self._tokens.write(clip_text(str(text)))
        self._check()

    def _emit_tokens(self, text: str) -> None:
        if self._is_revoked:
            return
        frame = {"type": TOKEN_FRAME, "task": self.task.id, "agent": self.agent.id, "data": {"text": text}}
        self._emit_frame(self.session.id, canonical_json(frame))

    def close(self) -> None:
        """Nothing more will come of this attempt: its streamed text goes out before its outcome."""
        self._tokens.close()

    async def send(
        self, content: Any, *, to: str | None = None, message_type: str = MessageType.NOTIFICATION, topic: str = ""
    ) -> None:
        """Raises: AgentError when there is no such receiver or type, or the content is not JSON."""
        if message_type not in list(MessageType):
            raise AgentError(f"a message is one of {', '.join(MessageType)}, not {message_type!r}", code="bad_message")
        receiver = self._agent_named(to) if to else None
        if receiver is None and message_type == MessageType.REQUEST:
            raise AgentError("a REQUEST needs a receiver: name it with `to`", code="bad_message")
        try:
            kept = storable(content, limit=MAX_EVENT_BYTES, what="the message")
        except NotStorable as error:
            raise AgentError(str(error), code="bad_message") from error
        await self._put(
            MessageSent(self.execution_id, self._new_id(), receiver, message_type, clip_text(topic, 200), kept)
        )

    def _agent_named(self, word: str) -> str:
        roster = self._live_session().roster.values()
        for key in ("id", "name", "definition"):
            for agent in roster:
                if getattr(agent, key) == word:
                    return agent.id
        raise AgentError(f"the project has no agent {word!r} to send to", code="unknown_receiver")

    async def inbox(self) -> list[ReceivedMessage]:
        self._check()
        session = self._live_session()
        return [
            ReceivedMessage(_name(session, m.from_agent), m.message_type, m.topic, m.content)
            for m in session.messages
            if m.to_agent in (None, self.agent.id) and m.from_agent != self.agent.id
        ]

    async def run_in_thread(self, function: Callable[..., T], *args: Any) -> T:
        self._check()
        result = await asyncio.get_running_loop().run_in_executor(self._threads, function, *args)
        self._check()
        return result

    async def add_usage(self, **amounts: float) -> None:
        """Raises: AgentError for an amount that is no finite number."""
        try:
            kept = storable(amounts, what="the usage")
        except NotStorable as error:
            raise AgentError(str(error), code="bad_usage") from error
        if not all(isinstance(amount, int | float) for amount in kept.values()):
            raise AgentError("usage amounts must be numbers", code="bad_usage")
        await self._put(UsageAdded(self.execution_id, kept))


class SyncContext:
    """The same context for a plain `def run(self, ctx)` in a thread: the calls return when they are done."""

    def __init__(self, context: ExecutionContext, loop: asyncio.AbstractEventLoop) -> None:
        self._context, self._loop = context, loop
        self.task, self.session = context.task, context.session
        self.configuration, self.upstream = context.configuration, context.upstream
        self.capabilities = context.capabilities
        self.documents = _SyncCalls(context.documents, loop)
        self._within = 0
        self.contexts = _SyncCalls(context.contexts, loop, before=lambda: context.call_from_within(self._within))

    def step(self, key: str, function: Callable[[StepCall], Any], *, inputs: Any = None, once: bool = False) -> Any:
        """As in `AgentContext`, with a plain function that is called in this thread."""
        calls = _SyncCalls(self._context, self._loop)
        opened: OpenStep = calls.open_step(key, inputs=inputs, once=once)
        if opened.is_known:
            return opened.result
        call = StepCall(opened.key, opened.idempotency_key)
        self._within += 1
        try:
            value = function(call)
        finally:
            self._within -= 1
        return calls.close_step(opened, value, call.usage)

    def __getattr__(self, name: str) -> Any:
        return getattr(_SyncCalls(self._context, self._loop), name)


class _SyncCalls:
    """Calls of a thread to the loop; `before` is called on the loop, in the task of the call."""

    def __init__(
        self, target: Any, loop: asyncio.AbstractEventLoop, *, before: Callable[[], None] = lambda: None
    ) -> None:
        self._target, self._loop, self._before = target, loop, before

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._target, name)

        async def begun(*args: Any, **kwargs: Any) -> Any:
            self._before()
            return await method(*args, **kwargs)

        def call(*args: Any, **kwargs: Any) -> Any:
            return asyncio.run_coroutine_threadsafe(begun(*args, **kwargs), self._loop).result()

        return call


class _Watched:
    """A document reader whose calls, too, are points where an agent is stopped."""

    def __init__(self, reader: DocumentReader, check: Callable[[], None]) -> None:
        self._reader, self._check = reader, check

    async def search(self, query: str, *, limit: int = 10) -> Any:
        self._check()
        return await self._reader.search(query, limit=limit)

    async def passages(self, *, limit: int = 2000) -> Any:
        self._check()
        return await self._reader.passages(limit=limit)

    async def titles(self) -> Any:
        self._check()
        return await self._reader.titles()


def configuration_for(agent: AgentInfo, context: Mapping[str, Any]) -> dict[str, Any]:
    """The agent's configuration, with what this session overrides (by id, name or definition)."""
    overrides = context.get("agent_configuration") or {}
    merged = dict(agent.configuration)
    for key in (agent.definition, agent.name, agent.id):
        if isinstance(overrides.get(key), Mapping):
            merged.update(overrides[key])
    return merged


def own_copy(value: Any) -> Any:
    """JSON of the agent's own: what it changes there changes nothing of the session."""
    if isinstance(value, dict):
        return {key: own_copy(part) for key, part in value.items()}
    if isinstance(value, list):
        return [own_copy(part) for part in value]
    return value


def _upstream(session: Session, effect: StartAgent) -> list[UpstreamOutput]:
    found = []
    for task in effect.upstream:
        agent = session.roster.get(task.agent_id or "")
        definition, name = (agent.definition, agent.name) if agent else ("", "")
        found.append(UpstreamOutput(task.id, task.name, definition, name, own_copy(task.output)))
    return found


def _name(session: Session, agent_id: str) -> str:
    agent = session.roster.get(agent_id)
    return agent.name if agent else agent_id


def _event_data(data: Mapping[str, Any]) -> Any:
    try:
        return clip_json(storable(dict(data), limit=MAX_EVENT_BYTES, what="the log data"))
    except NotStorable as error:
        return {"dropped": str(error)}
