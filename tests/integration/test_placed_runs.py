"""Placed runs over a real Redis: both sides of the pipe in this process, the agent in a process of its own."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import ConnectionError as RedisConnectionError

from sessions.engine.state import Session
from sessions.engine.store.memory import MemoryStore
from sessions.placement import following, serving
from sessions.placement.following import QueuePlacer
from tests.conftest import need_service
from tests.e2e.test_production_processes import REDIS_URL
from tests.running import wait_for
from tests.unit.engine.world import AGENTS, HostWorld, agent, session, task

pytestmark = [pytest.mark.redis, pytest.mark.xdist_group("placed")]
ROOT = Path(__file__).resolve().parent.parent.parent
MODULES = list(AGENTS)


class Queue:
    """Celery in small: a message is a thread that serves the run."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.threads: list[threading.Thread] = []
        self.loses_messages = False

    def signature(self, _name: str, *, args: list[str], queue: str) -> "Queue":
        assert queue == "gpu"
        self.sent.append(args[0])
        return self

    def apply_async(self, *, retry: bool) -> None:
        assert not retry
        if not self.loses_messages:
            self.serve(self.sent[-1])

    def serve(self, run_id: str) -> None:
        work = threading.Thread(
            target=serving.serve_run, args=[run_id], kwargs={"redis_url": REDIS_URL, "folder": ROOT}
        )
        work.start()
        self.threads.append(work)


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    need_service("Redis", 6379)
    queue = Queue()
    monkeypatch.setattr(following, "current_app", queue)
    monkeypatch.setattr(following, "ALIVE_SECONDS", 2)
    monkeypatch.setattr(serving, "ALIVE_SECONDS", 4)
    monkeypatch.setattr(serving, "BEAT_SECONDS", 0.2)
    yield queue
    for work in queue.threads:
        work.join(timeout=10)
        assert not work.is_alive()


def world_of_placed(store: MemoryStore | None = None) -> HostWorld:
    """Its runs have keys that no other test run has used."""
    return HostWorld(
        store=store, new_id=lambda: str(uuid4()), make_placer=lambda: QueuePlacer(REDIS_URL, modules=MODULES)
    )


def one_task(**orders: Any) -> Session:
    worker = agent(definition="placed", placement="gpu")
    return session(task("one", agent_id=worker.id, input_data=orders), agents=[worker])


def words(world: HostWorld, session_id: str) -> list[str]:
    return [event.type for event in world.store.events[session_id]]


def only_task(found: Session) -> Any:
    return next(iter(found.tasks.values()))


def is_running(found: Session) -> bool:
    execution = only_task(found).execution
    return execution is not None and "runs on" in execution.status_message


def test_a_placed_agent_uses_its_context_and_gives_its_result(queue: Queue) -> None:
    with world_of_placed() as world:
        done = world.finish(world.submit(one_task()))
    assert only_task(done).output["paid"] == "once"
    assert "step.completed" in words(world, done.id)
    assert "execution.progress" in words(world, done.id)
    assert len(queue.sent) == 1


def test_a_placed_agent_writes_its_contexts_once_over_attempts(queue: Queue) -> None:
    worker = agent(definition="contexts_placed", placement="gpu")
    write = ("write", {"name": "notes", "data": {"n": 1}})
    orders = [write, ("fail", {"times": 1}), write, ("read", {"name": "notes"})]
    one = task("one", agent_id=worker.id, max_attempts=2, input_data={"orders": orders})
    with world_of_placed() as world:
        done = world.finish(world.submit(session(one, agents=[worker])))
    assert only_task(done).output == [1, None, 2, [2, {"n": 1}]]
    assert len(queue.sent) == 2


def test_its_failure_is_a_failure_of_the_task(queue: Queue) -> None:
    with world_of_placed() as world:
        done = world.finish(world.submit(one_task(die=True)))
    assert done.error_code == "process_died"


def test_a_cancel_reaches_the_worker(queue: Queue) -> None:
    with world_of_placed() as world:
        key = world.submit(one_task(hang=30))
        world.until(key, is_running)
        world.ask(key, "cancel")
        assert world.finish(key).status == "CANCELLED"
        queue.threads[0].join(timeout=10)
        assert not queue.threads[0].is_alive()


def test_a_worker_that_is_gone_is_noticed_and_the_steps_are_reused(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    with world_of_placed() as world:
        key = world.submit(one_task(hang_first=30))
        world.until(key, lambda found: only_task(found).steps)
        monkeypatch.setattr(serving._Serving, "_beat", lambda self: self._keys.run_id != queue.sent[0])
        done = world.finish(key)
        assert done.status == "COMPLETED"
        assert only_task(done).attempts == 2
        assert words(world, key).count("step.reused") == 1


def test_another_host_goes_on_with_the_run_where_it_is(queue: Queue) -> None:
    with world_of_placed() as world:
        key = world.submit(one_task(hang=1.0))
        world.until(key, is_running)
        store = world.store
    with world_of_placed(store) as second:
        done = second.finish(key)
    assert done.status == "COMPLETED"
    assert only_task(done).attempts == 1
    assert len(queue.sent) == 1


def test_a_message_the_queue_has_lost_is_sent_again(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "OFFER_AGAIN_SECONDS", 0.5)
    queue.loses_messages = True
    with world_of_placed() as world:
        key = world.submit(one_task())
        wait_for(lambda: len(queue.sent) == 1, 10, "the first offer")
        queue.loses_messages = False
        assert world.finish(key).status == "COMPLETED"
    assert len(queue.sent) >= 2


def test_its_calls_are_answered_side_by_side_and_what_it_pays_for_beside_a_wait_is_let_finish(queue: Queue) -> None:
    worker = agent(definition="parental_paying_placed", placement="gpu")
    with world_of_placed() as world:
        done = world.finish(world.submit(session(task("one", agent_id=worker.id), agents=[worker])))
        logged = [json.loads(event.payload) for event in world.store.events[done.id] if event.type == "log"]
    assert only_task(done).output == {"child": "COMPLETED"}
    assert [event["data"]["text"] for event in logged].count("paid well") == 1


def test_an_answer_that_could_not_be_sent_is_sent_when_redis_is_back(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also a call whose reading failed is found again."""
    execute, blmove, failures = Pipeline.execute, Redis.blmove, iter(range(6))

    async def failing(self: Any, *args: Any, **options: Any) -> Any:
        if next(failures, None) is not None:
            raise RedisConnectionError("away")
        return await execute(self, *args, **options)

    async def answerless(self: Any, *args: Any, **options: Any) -> Any:
        found = await blmove(self, *args, **options)
        if found and "open_step" in found:
            raise RedisConnectionError("away")
        return found

    monkeypatch.setattr(following, "POLL_SECONDS", 0.05)
    monkeypatch.setattr(Pipeline, "execute", failing)
    monkeypatch.setattr(Redis, "blmove", answerless)
    with world_of_placed() as world:
        done = world.finish(world.submit(one_task()))
    assert only_task(done).output["paid"] == "once"
    assert only_task(done).attempts == 1
    assert next(failures, None) is None


def test_a_run_is_served_once(queue: Queue) -> None:
    with world_of_placed() as world:
        key = world.submit(one_task(hang=0.5))
        world.until(key, is_running)
        start = time.monotonic()
        assert not serving.serve_run(queue.sent[0], redis_url=REDIS_URL, folder=ROOT)
        assert time.monotonic() - start < 5
        assert world.finish(key).status == "COMPLETED"
