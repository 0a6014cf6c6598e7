"""Making an agent of a template in the admin."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget, UnfoldBooleanSwitchWidget

from agents import services
from agents.models import Agent, AgentDefinition
from core.admin import add_errors
from core.errors import OrchestratorError
from core.json_editor import JsonText, as_problems
from templates_app.models import AgentTemplate
from templates_app.selectors import problems_of_application
from workspaces.models import Project
from workspaces.operators import operator

WRITTEN = ("configuration", "variables")


class ProjectChoice(forms.ModelChoiceField):  # type: ignore[type-arg]
    def label_from_instance(self, project: Any) -> str:
        return f"{project.workspace.name} / {project.name}"


class MakeAgentForm(forms.Form):
    """What is said of the new agent; the rest is the template's."""

    project = ProjectChoice(Project.objects.none(), widget=UnfoldAdminSelectWidget)
    name = forms.CharField(
        required=False, max_length=100, widget=UnfoldAdminTextInputWidget, help_text="Made up when left empty."
    )
    definition = forms.ModelChoiceField(
        AgentDefinition.objects.filter(is_enabled=True).order_by("slug"),
        required=False,
        to_field_name="slug",
        empty_label="The built-in one of its type",
        widget=UnfoldAdminSelectWidget,
    )
    configuration = JsonText(help_text="What differs from the template's default; null takes a setting away.")
    variables = JsonText(help_text="Values of the words in the prompt, by name.")
    start = forms.BooleanField(
        required=False, initial=True, label="Initialize and activate at once", widget=UnfoldBooleanSwitchWidget
    )

    def __init__(self, template: AgentTemplate, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        projects = Project.objects.select_related("workspace").order_by("workspace__name", "name")
        if template.workspace_id is not None:
            projects = projects.filter(workspace_id=template.workspace_id)
        self.fields["project"].queryset = projects  # type: ignore[attr-defined]
        if len(few := list(projects[:2])) == 1:
            self.initial.setdefault("project", few[0].pk)
        if template.definition is not None:
            del self.fields["definition"]
        self.initial.setdefault("configuration", {})
        self.initial.setdefault("variables", {word["name"]: word.get("default", "") for word in _needed(template)})
        for name in WRITTEN:
            self.fields[name].widget.attrs["data-check"] = reverse("admin:agents_agent_of_template", args=[template.pk])

    def clean_configuration(self) -> dict[str, Any]:
        return _object(self.cleaned_data["configuration"])

    def clean_variables(self) -> dict[str, Any]:
        return _object(self.cleaned_data["variables"])


def _needed(template: AgentTemplate) -> list[dict[str, Any]]:
    return [word for word in template.prompt_variables if word.get("required") or word.get("default")]


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise forms.ValidationError('Give a JSON object, such as {"depth": 3}.')
    return value


def urls(site: admin.AdminSite) -> list[URLPattern]:
    return [
        path("from-template/<uuid:template_id>/", site.admin_view(make_agent), name="agents_agent_from_template"),
        path("from-template/<uuid:template_id>/check/", site.admin_view(check), name="agents_agent_of_template"),
    ]


def make_agent(request: HttpRequest, template_id: UUID) -> HttpResponse:
    template = _template(request, template_id)
    form = MakeAgentForm(template, request.POST or None)
    agent = _made(request, template, form) if form.is_valid() else None
    if agent is not None:
        failed = f", but failed: {agent.last_error}" if agent.last_error else ""
        messages.add_message(
            request,
            messages.WARNING if failed else messages.SUCCESS,
            f"The agent {agent.name} was made of {template.name}{failed}.",
        )
        return HttpResponseRedirect(reverse("admin:agents_agent_change", args=[agent.pk]))
    context = {
        **admin.site.each_context(request),
        "opts": Agent._meta,
        "title": f"New agent of {template.name}",
        "form": form,
        "button": "Make the agent",
        "back": reverse("admin:templates_app_agenttemplate_change", args=[template.pk]),
    }
    return TemplateResponse(request, "admin/ours/form.html", context)


def check(request: HttpRequest, template_id: UUID) -> JsonResponse:
    """What is wrong with the form while it is typed, for the editor."""
    template = _template(request, template_id)
    form = MakeAgentForm(template, request.POST)
    form.is_valid()
    problems = {name: [str(text) for text in form.errors[name]] for name in WRITTEN if name in form.errors}
    if not problems:
        problems = problems_of_application(template, **{name: form.cleaned_data[name] for name in WRITTEN})
    return JsonResponse({"problems": {name: as_problems(found) for name, found in problems.items()}})


def _template(request: HttpRequest, template_id: UUID) -> AgentTemplate:
    """Raises: PermissionDenied, Http404."""
    allowed = request.user.has_perms(["agents.change_agent", "templates_app.view_agenttemplate"])
    if not allowed:
        raise PermissionDenied
    template = AgentTemplate.objects.select_related("definition", "workspace").filter(pk=template_id).first()
    if template is None:
        raise Http404("There is no such template.")
    return template


def _made(request: HttpRequest, template: AgentTemplate, form: MakeAgentForm) -> Agent | None:
    """The new agent; None when something is wrong, which the form then says."""
    values = form.cleaned_data
    try:
        return services.apply_template(
            access=operator(request, values["project"].workspace_id),
            use=services.TemplateUse(template.pk, variables=values["variables"]),
            name=values["name"],
            project_id=values["project"].pk,
            definition=values["definition"].slug if values.get("definition") else "",
            configuration=values["configuration"],
            start=values["start"],
        )
    except OrchestratorError as error:
        add_errors(form, error, {"type": "definition"})
        return None
