"""Settings of `workspaces`, with their units."""

from collections.abc import Sequence
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network

from django.conf import settings

TICKET_LIFETIME = timedelta(seconds=60)
KEY_USE_RESOLUTION = timedelta(minutes=1)
LOGIN_WINDOW_SECONDS = 300
LOGIN_FAILURES_OF_NAME = 10
LOGIN_FAILURES_OF_ADDRESS = 50
MAX_IDEMPOTENCY_KEY_CHARACTERS = 200
ANSWERS_KEPT = timedelta(hours=24)
LONGEST_REQUEST = timedelta(minutes=2)
"""A call that has not answered by then was lost with its process: one with the same key may take its place."""


def max_concurrent_executions() -> int:
    """Running agents a new workspace may have at once."""
    return int(settings.AGENT_MAX_CONCURRENCY)


def status_allowed_addresses() -> Sequence[IPv4Network | IPv6Network]:
    """Who may see how the server fares without saying who they are."""
    return list(settings.STATUS_ALLOWED_ADDRESSES)
