"""The tasks of the Celery worker that is measured; the environment names its broker."""

import os
from typing import Any

from celery import Celery

PREFIX = os.environ["BENCH_PREFIX"]

app = Celery("bench", broker=os.environ["BENCH_REDIS"], backend=os.environ["BENCH_REDIS"])
app.conf.update(
    broker_transport_options={"global_keyprefix": PREFIX},
    result_backend_transport_options={"global_keyprefix": PREFIX},
    result_expires=600,
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
)


@app.task
def work(*_: Any) -> str:
    return "done"
