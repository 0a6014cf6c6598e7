"""structlog over the standard logging: one line an event, ids as fields, no secrets."""

import logging
import time
from typing import Any

from orchestrator_site.lean import without

with without("rich", "twisted"):  # for its console and for Twisted's log, which we do not use
    import structlog


class OnceAMinute(logging.Filter):
    """For a library that logs the same trouble each second: one line a minute, without its traceback."""

    def __init__(self) -> None:
        super().__init__()
        self._said_at = -60.0

    def filter(self, record: logging.LogRecord) -> bool:
        if time.monotonic() - self._said_at < 60:
            return False
        self._said_at = time.monotonic()
        if record.exc_info and record.exc_info[1]:
            record.msg, record.args = f"{record.getMessage()}: {record.exc_info[1]}", ()
            record.exc_info = None
        return True


def configure_logging(level: str) -> None:
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
            ],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for noisy in (
        "daphne.cli",
        "daphne.server",
        "daphne.ws_protocol",
        "daphne.http_protocol",
        "django.channels.server",
        "httpx",
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    logging.getLogger("channels_redis.pubsub").addFilter(OnceAMinute())  # while Redis is away
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
