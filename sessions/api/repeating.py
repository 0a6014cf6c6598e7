"""Doors through which sessions are repeated: retry, re-run, fork; and how they descend from each other."""

from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from sessions import selectors, services
from sessions.api.serializers import LineageShape
from sessions.api.specs import ForkSpec, RerunSpec
from sessions.api.starting import IDEMPOTENCY_KEY, PREFER, STARTED, Starting, idempotency_key
from sessions.repeating import read_fork, read_nothing, read_rerun
from sessions.selectors.lineage import MAX_DESCENDANTS, PAGE
from workspaces.api.access import AccessMixin

LIMIT = OpenApiParameter("limit", OpenApiTypes.INT, description=f"1 to {MAX_DESCENDANTS}; default {PAGE}")
OFFSET = OpenApiParameter("offset", OpenApiTypes.INT, description="how many of the direct descendants to leave out")


class Retry(Starting):
    @extend_schema(operation_id="session_retry", request=None, parameters=[IDEMPOTENCY_KEY, PREFER], responses=STARTED)
    def post(self, request: Request, session_id: UUID) -> Response:
        """Starts a new session that goes on where a failed or cancelled one stopped."""
        read_nothing(request.data or {})
        key = idempotency_key(request)
        return self.answer(services.retry_session(access=self.access, session_id=session_id, idempotency_key=key))


class RerunFrom(Starting):
    serializer_class = RerunSpec

    @extend_schema(operation_id="session_rerun", parameters=[IDEMPOTENCY_KEY, PREFER], responses=STARTED)
    def post(self, request: Request, session_id: UUID) -> Response:
        """Starts a new session in which one task of a finished one, and all that builds on it, run again."""
        order, key = read_rerun(request.data), idempotency_key(request)
        made = services.rerun_session(access=self.access, session_id=session_id, rerun=order, idempotency_key=key)
        return self.answer(made)


class ForkAt(Starting):
    serializer_class = ForkSpec

    @extend_schema(operation_id="session_fork", parameters=[IDEMPOTENCY_KEY, PREFER], responses=STARTED)
    def post(self, request: Request, session_id: UUID) -> Response:
        """Starts a new session that leaves this one, finished or not, after a task or an event."""
        order, key = read_fork(request.data or {}), idempotency_key(request)
        made = services.fork_session(access=self.access, session_id=session_id, fork=order, idempotency_key=key)
        return self.answer(made)


class RetryTask(Starting):
    @extend_schema(operation_id="task_retry", request=None, parameters=[IDEMPOTENCY_KEY, PREFER], responses=STARTED)
    def post(self, request: Request, task_id: UUID) -> Response:
        """Retries the session of a task that failed, was cancelled or was skipped."""
        read_nothing(request.data or {})
        key = idempotency_key(request)
        return self.answer(services.retry_task(access=self.access, task_id=task_id, idempotency_key=key))


class SessionLineage(AccessMixin, GenericAPIView[Any]):
    serializer_class = LineageShape

    @extend_schema(operation_id="session_lineage", parameters=[LIMIT, OFFSET])
    def get(self, request: Request, session_id: UUID) -> Response:
        """The sessions this one comes from, and those made from it: retries, re-runs, forks and child sessions."""
        limit, offset = _number(request, "limit", PAGE), _number(request, "offset", 0)
        found = selectors.lineage(self.access, session_id, offset=offset, limit=limit)
        shown = {
            "session_id": str(session_id),
            "ancestors": [each.json() for each in found.ancestors],
            "tree": found.root.tree(),
            "limit": found.limit,
            "offset": found.offset,
            "next": _next(request, found),
        }
        return Response(shown)


def _number(request: Request, name: str, default: int) -> int:
    """What is no number counts as not given."""
    text = request.query_params.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else default


def _next(request: Request, found: selectors.Lineage) -> str | None:
    if not found.has_more:
        return None
    query = f"limit={found.limit}&offset={found.offset + len(found.root.descendants)}"
    return f"{request.build_absolute_uri(request.path)}?{query}"
