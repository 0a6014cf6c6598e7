"""Whatever happens to an agent, in whatever order: its history, status and state belong together.

Operators ask for verbs and statuses, workers claim and die, hooks fail, heartbeats are missed, agents are deleted.
"""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from agents.hook_runner import HookFailed
from agents.models import Agent, AgentCommand
from agents.policies import OPERATOR_VERBS, verbs_left
from agents.selectors import with_running
from agents.services import (
    create_agent,
    delete_agent,
    mark_offline_agents,
    record_heartbeat,
    request_transition,
    set_maintenance,
    set_status,
    start_agent,
)
from agents.services.commands import carrying_out
from agents.services.commands.carrying_out import MAX_CLAIMS, carry_out
from agents.services.commands.claims import Claim, claim_commands, release_claim, renew_claims
from agents.services.moves import allowed_verbs
from agents.states import AGENT_LIFECYCLE, AgentStateDetail, status_of
from core.clock import SYSTEM_CLOCK
from core.errors import Conflict
from core.ids import new_id
from core.lifecycle import IllegalTransition
from tests.make import Make
from tests.unit.agents.worlds import RecordingAgent, access_to, definition, fresh, use_registry

STATUS_WORDS = ["ACTIVE", "INACTIVE", "READY", "PAUSED", "MAINTENANCE", "TERMINATED", "BUSY", "idle"]


class Died(BaseException):
    """The worker's process ended in the middle of a hook."""


class Hooks:
    """Stands for `run_hook`: each does what was laid out for it."""

    def __init__(self) -> None:
        self.outcome = "ok"

    def __call__(self, hook: str, **kwargs: Any) -> Any:
        if self.outcome == "fail":
            raise HookFailed(f"{hook} failed")
        if self.outcome == "die":
            raise Died
        agent = RecordingAgent(kwargs["configuration"])
        agent.state = {**kwargs["state"], "hooks": kwargs["state"].get("hooks", 0) + 1}
        return agent


class Life(RuleBasedStateMachine):
    """One agent, and everybody who has something to do with it."""

    hooks: Hooks

    def __init__(self) -> None:
        super().__init__()
        project = Make().project()
        self.access = access_to(project)
        agent = create_agent(access=self.access, project=project, definition=definition("recorder"))
        Agent.objects.filter(id=agent.id).update(endpoint="http://far:1")
        self.id = agent.id
        self.claims: list[Claim] = []
        self.workers = [new_id(), new_id()]

    def try_it(self, call: Any, **kwargs: Any) -> None:
        """What is refused changes nothing and says what is allowed now."""
        before, refused = self.rows(), None
        try:
            call(access=self.access, agent_id=self.id, **kwargs)
        except Conflict as error:
            refused = error
        if refused is not None:
            assert self.rows() == before
            assert refused.details["allowed"] == self.allowed()
            assert isinstance(refused, IllegalTransition) or refused.code == "command_under_way"

    def rows(self) -> Any:
        commands = AgentCommand.objects.filter(agent_id=self.id).order_by("id").values_list("id", "outcome")
        return list(commands), fresh(self.id).state_history.count()

    def allowed(self) -> list[str]:
        return allowed_verbs(with_running([fresh(self.id)])[0])

    @initialize(is_up=st.booleans(), is_heard=st.booleans())
    def begin(self, is_up: bool, is_heard: bool) -> None:
        """Few sequences lead from CREATED to ACTIVE by themselves, and what comes after it would hardly be tried."""
        if is_heard:
            record_heartbeat(access=self.access, agent_id=self.id)
        if is_up:
            start_agent(access=self.access, agent_id=self.id)
            for claim in claim_commands(new_id(), limit=1):
                self.carry_out(claim, "ok")
            assert fresh(self.id).state_detail == "ACTIVE"

    # What operators do

    @rule(verb=st.sampled_from(OPERATOR_VERBS))
    def verb(self, verb: str) -> None:
        was_allowed = verb in self.allowed()
        before = self.rows()
        self.try_it(request_transition, verb=verb, reason=f"to {verb}")
        assert (self.rows() != before) == was_allowed

    @rule(word=st.sampled_from(STATUS_WORDS))
    def status(self, word: str) -> None:
        self.try_it(set_status, status=word)

    @rule()
    def start(self) -> None:
        self.try_it(start_agent)

    @rule(enabled=st.booleans())
    def maintenance(self, enabled: bool) -> None:
        self.try_it(set_maintenance, enabled=enabled)

    @rule()
    def heartbeat(self) -> None:
        self.try_it(record_heartbeat)

    @rule()
    def silence(self) -> None:
        past = SYSTEM_CLOCK.now() - timedelta(hours=1)
        Agent.objects.filter(id=self.id, last_heartbeat_at__isnull=False).update(last_heartbeat_at=past)
        mark_offline_agents()

    @precondition(lambda self: fresh(self.id).state_detail != "CREATED")
    @rule(really=st.integers(0, 3))
    def delete(self, really: int) -> None:
        assume(really == 0)
        self.try_it(delete_agent)
        assert fresh(self.id).state_detail == "TERMINATED"

    # What workers do

    @rule(worker=st.integers(0, 1), outcome=st.sampled_from(["ok", "ok", "ok", "fail", "die"]))
    def work(self, worker: int, outcome: str) -> None:
        """A worker takes what there is and carries it out, or dies of it."""
        for claim in claim_commands(self.workers[worker], limit=1):
            self.carry_out(claim, outcome)

    @rule(worker=st.integers(0, 1))
    def take(self, worker: int) -> None:
        """A worker takes a command and is slow about it."""
        self.claims += claim_commands(self.workers[worker], limit=1)

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), outcome=st.sampled_from(["ok", "fail", "die"]))
    def go_on(self, data: st.DataObject, outcome: str) -> None:
        """One that was slow goes on; perhaps another has taken its command over long ago."""
        claim = data.draw(st.sampled_from(self.claims))
        before, still_held = self.rows(), self.holds(claim)
        self.carry_out(claim, outcome)
        assert still_held or self.rows() == before

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def hand_over(self, data: st.DataObject) -> None:
        claim = data.draw(st.sampled_from(self.claims))
        assert release_claim(claim) == (renew_claims([claim]) == 1) or not self.holds(claim)

    @rule()
    def lapse(self) -> None:
        """No worker has renewed its claim for a while."""
        past = SYSTEM_CLOCK.now() - timedelta(seconds=1)
        AgentCommand.objects.open().filter(agent_id=self.id, claimed_by__isnull=False).update(claim_expires_at=past)

    def carry_out(self, claim: Claim, outcome: str) -> None:
        self.hooks.outcome = outcome
        try:
            carry_out(claim)
        except Died:
            assert outcome == "die"

    def holds(self, claim: Claim) -> bool:
        return claim.holds(AgentCommand.objects.filter(pk=claim.command_id).first())

    # What is always so

    @invariant()
    def the_status_is_the_derived_one(self) -> None:
        agent = fresh(self.id)
        detail = AgentStateDetail(agent.state_detail)
        assert detail != AgentStateDetail.TERMINATED or not (agent.in_maintenance or agent.is_offline)
        assert agent.status == status_of(detail, in_maintenance=agent.in_maintenance, is_offline=agent.is_offline)

    @invariant()
    def the_history_replays_to_the_present(self) -> None:
        state: str | None = None
        status: str | None = None
        for row in fresh(self.id).state_history.order_by("timestamp", "id"):
            assert (row.previous_state_detail, row.previous_status) == (state, status)
            assert (
                state is None or state == row.new_state_detail or AGENT_LIFECYCLE.permits(state, row.new_state_detail)
            )
            assert row.actor in ("ada", "system")
            state, status = row.new_state_detail, row.new_status
        agent = fresh(self.id)
        assert (agent.state_detail, agent.status) == (state, status)

    @invariant()
    def at_most_one_command_is_open_and_it_fits_the_state(self) -> None:
        open_ones = list(AgentCommand.objects.open().filter(agent_id=self.id))
        assert len(open_ones) <= 1
        assert not AgentCommand.objects.filter(agent_id=self.id, attempt__gt=MAX_CLAIMS, outcome="DONE").exists()
        state = AgentStateDetail(fresh(self.id).state_detail)
        for command in open_ones:
            assert verbs_left(command.verbs, state), "it can be carried out"
        if state == AgentStateDetail.INITIALIZING:
            assert open_ones, "somebody will end it"

    @invariant()
    def what_failed_says_why(self) -> None:
        agent = fresh(self.id)
        if agent.state_detail == AgentStateDetail.ERROR:
            assert agent.last_error
            assert AgentCommand.objects.filter(agent_id=self.id, outcome="FAILED").exists()

    def teardown(self) -> None:
        """However it stands: a worker that does not die brings every command to its end."""
        self.lapse()
        for claim in claim_commands(new_id(), limit=1):
            self.carry_out(claim, "ok")
        assert not AgentCommand.objects.open().filter(agent_id=self.id).exists()
        self.the_history_replays_to_the_present()


@pytest.fixture
def hooks(db: None, monkeypatch: pytest.MonkeyPatch) -> Hooks:
    use_registry(monkeypatch, recorder=RecordingAgent)
    hooks = Hooks()
    monkeypatch.setattr(carrying_out, "run_hook", hooks)
    return hooks


def test_any_sequence_of_events_keeps_history_status_and_state_together(hooks: Hooks) -> None:
    life = type("LifeOfAnAgent", (Life,), {"hooks": hooks})
    run_state_machine_as_test(
        life,
        settings=settings(
            max_examples=25,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
        ),
    )
