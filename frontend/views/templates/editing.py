"""Making, changing and importing templates."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from agents.selectors import definitions
from core.canonical import indented_json
from core.enums import AgentType
from core.errors import Conflict, Invalid, PayloadTooLarge, PreconditionFailed
from core.json_editor import as_problems
from frontend.place import access_of, place_of
from frontend.presenters.agent_templates import (
    TemplateForm,
    form_of_template,
    read_template_form,
    sentences_of,
    values_of_form,
)
from frontend.presenters.differences import differences_of
from frontend.presenters.typed import clean
from frontend.views.doors import page
from frontend.views.templates.shared import WRITERS, template_to_write
from templates_app import services
from templates_app.exchange import MAX_FILE_BYTES
from templates_app.models import AgentTemplate
from templates_app.selectors import problems_of_draft, version_at

NEEDED = ("name", "agent_type")  # nobody is told to fill these in before the form is sent
READABLE = (Conflict, Invalid, PayloadTooLarge)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def new(request: HttpRequest) -> HttpResponse:
    place = place_of(request)
    place.access.require(place.here.workspace_id, WRITERS)
    form = read_template_form(request.POST) if request.method == "POST" else _blank(request.GET.get("definition", ""))
    form.version = None
    if request.method == "POST":
        made = _saved(
            form,
            lambda: services.create_template(
                access=place.access,
                workspace_id=place.here.workspace_id,
                values=values_of_form(form),
                change_description=form.change_description,
            ),
        )
        if made is not None:
            messages.success(request, f"The template {made.name} is there.")
            return redirect("template", made.slug)
    return _render(request, form, title="New template")


@require_http_methods(["GET", "HEAD", "POST"])
@page
def edit(request: HttpRequest, slug: str) -> HttpResponse:
    """A template that somebody changed since the form was opened is not written over: both are shown."""
    template = template_to_write(request, slug)
    if template.is_built_in:
        messages.error(request, "A built-in template stays as it is. Copy it and change the copy.")
        return redirect("template", slug)
    if request.method != "POST":
        return _render(request, form_of_template(template), title=f"Edit {template.name}", template=template)
    form = read_template_form(request.POST)
    try:
        made = _saved(form, lambda: _update(request, template, form))
    except PreconditionFailed:
        return _conflict(request, template, form)
    if made is None:
        return _render(request, form, title=f"Edit {template.name}", template=template)
    said = "says that already" if made.version == template.version else f"is at version {made.version}"
    messages.success(request, f"The template {made.name} {said} now.")
    return redirect("template", made.slug)


def _blank(slug: str) -> TemplateForm:
    """An empty form; of a definition (`?definition=`) with what that knows."""
    row = next((row for row in definitions(enabled_only=True) if row.slug == slug), None) if slug else None
    if row is None:
        return TemplateForm()
    schema: dict[str, Any] = {"configuration_schema": indented_json(row.config_schema)} if row.config_schema else {}
    return TemplateForm(definition=row.slug, agent_type=row.agent_type, **schema)


def _update(request: HttpRequest, template: AgentTemplate, form: TemplateForm) -> AgentTemplate:
    return services.update_template(
        access=access_of(request),
        template_id=template.id,
        changes=form.values(),
        change_description=form.change_description,
        expected_version=form.version,
    )


def _saved(form: TemplateForm, save: Callable[[], AgentTemplate]) -> AgentTemplate | None:
    """What was saved; None when something is wrong, which the form then says."""
    form.values()
    if form.problems:
        return None
    try:
        return save()
    except READABLE as error:
        form.add_error(error)
        return None


def _conflict(request: HttpRequest, template: AgentTemplate, form: TemplateForm) -> HttpResponse:
    """Theirs and ours side by side; the form keeps ours, and saving it again puts it over theirs."""
    latest = version_at(template)
    ours = {**latest.snapshot, **form.values()}
    form.version = latest.version
    return _render(
        request,
        form,
        status=409,
        title=f"Edit {template.name}",
        template=template,
        conflict={"latest": latest, "differences": differences_of(latest.snapshot, ours)},
    )


def _render(request: HttpRequest, form: TemplateForm, *, status: int = 0, **context: Any) -> HttpResponse:
    shown = {"form": form, "definitions": definitions(enabled_only=True), "types": list(AgentType), **context}
    status = status or (400 if form.problems else 200)
    return render(request, "frontend/agent_templates/edit.html", shown, status=status)


@require_POST
@page
def validate(request: HttpRequest) -> JsonResponse:
    """What is wrong with the template in the form, by field, while it is typed."""
    form = read_template_form(request.POST)
    values = values_of_form(form)
    found = {**form.problems} if form.problems else problems_of_draft(values)
    for name in NEEDED:
        if not getattr(form, name):
            found.pop(name, None)
    return JsonResponse({"problems": {name: as_problems(sentences) for name, sentences in found.items()}})


@require_http_methods(["GET", "HEAD", "POST"])
@page
def import_page(request: HttpRequest) -> HttpResponse:
    """A file, or its text."""
    place = place_of(request)
    place.access.require(place.here.workspace_id, WRITERS)
    text, update = clean(request.POST.get("text", "")), "update" in request.POST
    problems: list[str] = []
    if request.method == "POST":
        try:
            text = _text_of_file(request) or text
            made = services.import_template(
                access=place.access, workspace_id=place.here.workspace_id, source=text, update=update
            )
        except READABLE as error:
            problems = sentences_of(error)
        else:
            messages.success(request, f"Imported: {made.name} is at version {made.version}.")
            return redirect("template", made.slug)
    context = {"text": text, "update": update, "problems": problems}
    return render(request, "frontend/agent_templates/import.html", context, status=400 if problems else 200)


def _text_of_file(request: HttpRequest) -> str:
    """Raises: Invalid, PayloadTooLarge."""
    file = request.FILES.get("file")
    if file is None:
        return ""
    if file.size is None or file.size > MAX_FILE_BYTES:
        raise PayloadTooLarge(f"The file is larger than {MAX_FILE_BYTES:,} bytes. A template is smaller than that.")
    try:
        return clean(file.read().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Invalid("The file is no text in UTF-8. Save it as UTF-8 and try again.") from error
