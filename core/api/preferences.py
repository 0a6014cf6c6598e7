"""`Prefer: wait=N` (RFC 7240): hold the answer back until the work is done, for at most N seconds."""

import re

from rest_framework.request import Request
from rest_framework.response import Response

MAX_WAIT_SECONDS = 60

_WAIT = re.compile(r"(?:^|[,;\s])wait\s*=\s*\"?(\d{1,6})\"?(?=$|[,;\s])", re.IGNORECASE)


def preferred_wait(request: Request, default: int = 0) -> int:
    """The seconds the caller would wait, at most 60; a preference that cannot be read is ignored, as the RFC says."""
    found = _WAIT.search(request.headers.get("Prefer", ""))
    return min(int(found[1]), MAX_WAIT_SECONDS) if found else default


def say_applied(response: Response, seconds: int) -> None:
    """Tell the caller that the preference was heard."""
    if seconds:
        response["Preference-Applied"] = f"wait={seconds}"
