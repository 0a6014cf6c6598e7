"""Commands of agents: claimed by one worker, taken over from a dead one, written only by whoever holds the claim."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import OperationalError, connection
from django.test.utils import CaptureQueriesContext

from agents import hooks
from agents.models import Agent, AgentCheckpoint, AgentCommand
from agents.services import (
    create_agent,
    start_agent,
    update_agent,
)
from agents.services.commands import carrying_out
from agents.services.commands.carrying_out import carry_out
from agents.services.commands.claims import FOREIGN_SECONDS, Claim, claim_commands, release_claim, renew_claims
from agents.services.state import replace_state
from core.clock import SYSTEM_CLOCK
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


class RememberingAgent(RecordingAgent):
    """Counts its initializations in its state."""

    async def initialize(self) -> None:
        await super().initialize()
        self.state["initialized"] = self.state.get("initialized", 0) + 1
        if self.configuration.get("leave") == "nonsense":
            self.state["bad"] = object()


@pytest.fixture(autouse=True)
def classes(db: None, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[None]:
    settings.AGENT_HOOK_TIMEOUT_SECONDS = 5
    use_registry(monkeypatch, recorder=RecordingAgent, rememberer=RememberingAgent)
    RecordingAgent.calls.clear()
    yield
    RecordingAgent.calls.clear()


def new_agent(project: Project, slug: str = "recorder", **configuration: Any) -> Agent:
    return create_agent(
        access=access_to(project), project=project, definition=definition(slug), configuration=configuration
    )


def lapse(command: AgentCommand) -> None:
    """Its worker has been silent for longer than a claim lasts."""
    past = SYSTEM_CLOCK.now() - timedelta(seconds=1)
    AgentCommand.objects.filter(pk=command.pk).update(claim_expires_at=past)


def claim() -> Claim:
    [found] = claim_commands(uuid4(), limit=1)
    return found


def test_what_needs_no_hook_is_done_at_once(project: Project) -> None:
    agent = do(new_agent(project), "initialize", "activate")
    for verb, state in (("pause", "PAUSED"), ("resume", "ACTIVE")):
        moved = ask(agent, verb)
        assert (moved.state_detail, moved.pending_command) == (state, None)


def test_a_worker_is_rung_after_the_commit(
    project: Project, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    rung: list[str] = []
    monkeypatch.setattr(hooks, "ring_agents", lambda: rung.append("ring"))
    agent = new_agent(project)
    with django_capture_on_commit_callbacks(execute=True):
        ask(agent, "initialize")
        assert rung == []
    assert rung == ["ring"]


def test_one_claim_at_a_time(project: Project) -> None:
    agent = new_agent(project)
    ask(agent, "initialize")
    first = claim()
    assert (first.agent_id, first.attempt) == (agent.id, 1)
    assert claim_commands(uuid4(), limit=5) == []
    assert claim_commands(first.worker_id, limit=5) == []
    lapse(command_of(agent))
    assert claim().attempt == 2


def test_the_oldest_commands_are_taken_first_and_no_more_than_there_is_room_for(project: Project) -> None:
    agents = [new_agent(project) for _ in range(3)]
    for agent in agents:
        ask(agent, "initialize")
    worker = uuid4()
    assert claim_commands(worker, limit=0) == []
    assert [found.agent_id for found in claim_commands(worker, limit=2)] == [agents[0].id, agents[1].id]
    assert [found.agent_id for found in claim_commands(worker, limit=2)] == [agents[2].id]


def test_a_class_this_worker_does_not_know_is_left_to_one_that_does(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign, known = new_agent(project), new_agent(project, "rememberer")
    for agent in (foreign, known):
        ask(agent, "initialize")
    with monkeypatch.context() as elsewhere:
        use_registry(elsewhere, rememberer=RememberingAgent)
        assert [found.agent_id for found in claim_commands(uuid4(), limit=5)] == [known.id]
    assert [found.agent_id for found in claim_commands(uuid4(), limit=5)] == [foreign.id]


def test_a_class_nobody_knows_is_taken_in_the_end_so_that_somebody_is_told(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = new_agent(project)
    ask(agent, "initialize")
    use_registry(monkeypatch)
    assert claim_commands(uuid4(), limit=1) == []
    long_ago = SYSTEM_CLOCK.now() - timedelta(seconds=FOREIGN_SECONDS + 1)
    AgentCommand.objects.filter(agent=agent).update(created_at=long_ago)
    work_off()
    assert "no agent class is registered as 'recorder'" in fresh(agent).last_error


def test_what_is_handed_over_is_left_to_those_who_know_it_for_as_long(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = new_agent(project)
    ask(agent, "initialize")
    AgentCommand.objects.update(created_at=SYSTEM_CLOCK.now() - timedelta(hours=1))
    release_claim(claim())
    use_registry(monkeypatch)
    assert claim_commands(uuid4(), limit=1) == []


def test_a_renewed_claim_is_not_taken_over(project: Project) -> None:
    agent = new_agent(project)
    ask(agent, "initialize")
    held = claim()
    lapse(command_of(agent))
    assert renew_claims([held]) == 1
    assert claim_commands(uuid4(), limit=1) == []


def test_a_released_command_is_taken_at_once_and_does_not_count(project: Project) -> None:
    agent = new_agent(project)
    ask(agent, "initialize")
    held = claim()
    assert release_claim(held)
    assert not release_claim(held)
    assert claim().attempt == 1


def test_a_worker_that_was_taken_for_dead_writes_nothing(project: Project) -> None:
    agent = new_agent(project)
    ask(agent, "initialize")
    zombie = claim()
    lapse(command_of(agent))
    successor = claim()
    carry_out(zombie)
    assert fresh(agent).state_detail == "INITIALIZING"
    assert renew_claims([zombie]) == 0
    assert not release_claim(zombie)
    carry_out(successor)
    assert fresh(agent).state_detail == "READY"
    assert (command_of(agent).outcome, command_of(agent).attempt) == ("DONE", 2)


def test_an_earlier_claim_of_the_same_worker_counts_as_anothers(project: Project) -> None:
    agent = new_agent(project)
    ask(agent, "initialize")
    earlier = claim()
    lapse(command_of(agent))
    [later] = claim_commands(earlier.worker_id, limit=1)
    carry_out(earlier)
    assert fresh(agent).state_detail == "INITIALIZING"
    carry_out(later)
    assert fresh(agent).state_detail == "READY"


@pytest.mark.parametrize("order", ["fail", ""])
def test_what_a_hook_did_before_its_worker_lost_the_claim_is_refused(
    project: Project, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    agent = new_agent(project, initialize=order)
    ask(agent, "initialize")
    really = carrying_out.run_hook

    def overtaken(hook: str, **kwargs: Any) -> Any:
        monkeypatch.setattr(carrying_out, "run_hook", really)
        lapse(command_of(agent))
        claim()
        return really(hook, **kwargs)

    monkeypatch.setattr(carrying_out, "run_hook", overtaken)
    carry_out(claim())
    assert RecordingAgent.calls == ["initialize"]
    assert fresh(agent).state_detail == "INITIALIZING"
    assert command_of(agent).outcome is None


@pytest.mark.parametrize("order", ["fail", ""])
def test_an_agent_terminated_while_it_initializes_stays_terminated(
    project: Project, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    agent = new_agent(project, initialize=order)
    ask(agent, "initialize")
    superseded = command_of(agent)
    really = carrying_out.run_hook

    def meanwhile(hook: str, **kwargs: Any) -> Any:
        monkeypatch.setattr(carrying_out, "run_hook", really)
        ask(agent, "terminate")
        return really(hook, **kwargs)

    monkeypatch.setattr(carrying_out, "run_hook", meanwhile)
    carry_out(claim())
    superseded.refresh_from_db()
    assert superseded.outcome == "SUPERSEDED"
    assert (fresh(agent).state_detail, fresh(agent).last_error) == ("TERMINATED", "")
    work_off()
    assert RecordingAgent.calls == ["initialize", "shutdown"]
    assert (command_of(agent).kind, command_of(agent).outcome) == ("TERMINATE", "DONE")


def test_a_hook_that_kills_three_workers_is_not_called_again(project: Project) -> None:
    agent = new_agent(project)
    ask(agent, "initialize")
    for _ in range(3):
        claim()
        lapse(command_of(agent))
    work_off()
    assert RecordingAgent.calls == []
    assert (fresh(agent).state_detail, command_of(agent).outcome) == ("ERROR", "FAILED")
    assert fresh(agent).last_error == "the worker died 3 times in initialize: mend the agent first"
    assert do(agent, "recover").state_detail == "READY"


def test_a_shutdown_that_kills_three_workers_leaves_the_agent_terminated(project: Project) -> None:
    agent = new_agent(project)
    ask(agent, "terminate")
    for _ in range(3):
        claim()
        lapse(command_of(agent))
    work_off()
    assert (fresh(agent).state_detail, command_of(agent).outcome) == ("TERMINATED", "FAILED")
    assert "died 3 times in shutdown" in fresh(agent).last_error


def test_a_walk_is_taken_over_where_it_stopped(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = new_agent(project)
    start_agent(access=access_to(project), agent_id=agent.id, reason="up with it")
    really = carrying_out.run_hook

    def dies_in_activate(hook: str, **kwargs: Any) -> Any:
        if hook == "activate":
            raise KeyboardInterrupt
        return really(hook, **kwargs)

    monkeypatch.setattr(carrying_out, "run_hook", dies_in_activate)
    with pytest.raises(KeyboardInterrupt):
        carry_out(claim())
    assert fresh(agent).state_detail == "READY"
    monkeypatch.setattr(carrying_out, "run_hook", really)
    lapse(command_of(agent))
    work_off()
    assert fresh(agent).state_detail == "ACTIVE"
    assert RecordingAgent.calls == ["initialize", "activate"]
    assert [row[1] for row in moves_of(agent)] == ["CREATED", "INITIALIZING", "READY", "ACTIVE"]
    assert command_of(agent).verbs == ["initialize", "activate"]


def test_an_agent_that_is_up_is_not_started_again(project: Project) -> None:
    agent = do(new_agent(project), "initialize", "activate")
    before = AgentCommand.objects.count()
    assert start_agent(access=access_to(project), agent_id=agent.id).state_detail == "ACTIVE"
    assert AgentCommand.objects.count() == before


def test_a_lost_connection_does_not_repeat_a_hook(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = new_agent(project)
    ask(agent, "initialize")
    really, broken = carrying_out.close, [OperationalError("server closed the connection"), None]
    monkeypatch.setattr(carrying_out, "RETRY_SECONDS", 0.0)
    monkeypatch.setattr(carrying_out, "_must_give_up", lambda end: False)
    monkeypatch.setattr(carrying_out, "_reconnect", lambda: None)

    def close(*args: Any) -> None:
        if error := broken.pop(0):
            raise error
        really(*args)

    monkeypatch.setattr(carrying_out, "close", close)
    work_off()
    assert fresh(agent).state_detail == "READY"
    assert RecordingAgent.calls == ["initialize"]


class TestTheStateOfAnAgent:
    def test_is_given_to_its_hooks_and_what_they_leave_is_kept(self, project: Project) -> None:
        agent = new_agent(project, "rememberer")
        replace_state(access=access_to(project), agent_id=agent.id, state={"initialized": 4, "seen": ["a"]})
        agent = do(agent, "initialize", "activate")
        assert agent.state == {"initialized": 5, "seen": ["a"]}
        assert agent.state_version == 2

    def test_is_that_of_the_latest_recoverable_checkpoint_when_it_recovers(self, project: Project) -> None:
        agent = do(new_agent(project, "rememberer", activate="fail"), "initialize", "activate")
        for number, good in ((6, True), (7, True), (8, False)):
            state = {"initialized": number * 10}
            AgentCheckpoint.objects.create(agent=agent, sequence_number=number, state_data=state, is_recoverable=good)
        agent = do(agent, "recover")
        assert agent.state == {"initialized": 71}
        ready = agent.state_history.filter(new_state_detail="READY").last()
        assert ready is not None
        assert ready.reason == "resumed from checkpoint 7"

    def test_is_that_of_the_checkpoint_when_a_worker_died_in_initialize(self, project: Project) -> None:
        agent = new_agent(project, "rememberer")
        AgentCheckpoint.objects.create(agent=agent, sequence_number=1, state_data={"initialized": 10})
        ask(agent, "initialize")
        claim()
        lapse(command_of(agent))
        work_off()
        assert fresh(agent).state == {"initialized": 11}

    def test_does_not_go_back_when_nothing_crashed(self, project: Project) -> None:
        agent = new_agent(project, "rememberer")
        AgentCheckpoint.objects.create(agent=agent, sequence_number=1, state_data={"initialized": 10})
        assert do(agent, "initialize").state == {"initialized": 1}

    def test_stays_as_somebody_wrote_it_meanwhile(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        agent = new_agent(project, "rememberer")
        ask(agent, "initialize")
        really = carrying_out.run_hook

        def meanwhile(hook: str, **kwargs: Any) -> Any:
            replace_state(access=access_to(project), agent_id=agent.id, state={"by": "hand"})
            return really(hook, **kwargs)

        monkeypatch.setattr(carrying_out, "run_hook", meanwhile)
        work_off()
        assert fresh(agent).state == {"by": "hand"}
        ready = agent.state_history.get(new_state_detail="READY")
        assert ready.reason == "the state written meanwhile was kept instead of the hook's"

    def test_must_be_json(self, project: Project) -> None:
        agent = do(new_agent(project, "rememberer", leave="nonsense"), "initialize")
        assert agent.state_detail == "ERROR"
        assert "initialize of rememberer left a state that cannot be kept" in agent.last_error
        assert agent.state == {}


def test_looking_for_commands_is_one_read_without_a_lock(project: Project) -> None:
    with CaptureQueriesContext(connection) as looked:
        assert claim_commands(uuid4(), limit=16) == []
    assert [query["sql"].split()[0] for query in looked] == ["SELECT"]


def test_what_was_changed_meanwhile_is_what_the_hook_gets(project: Project) -> None:
    agent = new_agent(project, initialize="fail")
    ask(agent, "initialize")
    update_agent(access=access_to(project), agent_id=agent.id, changes={"configuration": {}})
    work_off()
    assert fresh(agent).state_detail == "READY"
