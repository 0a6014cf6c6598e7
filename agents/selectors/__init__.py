"""Reads of agents, by noun; every public name is offered here."""

from agents.selectors.agents import (
    ORDERINGS,
    AgentQuery,
    agent_for,
    agent_with_template,
    assignable_agents,
    discovered_agents,
    figures_of,
    listed_agents,
    name_is_taken,
    state_history,
    templates_in_use,
    visible_agents,
    visible_in_project,
    with_running,
)
from agents.selectors.checkpoints import checkpoint_for, checkpoint_of, checkpoints_of, schedule_for
from agents.selectors.registry import (
    RegistryReport,
    definition_for,
    definitions,
    enabled_slugs,
    registry_report,
)

__all__ = [
    "ORDERINGS",
    "AgentQuery",
    "RegistryReport",
    "agent_for",
    "agent_with_template",
    "assignable_agents",
    "checkpoint_for",
    "checkpoint_of",
    "checkpoints_of",
    "definition_for",
    "definitions",
    "discovered_agents",
    "enabled_slugs",
    "figures_of",
    "listed_agents",
    "name_is_taken",
    "registry_report",
    "schedule_for",
    "state_history",
    "templates_in_use",
    "visible_agents",
    "visible_in_project",
    "with_running",
]
