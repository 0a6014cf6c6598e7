"""One template: what it says, what was made of it, its newest versions, and its buttons."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from agents.selectors import agents_of_template
from agents.services import upgrade_lagging
from core.errors import OrchestratorError
from frontend.place import access_of, place_of
from frontend.presenters.agent_templates import prompt_parts
from frontend.presenters.schema_words import settings_of
from frontend.views.doors import attempt, page, paginate
from frontend.views.forms import optional_uuid
from frontend.views.templates.shared import rights, template_here, template_to_write
from templates_app import services
from templates_app.selectors import versions_of

VERSIONS = 5
AGENTS = 10


@require_safe
@page
def template_page(request: HttpRequest, slug: str) -> HttpResponse:
    place = place_of(request)
    template = template_here(request, slug)
    context = {
        "template": template,
        "settings": settings_of(template.configuration_schema, template.default_configuration),
        "prompt": prompt_parts(template.prompt_template, template.prompt_variables),
        "agents": paginate(request, agents_of_template(place.access, template), size=AGENTS),
        "lagging_count": agents_of_template(place.access, template, behind=True).count(),
        "versions": list(versions_of(template)[:VERSIONS]),
        **rights(place, template),
    }
    return render(request, "frontend/agent_templates/detail.html", context)


@require_safe
@page
def export(request: HttpRequest, slug: str) -> HttpResponse:
    template = template_here(request, slug)
    text = services.export_template(access=access_of(request), template_id=template.id)
    answer = HttpResponse(text, content_type="application/yaml; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{template.slug}.yaml"'
    return answer


@require_POST
@page
def enabled(request: HttpRequest, slug: str) -> HttpResponse:
    template = template_to_write(request, slug)
    wanted = request.POST.get("enabled") == "yes"
    attempt(
        request,
        lambda: services.set_enabled(access=access_of(request), template_id=template.id, enabled=wanted),
        done=f"The template {template.name} is {'enabled' if wanted else 'disabled: no new agent is made of it'}.",
    )
    return redirect("template", slug)


@require_POST
@page
def delete(request: HttpRequest, slug: str) -> HttpResponse:
    template = template_to_write(request, slug)
    try:
        services.delete_template(access=access_of(request), template_id=template.id)
    except OrchestratorError as error:
        messages.error(request, error.message)
        return redirect("template", slug)
    messages.success(request, f"The template {template.name} is deleted.")
    return redirect("templates")


@require_POST
@page
def copy(request: HttpRequest, slug: str) -> HttpResponse:
    template = template_to_write(request, slug)
    workspace = place_of(request).here.workspace_id
    made = attempt(
        request,
        lambda: services.copy_template(access=access_of(request), template_id=template.id, workspace_id=workspace),
    )
    if made is None:
        return redirect("template", slug)
    messages.success(request, f"This copy of {template.name} is yours to change.")
    return redirect("template-edit", made.slug)


@require_POST
@page
def upgrade(request: HttpRequest, slug: str) -> HttpResponse:
    """One agent (`agent`), or all that lag behind; one that cannot be upgraded is named and stops no other."""
    template = template_to_write(request, slug)
    upgrades = upgrade_lagging(
        access=access_of(request), template=template, agent_id=optional_uuid(request.POST.get("agent"))
    )
    for name, why in upgrades.refused:
        messages.error(request, f"{name} stays as it is: {why}")
    if done := upgrades.done:
        what = done[0] if len(done) == 1 else f"{len(done)} agents"
        messages.success(request, f"Upgraded to version {template.version}: {what}.")
    return redirect("template", slug)
