"""Celery tasks: doors for other processes, called by name."""

from celery import shared_task

from sessions import housekeeping
from sessions.worker import worker


@shared_task(name="sessions.tasks.poke", ignore_result=True)  # type: ignore[untyped-decorator]
def poke(session_id: str | None = None) -> None:
    """Make this process's engine look at a session now (at all of them without one), and return at once."""
    worker.poke(session_id)


@shared_task(name="sessions.tasks.keep_house", ignore_result=True)  # type: ignore[untyped-decorator]
def keep_house() -> dict[str, int]:
    """The chores, from Celery beat."""
    return housekeeping.keep_house()
