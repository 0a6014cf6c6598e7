"""Calls a lifecycle hook of an agent class: foreign code, so in a thread of its own and not for ever."""

import asyncio
import inspect
import threading
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from agents.base import BaseAgent
from agents.registry import get_registry

GRACE_SECONDS = 0.5


class HookFailed(Exception):
    """The hook raised, or did not end in time; the text says which and what."""


def run_hook(
    hook: str,
    *,
    slug: str,
    configuration: Mapping[str, Any],
    name: str,
    timeout_seconds: float,
    state: Mapping[str, Any] | None = None,
) -> BaseAgent | None:
    """Make a fresh agent of the definition and run `initialize`, `activate`, `deactivate` or `shutdown` of it.

    Its `state` is a copy of the one given; what the hook leaves there is read from the agent that is returned.

    A hook that hangs is cancelled; one that ignores that (it blocks its thread) is left behind in a daemon thread.
    Raises: HookFailed, also when no such class is registered or it cannot be made.
    """
    outcome = _Outcome()

    def make_and_call() -> None:
        agent = outcome.agent = get_registry().create(slug, configuration, name=name)
        agent.state = deepcopy(dict(state or {}))
        asyncio.run(_within(getattr(agent, hook), timeout_seconds))

    thread = threading.Thread(target=outcome.catch, args=(make_and_call,), name=f"hook-{hook}-{slug}", daemon=True)
    thread.start()
    thread.join(timeout_seconds + GRACE_SECONDS)
    if thread.is_alive() or isinstance(outcome.error, TimeoutError):
        raise HookFailed(f"{hook} of {slug} did not end within {timeout_seconds:g} s (AGENT_HOOK_TIMEOUT_SECONDS)")
    if outcome.error is not None:
        raise HookFailed(f"{hook} of {slug} failed: {type(outcome.error).__name__}: {outcome.error}")
    return outcome.agent


class _Outcome:
    """What happened in the thread."""

    agent: BaseAgent | None = None
    error: BaseException | None = None

    def catch(self, call: Callable[[], None]) -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001  (foreign code: whatever it raises must not end the server)
            self.error = error


async def _within(hook: Callable[[], Any], timeout_seconds: float) -> None:
    async with asyncio.timeout(timeout_seconds):
        result = hook()
        if inspect.isawaitable(result):
            await result
