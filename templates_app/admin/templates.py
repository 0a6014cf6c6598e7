"""Templates in the admin: edited through the services, with their versions beside them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast
from uuid import UUID

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.decorators import action

from core.admin import ServiceAdmin, add_errors
from core.differences import changes_between
from core.errors import NotFound, OrchestratorError
from core.json_editor import as_problems
from core.side_by_side import side_by_side
from templates_app import services
from templates_app.admin.forms import CopyForm, DraftForm, TemplateForm
from templates_app.models import AgentTemplate, AgentTemplateVersion
from templates_app.selectors import version_at, versions_of
from workspaces.operators import operator

NAMES = "admin:templates_app_agenttemplate"
WRITTEN = (
    "name",
    "description",
    "definition",
    "agent_type",
    "configuration_schema",
    "default_configuration",
    "prompt_template",
    "prompt_variables",
)
A_PAGE = 25


class OriginFilter(admin.SimpleListFilter):
    title = "origin"
    parameter_name = "origin"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("builtin", "Built in"), ("own", "Of a workspace")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AgentTemplate]) -> QuerySet[AgentTemplate]:
        if self.value() not in ("builtin", "own"):
            return queryset
        return queryset.filter(workspace__isnull=self.value() == "builtin")


def enabling_action(enabled: bool) -> Callable[..., None]:
    word = "Enable" if enabled else "Disable"

    @admin.action(description=f"{word} the selected templates", permissions=["change"])
    def run(model_admin: Any, request: HttpRequest, templates: QuerySet[AgentTemplate]) -> None:
        for template in templates.select_related("workspace"):
            model_admin.try_one(
                request,
                template,
                lambda access, one: services.set_enabled(access=access, template_id=one.pk, enabled=enabled),
                f"{template.name} is {word.lower()}d",
            )

    run.__name__ = f"{word.lower()}_templates"
    return run


def _agents(count: int) -> str:
    return "1 agent was" if count == 1 else f"{count} agents were"


@admin.register(AgentTemplate)
class AgentTemplateAdmin(ServiceAdmin):
    form = TemplateForm
    list_display = ("name", "slug", "origin", "agent_type", "definition", "version", "is_enabled", "updated_at")
    list_filter = (OriginFilter, "agent_type", "is_enabled", "definition", "workspace")
    list_select_related = ("workspace", "definition")
    search_fields = ("name", "slug", "description")
    actions = (enabling_action(True), enabling_action(False))
    actions_detail = ("make_agent", "copy_to_workspace")

    @admin.display(description="Of", ordering="workspace__name")
    def origin(self, template: AgentTemplate) -> str:
        return template.workspace.name if template.workspace else "built in"

    # -------------------------------------------------------------------------------------------- who may do what

    def has_change_permission(self, request: HttpRequest, obj: AgentTemplate | None = None) -> bool:
        """Built-in templates are looked at and copied."""
        return bool(super().has_change_permission(request, obj)) and not (obj and obj.is_built_in)

    def has_delete_permission(self, request: HttpRequest, obj: AgentTemplate | None = None) -> bool:
        return bool(super().has_delete_permission(request, obj)) and not (obj and obj.is_built_in)

    def has_copy_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(self.has_add_permission(request))

    def has_make_agent_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("agents.change_agent")

    # -------------------------------------------------------------------------------------------- the form

    def get_fields(self, request: HttpRequest, obj: AgentTemplate | None = None) -> tuple[str, ...]:
        if obj is None:
            return ("workspace", "slug", *WRITTEN, "change_description")
        looked_at = ("origin", "slug", "version", "is_enabled", "created_at", "updated_at")
        if not self.has_change_permission(request, obj):
            return (*looked_at[:2], *WRITTEN, *looked_at[2:])
        return (*WRITTEN, "change_description", "expected_version", *looked_at)

    def get_readonly_fields(self, request: HttpRequest, obj: AgentTemplate | None = None) -> tuple[str, ...]:
        return () if obj is None else ("origin", "slug", "version", "is_enabled", "created_at", "updated_at")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.request, form.check_address = request, reverse(f"{NAMES}_check")
        return form

    def save_model(self, request: HttpRequest, obj: AgentTemplate, form: Any, change: bool) -> None:
        """The form's service has saved it."""

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, Any, set[str], list[Any]]:
        """What goes, and what stays because agents were made of it: the service would refuse it. One alone is refused
        before anybody is asked."""
        chosen = [one.pk for one in objs]
        counted = AgentTemplate.objects.filter(pk__in=chosen).order_by("name").annotate(made=Count("agents"))
        going = [one for one in counted if not one.made]
        staying = [
            f"{one.name} stays: {_agents(one.made)} made of it. Disable it instead." for one in counted if one.made
        ]
        lines, counts, missing, _ = super().get_deleted_objects(going, request)
        return (lines, counts, missing, staying) if not going else ([*lines, *staying], counts, missing, [])

    def delete_model(self, request: HttpRequest, obj: AgentTemplate) -> None:
        services.delete_template(access=operator(request, cast(UUID, obj.workspace_id)), template_id=obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[AgentTemplate]) -> None:
        for template in queryset.select_related("workspace"):
            self.try_one(
                request,
                template,
                lambda access, one: services.delete_template(access=access, template_id=one.pk),
                f"{template.name} is deleted",
            )

    def try_one(
        self, request: HttpRequest, template: AgentTemplate, act: Callable[[Any, AgentTemplate], Any], done: str
    ) -> Any:
        """Act on one template and say what came of it."""
        if template.workspace_id is None:
            self.message_user(request, f"{template.name} is built in and stays as it is: copy it.", messages.ERROR)
            return None
        try:
            result = act(operator(request, template.workspace_id), template)
        except OrchestratorError as error:
            self.message_user(request, f"{template.name}: {error.message}", messages.ERROR)
            return None
        self.message_user(request, f"{done}.", messages.SUCCESS)
        return result

    # -------------------------------------------------------------------------------------------- pages of our own

    def get_urls(self) -> list[URLPattern]:
        def ours(address: str, view: Callable[..., HttpResponse], name: str) -> URLPattern:
            name = f"{NAMES.removeprefix('admin:')}_{name}"
            return cast(URLPattern, path(address, self.admin_site.admin_view(view), name=name))

        return [
            ours("check/", self.check_view, "check"),
            ours("<uuid:template_id>/compare/", self.compare_view, "compare"),
            ours("<uuid:template_id>/restore/<int:version>/", self.restore_view, "restore"),
            ours("<uuid:template_id>/copy/", self.copy_view, "copy"),
            *super().get_urls(),
        ]

    @action(description="Create agent", url_path="make-agent", permissions=["make_agent"])  # type: ignore[untyped-decorator]
    def make_agent(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:agents_agent_from_template", args=[object_id]))

    @action(description="Copy to a workspace", url_path="to-copy", permissions=["copy"])  # type: ignore[untyped-decorator]
    def copy_to_workspace(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return HttpResponseRedirect(reverse(f"{NAMES}_copy", args=[object_id]))

    def check_view(self, request: HttpRequest) -> JsonResponse:
        """What is wrong with the template in the form, by field, for the editor."""
        if not (self.has_add_permission(request) or self.has_change_permission(request)):
            raise Http404
        form = self.get_form(request, form=DraftForm)(request.POST)
        form.is_valid()
        return JsonResponse({"problems": {name: as_problems(found) for name, found in form.problems.items()}})

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """Every version: who, when, why. Django's own log knows less."""
        template = self._template(request, object_id)
        listed = Paginator(versions_of(template), A_PAGE).get_page(request.GET.get("page"))
        shown = {"listed": listed, "compare_from": max(template.version - 1, 1)}
        return self._page(request, template, "versions.html", f"Versions of {template.name}", shown)

    def compare_view(self, request: HttpRequest, template_id: UUID) -> HttpResponse:
        """`?from=&to=`; by default the newest with the one before it."""
        template = self._template(request, template_id)
        to = _number(request.GET.get("to")) or template.version
        after = _version(template, to)
        before = _version(template, _number(request.GET.get("from")) or max(to - 1, 1))
        rows = side_by_side(changes_between(before.snapshot, after.snapshot))
        shown = {"before": before, "after": after, "both": [before, after], "rows": rows}
        title = f"{template.name}: versions {before.version} and {after.version}"
        return self._page(request, template, "compare.html", title, shown)

    def restore_view(self, request: HttpRequest, template_id: UUID, version: int) -> HttpResponse:
        template = self._template(request, template_id)
        if request.method != "POST" or not self.has_change_permission(request, template):
            raise PermissionDenied
        self.try_one(
            request,
            template,
            lambda access, one: services.restore_version(access=access, template_id=one.pk, version=version),
            f"{template.name} says again what version {version} said",
        )
        return HttpResponseRedirect(reverse(f"{NAMES}_history", args=[template.pk]))

    def copy_view(self, request: HttpRequest, template_id: UUID) -> HttpResponse:
        template = self._template(request, template_id)
        if not self.has_add_permission(request):
            raise PermissionDenied
        form = CopyForm(request.POST or None, initial={"name": template.name, "workspace": template.workspace_id})
        made = _copied(request, template, form) if form.is_valid() else None
        if made is not None:
            self.message_user(request, f"{made.name} is there, and may be changed.", messages.SUCCESS)
            return HttpResponseRedirect(reverse(f"{NAMES}_change", args=[made.pk]))
        shown = {"form": form, "button": "Copy", "back": reverse(f"{NAMES}_change", args=[template.pk])}
        return self._page(request, template, "form.html", f"Copy {template.name}", shown)

    def _template(self, request: HttpRequest, template_id: Any) -> AgentTemplate:
        """Raises: Http404, PermissionDenied."""
        template = self.get_object(request, str(template_id))
        if template is None:
            raise Http404
        if not self.has_view_permission(request, template):
            raise PermissionDenied
        return cast(AgentTemplate, template)

    def _page(
        self, request: HttpRequest, template: AgentTemplate, name: str, title: str, shown: dict[str, Any]
    ) -> HttpResponse:
        may_change = self.has_change_permission(request, template)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "original": template,
            "template": template,
            "title": title,
            "may_change": may_change,
            **shown,
        }
        address = "admin/ours/form.html" if "form" in shown else f"admin/templates_app/agenttemplate/{name}"
        return TemplateResponse(request, address, context)


def _copied(request: HttpRequest, template: AgentTemplate, form: CopyForm) -> AgentTemplate | None:
    """The copy; None when something is wrong, which the form then says."""
    workspace = form.cleaned_data["workspace"]
    access = operator(request, workspace.pk)
    if template.workspace_id is not None:
        access = replace(access, roles={**operator(request, template.workspace_id).roles, **access.roles})
    try:
        return services.copy_template(
            access=access,
            template_id=template.pk,
            workspace_id=workspace.pk,
            name=form.cleaned_data["name"],
            slug=form.cleaned_data["slug"],
        )
    except OrchestratorError as error:
        add_errors(form, error, {"id": "slug"})
        return None


def _version(template: AgentTemplate, number: int) -> AgentTemplateVersion:
    try:
        return version_at(template, number)
    except NotFound as error:
        raise Http404(error.message) from error


def _number(text: str | None) -> int | None:
    """None for what is no version."""
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 9 else None
