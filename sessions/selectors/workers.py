"""The engines that run now."""

from django.db.models.functions import Now

from sessions.models import EngineWorker


def live_worker_on(host: str) -> EngineWorker | None:
    """An engine on this machine whose lease lasts, by the database's clock."""
    return EngineWorker.objects.filter(host=host, expires_at__gt=Now()).first()
