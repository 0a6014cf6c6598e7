"""Doors through which work is started."""

import hashlib
from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.preferences import preferred_wait, say_applied
from core.waiting import wait_until
from sessions import selectors, services
from sessions.api.serializers import Accepted, SessionShape
from sessions.api.specs import AgentTaskSpec, SessionSpec
from sessions.models import AgentSession
from sessions.request_json import read_agent_task, read_session_request
from sessions.services import Submission
from sessions.streaming.listening import news_of_end
from workspaces.api.access import AccessMixin
from workspaces.selectors import project_for

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The same key with the same body answers the same session again; with another body 409.",
)
PREFER = OpenApiParameter(
    "Prefer",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="`wait=N` holds the answer back until the work is done, for at most N (60) seconds.",
)
_ERROR = {"$ref": "#/components/schemas/Error"}
REFUSED_FOR_NOW = {
    429: OpenApiResponse(
        _ERROR,
        description="The workspace starts too many sessions a minute, or has too many waiting. Try again after "
        "`Retry-After` seconds.",
    ),
    503: OpenApiResponse(
        _ERROR, description="Too many sessions wait on this server. Try again after `Retry-After` seconds."
    ),
}
STARTED: dict[Any, Any] = {
    **REFUSED_FOR_NOW,
    200: OpenApiResponse(SessionShape, description="It ended while the call waited."),
    202: OpenApiResponse(Accepted, description="It was accepted and runs."),
}


def idempotency_key(request: Request) -> str | None:
    return request.headers.get("Idempotency-Key")


def dedupe_key(request: Request, verb: str) -> str | None:
    """The caller's idempotency key as a command's: short, and not the same for another verb."""
    key = idempotency_key(request)
    return None if key is None else f"{verb}:{hashlib.sha256(key.encode()).hexdigest()}"


def links(request: Request, session_id: UUID) -> dict[str, str]:
    """Where the session can be followed."""
    own = request.build_absolute_uri(f"/api/v1/sessions/{session_id}")
    site = request.build_absolute_uri("/").rstrip("/")
    return {
        "self": own,
        "events": f"{own}/events",
        "stream": f"{own}/stream",
        "websocket": f"{site.replace('http', 'ws', 1)}/ws/sessions/{session_id}",
        "page": f"{site}/sessions/{session_id}",
    }


def wait_for_end(session_id: UUID, seconds: float) -> bool:
    """Whether the session has ended, within so many seconds."""
    return wait_until(lambda: selectors.has_ended(session_id), seconds, news_of_end(session_id))


class Starting(AccessMixin, GenericAPIView[Any]):
    """A door that starts a session and says where it can be followed, or waits for its end."""

    has_own_keys = True

    def answer(self, submission: Submission) -> Response:
        session = submission.session
        wait = preferred_wait(self.request)
        ended = wait > 0 and wait_for_end(session.id, wait)
        response = self._ended(session) if ended else self._accepted(session)
        say_applied(response, wait)
        if submission.is_replay:
            response["Idempotency-Replayed"] = "true"
        return response

    def _ended(self, session: AgentSession) -> Response:
        return Response(SessionShape(selectors.session_detail(self.access, session.id)).data)

    def _accepted(self, session: AgentSession) -> Response:
        where = links(self.request, session.id)
        body = {"id": str(session.id), "session_id": str(session.id), "status": session.status, "links": where}
        return Response(body, status=status.HTTP_202_ACCEPTED, headers={"Location": where["self"]})


class StartSession(Starting):
    """`POST /sessions` and `POST /agents/execute`."""

    serializer_class = SessionSpec

    def start(self, request: Request) -> Response:
        asked = read_session_request(request.data, idempotency_key=idempotency_key(request))
        project = project_for(access=self.access, project_id=asked.project_id)
        return self.answer(services.submit_session(access=self.access, project=project, request=asked))


class Execute(StartSession):
    @extend_schema(operation_id="agents_execute", parameters=[IDEMPOTENCY_KEY, PREFER], responses=STARTED)
    def post(self, request: Request) -> Response:
        """Starts a session: agents work at a goal. The same as `POST /sessions`."""
        return self.start(request)


class ExecuteAgent(Starting):
    serializer_class = AgentTaskSpec

    @extend_schema(operation_id="agent_execute", parameters=[IDEMPOTENCY_KEY, PREFER], responses=STARTED)
    def post(self, request: Request, agent_id: UUID) -> Response:
        """Starts a session of one task for this agent."""
        asked = read_agent_task(request.data, agent=str(agent_id), idempotency_key=idempotency_key(request))
        return self.answer(services.submit_for_agent(access=self.access, agent_id=agent_id, request=asked))
