"""Reads of agents: who may see which, and what is shown beside them."""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.db.models import QuerySet

from agents import conf, hooks
from agents.models import Agent, AgentCommand, AgentQuerySet, AgentStateHistory
from core.enums import AgentStatus
from core.errors import NotFound
from templates_app.policies import uuid_of
from workspaces.access import Access


def visible_agents(access: Access) -> AgentQuerySet:
    """All agents of the caller's workspaces, terminated ones too; none while agents are switched off."""
    if not conf.agents_enabled():
        return Agent.objects.none()
    found = Agent.objects.filter(workspace_id__in=access.workspace_ids).without_state().with_template()
    return found.select_related("definition", "project", "workspace")


def agent_for(access: Access, agent_id: UUID) -> Agent:
    """Raises: NotFound when there is no such agent in the caller's workspaces."""
    agent = visible_agents(access).filter(id=agent_id).first()
    if agent is None:
        raise NotFound("There is no such agent.")
    return agent


def agent_with_template(access: Access, agent_id: UUID, *, with_state: bool = False) -> Agent:
    """The same, with what tells how far it lags behind its template. Raises: NotFound."""
    found = visible_agents(access).defer(None) if with_state else visible_agents(access)
    agent = found.with_template().filter(id=agent_id).first()
    if agent is None:
        raise NotFound("There is no such agent.")
    return agent


@dataclass(frozen=True, slots=True)
class AgentQuery:
    """Which agents a list shows; empty fields do not narrow it. `status` knows BUSY, which is not stored; `template` is
    a slug or an id, `behind` those whose template has moved on."""

    workspace: UUID | None = None
    project: UUID | None = None
    status: str = ""
    state_detail: str = ""
    type: str = ""
    definition: str = ""
    template: str = ""
    behind: bool = False
    capabilities: tuple[str, ...] = ()
    search: str = ""
    ordering: str = "name"


ORDERINGS = ("name", "created_at", "updated_at", "status", "state_detail", "type")


def listed_agents(access: Access, query: AgentQuery) -> AgentQuerySet:
    """The agents a query asks for, ordered; terminated ones only when `state_detail` asks for them."""
    found = visible_agents(access).with_capabilities(query.capabilities)
    found = found.filter(state_detail=query.state_detail) if query.state_detail else found.not_terminated()
    exact = {
        "workspace_id": query.workspace,
        "project_id": query.project,
        "type": query.type,
        "definition__slug": query.definition,
        "template_id" if uuid_of(query.template) else "template__slug": query.template,
    }
    found = found.filter(**{name: value for name, value in exact.items() if value})
    found = found.behind() if query.behind else found
    if query.search:
        found = found.matching(query.search)
    if query.status:
        found = _of_status(found, query.status)
    return found.order_by(query.ordering, "id")


def _of_status(found: AgentQuerySet, status: str) -> AgentQuerySet:
    if status not in (AgentStatus.ACTIVE, AgentStatus.BUSY):
        return found.filter(status=status)
    active = found.filter(status=AgentStatus.ACTIVE)
    counts = hooks.running_counts(list(active.order_by().values_list("id", flat=True)))
    busy = [agent_id for agent_id, count in counts.items() if count]
    return active.filter(id__in=busy) if status == AgentStatus.BUSY else active.exclude(id__in=busy)


def with_running(agents: Iterable[Agent]) -> list[Agent]:
    """The same agents, each knowing its `running_count` and so its `shown_status`, and its `pending_command`.

    Two queries, however many there are.
    """
    listed = list(agents)
    ids = [agent.id for agent in listed]
    counts = hooks.running_counts(ids) if listed else {}
    commands = {row.agent_id: row for row in AgentCommand.objects.open().filter(agent_id__in=ids)} if listed else {}
    for agent in listed:
        agent.running_count = counts.get(agent.id, 0)
        agent.pending_command = commands.get(agent.id)
    return listed


def figures_of(agent: Agent) -> hooks.ExecutionFigures:
    """What an agent has done so far."""
    return hooks.execution_figures([agent.id]).get(agent.id, hooks.ExecutionFigures())


def name_is_taken(agent: Agent, name: str) -> bool:
    """Whether another agent of the workspace that is not terminated has this name."""
    others = Agent.objects.not_terminated().filter(workspace_id=agent.workspace_id, name=name)
    return others.exclude(id=agent.id).exists()


def state_history(access: Access, agent_id: UUID) -> QuerySet[AgentStateHistory]:
    """An agent's moves, newest first. Raises: NotFound."""
    agent = agent_for(access, agent_id)
    return AgentStateHistory.objects.filter(agent=agent).order_by("-timestamp", "-id")


def assignable_agents(project_id: UUID) -> AgentQuerySet:
    """Agents of a project that may be given work now."""
    if not conf.agents_enabled():
        return Agent.objects.none()
    return Agent.objects.filter(project_id=project_id).assignable().without_state().select_related("definition")


def discovered_agents(access: Access, capabilities: Iterable[str], *, project_id: UUID | None = None) -> list[Agent]:
    """Agents that may be given work now and offer all these capabilities, the least loaded for their weight first."""
    found = visible_agents(access).assignable().with_capabilities(capabilities)
    if project_id is not None:
        found = found.filter(project_id=project_id)
    return sorted(with_running(found), key=lambda agent: (agent.running_count / max(agent.weight, 1), agent.name))


def visible_in_project(project_id: UUID) -> AgentQuerySet:
    """All agents of a project; for callers whose access to it has been checked."""
    if not conf.agents_enabled():
        return Agent.objects.none()
    return Agent.objects.filter(project_id=project_id).without_state().select_related("definition")


def templates_in_use(project_id: UUID) -> list[tuple[str, str]]:
    """Slug and name of the templates that agents of a project were made of; terminated agents count."""
    used = Agent.objects.filter(project_id=project_id, template__isnull=False).order_by("template__name")
    return list(used.values_list("template__slug", "template__name").distinct())
