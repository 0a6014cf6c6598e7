"""Doors to tasks."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.preferences import MAX_WAIT_SECONDS, preferred_wait, say_applied
from sessions import selectors, services
from sessions.api.filters import TaskFilter
from sessions.api.serializers import TaskShape
from sessions.api.specs import SingleTaskSpec
from sessions.api.starting import IDEMPOTENCY_KEY, PREFER, REFUSED_FOR_NOW, idempotency_key, wait_for_end
from sessions.models import AgentTask
from sessions.request_json import read_single_task
from workspaces.api.access import AccessMixin
from workspaces.selectors import project_for


class Tasks(AccessMixin, ListAPIView[AgentTask]):
    filterset_class = TaskFilter
    has_own_keys = True

    def get_serializer_class(self) -> Any:
        return SingleTaskSpec if self.request.method == "POST" else TaskShape

    def get_queryset(self) -> QuerySet[AgentTask]:
        return selectors.visible_tasks(self.access)

    @extend_schema(operation_id="tasks_list", responses=TaskShape(many=True))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The tasks of all sessions of the caller's workspaces, newest first."""
        return self.list(request)

    @extend_schema(
        operation_id="tasks_create",
        request=SingleTaskSpec,
        parameters=[IDEMPOTENCY_KEY],
        responses={201: TaskShape, **REFUSED_FOR_NOW},
        filters=False,
    )
    def post(self, request: Request) -> Response:
        """Makes a task alone, in a session of its own. It starts when it is executed, or now with `auto_execute`."""
        asked, starts = read_single_task(request.data, idempotency_key=idempotency_key(request))
        project = project_for(access=self.access, project_id=asked.project_id)
        made = services.submit_task(access=self.access, project=project, request=asked, starts=starts)
        task = selectors.tasks(self.access, made.session.id)[0]
        replayed = {"Idempotency-Replayed": "true"} if made.is_replay else {}
        return Response(TaskShape(task).data, status=status.HTTP_201_CREATED, headers=replayed)


class OneTask(AccessMixin, GenericAPIView[Any]):
    serializer_class = TaskShape

    @extend_schema(operation_id="task")
    def get(self, request: Request, task_id: UUID) -> Response:
        """The task, its latest attempt and its result."""
        return Response(TaskShape(selectors.task_for(self.access, task_id)).data)

    @extend_schema(operation_id="task_cancel", responses={202: TaskShape})
    def delete(self, request: Request, task_id: UUID) -> Response:
        """Asks for the end of a task that was made alone; one of several ends with its session."""
        task = services.cancel_task(access=self.access, task_id=task_id)
        return Response(TaskShape(task).data, status=status.HTTP_202_ACCEPTED)


class ExecuteTask(AccessMixin, GenericAPIView[Any]):
    serializer_class = TaskShape

    @extend_schema(
        operation_id="task_execute",
        request=None,
        parameters=[PREFER],
        responses={
            200: OpenApiResponse(TaskShape, description="It ended; `result` or `error` says how."),
            202: OpenApiResponse(TaskShape, description="It still runs."),
        },
    )
    def post(self, request: Request, task_id: UUID) -> Response:
        """Starts a task that was made alone and waits for its end: 60 seconds, or as `Prefer: wait=N` says."""
        task = services.execute_task(access=self.access, task_id=task_id)
        wait = preferred_wait(request, default=MAX_WAIT_SECONDS)
        ended = wait_for_end(task.session_id, wait)
        shown = TaskShape(selectors.task_for(self.access, task_id)).data
        response = Response(shown, status=status.HTTP_200_OK if ended else status.HTTP_202_ACCEPTED)
        say_applied(response, wait if "Prefer" in request.headers else 0)
        return response
