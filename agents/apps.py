"""Django app of `agents`."""

from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate


class AgentsConfig(AppConfig):
    name = "agents"
    label = "agents"

    def ready(self) -> None:
        from workspaces.signals import project_created

        post_migrate.connect(bring_rows_up_to_date, sender=self, dispatch_uid="agents.bring_rows_up_to_date")
        project_created.connect(give_built_in_agents, dispatch_uid="agents.give_built_in_agents")


def bring_rows_up_to_date(using: str, **kwargs: Any) -> None:
    """After migrations: definitions follow the code, and projects get built-in agents that are new."""
    from agents.models import Agent
    from agents.services import ensure_builtin_agents_everywhere, sync_definitions

    if using == "default" and Agent._meta.db_table in connections[using].introspection.table_names():
        sync_definitions()
        ensure_builtin_agents_everywhere()


def give_built_in_agents(project: Any, **kwargs: Any) -> None:
    from agents.services import ensure_builtin_agents

    ensure_builtin_agents(project=project)
