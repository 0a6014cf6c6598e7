"""Settings and limits of sessions, units in the names."""

from django.conf import settings


def max_sessions() -> int:
    """Live sessions one worker holds at most."""
    return int(settings.ENGINE_MAX_SESSIONS)


def max_executions() -> int:
    """Agents one worker runs at once at most."""
    return int(settings.ENGINE_MAX_EXECUTIONS)


def lease_seconds() -> int:
    """How long a silent worker keeps its sessions."""
    return int(settings.ENGINE_LEASE_SECONDS)
