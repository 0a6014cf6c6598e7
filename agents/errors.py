"""What can go wrong with agents, classed by what the caller can do next."""

from core.errors import Unavailable


class AgentsDisabled(Unavailable):
    """Agents are switched off on this server."""

    code = "agents_disabled"

    def __init__(self) -> None:
        super().__init__(
            "Agents and executions are switched off on this server. Ask its operator to set AGENTS_ENABLED=true.",
            retryable=False,
        )
