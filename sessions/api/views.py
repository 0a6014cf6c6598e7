"""Doors to sessions: lists, details, commands."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.preferences import preferred_wait, say_applied
from core.waiting import wait_until
from sessions import selectors, services
from sessions.api.filters import SessionFilter
from sessions.api.serializers import (
    CommandAccepted,
    CommandShape,
    ExecutionShape,
    GraphShape,
    MessageShape,
    SessionShape,
    SessionSummary,
    TaskShape,
)
from sessions.api.specs import CommandSpec, SessionSpec
from sessions.api.starting import IDEMPOTENCY_KEY, PREFER, STARTED, StartSession, dedupe_key
from sessions.models import AgentSession, SessionCommand
from sessions.request_json import read_reason
from sessions.states import CommandKind
from workspaces.api.access import AccessMixin


class Sessions(StartSession, ListAPIView[AgentSession]):
    filterset_class = SessionFilter

    def get_serializer_class(self) -> Any:
        return SessionSpec if self.request.method == "POST" else SessionSummary

    def get_queryset(self) -> QuerySet[AgentSession]:
        return selectors.listed_sessions(self.access)

    @extend_schema(operation_id="sessions_list", responses=SessionSummary(many=True))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The sessions of the caller's workspaces, newest first (`children=true`: also those that agents started)."""
        return self.list(request)

    @extend_schema(
        operation_id="sessions_create",
        request=SessionSpec,
        parameters=[IDEMPOTENCY_KEY, PREFER],
        responses=STARTED,
        filters=False,
    )
    def post(self, request: Request) -> Response:
        """Starts a session: agents work at a goal."""
        return self.start(request)


class OneSession(AccessMixin, GenericAPIView[Any]):
    serializer_class = SessionShape

    @extend_schema(operation_id="session")
    def get(self, request: Request, session_id: UUID) -> Response:
        """The session with its tasks and, when it has ended, its result."""
        return Response(SessionShape(selectors.session_detail(self.access, session_id)).data)


class OfSession(AccessMixin, ListAPIView[Any]):
    """A list of things of one session."""

    filter_backends: list[Any] = []

    @property
    def session_id(self) -> UUID:
        found: UUID = self.kwargs["session_id"]
        return found


class SessionTasks(OfSession):
    """The tasks of the session, in its order."""

    serializer_class = TaskShape

    def get_queryset(self) -> Any:
        return selectors.tasks(self.access, self.session_id)


class SessionChildren(OfSession):
    """The sessions that agents of this one have started, oldest first."""

    serializer_class = SessionSummary

    def get_queryset(self) -> Any:
        return selectors.children(self.access, self.session_id)


class SessionExecutions(OfSession):
    """Every attempt at every task of the session, oldest first."""

    serializer_class = ExecutionShape

    def get_queryset(self) -> Any:
        return selectors.executions(self.access, self.session_id)


class SessionMessages(OfSession):
    """What the agents of the session said to each other, oldest first."""

    serializer_class = MessageShape

    def get_queryset(self) -> Any:
        return selectors.messages(self.access, self.session_id)


class SessionCommands(OfSession):
    """What was asked of the session, by whom, and what came of it; oldest first."""

    serializer_class = CommandShape

    def get_queryset(self) -> Any:
        return selectors.commands(self.access, self.session_id)


class SessionGraph(AccessMixin, GenericAPIView[Any]):
    serializer_class = GraphShape

    @extend_schema(operation_id="session_graph")
    def get(self, request: Request, session_id: UUID) -> Response:
        """The session as a graph: tasks with their level, what waits for what, who wrote to whom."""
        return Response(selectors.graph(self.access, session_id))


class Commanding(AccessMixin, GenericAPIView[Any]):
    """A door that asks something of a session's runner."""

    serializer_class = CommandSpec
    has_own_keys = True
    kind: CommandKind

    def ask(self, request: Request, session_id: UUID) -> Response:
        command = services.request_command(
            access=self.access,
            session_id=session_id,
            kind=self.kind,
            reason=read_reason(request.data or {}),
            dedupe_key=dedupe_key(request, self.kind),
        )
        wait = preferred_wait(request)
        applied = wait > 0 and wait_until(lambda: selectors.is_applied(command.pk), wait)
        response = self._told(session_id, command.pk)
        response.status_code = status.HTTP_200_OK if applied else status.HTTP_202_ACCEPTED
        say_applied(response, wait)
        return response

    def _told(self, session_id: UUID, command_id: int) -> Response:
        command: SessionCommand = selectors.commands(self.access, session_id).get(pk=command_id)
        session = selectors.session_for(self.access, session_id)
        return Response({**CommandShape(command).data, "status": session.status})


COMMANDED = {200: CommandAccepted, 202: CommandAccepted}


class Cancel(Commanding):
    kind = CommandKind.CANCEL

    @extend_schema(operation_id="session_cancel", parameters=[IDEMPOTENCY_KEY, PREFER], responses=COMMANDED)
    def post(self, request: Request, session_id: UUID) -> Response:
        """Asks for the end of the session: what is finished stays, what runs is stopped. Asked twice it counts once."""
        return self.ask(request, session_id)


class Pause(Commanding):
    kind = CommandKind.PAUSE

    @extend_schema(operation_id="session_pause", parameters=[IDEMPOTENCY_KEY, PREFER], responses=COMMANDED)
    def post(self, request: Request, session_id: UUID) -> Response:
        """Asks that nothing new is started until the session is resumed."""
        return self.ask(request, session_id)


class Resume(Commanding):
    kind = CommandKind.RESUME

    @extend_schema(operation_id="session_resume", parameters=[IDEMPOTENCY_KEY, PREFER], responses=COMMANDED)
    def post(self, request: Request, session_id: UUID) -> Response:
        """Asks that a paused session goes on."""
        return self.ask(request, session_id)
