"""What `/health/detailed` looks at, in the order in which it is shown."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

from django.conf import settings

from agents.selectors.health import check_agents, check_registry
from core.checks import check_database, check_disk
from core.health import Check, HealthStatus
from sessions.selectors.health import check_queue, check_workers
from sessions.streaming.health import check_channel_layer, check_redis

CHECKS: Mapping[str, Check] = {
    "database": Check(check_database, on_silence=HealthStatus.DOWN),
    "redis": Check(check_redis),
    "channel_layer": Check(check_channel_layer),
    "workers": Check(check_workers),
    "queue": Check(check_queue),
    "registry": Check(check_registry),
    "agents": Check(check_agents),
    "disk": Check(partial(check_disk, Path(settings.DATA_DIR))),
}
