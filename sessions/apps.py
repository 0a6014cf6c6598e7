"""Django app of `sessions`."""

from django.apps import AppConfig


class SessionsConfig(AppConfig):
    name = "sessions"
    label = "agent_sessions"  # django.contrib.sessions owns "sessions"
    verbose_name = "Sessions"
