"""Figures and settings of the streams."""

from pathlib import Path

from django.conf import settings

HEARTBEAT_SECONDS = 15.0
SAFETY_POLL_SECONDS = 2.0
LINGER_SECONDS = 30.0  # how long a socket stays open after the last event of its session
SLOW_CLIENT_BYTES = 1024 * 1024  # unsent bytes from which a client is waited for
SLOW_CLIENT_SECONDS = 10.0  # how long it is waited for before it is dropped
ACCESS_SECONDS = 60.0  # how often a stream asks whether its caller may still see the session
TAIL_SECONDS = 5.0  # how long a tail outlives its last follower, who may only be reconnecting
PAGE_EVENTS = 500
PAGE_BYTES = 512 * 1024  # a page of large events ends early
RING_EVENTS = 2000
RING_BYTES = 4 * 1024 * 1024
HINT_FRAME_BYTES = 8 * 1024  # events of a session that travel with a hint, at most
DASHBOARD_SECONDS = 0.3  # changes of the dashboard are collected this long


def data_dir() -> Path:
    """The folder of the database and the files; doorbell sockets live in it."""
    return Path(settings.DATA_DIR)


def redis_url() -> str:
    """Empty in the embedded runtime."""
    return str(settings.REDIS_URL)
