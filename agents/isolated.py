"""An agent in a process of its own: `python -m agents.isolated` runs one attempt, talking JSON lines over its pipes.

In: one `start` line, then a reply line for each call. Out: call lines, and at the end one `result` or `error` line.
No Django here: the process starts fast and cannot reach the database.
"""

import asyncio
import inspect
import json
import os
import sys
import threading
import time
from collections.abc import Sequence
from contextvars import ContextVar
from dataclasses import asdict
from itertools import count
from typing import Any, TextIO, cast

from agents.base import BaseAgent
from agents.registry import build_registry
from agents.runtime import (
    AgentError,
    ContextHead,
    ContextStore,
    ContextVersion,
    DocumentReader,
    OpenStep,
    ReceivedMessage,
    SessionInfo,
    StepCall,
    TaskInfo,
    UpstreamOutput,
)
from core.differences import Change
from documents.types import PassageHit

PARENT_SECONDS = 1.0
_within: ContextVar[int] = ContextVar("steps this call is made from", default=0)


class RemoteContext:
    """The context's calls, each a line to the parent and a line back."""

    def __init__(self, start: dict[str, Any], channel: "Channel") -> None:
        self.task = TaskInfo(**start["task"])
        self.session = SessionInfo(**start["session"])
        self.configuration = start["configuration"]
        self.capabilities = frozenset(start["capabilities"])
        self.upstream: Sequence[UpstreamOutput] = tuple(UpstreamOutput(**output) for output in start["upstream"])
        self.documents: DocumentReader = _RemoteDocuments(channel)
        self.contexts: ContextStore = _RemoteContexts(channel)
        self._channel = channel

    async def progress(self, percentage: float, text: str = "") -> None:
        await self._channel.call("progress", percentage, text)

    async def log(self, text: str, *, level: str = "info", data: Any = None) -> None:
        await self._channel.call("log", text, level=level, data=data)

    async def emit_token(self, text: str) -> None:
        await self._channel.call("emit_token", text)

    async def send(self, content: Any, **options: Any) -> None:
        await self._channel.call("send", content, **options)

    async def inbox(self) -> list[ReceivedMessage]:
        return [ReceivedMessage(**message) for message in await self._channel.call("inbox")]

    async def run_in_thread(self, function: Any, *args: Any) -> Any:
        return await asyncio.to_thread(function, *args)

    async def add_usage(self, **amounts: float) -> None:
        await self._channel.call("add_usage", **amounts)

    async def step(self, key: str, function: Any, *, inputs: Any = None, once: bool = False) -> Any:
        opened = OpenStep(**await self._channel.call("open_step", key, inputs=inputs, once=once))
        if opened.is_known:
            return opened.result
        try:
            value, usage = await _outcome_of(function, StepCall(opened.key, opened.idempotency_key))
            return await self._channel.call("close_step", asdict(opened), value, usage)
        except BaseException:
            self._channel.tell("drop_step", asdict(opened))
            raise

    async def sleep(self, seconds: float, *, key: str = "") -> None:
        await self._channel.call("sleep", seconds, key=key)

    async def spawn_tasks(self, specs: Any, **options: Any) -> Any:
        return await self._channel.call("spawn_tasks", specs, **options)

    async def spawn_session(self, goal: str, **options: Any) -> Any:
        return await self._channel.call("spawn_session", goal, **options)


async def _outcome_of(function: Any, call: StepCall) -> tuple[Any, dict[str, float]]:
    token = _within.set(_within.get() + 1)
    try:
        value = function(call)
        return (await value if inspect.isawaitable(value) else value), call.usage
    finally:
        _within.reset(token)


class _RemoteDocuments:
    def __init__(self, channel: "Channel") -> None:
        self._channel = channel

    async def search(self, query: str, *, limit: int = 10) -> list[PassageHit]:
        return [PassageHit(**hit) for hit in await self._channel.call("documents.search", query, limit=limit)]

    async def passages(self, *, limit: int = 2000) -> list[PassageHit]:
        return [PassageHit(**hit) for hit in await self._channel.call("documents.passages", limit=limit)]

    async def titles(self) -> list[tuple[str, str]]:
        return [(row[0], row[1]) for row in await self._channel.call("documents.titles")]


class _RemoteContexts:
    def __init__(self, channel: "Channel") -> None:
        self._channel = channel

    async def read(self, name: str, **options: Any) -> ContextVersion:
        return ContextVersion(**await self._channel.call("contexts.read", name, **options))

    async def write(self, name: str, data: Any, **options: Any) -> int:
        return int(await self._channel.call("contexts.write", name, data, **options))

    async def history(self, name: str, **options: Any) -> list[ContextHead]:
        return [ContextHead(**row) for row in await self._channel.call("contexts.history", name, **options)]

    async def diff(self, name: str, before: int, after: int, **options: Any) -> list[Change]:
        return [Change(**row) for row in await self._channel.call("contexts.diff", name, before, after, **options)]

    async def rollback(self, name: str, version: int, **options: Any) -> int:
        return int(await self._channel.call("contexts.rollback", name, version, **options))

    async def names(self, **options: Any) -> list[str]:
        return [str(name) for name in await self._channel.call("contexts.names", **options)]


class Channel:
    """Line-wise JSON over the process's standard pipes."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._numbers = count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}

    def write(self, **line: Any) -> None:
        self._out.write(json.dumps(line) + "\n")
        self._out.flush()

    async def call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        number = next(self._numbers)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        self.write(call=name, number=number, args=args, kwargs=kwargs, within=_within.get())
        return await future

    def tell(self, name: str, *args: Any) -> None:
        """A call whose answer nobody waits for."""
        self.write(call=name, number=next(self._numbers), args=args, kwargs={})

    def answer(self, line: dict[str, Any]) -> None:
        future = self._waiting.pop(line["number"], None)
        if future is None:
            return  # answered before: where lines travel over a network, one may come twice
        if "error" in line:
            future.set_exception(
                AgentError(line["error"], code=line.get("code", "agent_error"), permanent=line.get("permanent", False))
            )
        else:
            future.set_result(line.get("value"))


async def _read_replies(reader: asyncio.StreamReader, channel: Channel) -> None:
    while line := await reader.readline():
        channel.answer(json.loads(line))
    os._exit(1)  # the parent is gone


async def _work(reader: asyncio.StreamReader, out: TextIO) -> None:
    start = json.loads(await reader.readline())
    channel = Channel(out)
    replies = asyncio.create_task(_read_replies(reader, channel))
    try:
        registry = build_registry(start["modules"])
        agent = registry.create(start["definition"], start["configuration"], name=start["agent_name"])
        ready = cast(Any, agent.initialize())  # a plain `def` answers nothing to wait for
        if inspect.isawaitable(ready):
            await ready
        channel.write(result=await _run(agent, RemoteContext(start, channel)))
    except AgentError as error:
        channel.write(error=str(error), code=error.code, permanent=error.permanent)
    except Exception as error:  # noqa: BLE001  (foreign code)
        channel.write(error=f"{type(error).__name__}: {error}", code="agent_exception", permanent=False)
    finally:
        replies.cancel()


async def _run(agent: BaseAgent, context: RemoteContext) -> Any:
    if inspect.iscoroutinefunction(agent.run):
        return await agent.run(context)
    raise AgentError("an agent in a process of its own needs an `async def run`", code="bad_agent", permanent=True)


def _watch_parent(parent: int) -> None:
    """Ends this process with its parent, even while the agent computes."""
    while os.getppid() == parent:
        time.sleep(PARENT_SECONDS)
    os._exit(1)


async def _main() -> None:
    threading.Thread(target=_watch_parent, args=[os.getppid()], name="parent-watch", daemon=True).start()
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the agent prints goes to the log, not into the protocol
    reader = asyncio.StreamReader(limit=64 * 1024 * 1024)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await _work(reader, out)


def as_line(value: Any) -> Any:
    """A context value as JSON for the child."""
    return asdict(value) if hasattr(value, "__dataclass_fields__") else value


if __name__ == "__main__":
    asyncio.run(_main())
