"""Runs agents: on the loop, in a thread, or in a process of their own, as each class asks for."""

import asyncio
import inspect
import json
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from agents.base import BaseAgent
from agents.memory_contexts import MemoryContexts
from agents.registry import AgentRegistry, UnknownDefinition
from agents.runtime import AgentError, ContextStore, DocumentReader
from sessions.engine.context import ADVICE, ExecutionContext, Revoked, SyncContext
from sessions.engine.gate import NotStorable, clip_text, storable
from sessions.engine.inputs import AgentFailed, AgentFinished, AgentLost, AgentParked, Input, Reply, StartAgent
from sessions.engine.isolation import Placer, RunLost, run_isolated
from sessions.engine.runner import SessionRunner
from sessions.engine.state import Session
from sessions.engine.step_calls import Parked
from sessions.engine.thread_agents import run_in_thread
from sessions.engine.watchdog import EXECUTION, INTERRUPT_SECONDS, Blocked, BlockedTheLoop
from sessions.routing_policy import AgentInfo

log = structlog.get_logger(__name__)

INSTANCE_LIMIT = 256


@dataclass(slots=True)
class _Running:
    context: ExecutionContext
    work: "asyncio.Task[None]"
    is_elsewhere: bool = False


def _in_memory() -> Callable[[Session, AgentInfo], ContextStore]:
    """For a host without a database."""
    kept = MemoryContexts()
    return lambda session, agent: kept.of(agent.name, session.id)


@dataclass(slots=True)
class LocalAgentHost:
    """Agents of this process. Instances are kept by definition and configuration, and initialised once."""

    registry: AgentRegistry
    documents_of: Callable[[Session], DocumentReader]
    emit_frame: Callable[[str, str], None]
    new_id: Callable[[], str]
    contexts_of: Callable[[Session, AgentInfo], ContextStore] = field(default_factory=_in_memory)
    close_threads: Callable[[], None] = lambda: None
    modules: tuple[str, ...] = ()
    folder: Path = field(default_factory=Path.cwd)
    placer: Placer | None = None
    threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(max_workers=16, thread_name_prefix="engine-agent")
    )
    _running: dict[str, _Running] = field(default_factory=dict)
    _instances: dict[str, "asyncio.Future[BaseAgent]"] = field(default_factory=dict)

    @property
    def running_count(self) -> int:
        """Agents that end with this process."""
        return sum(not running.is_elsewhere for running in self._running.values())

    @property
    def places_elsewhere(self) -> bool:
        return self.placer is not None and self.placer.is_elsewhere

    def close(self) -> None:
        """Let go of the threads; nothing is started any more."""
        self.threads.shutdown(wait=False)
        self.close_threads()

    def start(self, runner: SessionRunner, session: Session, effect: StartAgent) -> None:
        agent = session.roster[effect.task.agent_id or ""]
        context = ExecutionContext(
            session=session,
            effect=effect,
            agent=agent,
            documents=self.documents_of(session),
            contexts=self.contexts_of(session, agent),
            put=runner.put,
            wait_for_room=runner.wait_for_room,
            emit_frame=self.emit_frame,
            new_id=self.new_id,
            threads=self.threads,
            live_session=lambda: runner.session,
        )
        work = asyncio.get_running_loop().create_task(
            self._execute(context, effect, runner.put), name=f"{EXECUTION}{context.execution_id}"
        )
        is_elsewhere = effect.task.execution is not None and bool(effect.task.execution.run_id)
        self._running[context.execution_id] = _Running(context, work, is_elsewhere)

    def cancel(self, execution_id: str) -> None:
        """Stop it; code that will not stop is abandoned, and what it says counts no more."""
        running = self._running.pop(execution_id, None)
        if running is not None:
            running.context.revoke()
            running.work.cancel()

    def detach(self, execution_id: str) -> None:
        """Leave it to whoever takes the session over."""
        running = self._running.get(execution_id)
        if running is not None:
            running.context.is_detached = True
            self.cancel(execution_id)

    def park(self, execution_id: str) -> None:
        running = self._running.get(execution_id)
        if running is not None:
            running.context.park()

    def tell_blocked(self, blocked: Blocked) -> None:
        """Say in the session's log that its agent held up everybody's work."""
        running = self._running.get(blocked.execution_id)
        if running is not None:
            running.context.warn_of_blocking(blocked.seconds, blocked.where)

    def reply(self, effect: Reply) -> None:
        running = self._running.get(effect.execution_id)
        if running is not None:
            running.context.resolve(effect)

    async def _execute(self, context: ExecutionContext, effect: StartAgent, put: Callable[[Input], None]) -> None:
        outcome = await self._outcome(context, effect)
        if outcome is not None and context.has_parked:  # also when the agent's code caught that it was stopped
            outcome = AgentParked(context.execution_id)
        context.close()
        current = self._running.get(context.execution_id)
        if current is not None and current.context is context:
            del self._running[context.execution_id]
        if outcome is not None:
            put(outcome)

    async def _outcome(self, context: ExecutionContext, effect: StartAgent) -> Input | None:
        """What the attempt came to; None when nobody waits for it any more."""
        execution_id = context.execution_id
        try:
            output = storable(await self._run(context, effect))
            return AgentFinished(execution_id, output)
        except (asyncio.CancelledError, Revoked):
            if context.is_revoked:
                return None
            return AgentFailed(execution_id, "agent_exception", "The agent cancelled itself (CancelledError).")
        except Parked:
            return AgentParked(execution_id)
        except RunLost as error:
            return AgentLost(execution_id, str(error))
        except AgentError as error:
            return AgentFailed(execution_id, error.code[:50], clip_text(str(error)), error.permanent)
        except NotStorable as error:
            return AgentFailed(execution_id, "bad_output", clip_text(str(error)), permanent=True)
        except UnknownDefinition as error:
            text = f"{error}; is its module named in AGENT_REGISTRY_MODULES of this worker?"
            return AgentFailed(execution_id, "unknown_definition", text, permanent=True)
        except BlockedTheLoop:
            text = f"The agent held the engine's loop for {INTERRUPT_SECONDS:g} s and was interrupted. {ADVICE}"
            return AgentFailed(execution_id, "blocked_loop", text, permanent=True)
        except BaseException as error:
            log.warning("agent.raised", execution=execution_id, definition=context.agent.definition, exc_info=True)
            return AgentFailed(execution_id, "agent_exception", clip_text(f"{type(error).__name__}: {error}"))

    async def _run(self, context: ExecutionContext, effect: StartAgent) -> Any:
        if effect.task.execution is not None and effect.task.execution.run_id and self.placer is not None:
            return await self.placer.run(context, effect)
        agent_class = self.registry.get(context.agent.definition).agent_class
        if agent_class.placement and self.placer is not None:
            return await self.placer.run(context, effect)
        if agent_class.isolation == "process":
            return await run_isolated(context, modules=self.modules, folder=self.folder)
        agent = await self._instance(context.agent.definition, context.agent.name, context.configuration)
        if inspect.iscoroutinefunction(agent.run):
            return await agent.run(context)
        loop = asyncio.get_running_loop()
        plain: Callable[[Any], Any] = agent.run
        return await run_in_thread(self.threads, plain, SyncContext(context, loop))

    async def _instance(self, definition: str, name: str, configuration: Mapping[str, Any]) -> BaseAgent:
        """The agent object for this configuration, made and initialised by the first who asks."""
        key = json.dumps([definition, name, configuration], sort_keys=True, default=str)
        future = self._instances.get(key)
        if future is None:
            self._forget_oldest()
            future = self._instances[key] = asyncio.ensure_future(self._make(definition, name, configuration))
            future.add_done_callback(lambda done: self._forget_failed(key, done))
        return await asyncio.shield(future)

    async def _make(self, definition: str, name: str, configuration: Mapping[str, Any]) -> BaseAgent:
        try:
            agent = self.registry.create(definition, configuration, name=name)
            for hook in (agent.initialize, agent.activate):
                await self._call(hook)
        except (KeyboardInterrupt, SystemExit) as error:  # in a task of their own they would end the loop
            raise RuntimeError(f"{definition} raised {type(error).__name__} while it was made") from error
        return agent

    async def _call(self, hook: Callable[[], Any]) -> None:
        """A hook of an agent: on the loop where it is `async def`, else in a thread, as it may block."""
        if inspect.iscoroutinefunction(hook):
            await hook()
        else:
            await run_in_thread(self.threads, lambda _: hook(), None)

    def _forget_oldest(self) -> None:
        while len(self._instances) >= INSTANCE_LIMIT:
            self._instances.pop(next(iter(self._instances)))

    def _forget_failed(self, key: str, done: "asyncio.Future[BaseAgent]") -> None:
        if done.cancelled() or done.exception() is not None:
            self._instances.pop(key, None)
