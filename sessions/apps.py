"""Django app of `sessions`."""

from importlib import import_module

from django.apps import AppConfig

from agents import hooks


class SessionsConfig(AppConfig):
    name = "sessions"
    label = "agent_sessions"  # django.contrib.sessions owns "sessions"
    verbose_name = "Sessions"

    def ready(self) -> None:
        figures = import_module("sessions.selectors.dashboard")
        hooks.running_counts = figures.running_counts
        hooks.execution_figures = figures.execution_figures
        hooks.ring_agents = import_module("sessions.dispatch").ring_agents
