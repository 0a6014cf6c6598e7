"""Settings and limits of sessions, units in the names."""

from pathlib import Path

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


def data_folder() -> Path:
    """Where files of our own may be made."""
    return Path(settings.DATA_DIR)


def export_folder() -> Path:
    """Where the bundles of pruned sessions lie; the same for all processes."""
    return Path(settings.RETENTION_EXPORT_DIR)
