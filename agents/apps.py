"""Django app of `agents`."""

from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate


class AgentsConfig(AppConfig):
    name = "agents"
    label = "agents"

    def ready(self) -> None:
        from agents.selectors.templating import definition_facts
        from templates_app import hooks
        from workspaces.signals import project_created

        hooks.find_definition = definition_facts
        post_migrate.connect(bring_rows_up_to_date, sender=self, dispatch_uid="agents.bring_rows_up_to_date")
        project_created.connect(give_built_in_agents, dispatch_uid="agents.give_built_in_agents")


def bring_rows_up_to_date(using: str, **kwargs: Any) -> None:
    """After migrations: definitions follow the code, the gallery's templates its files, and projects get built-in
    agents that are new."""
    from agents.models import Agent
    from agents.services import ensure_builtin_agents_everywhere, sync_definitions
    from templates_app.models import AgentTemplateVersion
    from templates_app.services import sync_gallery

    needed = {Agent._meta.db_table, AgentTemplateVersion._meta.db_table}
    if using == "default" and needed <= set(connections[using].introspection.table_names()):
        sync_definitions()
        sync_gallery()
        ensure_builtin_agents_everywhere()


def give_built_in_agents(project: Any, **kwargs: Any) -> None:
    from agents.services import ensure_builtin_agents

    ensure_builtin_agents(project=project)
