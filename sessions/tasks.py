"""Celery tasks: doors for other processes, called by name."""

from celery import shared_task
from django.conf import settings

from sessions import housekeeping
from sessions.placement.run import TASK_NAME
from sessions.streaming import conf
from sessions.worker import worker


@shared_task(name="sessions.tasks.poke", ignore_result=True)  # type: ignore[untyped-decorator]
def poke(session_id: str | None = None) -> None:
    """Make this process's engine look at a session now (at all of them without one), and return at once."""
    worker.poke(session_id)


@shared_task(name="sessions.tasks.poke_agents", ignore_result=True)  # type: ignore[untyped-decorator]
def poke_agents() -> None:
    """Make this process look at what is asked of agents now, and return at once."""
    worker.poke_agents()


@shared_task(name=TASK_NAME, ignore_result=True)  # type: ignore[untyped-decorator]
def run_placed(run_id: str) -> bool:
    """Run a placed agent on this worker, to its end."""
    from sessions.placement.serving import serve_run  # brings a Redis client, which only workers of queues need

    return serve_run(run_id, redis_url=conf.redis_url(), folder=settings.BASE_DIR)


@shared_task(name="sessions.tasks.keep_house", ignore_result=True)  # type: ignore[untyped-decorator]
def keep_house() -> dict[str, int]:
    """The chores, from Celery beat."""
    return housekeeping.keep_house()
