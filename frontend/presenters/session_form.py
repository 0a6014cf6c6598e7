"""The form of a new session: what was filled in, what is wrong with it, field by field. Nothing typed is lost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import QueryDict

from core.errors import OrchestratorError
from frontend.presenters.typed import Form
from sessions.models import AgentSession
from sessions.request import SessionRequest
from sessions.states import ExecutionMode

MODES = (
    {
        "value": "parallel",
        "name": "Side by side",
        "why": "All at once; synthesis joins what the others found, validation checks it.",
    },
    {"value": "sequential", "name": "One after the other", "why": "In the order of the list; each sees all before it."},
)
_PATHS = {
    "task_description": "goal",
    "title": "goal",
    "timeout": "timeout",
    "agents": "agents",
    "execution_mode": "mode",
    "context": "documents",
}


@dataclass(slots=True)
class SessionForm(Form):
    """`who` is planner or agents."""

    goal: str = ""
    who: str = "planner"
    mode: str = "parallel"
    agents: Sequence[str] = ()
    documents: Sequence[str] = ()
    collection: str = ""
    timeout: str = ""
    headline: str = "The session was not started; see below."

    def add_error(self, error: OrchestratorError, agents: Mapping[str, str]) -> None:
        """Sorts the sentences of an error to the fields; `agents` gives names by id."""
        for path, sentences in error.by_field.items():
            head = path.replace("[", ".").split(".")[0]
            for sentence in sentences:
                if head == "agent_configuration":
                    self.add(path, sentence)
                else:
                    self.add(_PATHS.get(head, ""), sentence)
        if not self.problems:
            self.headline = "The session was not started."
            self.add("", error.message)

    def error_of(self, name: str) -> str:
        return " ".join(self.problems.get(name, ()))

    @property
    def goal_error(self) -> str:
        return self.error_of("goal")

    @property
    def timeout_error(self) -> str:
        return self.error_of("timeout")

    @property
    def agents_error(self) -> str:
        return self.error_of("agents")

    @property
    def mode_error(self) -> str:
        return self.error_of("mode") if self.who == "agents" else ""

    @property
    def documents_error(self) -> str:
        return self.error_of("documents")

    @property
    def other_problems(self) -> list[str]:
        """What belongs to no field that is shown."""
        hidden = [] if self.who == "agents" else self.problems.get("mode", [])
        return [*self.problems.get("", ()), *hidden]

    def to_request(self, configuration: Mapping[str, Mapping[str, Any]]) -> SessionRequest:
        """What the form asks for; numbers that cannot be read become problems of the form."""
        context: dict[str, Any] = {}
        if self.documents:
            context["document_ids"] = list(self.documents)
        if self.collection:
            context["collection_id"] = self.collection
        chooses = self.who == "agents"
        if chooses and not self.agents:
            self.add("agents", "Choose at least one agent, or let the planner decide.")
        return SessionRequest(
            task_description=self.goal,
            context=context,
            agents=list(self.agents) if chooses else [],
            execution_mode=self.mode if chooses else str(ExecutionMode.PLANNED),
            timeout=self._seconds(),
            agent_configuration=dict(configuration) if chooses else {},
        )

    def _seconds(self) -> float | None:
        text = self.timeout.strip().replace(",", ".")
        if not text:
            return None
        try:
            return float(text)
        except ValueError:
            self.add("timeout", "Give a number of seconds, or leave it empty.")
            return None


def read_form(posted: QueryDict) -> SessionForm:
    return SessionForm(
        goal=posted.get("goal", "").replace("\r\n", "\n"),
        who="agents" if posted.get("who") == "agents" else "planner",
        mode=posted.get("mode") or "parallel",
        agents=posted.getlist("agents"),
        documents=list(dict.fromkeys(posted.getlist("documents"))),
        collection=posted.get("collection", ""),
        timeout=posted.get("timeout", ""),
    )


def form_like(session: AgentSession, agents: Sequence[UUID]) -> SessionForm:
    """A form that would start the same session again."""
    chosen = session.context.get("document_ids")
    planned = session.execution_mode == ExecutionMode.PLANNED or not agents
    return SessionForm(
        goal=session.task_description,
        who="planner" if planned else "agents",
        mode="sequential" if session.execution_mode == ExecutionMode.SEQUENTIAL else "parallel",
        agents=[str(agent_id) for agent_id in agents],
        documents=[str(entry) for entry in chosen] if isinstance(chosen, list) else [],
        collection=str(session.context.get("collection_id") or ""),
        timeout=f"{session.timeout_seconds:g}" if session.timeout_seconds else "",
    )
