"""Django app of the site itself: its commands, and the Celery application where there is a broker."""

from importlib import import_module

from django.apps import AppConfig
from django.conf import settings


class SiteConfig(AppConfig):
    name = "orchestrator_site"

    def ready(self) -> None:
        """Every process that rings other processes by Celery needs it; without Redis none does (it weighs 15 MiB)."""
        if settings.REDIS_URL:
            import_module("orchestrator_site.celery")
