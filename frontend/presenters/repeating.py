"""The forms that repeat a session: what was filled in, what is wrong with it, and what would run again."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from core.errors import Invalid, OrchestratorError
from frontend.presenters.typed import Form
from frontend.presenters.words import pretty_json
from sessions.lineage import Share
from sessions.models import AgentSession, AgentTask
from sessions.repeating import Fork, Rerun
from sessions.selectors import Past

LONGEST_INPUT = 400_000  # as JSON that is indented; the limit of the input itself is smaller


@dataclass(slots=True)
class RepeatForm(Form):
    """What the forms that repeat a session have in common."""

    def add_error(self, error: OrchestratorError, fields: Sequence[str]) -> None:
        """Sorts the sentences of an error to the fields; what fits none stands above the form."""
        found = error.by_field if isinstance(error, Invalid) else {}
        for path, sentences in found.items():
            head = path.replace("[", ".").split(".")[0]
            for sentence in sentences:
                self.add(head if head in fields else "", sentence)
        if not self.problems:
            self.add("", error.message)

    def mapping(self, name: str, text: str) -> Mapping[str, Any]:
        """The JSON object in a field; what cannot be read becomes a problem."""
        try:
            value = json.loads(text or "{}")
        except ValueError as error:
            self.add(name, f"This is not JSON: {error}.")
            return {}
        except RecursionError:
            self.add(name, "This is nested too deeply.")
            return {}
        if not isinstance(value, dict):
            self.add(name, 'This must be a JSON object, such as {"limit": 3}.')
            return {}
        return value


@dataclass(slots=True)
class RerunForm(RepeatForm):
    """From a task on; without `agent` whoever would do it anyway."""

    input_data: str = ""
    description: str = ""
    agent: str = ""
    reuse_steps: bool = False

    def to_order(self, task: AgentTask) -> Rerun:
        return Rerun(
            task=str(task.id),
            input_data=self.mapping("input_data", self.input_data),
            description=self.description,
            agent=self.agent or None,
            reuse_steps=self.reuse_steps,
        )


@dataclass(slots=True)
class ForkForm(RepeatForm):
    """After a task (its id) or an event (its seq)."""

    at: str = ""
    task_description: str = ""
    context: str = ""

    def to_order(self) -> Fork:
        return Fork(
            at=int(self.at) if self.at.isascii() and self.at.isdigit() and len(self.at) < 19 else self.at or None,
            task_description=self.task_description,
            context=self.mapping("context", self.context),
        )


def rerun_form_of(task: AgentTask) -> RerunForm:
    return RerunForm(input_data=pretty_json(task.input_data, LONGEST_INPUT), description=task.description)


def read_rerun_form(posted: QueryDict) -> RerunForm:
    return RerunForm(
        input_data=posted.get("input_data", ""),
        description=posted.get("description", "").replace("\r\n", "\n"),
        agent=posted.get("agent", ""),
        reuse_steps=bool(posted.get("reuse_steps")),
    )


def fork_form_of(session: AgentSession, at: str) -> ForkForm:
    context = {name: value for name, value in session.context.items() if name != "agent_configuration"}
    return ForkForm(at=at, task_description=session.task_description, context=pretty_json(context, LONGEST_INPUT))


def read_fork_form(posted: QueryDict) -> ForkForm:
    return ForkForm(
        at=posted.get("at", "").strip(),
        task_description=posted.get("task_description", "").replace("\r\n", "\n"),
        context=posted.get("context", ""),
    )


@dataclass(frozen=True, slots=True)
class Outlook:
    """Names of the tasks that would run again, be reused, or be made anew by a task that runs again."""

    again: Sequence[str]
    copied: Sequence[str]
    left_out: Sequence[str]


def present_outlook(past: Past, share: Share) -> Outlook:
    def names(keys: frozenset[str]) -> list[str]:
        return [task.name for task in past.tasks if str(task.id) in keys]

    return Outlook(names(share.again), names(share.copied), names(share.left_out))
