"""Runs an attempt in a child process: CPU-bound code stalls nobody, and a cancel ends it for certain."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from agents.isolated import as_line
from agents.runtime import AgentError, OpenStep
from sessions.engine.context import ExecutionContext, Revoked
from sessions.engine.gate import MAX_OUTPUT_BYTES
from sessions.engine.inputs import StartAgent
from sessions.engine.side_by_side import WAITS, SideBySide
from sessions.engine.step_calls import Parked

CALLS = {
    *("progress", "log", "emit_token", "send", "inbox", "add_usage", "sleep", "open_step", "close_step"),
    *("spawn_tasks", "spawn_session", "drop_step"),
    *("documents.search", "documents.passages", "documents.titles"),
    *("contexts.read", "contexts.write", "contexts.history"),
    *("contexts.diff", "contexts.rollback", "contexts.names"),
}
SECOND_THOUGHT_SECONDS = 0.02
"""What else a process asks for at the same time comes by then."""
LINE_LIMIT = 8 * MAX_OUTPUT_BYTES  # as ASCII, with room for what is too large to be kept and said so


class RunLost(Exception):
    """The worker that ran an attempt is gone."""


class Placer(Protocol):
    """Runs agents that are placed on a queue. `is_elsewhere`: on other workers, so that they outlive this process."""

    @property
    def is_elsewhere(self) -> bool: ...

    async def run(self, context: ExecutionContext, effect: StartAgent) -> Any:
        """The output of the agent. Raises: AgentError for its failure, RunLost. Cancelling this ends the agent too,
        except when the context `is_detached`."""
        ...


class LocalPlacer:
    """Where there are no queues: in processes of this machine, at most `size` at once."""

    is_elsewhere = False

    def __init__(self, size: int, *, modules: Sequence[str], folder: Path) -> None:
        self._places, self._modules, self._folder = asyncio.Semaphore(size), modules, folder

    async def run(self, context: ExecutionContext, effect: StartAgent) -> Any:
        async with self._places:
            return await run_isolated(context, modules=self._modules, folder=self._folder)


async def run_isolated(context: ExecutionContext, *, modules: Sequence[str], folder: Path) -> Any:
    """The output of the agent. Raises: AgentError for its failure or its process's death.

    Cancelling this coroutine kills the process.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "agents.isolated",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=folder,
        limit=LINE_LIMIT,
        start_new_session=True,
    )
    try:
        await _write(process, start_line(context, modules))
        return await _serve(process, context)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # and what it has started
        await process.wait()


def start_line(context: ExecutionContext, modules: Sequence[str]) -> dict[str, Any]:
    return {
        "definition": context.agent.definition,
        "agent_name": context.agent.name,
        "modules": list(modules),
        "task": as_line(context.task),
        "session": as_line(context.session),
        "configuration": dict(context.configuration),
        "capabilities": sorted(context.capabilities),
        "upstream": [as_line(output) for output in context.upstream],
    }


async def _write(process: asyncio.subprocess.Process, line: dict[str, Any]) -> None:
    if process.stdin is None:
        raise AgentError("the agent's process has no input", code="process_died")
    process.stdin.write(json.dumps(line).encode() + b"\n")
    with contextlib.suppress(ConnectionError):
        await process.stdin.drain()


async def _serve(process: asyncio.subprocess.Process, context: ExecutionContext) -> Any:
    context.give_time(SECOND_THOUGHT_SECONDS)
    calls = SideBySide()
    try:
        while (said := await calls.until(lambda: _read(process))) is not None:
            if "result" in said or "error" in said:
                await calls.finish()
                return outcome_of(said)
            calls.begin(_reply(process, context, said), is_wait=said["call"] in WAITS)
    finally:
        calls.cancel()
    code = await process.wait()
    raise AgentError(f"the agent's process ended with code {code} and no result", code="process_died")


async def _reply(process: asyncio.subprocess.Process, context: ExecutionContext, said: dict[str, Any]) -> None:
    await _write(process, await answer_call(context, said))


async def _read(process: asyncio.subprocess.Process) -> dict[str, Any] | None:
    if process.stdout is None:
        return None
    try:
        line = await process.stdout.readline()
    except ValueError:
        text = f"the agent's process said more than {LINE_LIMIT:,} bytes at once; return less"
        raise AgentError(text, code="bad_output", permanent=True) from None
    said: dict[str, Any] | None = json.loads(line) if line else None
    return said


def outcome_of(said: dict[str, Any]) -> Any:
    """The agent's output, from the last line of its process. Raises: AgentError."""
    if "error" in said:
        raise AgentError(said["error"], code=said["code"], permanent=said["permanent"])
    return said["result"]


async def answer_call(context: ExecutionContext, said: dict[str, Any]) -> dict[str, Any]:
    """In a task of its own."""
    context.call_from_within(said.get("within", 0))
    try:
        value = await _call(context, said["call"], said["args"], said["kwargs"])
    except (Parked, Revoked):
        raise
    except AgentError as error:
        return {"number": said["number"], "error": str(error), "code": error.code, "permanent": error.permanent}
    return {"number": said["number"], "value": value}


async def _call(context: ExecutionContext, name: str, args: list[Any], kwargs: dict[str, Any]) -> Any:
    if name not in CALLS:
        raise AgentError(f"there is no context call {name}", code="bad_call")
    if name in ("close_step", "drop_step"):
        args = [OpenStep(**args[0]), *args[1:]]
    target: Any = context
    for part in name.split("."):
        target = getattr(target, part)
    value = await target(*args, **kwargs)
    if name == "open_step":
        context.let_go_on_elsewhere(value)
    return [as_line(item) for item in value] if isinstance(value, list) else as_line(value)
