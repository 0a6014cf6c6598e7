"""The door that says why a session does not go on."""

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from core.api.pagination import Page
from sessions import selectors
from sessions.api.serializers import WhyShape
from sessions.selectors.waiting import reason_shape, reasons_of_sessions, reasons_of_tasks, waiting_tasks
from workspaces.api.access import AccessMixin


class WhyPage(Page):
    """All that wait on one page, unless they are more than 200."""

    page_size = 200


class Why(AccessMixin, GenericAPIView[Any]):
    serializer_class = WhyShape
    pagination_class = WhyPage

    @extend_schema(operation_id="session_why", responses=WhyShape)
    def get(self, request: Request, session_id: UUID) -> Response:
        """Why the session does not go on, and why each of its tasks that neither runs nor has ended waits."""
        session = selectors.session_for(self.access, session_id)
        tasks = self.paginate_queryset(waiting_tasks(self.access, session_id)) or []
        reasons = reasons_of_tasks(tasks)
        shown = [
            {"task_id": task.pk, "name": task.name, "status": task.status, "reason": reason_shape(reasons[task.pk])}
            for task in tasks
            if task.pk in reasons
        ]
        page = self.get_paginated_response(shown)
        of_session = reasons_of_sessions([session]).get(session.pk)
        head = {"session_id": session.pk, "status": session.status, "session": reason_shape(of_session)}
        return Response({**head, **page.data})
