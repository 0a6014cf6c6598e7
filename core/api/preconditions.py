"""`ETag` and `If-Match` (RFC 9110, sections 8.8.3 and 13.1.1) for things that count their versions."""

import re

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from core.errors import Invalid
from core.versions import require_version

__all__ = ["IF_MATCH", "expected_version", "require_version", "set_etag"]

IF_MATCH = OpenApiParameter(
    "If-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description='The ETag of the version you change, like "3"; 412 when it has moved on. Without it: any version.',
)

_VERSION = re.compile(r'\s*(?:W/)?"(\d{1,18})"\s*|\s*(\d{1,18})\s*')


def set_etag(response: Response, version: int) -> Response:
    """The same answer, saying which version it shows."""
    response["ETag"] = f'"{version}"'
    return response


def expected_version(request: Request) -> int | None:
    """The version `If-Match` names; None without the header and for `*`, which any version matches.

    Raises: Invalid when it cannot be read.
    """
    given = request.headers.get("If-Match", "").strip()
    if given in ("", "*"):
        return None
    found = _VERSION.fullmatch(given)
    if found is None:
        raise Invalid(
            f'If-Match must be an ETag such as "3", and {given[:60]!r} is none. Take it from the answer to a GET.',
            code="invalid_precondition",
        )
    return int(found[1] or found[2])
