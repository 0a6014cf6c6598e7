"""Settings of the agents app."""

from django.conf import settings


def registry_modules() -> list[str]:
    """Modules whose `register_agents(registry)` is called at start."""
    return list(settings.AGENT_REGISTRY_MODULES)


def agents_enabled() -> bool:
    """False hides agents and refuses executions."""
    return bool(settings.AGENTS_ENABLED)


def checkpoint_limit() -> int:
    """How many checkpoints of an agent are kept."""
    return int(settings.AGENT_CHECKPOINT_LIMIT)


def heartbeat_timeout_seconds() -> float:
    """After how long without a heartbeat a remote agent that has sent some counts as offline."""
    return float(settings.AGENT_HEARTBEAT_TIMEOUT_SECONDS)


def hook_timeout_seconds() -> float:
    """How long `initialize`, `activate`, `deactivate` or `shutdown` of an agent may take."""
    return float(settings.AGENT_HOOK_TIMEOUT_SECONDS)


def context_history_limit() -> int:
    """How many versions of a context are kept, at least; the current and the pointed-at one always are."""
    return int(settings.AGENT_CONTEXT_HISTORY_LIMIT)
