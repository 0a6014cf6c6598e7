"""A worker of agents' commands in its threads: several at once, found without a ring, finished or handed over."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection

from agents.models import Agent, AgentCommand
from agents.services import (
    create_agent,
    wait_for_agent,
)
from agents.services.commands import claims
from agents.worker import AgentWorker
from core.clock import SYSTEM_CLOCK
from core.errors import Conflict
from core.ids import new_id
from tests.make import Make
from tests.unit.agents.worlds import (
    RecordingAgent,
    access_to,
    ask,
    command_of,
    definition,
    do,
    fresh,
    moves_of,
    use_registry,
    work_off,
)
from workspaces.models import Project


@pytest.fixture(autouse=True)
def classes(db: None, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[None]:
    settings.AGENT_HOOK_TIMEOUT_SECONDS = 5
    use_registry(monkeypatch, recorder=RecordingAgent)
    RecordingAgent.calls.clear()
    yield
    RecordingAgent.calls.clear()


def new_agent(project: Project, slug: str = "recorder", **configuration: Any) -> Agent:
    return create_agent(
        access=access_to(project), project=project, definition=definition(slug), configuration=configuration
    )


@pytest.mark.django_db(transaction=True)
class TestAWorker:
    @pytest.fixture(autouse=True)
    def quick_claims(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(claims, "CLAIM_SECONDS", 5.0)

    def test_carries_out_several_commands_at_once(self, make: Make) -> None:
        project = make.project()
        slow, quick = new_agent(project, initialize="block"), new_agent(project)
        worker = AgentWorker()
        worker.start()
        try:
            ask(slow, "initialize")
            ask(quick, "initialize")
            worker.poke()
            begun = time.monotonic()
            assert wait_for_agent(quick.id, 5)
            assert time.monotonic() - begun < 1.4
            assert fresh(slow).state_detail == "INITIALIZING"
            assert wait_for_agent(slow.id, 10)
        finally:
            worker.stop(5)
        assert fresh(slow).state_detail == "READY"

    def test_finds_commands_without_being_rung(self, make: Make) -> None:
        agent = new_agent(make.project())
        worker = AgentWorker()
        worker.start()
        try:
            ask(agent, "initialize")
            assert wait_for_agent(agent.id, 10)
        finally:
            worker.stop(1)
        assert fresh(agent).state_detail == "READY"

    def test_hands_over_what_it_cannot_finish_in_its_grace(self, make: Make) -> None:
        agent = new_agent(make.project(), initialize="block")
        worker = AgentWorker()
        worker.start()
        ask(agent, "initialize")
        worker.poke()
        wait_for(lambda: command_of(agent).attempt == 1)
        worker.stop(0.1)
        command = command_of(agent)
        assert (command.claimed_by, command.attempt) == (None, 0)
        work_off()
        assert fresh(agent).state_detail == "READY"
        time.sleep(1.6)
        assert [row[1] for row in moves_of(agent)] == ["CREATED", "INITIALIZING", "READY"]

    def test_finishes_what_it_can_in_its_grace(self, make: Make) -> None:
        agent = new_agent(make.project(), initialize="block")
        worker = AgentWorker()
        worker.start()
        ask(agent, "initialize")
        worker.poke()
        wait_for(lambda: command_of(agent).attempt == 1)
        worker.stop(10)
        assert fresh(agent).state_detail == "READY"

    def test_does_not_begin_again_what_it_has_at_work(self, make: Make) -> None:
        """While the database is away no claim is renewed; when it is back, this worker may be the first to look."""
        agent = new_agent(make.project(), initialize="block")
        ask(agent, "initialize")
        worker = AgentWorker()
        worker._take_commands()
        wait_for(lambda: RecordingAgent.calls)
        past = SYSTEM_CLOCK.now() - timedelta(seconds=1)
        assert AgentCommand.objects.filter(agent=agent).update(claim_expires_at=past) == 1
        worker._take_commands()
        worker._renew()
        assert claims.claim_commands(new_id(), limit=1) == []
        assert wait_for_agent(agent.id, 10)
        assert (RecordingAgent.calls, command_of(agent).attempt) == (["initialize"], 1)
        worker.stop(1)

    def test_shares_the_work_with_others(self, make: Make) -> None:
        project = make.project()
        agents = [new_agent(project) for _ in range(12)]
        for agent in agents:
            ask(agent, "initialize")
        workers = [AgentWorker() for _ in range(3)]
        for worker in workers:
            worker.start()
        try:
            assert all(wait_for_agent(agent.id, 20) for agent in agents)
        finally:
            for worker in workers:
                worker.stop(5)
        assert RecordingAgent.calls == ["initialize"] * 12
        assert {command_of(agent).attempt for agent in agents} == {1}

    def test_goes_on_after_an_error_of_the_database(self, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        agent = new_agent(make.project())
        really, failures = claims.claim_commands, [1, 1]

        def unsteady(*args: Any, **kwargs: Any) -> Any:
            if failures:
                failures.pop()
                raise OperationalError("the database went away")
            return really(*args, **kwargs)

        monkeypatch.setattr("agents.worker.claim_commands", unsteady)
        worker = AgentWorker()
        worker.start()
        try:
            ask(agent, "initialize")
            assert wait_for_agent(agent.id, 10)
        finally:
            worker.stop(1)
        assert failures == []


@pytest.mark.django_db(transaction=True)
def test_of_callers_who_activate_at_the_same_time_exactly_one_is_heard(make: Make) -> None:
    agent = do(new_agent(make.project()), "initialize")
    answers: list[str] = []
    together = threading.Barrier(5)

    def activate() -> None:
        together.wait()
        try:
            answers.append(str(ask(agent, "activate").state_detail))
        except Conflict as error:
            answers.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=activate) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == ["READY"] + ["command_under_way"] * 4
    assert work_off() == 1


def wait_for(is_so: Any, seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)
