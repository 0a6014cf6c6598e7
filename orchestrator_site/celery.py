"""The Celery application; a worker process also hosts the engine (see `sessions.worker`)."""

import os
import threading
from typing import Any

from celery import Celery
from celery.signals import celeryd_after_setup, worker_shutdown, worker_shutting_down

from orchestrator_site import interpreter

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator_site.settings")

app = Celery("orchestrator_site")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.set_default()  # threads that ring by name find this application too

_stopper: list[threading.Thread] = []


@celeryd_after_setup.connect  # type: ignore[untyped-decorator]
def start_engine(**_: Any) -> None:
    """Before the broker is reached: the database is the queue, so a worker works while Redis is away."""
    from sessions.worker import worker  # the apps are loaded by now, and were not when this module was imported

    worker.start()
    interpreter.settle()


@worker_shutting_down.connect  # type: ignore[untyped-decorator]
def stop_engine(**_: Any) -> None:
    """Runs inside the signal handler: the work itself is done in a thread, and waited for at the end."""
    from sessions.worker import worker

    if not _stopper:
        _stopper.append(threading.Thread(target=worker.stop, name="engine-stopper"))
        _stopper[0].start()


@worker_shutdown.connect  # type: ignore[untyped-decorator]
def wait_for_engine(**_: Any) -> None:
    stop_engine()
    _stopper[0].join()
