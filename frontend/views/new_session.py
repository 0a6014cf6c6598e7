"""Starting a session: goal, documents, agents with their configuration, mode, time limit."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from agents.models import Agent
from agents.selectors import assignable_agents
from core.errors import OrchestratorError
from documents.models import Document
from documents.selectors import visible_collections, visible_documents
from documents.states import DocumentStatus
from frontend.place import Place, place_of
from frontend.presenters.schemas import Field, fields_of, read_fields
from frontend.presenters.session_form import MODES, SessionForm, form_like, read_form
from frontend.views.documents import upload_files, upload_result
from frontend.views.doors import page
from frontend.views.forms import optional_uuid
from sessions.selectors import session_detail
from sessions.services import create_session
from workspaces.states import Role

DOCUMENTS = 300
# What people name first in a chain: who finds, who writes, who checks.
ORDER = ("planning", "research", "synthesis", "validation")


@require_http_methods(["GET", "HEAD", "POST"])
@page
def session_new(request: HttpRequest) -> HttpResponse:
    place = place_of(request)
    place.access.require(place.here.workspace_id, Role.MEMBER)
    agents = sorted(assignable_agents(place.here.id), key=_rank)
    fields = {str(agent.id): _fields(agent) for agent in agents}
    if request.method != "POST":
        form = _first_form(request, place)
        if not form.agents:
            form.agents = [str(agent.id) for agent in agents if agent.definition.slug in ORDER[1:]]
        return _render(request, place, form, agents, fields)
    form = read_form(request.POST)
    results = _upload(request, place, form)
    fields, configuration = _read_configuration(request, form, fields)
    wanted = form.to_request(configuration)
    if not form.problems and not any(result["error"] for result in results):
        try:
            session = create_session(access=place.access, project=place.here, request=wanted)
        except OrchestratorError as error:
            form.add_error(error, {str(agent.id): agent.name for agent in agents})
        else:
            return redirect("session", session.id)
    return _render(request, place, form, agents, fields, results)


def _rank(agent: Agent) -> tuple[int, str]:
    slug = agent.definition.slug
    return (ORDER.index(slug) if slug in ORDER else len(ORDER), agent.name)


def _fields(agent: Agent) -> list[Field]:
    return fields_of(agent.definition.config_schema, agent.configuration, prefix=f"config-{agent.id}-")


def _first_form(request: HttpRequest, place: Place) -> SessionForm:
    """Empty, or like an earlier session (`?like=`), or with documents chosen (`?document=`)."""
    if like := optional_uuid(request.GET.get("like")):
        detail = session_detail(place.access, like)
        named = [task.agent_id for task in detail.tasks if task.agent_id]
        return form_like(detail.session, list(dict.fromkeys(named)))
    return SessionForm(goal=request.GET.get("goal", ""), documents=request.GET.getlist("document"))


def _upload(request: HttpRequest, place: Place, form: SessionForm) -> list[dict[str, str]]:
    """Files sent with the form itself (a browser without scripts): the good ones are chosen at once."""
    if not request.FILES:
        return []
    results = [upload_result(row) for row in upload_files(request, place)]
    form.documents = [*form.documents, *(result["id"] for result in results if not result["error"])]
    if any(result["error"] for result in results):
        form.add("documents", "Some files cannot be used; start the session without them, or add better ones.")
    return results


def _read_configuration(
    request: HttpRequest, form: SessionForm, fields: Mapping[str, list[Field]]
) -> tuple[dict[str, list[Field]], dict[str, dict[str, Any]]]:
    posted = request.POST.dict()
    shown, configuration = {}, {}
    for agent_id, before in fields.items():
        chosen = form.who == "agents" and agent_id in form.agents
        shown[agent_id], changed = read_fields(before, posted)
        if chosen and changed:
            configuration[agent_id] = changed
        if chosen and any(entry.error for entry in shown[agent_id]):
            form.add("", "A value in the configuration of an agent cannot be read; see there.")
    return shown, configuration


def _render(
    request: HttpRequest,
    place: Place,
    form: SessionForm,
    agents: Sequence[Agent],
    fields: Mapping[str, list[Field]],
    results: Sequence[Mapping[str, str]] = (),
) -> HttpResponse:
    documents, more = _documents(place, form)
    context = {
        "form": form,
        "modes": MODES,
        "agents": [_agent_choice(agent, form, fields[str(agent.id)]) for agent in agents],
        "documents": documents,
        "more_documents": more,
        "collections": list(visible_collections(workspace_ids=[place.here.workspace_id]).filter(project=place.here)),
        "upload_results": results,
        "max_upload_bytes": settings.MAX_UPLOAD_BYTES,
    }
    return render(request, "frontend/session_new.html", context, status=400 if form.problems else 200)


def _agent_choice(agent: Agent, form: SessionForm, fields: Sequence[Field]) -> dict[str, Any]:
    faults = [
        sentence
        for path, sentences in form.problems.items()
        if path.startswith(f"agent_configuration.{agent.id}")
        for sentence in sentences
    ]
    return {
        "id": str(agent.id),
        "name": agent.name,
        "description": agent.description or agent.definition.description,
        "definition": agent.definition.slug,
        "chosen": str(agent.id) in form.agents,
        "fields": fields,
        "faults": faults,
        "has_errors": bool(faults) or any(entry.error for entry in fields),
    }


def _documents(place: Place, form: SessionForm) -> tuple[list[dict[str, Any]], bool]:
    """The latest documents of the project, those already chosen first."""
    rows = visible_documents(workspace_ids=[place.here.workspace_id]).filter(project=place.here)
    rows = rows.exclude(status=DocumentStatus.FAILED)
    latest = list(rows[: DOCUMENTS + 1])
    chosen_ids = [found for text in form.documents if (found := optional_uuid(text))]
    missing = set(chosen_ids) - {row.id for row in latest}
    if missing:
        latest = [*rows.filter(id__in=missing), *latest]
    shown = latest[: DOCUMENTS + len(missing)]
    shown.sort(key=lambda row: row.id not in set(chosen_ids))
    return [_document_choice(row, row.id in set(chosen_ids)) for row in shown], len(latest) > len(shown)


def _document_choice(row: Document, chosen: bool) -> dict[str, Any]:
    return {
        "id": row.id,
        "title": row.title,
        "status": str(row.status),
        "media_type": row.media_type,
        "chosen": chosen,
    }
