"""The versions of a template: all of them, two side by side, one made the newest again."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from frontend.place import access_of, place_of
from frontend.presenters.differences import differences_of
from frontend.views.doors import attempt, page, paginate
from frontend.views.templates.shared import rights, template_here, template_to_write
from templates_app import services
from templates_app.selectors import version_at, versions_of


@require_safe
@page
def version_list(request: HttpRequest, slug: str) -> HttpResponse:
    place = place_of(request)
    template = template_here(request, slug)
    context = {
        "template": template,
        "listed": paginate(request, versions_of(template)),
        "compare_from": max(template.version - 1, 1),
        **rights(place, template),
    }
    return render(request, "frontend/agent_templates/versions.html", context)


@require_safe
@page
def compare(request: HttpRequest, slug: str) -> HttpResponse:
    """`?from=&to=`; by default the newest with the one before it."""
    place = place_of(request)
    template = template_here(request, slug)
    to = _number(request.GET.get("to")) or template.version
    after = version_at(template, to)
    before = version_at(template, _number(request.GET.get("from")) or max(to - 1, 1))
    context = {
        "template": template,
        "before": before,
        "after": after,
        "both": [before, after],
        "before_words": f"Version {before.version}",
        "after_words": f"Version {after.version}",
        "differences": differences_of(before.snapshot, after.snapshot),
        **rights(place, template),
    }
    return render(request, "frontend/agent_templates/compare.html", context)


@require_POST
@page
def restore(request: HttpRequest, slug: str, version: int) -> HttpResponse:
    template = template_to_write(request, slug)
    made = attempt(
        request,
        lambda: services.restore_version(access=access_of(request), template_id=template.id, version=version),
    )
    if made is not None:
        said = "says that already" if made.version == template.version else f"is at version {made.version}"
        messages.success(request, f"Restored version {version}: the template {said} now.")
    return redirect("template", slug)


def _number(text: str | None) -> int | None:
    """None for what is no version."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 9 else None
