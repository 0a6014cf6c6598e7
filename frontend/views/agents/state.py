"""An agent's runtime state and its checkpoints."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from agents.models import Agent
from agents.selectors.checkpoints import checkpoint_of, checkpoints_of, schedule_of, with_size
from agents.services import (
    create_checkpoint,
    delete_checkpoint,
    replace_state,
    restore_checkpoint,
    schedule_checkpoints,
    unschedule_checkpoints,
)
from core.errors import OrchestratorError
from frontend.place import access_of
from frontend.presenters.differences import differences_of
from frontend.presenters.json_form import JsonForm, json_form_of, read_json_form
from frontend.views.agents.shell import agent_here, render_section
from frontend.views.doors import attempt, page, paginate
from frontend.views.once import once
from workspaces.states import Role

UNITS = {"seconds": 1, "minutes": 60, "hours": 3600}
LONGEST_NUMBER = 7  # digits


@require_safe
@page
def agent_state(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    agent = agent_here(request, agent_id, with_state=True)
    return _render(request, agent, json_form_of(agent.state, agent.state_version))


@require_POST
@page
def write(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    """Put what was typed in the place of the state; if another has written meanwhile, both are shown."""
    access = access_of(request)
    access.require(agent_here(request, agent_id).workspace_id, Role.OPERATOR)
    form = read_json_form(request.POST.dict())
    state = form.value()
    if state is not None:
        try:
            replace_state(access=access, agent_id=agent_id, state=state, expected_version=form.version)
        except OrchestratorError as error:
            present = agent_here(request, agent_id, with_state=True)
            form.refuse(error, present.state, present.state_version)
        else:
            messages.success(request, "The state is written.")
            return redirect("agent-state", agent_id)
    return _render(request, agent_here(request, agent_id), form)


@require_safe
@page
def checkpoint(request: HttpRequest, agent_id: UUID, number: int) -> HttpResponse:
    """One checkpoint, and what it differs in from the present state."""
    agent = agent_here(request, agent_id, with_state=True)
    kept = checkpoint_of(agent, number)
    context = {"checkpoint": kept, "differences": differences_of(agent.state, kept.state_data)}
    return render_section(request, agent, "agent-checkpoint", context)


@require_POST
@page
def keep(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    return once(request, lambda: _keep(request, agent_id))


def _keep(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    recoverable = "is_recoverable" in request.POST
    kept = attempt(
        request,
        lambda: create_checkpoint(access=access_of(request), agent_id=agent_id, is_recoverable=recoverable),
    )
    if kept is not None:
        messages.success(request, f"Checkpoint {kept.sequence_number} is kept.")
    return redirect("agent-state", agent_id)


@require_POST
@page
def restore(request: HttpRequest, agent_id: UUID, number: int) -> HttpResponse:
    """Only over the state that was looked at: `version` is its version."""
    seen = read_json_form(request.POST.dict()).version
    attempt(
        request,
        lambda: restore_checkpoint(
            access=access_of(request), agent_id=agent_id, sequence_number=number, expected_version=seen
        ),
        done=f"The state is that of checkpoint {number} again.",
    )
    return redirect("agent-state", agent_id)


@require_POST
@page
def delete(request: HttpRequest, agent_id: UUID, number: int) -> HttpResponse:
    attempt(
        request,
        lambda: delete_checkpoint(access=access_of(request), agent_id=agent_id, sequence_number=number),
        done=f"Checkpoint {number} is deleted.",
    )
    return redirect("agent-state", agent_id)


@require_POST
@page
def schedule(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    """Keep the state at an interval; what is no number is refused like one that is too small."""
    text = request.POST.get("interval", "").strip()
    is_number = text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER
    seconds = int(text) * UNITS.get(request.POST.get("unit", ""), 1) if is_number else 0
    attempt(
        request,
        lambda: schedule_checkpoints(access=access_of(request), agent_id=agent_id, interval_seconds=seconds),
        done="From now on its state is kept by itself.",
    )
    return redirect("agent-state", agent_id)


@require_POST
@page
def unschedule(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    attempt(
        request,
        lambda: unschedule_checkpoints(access=access_of(request), agent_id=agent_id),
        done="Its state is no longer kept by itself; the checkpoints stay.",
    )
    return redirect("agent-state", agent_id)


def _render(request: HttpRequest, agent: Agent, form: JsonForm) -> HttpResponse:
    context: dict[str, Any] = {
        "form": form,
        "listed": paginate(request, with_size(checkpoints_of(access_of(request), agent.id))),
        "schedule": schedule_of(agent),
        "units": UNITS,
    }
    return render_section(request, agent, "agent-state", context, status=form.status)
