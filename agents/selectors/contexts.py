"""Reads of contexts: who may see which, and what they held at which version."""

from typing import Any
from uuid import UUID

from django.db.models import F, OuterRef, Q, QuerySet, Subquery

from agents import conf
from agents.models import Agent, AgentContext, AgentContextVersion
from agents.selectors.agents import agent_for, visible_in_project
from agents.states import AgentStateDetail, RollbackState
from core.differences import Change, changes_between
from core.errors import Gone, NotFound
from workspaces.access import Access


def visible_contexts(access: Access) -> QuerySet[AgentContext]:
    """All contexts of the caller's workspaces; none while agents are switched off."""
    if not conf.agents_enabled():
        return AgentContext.objects.none()
    return (
        AgentContext.objects.filter(workspace_id__in=access.workspace_ids)
        .select_related("agent", "project")
        .defer("agent__state")
    )


def contexts_of_agent(access: Access, agent_id: UUID) -> QuerySet[AgentContext]:
    """An agent's contexts by name. Raises: NotFound when there is no such agent in the caller's workspaces."""
    return visible_contexts(access).filter(agent=agent_for(access, agent_id)).order_by("name", "id")


def with_last_write(found: QuerySet[AgentContext]) -> QuerySet[AgentContext]:
    """The same, each with `written_by`, `written_at` and `written_words` of its newest version; None without one."""
    newest = AgentContextVersion.objects.filter(context=OuterRef("pk"), version=OuterRef("last_version"))
    return found.annotate(
        written_by=Subquery(newest.values("created_by")[:1]),
        written_at=Subquery(newest.values("created_at")[:1]),
        written_words=Subquery(newest.values("change_description")[:1]),
    )


def context_of_agent(access: Access, agent_id: UUID, context_id: UUID) -> AgentContext:
    """Raises: NotFound when the agent has no such context, or is not in the caller's workspaces."""
    context = context_for(access, context_id)
    if context.agent_id != agent_id:
        raise NotFound("The agent has no such context.")
    return context


def context_for(access: Access, context_id: UUID) -> AgentContext:
    """Raises: NotFound when there is no such context in the caller's workspaces."""
    context = visible_contexts(access).filter(id=context_id).first()
    if context is None:
        raise NotFound("There is no such context.")
    return context


def agent_named(project_id: UUID, word: str) -> Agent:
    """The agent of a project with this name or id; of several that had the name, the one that is not terminated.

    Raises: NotFound.
    """
    found = list(visible_in_project(project_id).filter(_means(word)).order_by("-created_at"))
    alive = [agent for agent in found if agent.state_detail != AgentStateDetail.TERMINATED]
    if not found:
        raise NotFound(f"The project has no agent {word!r}. Give the name of one of its agents.", code="unknown_agent")
    return (alive or found)[0]


def _means(word: str) -> Q:
    try:
        return Q(name=word) | Q(id=UUID(word))
    except ValueError:
        return Q(name=word)


def version_at(context: AgentContext, version: int | None = None) -> AgentContextVersion:
    """What the context held at a version; without one, what it holds now. Version 0 is the empty object every context
    begins with, and no row.

    Raises: NotFound for a number that was never given, Gone for one that was pruned.
    """
    if version is None and (present := _present_version(context)) is not None:
        return present
    number = context.shown_version if version is None else version
    if number == 0:
        return AgentContextVersion(context=context, version=0, data={}, created_at=context.created_at)
    is_given = 0 < number <= context.last_version
    found = context.versions.filter(version=number).first() if is_given else None
    if found is None:
        raise missing_version(context, number)
    found.context = context
    return found


def _present_version(context: AgentContext) -> AgentContextVersion | None:
    """What the context holds at this instant, in one query: the version known from an earlier one may have been pruned.
    None before the first write, and while a rollback is to be finished."""
    present = AgentContextVersion.objects.filter(context=context, version=F("context__current_version"))
    settled = present.exclude(context__rollback_state=RollbackState.PENDING)
    return settled.select_related("context__agent", "context__project").first()


def missing_version(context: AgentContext, version: int) -> NotFound | Gone:
    """The error for a version that is not there: never given, or pruned."""
    if not 0 < version <= context.last_version:
        return NotFound(
            f"The context {context.name} has no version {version}; the newest is {context.last_version}.",
            code="no_such_version",
            details={"version": version, "last_version": context.last_version},
        )
    return Gone(
        f"Version {version} of the context {context.name} was pruned; GET /contexts/{{id}}/versions lists those kept.",
        code="version_pruned",
        details={"version": version, "last_version": context.last_version},
    )


def versions_of(context: AgentContext, *, with_data: bool = False) -> QuerySet[AgentContextVersion]:
    """The versions that are kept, newest first."""
    found = AgentContextVersion.objects.filter(context=context).order_by("-version")
    return found if with_data else found.defer("data")


def differences(context: AgentContext, before: int, after: int) -> list[Change]:
    """What changed from one version to another, place by place. Raises: NotFound, Gone."""
    return changes_between(_data_at(context, before), _data_at(context, after))


def _data_at(context: AgentContext, version: int) -> Any:
    return version_at(context, version).data
