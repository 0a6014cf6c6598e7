"""Settings and limits of sessions, units in the names."""

from pathlib import Path

from django.conf import settings


def max_sessions() -> int:
    """Live sessions one worker holds at most."""
    return int(settings.ENGINE_MAX_SESSIONS)


def max_executions() -> int:
    """Agents one worker runs at once at most."""
    return int(settings.ENGINE_MAX_EXECUTIONS)


def placement_processes() -> int:
    """Placed agents one worker runs at once in processes of its own, where there are no queues."""
    return int(settings.PLACEMENT_PROCESSES)


def engine_enabled() -> bool:
    """Whether this worker process hosts an engine; a worker that only serves the queue of placed agents need not."""
    return bool(settings.ENGINE_ENABLED)


def grace_seconds() -> int:
    """How long a worker that is asked to stop lets its agents finish before it hands their sessions over."""
    return int(settings.ENGINE_GRACE_SECONDS)


def lease_seconds() -> int:
    """How long a silent worker keeps its sessions."""
    return int(settings.ENGINE_LEASE_SECONDS)


def queue_limit() -> int:
    """Sessions that may wait for a worker, of all workspaces together, before new ones are refused."""
    return int(settings.QUEUE_LIMIT)


def data_folder() -> Path:
    """Where files of our own may be made."""
    return Path(settings.DATA_DIR)


def export_folder() -> Path:
    """Where the bundles of pruned sessions lie; the same for all processes."""
    return Path(settings.RETENTION_EXPORT_DIR)
