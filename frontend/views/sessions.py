"""Sessions: list, the live page of one, and the buttons on it."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from agents.selectors import visible_in_project
from core.clock import SYSTEM_CLOCK
from frontend.place import access_of, place_of
from frontend.presenters.answers import present_answer
from frontend.presenters.lineage import present_lineage, present_reuse
from frontend.presenters.sessions import (
    agent_json,
    present_activity,
    present_event,
    present_figures,
    present_message,
    present_task,
    snapshot,
)
from frontend.views.doors import attempt, page, paginate
from frontend.views.forms import optional_uuid
from sessions.selectors import (
    SessionDetail,
    events_page,
    listed_sessions,
    messages,
    relatives,
    session_detail,
    taken_over,
)
from sessions.selectors.waiting import reasons_of_tasks
from sessions.services import request_command
from sessions.states import CommandKind, ExecutionMode, SessionOrigin, SessionStatus
from workspaces.states import Role

FILTERS = ("q", "status", "mode", "origin", "project", "mine", "parent", "children")
LOG_LINES = 300
MESSAGES = 300
DONE = {
    CommandKind.PAUSE: "Pausing: nothing new is started.",
    CommandKind.RESUME: "Going on.",
    CommandKind.CANCEL: "Cancelling: running tasks are stopped.",
}


@require_safe
@page
def session_list(request: HttpRequest) -> HttpResponse:
    place = place_of(request)
    filters = {name: request.GET.get(name, "").strip() for name in FILTERS}
    rows = listed_sessions(place.access).order_by("-created_at", "-id")
    if parent_id := optional_uuid(filters["parent"]):
        rows = rows.filter(parent_session_id=parent_id)
    elif not filters["children"] and filters["origin"] != SessionOrigin.CHILD:
        rows = rows.filter(parent_session__isnull=True)
    if filters["q"]:
        rows = rows.filter(task_description__icontains=filters["q"])
    if filters["status"] in set(SessionStatus):
        rows = rows.filter(status=filters["status"])
    if filters["mode"] in set(ExecutionMode):
        rows = rows.filter(execution_mode=filters["mode"])
    if filters["origin"] in set(SessionOrigin):
        rows = rows.filter(origin=filters["origin"])
    if project_id := optional_uuid(filters["project"]):
        rows = rows.filter(project_id=project_id)
    if filters["mine"] and place.access.user_id is not None:
        rows = rows.filter(user_id=place.access.user_id)
    context = {
        "listed": paginate(request, rows),
        "filters": {**filters, "any": any(filters.values())},
        "statuses": list(SessionStatus),
        "modes": list(ExecutionMode),
        "origins": list(SessionOrigin),
    }
    return render(request, "frontend/sessions.html", context)


@require_safe
@page
def session_page(request: HttpRequest, session_id: UUID) -> HttpResponse:
    access = access_of(request)
    detail = session_detail(access, session_id)
    context = {**_context(request, detail), "may_command": access.may(detail.session.workspace_id, Role.MEMBER)}
    return render(request, "frontend/session.html", context)


@require_POST
@page
def session_command(request: HttpRequest, session_id: UUID, kind: CommandKind) -> HttpResponse:
    """Pause, resume or cancel; applied by the session's runner soon after. The page's script gets a 204."""
    attempt(
        request, lambda: request_command(access=access_of(request), session_id=session_id, kind=kind), done=DONE[kind]
    )
    return HttpResponse(status=204) if _by_script(request) else redirect("session", session_id)


def _by_script(request: HttpRequest) -> bool:
    return request.headers.get("X-Requested-With") == "fetch"


def _context(request: HttpRequest, detail: SessionDetail) -> dict[str, Any]:
    """The events are read first up to `last_seq` of the session row: what comes later arrives by the stream."""
    session, tasks, now = detail.session, detail.tasks, SYSTEM_CLOCK.now()
    agents = {str(agent.id): agent_json(agent) for agent in visible_in_project(session.project_id)}
    said = list(messages(access_of(request), session.id).reverse()[:MESSAGES])[::-1]
    events = events_page(session.id, max(0, session.last_seq - LOG_LINES), LOG_LINES)
    reused = taken_over(tasks)
    waits = {key: reason.message for key, reason in reasons_of_tasks(tasks).items()} if session.is_live else {}
    names = {**{key: agent["name"] for key, agent in agents.items()}, **{str(task.id): task.name for task in tasks}}
    return {
        "session": session,
        "tasks": [
            present_task(task, now, names, present_reuse(task, reused), waits.get(task.pk, "")) for task in tasks
        ],
        "child_count": detail.json["child_count"],
        "lineage": present_lineage(session, tasks, relatives(access_of(request), session)),
        "message_rows": [present_message(message) for message in said],
        "log": [present_event(event, names) for event in events if event.seq <= session.last_seq],
        "figures": present_figures(session, tasks, len(said), now),
        "answer": present_answer(session.result, activity=present_activity(tasks)),
        "snapshot": snapshot(session, tasks, agents, now),
    }
