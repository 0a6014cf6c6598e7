"""The agents every project has from its first moment."""

from collections.abc import Collection, Iterator

from django.db import transaction

from agents.models import Agent, AgentDefinition, AgentStateHistory
from agents.policies import BUILTIN_SLUGS
from agents.services.moves import apply_verb, history_values, snapshot
from workspaces.access import SYSTEM
from workspaces.models import Project


@transaction.atomic
def ensure_builtin_agents(*, project: Project) -> list[Agent]:
    """Give a project the agents of `BUILTIN_SLUGS` it never had: ACTIVE, with their history. Returns the new ones.

    Definitions that are not registered are passed over. Hooks are not called: the built-in classes need none.
    """
    rows = AgentDefinition.objects.filter(slug__in=BUILTIN_SLUGS, is_enabled=True)
    missing = list(rows.exclude(agents__project=project))
    if not missing:
        return []
    taken = set(Agent.objects.not_terminated().filter(workspace_id=project.workspace_id).values_list("name", flat=True))
    agents: list[Agent] = []
    history: list[AgentStateHistory] = []
    for definition in sorted(missing, key=lambda row: BUILTIN_SLUGS.index(row.slug)):
        agent = _built_in(project, definition, taken)
        taken.add(agent.name)
        history.extend(_first_moves(agent))
        agents.append(agent)
    Agent.objects.bulk_create(agents)
    AgentStateHistory.objects.bulk_create(history)
    return agents


def ensure_builtin_agents_everywhere() -> int:
    """The same for all projects, for definitions that came after them; returns how many agents were made."""
    return sum(len(ensure_builtin_agents(project=project)) for project in Project.objects.select_related("workspace"))


def _built_in(project: Project, definition: AgentDefinition, taken: Collection[str]) -> Agent:
    return Agent(
        workspace_id=project.workspace_id,
        project=project,
        definition=definition,
        name=next(name for name in _names(project, definition) if name not in taken),
        description=definition.description,
        type=definition.agent_type,
        capabilities=definition.capabilities,
    )


def _names(project: Project, definition: AgentDefinition) -> Iterator[str]:
    """Names are unique in a workspace: the default project's agents have the plain ones."""
    if project.is_default:
        yield definition.slug
    yield f"{definition.slug}-{project.slug}"[:100]
    number = 2
    while True:
        yield f"{definition.slug}-{project.slug}"[:90] + f"-{number}"
        number += 1


def _first_moves(agent: Agent) -> Iterator[AgentStateHistory]:
    yield AgentStateHistory(**history_values(agent, None, reason="every project has it", actor=SYSTEM))
    for verb in ("initialize", "become_ready", "activate"):
        before = snapshot(agent)
        apply_verb(agent, verb)
        yield AgentStateHistory(**history_values(agent, before, reason="", actor=SYSTEM))
