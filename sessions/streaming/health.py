"""Whether the processes can ring each other, for the health page. The database is the truth: without, all is slower."""

import asyncio
from typing import Any

from channels.layers import get_channel_layer

from core.health import Finding, HealthStatus
from sessions.streaming import conf

ANSWER_SECONDS = 1.0
EMBEDDED = "Not used: the processes of this machine talk over local sockets."


def check_redis() -> Finding:
    """Whether Redis answers, where there is one."""
    if not conf.redis_url():
        return Finding(HealthStatus.OK, EMBEDDED)
    from redis import Redis, RedisError  # an embedded web process never needs it

    client: Any = Redis.from_url(
        conf.redis_url(), socket_timeout=ANSWER_SECONDS, socket_connect_timeout=ANSWER_SECONDS, max_connections=1
    )
    try:
        version = str(client.info("server")["redis_version"])
    except (RedisError, OSError) as error:
        sentence = f"Redis does not answer ({type(error).__name__}): sessions go on, but start and stream more slowly."
        return Finding(HealthStatus.DEGRADED, sentence)
    finally:
        client.close()
    return Finding(HealthStatus.OK, f"Redis {version} answers.", {"version": version})


def check_channel_layer() -> Finding:
    """Whether a message that one process sends reaches another."""
    if not conf.redis_url():
        return Finding(HealthStatus.OK, EMBEDDED)
    try:
        asyncio.run(_there_and_back())
    except Exception as error:  # noqa: BLE001  (a hung, refused or broken connection: each client has its own errors)
        sentence = f"The channel layer is cut ({type(error).__name__}): streams are up to 2 s late."
        return Finding(HealthStatus.DEGRADED, sentence)
    return Finding(HealthStatus.OK, "The channel layer carries messages.")


async def _there_and_back() -> None:
    layer: Any = get_channel_layer()
    async with asyncio.timeout(ANSWER_SECONDS):
        channel = await layer.new_channel("health")
        await layer.send(channel, {"type": "health"})
        await layer.receive(channel)
