"""What a worker process runs besides Celery: the engine's host, what is asked of agents, and (embedded) the doorbell of
both and the housekeeping timer.
"""

import random
import threading
import time
from collections.abc import Sequence

import structlog
from django.db import close_old_connections

from agents.conf import agents_enabled, registry_modules
from agents.worker import AgentWorker
from sessions import conf as engine_conf
from sessions import housekeeping
from sessions.birth import make_child
from sessions.dispatch import DoorbellListener, ring_session
from sessions.engine.host import EngineHost
from sessions.engine.isolation import Placer
from sessions.engine.journal import Notice as JournalNotice
from sessions.engine.wiring import build_host
from sessions.streaming import conf, publisher
from sessions.streaming.frames import Notice

HOUSEKEEPING_SECONDS = 60.0
logger = structlog.get_logger(__name__)


class StreamPublisher:
    """What the journal tells, handed to the streams."""

    def publish(self, notices: Sequence[JournalNotice]) -> None:
        publisher.publish(Notice(notice.session_id, notice.last_seq, notice.frames) for notice in notices)

    def publish_token(self, session_id: str, frame: str) -> None:
        publisher.publish_token(session_id, frame)


class Worker:
    """The parts of one worker process; `start` once, `stop` once."""

    def __init__(self) -> None:
        self._host: EngineHost | None = None
        self._agents: AgentWorker | None = None
        self._doorbell: DoorbellListener | None = None
        self._stopping = threading.Event()

    def start(self) -> None:
        if not engine_conf.engine_enabled():
            return
        if agents_enabled():
            self._start_engine()
        else:
            logger.warning("agents are switched off (AGENTS_ENABLED=false): this worker takes no sessions")
        if not conf.redis_url():
            threading.Thread(target=self._keep_house, name="housekeeping", daemon=True).start()

    def _start_engine(self) -> None:
        make_placer = queue_placer if conf.redis_url() else None
        self._host = build_host(StreamPublisher(), ring=ring_session, make_placer=make_placer, make_child=make_child)
        self._host.start()
        self._agents = AgentWorker()
        self._agents.start()
        if not conf.redis_url():
            self._doorbell = DoorbellListener(self._host.poke, self._agents.poke)
            self._doorbell.start()

    def poke(self, session_id: str | None) -> None:
        if self._host:
            self._host.poke(session_id)

    def poke_agents(self) -> None:
        if self._agents:
            self._agents.poke()

    def stop(self, grace_seconds: float | None = None) -> None:
        """Hands the sessions over after the grace: what still runs is stopped, and any other host goes on at once."""
        self._stopping.set()
        if self._doorbell:
            self._doorbell.stop()
        grace = engine_conf.grace_seconds() if grace_seconds is None else grace_seconds
        end = time.monotonic() + grace
        if self._agents:
            self._agents.take_no_more()
        if self._host:
            self._host.stop(grace)
        if self._agents:
            self._agents.stop(max(0.0, end - time.monotonic()))
        self._agents = None
        self._host = None

    def _keep_house(self) -> None:
        while not self._stopping.wait(HOUSEKEEPING_SECONDS * random.uniform(0.8, 1.2)):
            close_old_connections()
            try:
                housekeeping.keep_house()
            except Exception:
                logger.exception("housekeeping failed; it is tried again in a minute")
            finally:
                close_old_connections()


def queue_placer() -> Placer:
    """Placed agents run on the workers of their queues."""
    from sessions.placement.following import QueuePlacer  # brings a Redis client, which an embedded worker never needs

    return QueuePlacer(conf.redis_url(), modules=registry_modules())


worker = Worker()
