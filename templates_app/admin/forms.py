"""The forms of templates in the admin. What a service refuses is an error of its field, and nothing typed is lost."""

from typing import Any

from django import forms
from django.http import HttpRequest
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from core.admin import add_errors
from core.errors import OrchestratorError
from core.json_editor import JsonEditor, JsonText
from templates_app import services
from templates_app.models import AgentTemplate
from templates_app.selectors import problems_of_draft
from templates_app.values import CONTENTS, TemplateValues
from workspaces.models import Workspace
from workspaces.operators import operator


class TemplateForm(forms.ModelForm):  # type: ignore[type-arg]
    """A template, saved by the services as the last step of checking it."""

    request: HttpRequest
    check_address = ""

    prompt_template = forms.CharField(required=False, strip=False, widget=UnfoldAdminTextareaWidget({"rows": 10}))
    configuration_schema = JsonText()
    default_configuration = JsonText()
    prompt_variables = JsonText(empty=[])
    change_description = forms.CharField(
        required=False, label="Why", widget=UnfoldAdminTextInputWidget, help_text="Kept with the new version."
    )
    expected_version = forms.IntegerField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = AgentTemplate
        fields: list[str] = []  # the admin fills in its own

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.made: AgentTemplate | None = None
        for field in self.fields.values():
            if isinstance(field.widget, JsonEditor):
                field.widget.attrs["data-check"] = self.check_address
        if "slug" in self.fields:
            self.fields["slug"].required = False
        if "agent_type" in self.fields:
            self.fields["agent_type"].required = False
        if "workspace" in self.fields:
            self.fields["workspace"].required = True
        if "expected_version" in self.fields:
            self.initial["expected_version"] = self.instance.version

    def _post_clean(self) -> None:
        """Instead of checking and building a row here: the service does both."""
        if self.errors:
            return
        try:
            self.made = self._create() if self.instance._state.adding else self._change()
        except OrchestratorError as error:
            add_errors(self, error, {"id": "slug"})

    def values(self) -> dict[str, Any]:
        found = {name: self.cleaned_data.get(name) for name in CONTENTS if name in self.cleaned_data}
        definition = self.cleaned_data.get("definition")
        text = {name: str(found[name] or "").replace("\r\n", "\n") for name in ("description", "prompt_template")}
        return {**found, **text, "definition": definition.slug if definition else ""}

    def _create(self) -> AgentTemplate:
        workspace = self.cleaned_data["workspace"]
        return services.create_template(
            access=operator(self.request, workspace.pk),
            workspace_id=workspace.pk,
            values=TemplateValues(slug=self.cleaned_data["slug"], **self.values()),
            change_description=self.cleaned_data["change_description"],
        )

    def _change(self) -> AgentTemplate:
        assert self.instance.workspace_id is not None
        return services.update_template(
            access=operator(self.request, self.instance.workspace_id),
            template_id=self.instance.pk,
            changes=self.values(),
            change_description=self.cleaned_data["change_description"],
            expected_version=self.cleaned_data["expected_version"],
        )

    def save(self, commit: bool = True) -> AgentTemplate:
        self.save_m2m = lambda: None  # type: ignore[method-assign]
        assert self.made is not None
        return self.made


NEEDED = ("name", "agent_type")  # nobody is told to fill these in before the form is sent


class DraftForm(TemplateForm):
    """The same while it is typed: nothing is saved, and `problems` says what would be wrong, by field."""

    def _post_clean(self) -> None:
        self.problems = {name: [str(text) for text in self.errors[name]] for name in CONTENTS if name in self.errors}
        if not self.problems.keys() - {"name"}:
            self.problems = {**problems_of_draft(TemplateValues(**{"name": "", **self.values()})), **self.problems}
        for name in NEEDED:
            if not self.data.get(name):
                self.problems.pop(name, None)


class CopyForm(forms.Form):
    """Where a copy goes."""

    workspace = forms.ModelChoiceField(Workspace.objects.order_by("name"), widget=UnfoldAdminSelectWidget)
    name = forms.CharField(required=False, max_length=100, widget=UnfoldAdminTextInputWidget)
    slug = forms.CharField(
        required=False,
        max_length=50,
        label="Id",
        widget=UnfoldAdminTextInputWidget,
        help_text="Made from the original's when left empty.",
    )
