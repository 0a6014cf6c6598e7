"""`BaseAgent`: what a class must be to work here. No Django, so that agents also run in bare processes."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from agents.runtime import AgentContext, AgentError

Isolation = Literal["loop", "process"]


class BaseAgent:
    """One agent at work. Subclasses declare what they can do and implement `run`.

    `run` is `async def run(self, ctx)`, or a plain `def run(self, ctx)` that is run in a thread and may call the same
    context methods without `await`. `isolation = "process"` runs it in a process of its own: for CPU-bound code.
    `placement = "celery:QUEUE"` runs it on a worker of that queue, on a machine with the right equipment; where there
    is only one machine (no Redis), in one of a few processes of its worker.
    """

    agent_type: ClassVar[str] = "CUSTOM"
    capabilities: ClassVar[Sequence[str]] = ()
    config_schema: ClassVar[Mapping[str, Any]] = {"type": "object"}
    isolation: ClassVar[Isolation] = "loop"
    placement: ClassVar[str] = ""

    def __init__(self, configuration: Mapping[str, Any] | None = None, *, name: str = "") -> None:
        self.name = name or type(self).__name__
        self.configuration = dict(configuration or {})
        self.is_initialized = False
        self.is_active = False
        self.state: dict[str, Any] = {}
        """The runtime state the server keeps of this agent. In the lifecycle hooks it is what is stored (after a crash:
        the latest checkpoint), and what a hook leaves in it is stored again; elsewhere it is empty and not kept.
        """

    async def initialize(self) -> None:
        """Called before first use, and again after a crash: load what is needed. Repeatable, like every hook: when a
        worker dies in the middle of one, another worker calls it from the start.
        """
        self.is_initialized = True

    async def activate(self) -> None:
        """Called when the agent may be given work."""
        self.is_active = True

    async def deactivate(self) -> None:
        """Called when the agent is given no more work for now."""
        self.is_active = False

    async def shutdown(self) -> None:
        """Called when the agent is terminated: let go of everything."""
        self.is_active = False
        self.is_initialized = False

    def run(self, ctx: AgentContext) -> Any:
        """Do the task in `ctx` and return its output as JSON (async or plain).

        Raises: AgentError from a class that only has lifecycle hooks and cannot be given tasks.
        """
        raise AgentError(f"{type(self).__name__} implements no `run`: it takes no tasks", code="no_run", permanent=True)

    def to_dict(self) -> dict[str, Any]:
        """What this agent is, as JSON."""
        return {
            "name": self.name,
            "class": f"{type(self).__module__}.{type(self).__qualname__}",
            "agent_type": self.agent_type,
            "capabilities": list(self.capabilities),
            "configuration": self.configuration,
            "is_initialized": self.is_initialized,
            "is_active": self.is_active,
        }
