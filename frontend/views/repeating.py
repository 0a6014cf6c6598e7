"""The pages and buttons that repeat a session: retry, re-run from a task, fork."""

import hashlib
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from agents.selectors import assignable_agents
from core.errors import Forbidden, NotFound, OrchestratorError
from frontend.place import access_of
from frontend.presenters.repeating import (
    RepeatForm,
    fork_form_of,
    present_outlook,
    read_fork_form,
    read_rerun_form,
    rerun_form_of,
)
from frontend.views.doors import attempt, page
from sessions.lineage import share_of_rerun
from sessions.models import AgentSession
from sessions.selectors import past_of, session_for
from sessions.services import Submission, fork_session, rerun_session, retry_session
from sessions.states import TaskStatus
from workspaces.states import Role


@require_POST
@page
def session_retry(request: HttpRequest, session_id: UUID) -> HttpResponse:
    made = attempt(request, lambda: retry_session(**_call(request, session_id)))
    return redirect("session", made.session.id if made else session_id)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def session_rerun(request: HttpRequest, session_id: UUID, task_id: UUID) -> HttpResponse:
    session = _session(request, session_id)
    past = past_of(session)
    task = past.named(str(task_id))
    if task is None:
        raise NotFound("There is no such task in this session.")
    form = read_rerun_form(request.POST) if request.method == "POST" else rerun_form_of(task)
    if request.method == "POST":
        order = form.to_order(task)
        made = _made(form, lambda: rerun_session(**_call(request, session_id), rerun=order))
        if made:
            return redirect("session", made.session.id)
    share = share_of_rerun(past.values(), str(task.id), reuse_steps=form.reuse_steps)
    context = {
        "session": session,
        "task": task,
        "form": form,
        "outlook": present_outlook(past, share),
        "agents": list(assignable_agents(session.project_id)),
    }
    return render(request, "frontend/rerun.html", context, status=400 if form.problems else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def session_fork(request: HttpRequest, session_id: UUID) -> HttpResponse:
    session = _session(request, session_id)
    past = past_of(session)
    form = fork_form_of(session, request.GET.get("at", ""))
    if request.method == "POST":
        form = read_fork_form(request.POST)
        order = form.to_order()
        made = _made(form, lambda: fork_session(**_call(request, session_id), fork=order))
        if made:
            return redirect("session", made.session.id)
    done = [task for task in past.tasks if task.status == TaskStatus.COMPLETED]
    known = {str(task.id) for task in done}
    context: dict[str, Any] = {
        "session": session,
        "form": form,
        "points": done,
        "event": form.at if form.at not in known else "",
    }
    return render(request, "frontend/fork.html", context, status=400 if form.problems else 200)


def _call(request: HttpRequest, session_id: UUID) -> dict[str, Any]:
    """Who asks, of which session; a form that is sent twice as it is counts once."""
    said = sorted((name, value) for name, value in request.POST.items() if name != "csrfmiddlewaretoken")
    key = hashlib.sha256(repr(said).encode()).hexdigest() if request.POST.get("once") else None
    return {"access": access_of(request), "session_id": session_id, "idempotency_key": key}


def _session(request: HttpRequest, session_id: UUID) -> AgentSession:
    """Raises: SessionNotFound; Forbidden for those who may only look."""
    access = access_of(request)
    session = session_for(access, session_id)
    access.require(session.workspace_id, Role.MEMBER)
    return session


def _made(form: RepeatForm, action: Callable[[], Submission]) -> Submission | None:
    """The new session, or None and the form says why not."""
    if form.problems:
        return None
    try:
        return action()
    except (NotFound, Forbidden):
        raise
    except OrchestratorError as error:
        form.add_error(error, ("input_data", "description", "agent", "at", "task_description", "context"))
        return None
