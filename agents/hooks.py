"""What the agents app is told from above: figures about executions, and how workers are rung.

`AppConfig.ready()` of the sessions app sets these names; until then every agent is idle and has never worked, and
workers find by themselves what they have to do.
Callers say `hooks.running_counts(...)`, never `from agents.hooks import running_counts`.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class ExecutionFigures:
    """What an agent has done so far; `mean_seconds` is over the completed executions, None without any."""

    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    mean_seconds: float | None = None


def _nothing_runs(agent_ids: Collection[UUID]) -> Mapping[UUID, int]:
    return {}


def _nothing_done(agent_ids: Collection[UUID]) -> Mapping[UUID, ExecutionFigures]:
    return {}


running_counts: Callable[[Collection[UUID]], Mapping[UUID, int]] = _nothing_runs
"""Live executions by agent; agents without any may be left out. One query however many agents."""

execution_figures: Callable[[Collection[UUID]], Mapping[UUID, ExecutionFigures]] = _nothing_done
"""Figures by agent; agents that never worked may be left out. One query however many agents."""


def _nobody_listens() -> None:
    """Workers look by themselves each second."""


ring_agents: Callable[[], None] = _nobody_listens
"""Tell a worker that there is a command for an agent. Never raises, never blocks; to be called after the commit."""
