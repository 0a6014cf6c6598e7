"""The worker process of `manage.py serve`: an ordinary Celery worker, without Celery's command line (it weighs 8 MiB).

What stays out of it (gossip, mingle, heartbeat) is for workers that watch each other; ours meet in the database.
"""

import sys

from orchestrator_site.lean import loading

with loading():
    from orchestrator_site.celery import app


def main() -> None:
    with loading():  # Django and the tasks
        worker = app.Worker(
            pool_cls="threads",
            concurrency=4,
            loglevel="WARNING",
            quiet=True,
            without_gossip=True,
            without_mingle=True,
            without_heartbeat=True,
        )
    worker.start()
    sys.exit(worker.exitcode)


if __name__ == "__main__":
    main()
