"""Django app of `workspaces`."""

from importlib import import_module

from django.apps import AppConfig


class WorkspacesConfig(AppConfig):
    name = "workspaces"
    label = "workspaces"

    def ready(self) -> None:
        import_module("workspaces.api.schemes")
