"""The form of a new agent as it stands: what can be chosen, what is, and what was filled in."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.errors import Conflict, Invalid
from frontend.presenters.agent_form import AgentForm, configuration_fields, read_configuration, read_form
from frontend.presenters.agent_origins import Origin, variable_fields
from frontend.presenters.schema_errors import with_errors
from frontend.presenters.schemas import Field, any_error, read_fields
from frontend.presenters.typed import trimmed

BELOW_MORE = ("description", "endpoint", "capabilities", "max_concurrent_tasks", "weight")


@dataclass(slots=True)
class Making:
    """`asked` is the key that was chosen; there is an `origin` when it means something here. `patch` is what the
    configuration differs in from the origin's; `definition` was chosen where the template names none."""

    templates: Sequence[Origin]
    definitions: Sequence[Origin]
    asked: str = ""
    origin: Origin | None = None
    disabled: Origin | None = None
    form: AgentForm = field(default_factory=AgentForm)
    fields: list[Field] = field(default_factory=list)
    patch: dict[str, Any] = field(default_factory=dict)
    variables: list[Field] = field(default_factory=list)
    words: dict[str, Any] = field(default_factory=dict)
    definition: str = ""
    start: bool = True

    def begin(self) -> None:
        """The inputs of the origin, as it fills them in."""
        if self.origin is not None:
            self.fields = configuration_fields(self.origin.schema, self.origin.configuration)
            self.variables = variable_fields(self.origin.variables, {})
            self.form.capabilities = self.origin.usual_capabilities

    def ask_anew(self) -> None:
        """A disabled template is not filled in: it is said that it is, and another can be chosen."""
        if self.origin is not None and not self.origin.is_enabled:
            self.origin, self.disabled = None, self.origin

    def read(self, posted: Mapping[str, str]) -> None:
        self._read_facts(posted)
        if self.origin is not None:
            self.fields, self.patch = read_configuration(self.fields, posted, self.origin.configuration)
            self.variables, self.words = read_fields(self.variables, posted)

    def choose(self, posted: Mapping[str, str]) -> None:
        """Another origin: its inputs anew, and what was typed of the others; capabilities unless they were changed."""
        self._read_facts(posted)
        usual = read_form({"capabilities": posted.get("usual_capabilities", "")})
        if self.form.capabilities == usual.capabilities and self.origin is not None:
            self.form.capabilities = self.origin.usual_capabilities

    def _read_facts(self, posted: Mapping[str, str]) -> None:
        self.form = read_form(posted)
        self.definition = trimmed(posted.get("definition", ""))
        self.start = "start" in posted or "asked_to_start" not in posted

    @property
    def is_missing(self) -> bool:
        """Something was asked for that is not here."""
        return bool(self.asked) and self.origin is None and self.disabled is None

    @property
    def missing_kind(self) -> str:
        return self.asked.partition(":")[0]

    @property
    def missing_name(self) -> str:
        return self.asked.partition(":")[2]

    @property
    def origin_problems(self) -> list[str]:
        """What is wrong with the definition where it was not chosen apart."""
        asked_apart = self.origin is not None and self.origin.asks_for_definition
        return [] if asked_apart else self.form.problems.get("definition", [])

    @property
    def is_more_changed(self) -> bool:
        """Whether the facts that most agents leave as they are need to be seen."""
        usual = AgentForm(capabilities=self.origin.usual_capabilities if self.origin else "")
        names = BELOW_MORE if self.origin and self.origin.prompt else (*BELOW_MORE, "prompt_template")
        return any(name in self.form.problems or getattr(self.form, name) != getattr(usual, name) for name in names)

    @property
    def is_wrong(self) -> bool:
        return bool(self.form.problems) or any_error(self.fields) or any_error(self.variables)

    def refuse(self, error: Invalid | Conflict) -> None:
        """Each sentence to the field it is about."""
        self.form.add_error(error)
        self.fields, rest = with_errors(self.fields, self.form.problems.get("configuration", ()))
        self.variables, more = with_errors(self.variables, self.form.problems.get("variables", ()))
        for sentence in (*rest, *more):
            self.form.add("", sentence)
