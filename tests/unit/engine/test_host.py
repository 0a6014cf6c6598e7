"""A host with real threads and agents, over the store in memory."""

import json
import threading
from itertools import pairwise
from unittest.mock import MagicMock

import pytest

from sessions.engine.gate import MAX_EVENTS_PER_EXECUTION
from sessions.engine.store.base import StoreUnavailable, WorkerIdentity
from sessions.events import GENESIS_HASH, next_hash
from tests.unit.engine.odd_agents import GATE
from tests.unit.engine.world import HostWorld, agent, replace, session, task


def test_a_chain_of_tasks_runs_in_order_and_its_log_has_no_gap() -> None:
    first = task("first", input_data={"say": "a"})
    second = task("second", first, input_data={"say": "b"})
    with HostWorld() as world:
        done = world.finish(world.submit(session(first, second)))
    assert done.status == "COMPLETED"
    assert done.tasks[second.id].output == {"said": "b", "attempt": 1}
    events = world.store.events[done.id]
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    started = [event.task_id for event in events if event.type == "task.started"]
    assert started == [first.id, second.id]


def test_the_log_is_a_hash_chain() -> None:
    with HostWorld() as world:
        done = world.finish(world.submit(session(task("only"))))
    events = world.store.events[done.id]
    assert events[0].hash == next_hash(GENESIS_HASH, events[0].payload)
    assert all(later.hash == next_hash(earlier.hash, later.payload) for earlier, later in pairwise(events))


def test_what_is_committed_is_what_is_published() -> None:
    with HostWorld() as world:
        done = world.finish(world.submit(session(task("only", input_data={"events": 5}))))
    frames = [frame for notice in world.publisher.notices for frame in notice.frames]  # told after the commit
    assert frames == [event.payload for event in world.store.events[done.id]]


def test_an_agent_in_a_thread_uses_the_context_without_await() -> None:
    helper = agent("helper", "thread")
    one = task("one", agent_id=helper.id)
    with HostWorld() as world:
        done = world.finish(world.submit(session(one, agents=[helper])))
    assert done.tasks[one.id].output == {"titles": [], "doubled": 42}


def test_an_isolated_agent_runs_in_a_process_of_its_own() -> None:
    helper = agent("helper", "isolated")
    one = task("one", agent_id=helper.id)
    with HostWorld() as world:
        done = world.finish(world.submit(session(one, agents=[helper])))
    assert done.tasks[one.id].output == {"goal": "Do it", "inbox": 0, "titles": []}
    assert [message.content for message in world.store.messages] == [{"hello": 1}]


def test_an_isolated_agent_that_hangs_is_killed_by_a_cancel() -> None:
    helper = agent("helper", "isolated")
    one = task("one", agent_id=helper.id, input_data={"hang": True})
    with HostWorld() as world:
        key = world.submit(session(one, agents=[helper]))
        world.until(
            key, lambda s: s.tasks[one.id].execution and s.tasks[one.id].execution.progress_percentage == 50, 20
        )
        world.ask(key, "cancel")
        assert world.finish(key).status == "CANCELLED"


def test_an_isolated_agent_whose_process_dies_is_a_failed_attempt() -> None:
    helper = agent("helper", "isolated")
    one = task("one", agent_id=helper.id, input_data={"die": True}, max_attempts=1)
    with HostWorld() as world:
        done = world.finish(world.submit(session(one, agents=[helper])))
    assert done.tasks[one.id].error_code == "process_died"
    assert "7" in done.tasks[one.id].error_message


@pytest.mark.parametrize(
    ("odd", "code"),
    [
        ("object", "bad_output"),
        ("nan", "bad_output"),
        ("nul", "bad_output"),
        ("surrogate", "bad_output"),
        ("huge", "bad_output"),
        ("exit", "agent_exception"),
        ("interrupt", "agent_exception"),
        ("cancelled", "agent_exception"),
        ("send", "unknown_receiver"),
    ],
)
def test_an_odd_agent_fails_its_task_and_harms_nobody_else(odd: str, code: str) -> None:
    odd_one = agent("odd one", "odd")
    one = task("one", agent_id=odd_one.id, input_data={"odd": odd}, max_attempts=1)
    with HostWorld() as world:
        failed = world.finish(world.submit(session(one, agents=[odd_one])))
        assert failed.status == "FAILED"
        assert failed.tasks[one.id].error_code == code
        assert world.finish(world.submit(session(task("other")))).status == "COMPLETED"


def test_a_host_that_cannot_register_tries_again() -> None:
    world = HostWorld()
    refusals = [RuntimeError("odd"), StoreUnavailable("away")]
    register = world.store.register

    def refuse(worker: WorkerIdentity, lease_seconds: float) -> None:
        if refusals:
            raise refusals.pop(0)
        register(worker, lease_seconds)

    world.host._store = MagicMock(wraps=world.store, register=refuse)
    with world:
        assert world.finish(world.submit(session(task("only")))).status == "COMPLETED"


def test_an_agent_that_exits_while_it_is_made_does_not_end_the_host() -> None:
    stillborn = agent("stillborn", "stillborn")
    one = task("one", agent_id=stillborn.id, max_attempts=1)
    with HostWorld() as world:
        failed = world.finish(world.submit(session(one, agents=[stillborn])))
        assert failed.tasks[one.id].error_code == "agent_exception"
        assert world.finish(world.submit(session(task("other")))).status == "COMPLETED"


def test_an_agent_that_ignores_a_cancel_is_abandoned() -> None:
    odd_one = agent("odd one", "odd")
    one = task("one", agent_id=odd_one.id, input_data={"odd": "stubborn"})
    with HostWorld() as world:
        key = world.submit(session(one, agents=[odd_one]))
        world.until(key, lambda s: s.tasks[one.id].execution is not None)
        world.ask(key, "cancel")
        done = world.finish(key, seconds=3)
    assert done.status == "CANCELLED"
    assert done.tasks[one.id].output is None


def test_a_flood_of_events_is_cut_off_and_says_so() -> None:
    one = task("one", input_data={"events": MAX_EVENTS_PER_EXECUTION + 500})
    with HostWorld() as world:
        done = world.finish(world.submit(session(one)))
    types = [event.type for event in world.store.events[done.id]]
    assert types.count("execution.progress") == MAX_EVENTS_PER_EXECUTION
    assert types.count("log.truncated") == 1
    assert done.status == "COMPLETED"


def test_tokens_are_streamed_but_not_kept() -> None:
    odd_one = agent("odd one", "odd")
    with HostWorld() as world:
        done = world.finish(
            world.submit(session(task("one", agent_id=odd_one.id, input_data={"odd": "tokens"}), agents=[odd_one]))
        )
    assert streamed_text(world) == "token"
    assert "token" not in {event.type for event in world.store.events[done.id]}


def test_a_flood_of_tokens_becomes_few_frames_whole_and_in_order() -> None:
    odd_one = agent("odd one", "odd")
    with HostWorld() as world:
        order = {"odd": "token flood"}
        done = world.finish(world.submit(session(task("one", agent_id=odd_one.id, input_data=order), agents=[odd_one])))
    assert done.status == "COMPLETED"
    assert streamed_text(world) == "".join(f"{number} " for number in range(20_000))
    assert len(world.publisher.tokens) < 300


def streamed_text(world: HostWorld) -> str:
    return "".join(json.loads(frame)["data"]["text"] for frame in world.publisher.tokens)


def test_usage_is_summed_over_the_session() -> None:
    odd_one = agent("odd one", "odd")
    tasks = [task(name, agent_id=odd_one.id, input_data={"odd": "usage"}) for name in ("one", "two")]
    with HostWorld() as world:
        done = world.finish(world.submit(session(*tasks, agents=[odd_one])))
    assert done.usage == {"calls": 4, "tokens": 40}


def test_long_log_lines_are_cut_and_unknown_levels_become_info() -> None:
    odd_one = agent("odd one", "odd")
    one = task("one", agent_id=odd_one.id, input_data={"odd": "log"})
    with HostWorld() as world:
        done = world.finish(world.submit(session(one, agents=[odd_one])))
    line = next(event.payload for event in world.store.events[done.id] if event.type == "log")
    assert '"level":"info"' in line
    assert len(line) < 5000


def test_a_stopping_host_hands_its_sessions_over_and_another_finishes_them() -> None:
    one = task("one", input_data={"sleep": 0.6})
    world = HostWorld()
    with world:
        key = world.submit(session(one))
        world.until(key, lambda s: s.tasks[one.id].execution is not None)
    left = world.store.sessions[key]
    assert left.tasks[one.id].status == "QUEUED"
    second = HostWorld()
    second.store = world.store
    second.host._store = world.store
    with second:
        done = second.finish(key)
    assert done.status == "COMPLETED"
    assert done.tasks[one.id].output == {"said": None, "attempt": 2}


def test_a_stopping_host_lets_agents_finish_within_the_grace() -> None:
    one = task("one", input_data={"sleep": 0.3})
    world = HostWorld()
    world.host.start()
    key = world.submit(session(one))
    world.until(key, lambda s: s.tasks[one.id].execution is not None)
    world.host.stop(grace_seconds=5)
    assert world.store.sessions[key].status == "COMPLETED"


def test_data_the_database_refuses_fails_the_task_not_the_session_runner() -> None:
    one, other = task("one", input_data={"say": "poison"}), task("other")
    world = HostWorld()
    world.store.reject = lambda batch: (
        "no such character" if any(w.task.output and w.task.output["said"] == "poison" for w in batch.tasks) else None
    )
    with world:
        done = world.finish(world.submit(session(one, other)))
    assert done.tasks[one.id].error_code == "not_storable"
    assert done.tasks[other.id].status == "COMPLETED"
    assert done.status == "FAILED"
    assert not world.host.session_count


def test_pause_parks_a_running_agent_and_resume_runs_the_same_attempt_again() -> None:
    odd_one = agent("odd one", "odd")
    one = task("one", agent_id=odd_one.id, input_data={"odd": "until the gate is open"})
    GATE.clear()
    with HostWorld() as world:
        key = world.submit(session(one, agents=[odd_one]))
        world.until(key, lambda s: s.last_seq > 5)
        world.ask(key, "pause")
        parked = world.until(key, lambda s: s.status == "PAUSED" and s.tasks[one.id].status == "WAITING")
        assert parked.tasks[one.id].execution is not None
        assert parked.tasks[one.id].execution.state == "PAUSED"
        GATE.set()
        world.ask(key, "resume")
        done = world.finish(key)
    assert done.status == "COMPLETED"
    assert done.tasks[one.id].attempts == 1


def test_slots_bound_what_runs_at_once() -> None:
    busy = agent("busy", max_concurrent_tasks=2)
    tasks = [task(f"t{n}", agent_id=busy.id, input_data={"sleep": 0.05}) for n in range(8)]
    with HostWorld() as world:
        done = world.finish(world.submit(session(*tasks, agents=[busy])))
    assert most_at_once(world, done.id) == 2


def most_at_once(world: HostWorld, session_id: str) -> int:
    running = most = 0
    for event in world.store.events[session_id]:
        running += {"task.started": 1, "task.completed": -1}.get(event.type, 0)
        most = max(most, running)
    return most


def test_a_host_that_lost_its_lease_drops_everything_and_starts_anew() -> None:
    one = task("one", input_data={"sleep": 0.5})
    with HostWorld(lease_seconds=60) as world:
        key = world.submit(session(one))
        world.until(key, lambda s: s.tasks[one.id].execution is not None)
        world.store._workers.clear()
        world.store._leases[key].token += 1
        world.host._journal._lease_until = 0.0
        world.host._journal._renew_at = 0.0
        world.host._loop.call_soon_threadsafe(world.host._journal._tell_lost)
        done = world.finish(key)
    assert done.status == "COMPLETED"
    assert done.tasks[one.id].output == {"said": None, "attempt": 2}
    assert (done.tasks[one.id].uncounted, done.tasks[one.id].lost) == (1, 0)


def test_a_host_whose_journal_hangs_in_the_database_stops_its_agents_in_time() -> None:
    """Another host may have taken over: what still ran here would be done twice."""
    one = task("one", input_data={"sleep": 60})
    world = HostWorld(lease_seconds=2.5)
    hangs, answers = threading.Event(), threading.Event()

    def renew(worker_id: str, lease_seconds: float) -> bool:
        return answers.wait(60) if hangs.is_set() else world.store.renew(worker_id, lease_seconds)

    world.host._store = MagicMock(wraps=world.store, renew=renew)
    with world:
        key = world.submit(session(one))
        try:
            world.until(key, lambda s: s.tasks[one.id].execution is not None)
            hangs.set()
            world.until(key, lambda s: not world.host.session_count and not world.host._agents.running_count, 10)
        finally:
            answers.set()


def test_a_cancel_is_heard_while_the_host_drains() -> None:
    one = task("one", input_data={"sleep": 60})
    with HostWorld() as world:
        key = world.submit(session(one))
        world.until(key, lambda s: s.tasks[one.id].execution is not None)
        stopping = threading.Thread(target=world.host.stop, args=(30,))
        stopping.start()
        world.ask(key, "cancel")
        assert world.finish(key, seconds=10).status == "CANCELLED"
        stopping.join(10)
        assert not stopping.is_alive()


def test_a_session_the_engine_fails_at_again_and_again_ends_and_says_so() -> None:
    one = task("one")
    with HostWorld() as world:
        broken = session(one)
        world.store.add(broken)
        world.store.sessions[broken.id] = replace(broken, tasks={one.id: replace(one, depends_on=("nobody",))})
        world.host.poke()
        ended = world.finish(broken.id)
        assert (ended.status, ended.error_code) == ("FAILED", "engine_error")
        assert "KeyError" in ended.error_message
        assert world.finish(world.submit(session(task("other")))).status == "COMPLETED"


def test_an_agent_class_this_worker_does_not_know_fails_its_task() -> None:
    ghost = agent("ghost", "never-registered")
    one = task("one", agent_id=ghost.id)
    with HostWorld() as world:
        done = world.finish(world.submit(session(one, agents=[ghost])))
    assert done.tasks[one.id].error_code == "unknown_definition"
    assert "AGENT_REGISTRY_MODULES" in done.tasks[one.id].error_message


@pytest.mark.parametrize(
    ("odd", "code"),
    [
        ("bad type", "bad_message"),
        ("no receiver", "bad_message"),
        ("bad content", "bad_message"),
        ("bad usage", "bad_usage"),
    ],
)
def test_a_context_call_that_makes_no_sense_is_an_error_of_the_agent(odd: str, code: str) -> None:
    odd_one = agent("odd one", "odd")
    one = task("one", agent_id=odd_one.id, input_data={"odd": odd}, max_attempts=1)
    with HostWorld() as world:
        done = world.finish(world.submit(session(one, agents=[odd_one])))
    assert done.tasks[one.id].error_code == code


def test_an_agent_reads_what_others_of_its_session_sent() -> None:
    talker, reader = agent("talker"), agent("reader", "odd")
    first = task("talk", agent_id=talker.id, input_data={"send": {"news": 1}, "to": "reader"})
    second = task("read", first, agent_id=reader.id, input_data={"odd": "log"})
    with HostWorld() as world:
        done = world.finish(world.submit(session(first, second, agents=[talker, reader])))
    assert {"news": 1} in done.tasks[second.id].output


def test_this_sessions_configuration_of_an_agent_wins_over_its_own() -> None:
    set_up = agent("set up", configuration={"say": "usual"})
    one = task("one", agent_id=set_up.id)
    with HostWorld() as world:
        context = {"agent_configuration": {"set up": {"say": "special"}}}
        done = world.finish(world.submit(session(one, agents=[set_up], context=context)))
    assert done.tasks[one.id].output["said"] == "special"


def test_a_blocking_agent_that_leaves_the_loop_alone_does_not_hold_up_others() -> None:
    helper = agent("helper", "thread")
    with HostWorld() as world:
        slow = world.submit(session(task("slow", agent_id=helper.id), agents=[helper]))
        quick = world.submit(session(task("quick")))
        assert world.finish(quick).status == "COMPLETED"
        assert world.finish(slow).status == "COMPLETED"
