"""An agent's life through the services: moves, hooks, history, audit, and two callers at once."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from agents import services
from agents.models import Agent, AgentCommand
from agents.policies import OPERATOR_VERBS
from agents.services import create_agent, request_transition, set_maintenance, set_status
from agents.services.commands import claims
from agents.services.moves import allowed_verbs
from core.errors import Conflict, Forbidden, Invalid, NotFound
from core.lifecycle import IllegalTransition
from tests.make import Make
from tests.unit.agents.worlds import RecordingAgent, access_to, definition, do, fresh, moves_of, use_registry, work_off
from workspaces.models import AuditEntry, Project
from workspaces.states import Role


@pytest.fixture(autouse=True)
def recorder(db: None, monkeypatch: pytest.MonkeyPatch, settings: Any) -> Iterator[None]:
    settings.AGENT_HOOK_TIMEOUT_SECONDS = 5
    use_registry(monkeypatch, recorder=RecordingAgent)
    RecordingAgent.calls.clear()
    yield
    RecordingAgent.calls.clear()


def new_agent(project: Project, **configuration: Any) -> Agent:
    return create_agent(
        access=access_to(project), project=project, definition=definition("recorder"), configuration=configuration
    )


def test_a_whole_life_is_in_the_history(project: Project) -> None:
    agent = new_agent(project)
    do(agent, "initialize", "activate", "pause", "resume", "deactivate", reason="because")
    do(agent, "terminate", reason="no longer needed")
    assert moves_of(agent) == [
        (None, "CREATED"),
        ("CREATED", "INITIALIZING"),
        ("INITIALIZING", "READY"),
        ("READY", "ACTIVE"),
        ("ACTIVE", "PAUSED"),
        ("PAUSED", "ACTIVE"),
        ("ACTIVE", "READY"),
        ("READY", "TERMINATED"),
    ]
    last = agent.state_history.order_by("timestamp", "id").last()
    assert last is not None
    assert (last.actor, last.reason) == ("ada", "no longer needed")
    assert RecordingAgent.calls == ["initialize", "activate", "deactivate", "shutdown"]


def test_each_verb_is_audited_with_before_and_after(project: Project) -> None:
    agent = do(new_agent(project), "initialize", "activate", "pause", reason="lunch")
    rows = AuditEntry.objects.filter(object_id=str(agent.id)).order_by("created_at", "id")
    assert [row.action for row in rows] == ["agent.created", "agent.initialized", "agent.activated", "agent.paused"]
    paused = rows[3]
    assert (paused.actor, paused.before["state_detail"], paused.after["state_detail"]) == ("ada", "ACTIVE", "PAUSED")
    assert paused.after["reason"] == "lunch"


def test_a_verb_out_of_order_says_what_is_allowed(project: Project) -> None:
    agent = new_agent(project)
    with pytest.raises(IllegalTransition, match=r"CREATED: pause .*initialize, terminate") as caught:
        do(agent, "pause")
    assert caught.value.details["allowed"] == ["initialize", "terminate"]
    assert moves_of(agent) == [(None, "CREATED")]


@pytest.mark.parametrize("verb", ["become_ready", "fail", "save", "delete", ""])
def test_only_operators_verbs_may_be_asked_for(project: Project, verb: str) -> None:
    agent = new_agent(project)
    with pytest.raises(Invalid):
        do(agent, verb)


@pytest.mark.parametrize("verb", OPERATOR_VERBS)
def test_members_and_strangers_change_nothing(make: Make, project: Project, verb: str) -> None:
    agent = new_agent(project)
    for role in (Role.MEMBER, Role.VIEWER):
        with pytest.raises(Forbidden):
            request_transition(access=access_to(project, role), agent_id=agent.id, verb=verb)
    with pytest.raises(NotFound):
        request_transition(access=access_to(make.project(), Role.OWNER), agent_id=agent.id, verb=verb)
    assert fresh(agent).state_detail == "CREATED"
    assert RecordingAgent.calls == []


@pytest.mark.parametrize(
    ("hook", "before", "verb"),
    [("initialize", [], "initialize"), ("activate", ["initialize"], "activate")],
)
def test_a_failing_hook_leads_to_error(project: Project, hook: str, before: list[str], verb: str) -> None:
    agent = do(new_agent(project, **{hook: "fail"}), *before, verb)
    assert (agent.state_detail, agent.status) == ("ERROR", "ERROR")
    assert fresh(agent).last_error == f"{hook} of recorder failed: RuntimeError: the model file is missing"
    assert moves_of(agent)[-1][1] == "ERROR"


def test_a_failing_deactivation_leads_to_error(project: Project) -> None:
    agent = do(new_agent(project, deactivate="fail"), "initialize", "activate", "deactivate")
    assert fresh(agent).state_detail == "ERROR"


def test_a_failing_shutdown_cannot_keep_an_agent_alive(project: Project) -> None:
    agent = do(new_agent(project, shutdown="fail"), "initialize", "terminate")
    assert fresh(agent).state_detail == "TERMINATED"
    assert "model file" in fresh(agent).last_error


@pytest.mark.parametrize("how", ["hang", "block"])
def test_a_hanging_hook_leads_to_error_in_time(project: Project, settings: Any, how: str) -> None:
    settings.AGENT_HOOK_TIMEOUT_SECONDS = 0.2
    agent = do(new_agent(project, initialize=how), "initialize")
    assert agent.state_detail == "ERROR"
    assert agent.last_error == "initialize of recorder did not end within 0.2 s (AGENT_HOOK_TIMEOUT_SECONDS)"


def test_an_agent_recovers_once_its_configuration_is_mended(project: Project) -> None:
    agent = do(new_agent(project, initialize="fail"), "initialize")
    services.update_agent(access=access_to(project), agent_id=agent.id, changes={"configuration": {}})
    agent = do(agent, "recover", "activate")
    assert (agent.state_detail, agent.last_error) == ("ACTIVE", "")
    assert moves_of(agent)[-3:] == [("ERROR", "INITIALIZING"), ("INITIALIZING", "READY"), ("READY", "ACTIVE")]


def test_an_agent_whose_class_is_gone_ends_in_error(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = new_agent(project)
    use_registry(monkeypatch)
    monkeypatch.setattr(claims, "FOREIGN_SECONDS", -1)
    assert "no agent class is registered as 'recorder'" in do(agent, "initialize").last_error


def test_an_agent_left_initializing_by_nobody_can_be_recovered(project: Project) -> None:
    agent = new_agent(project)
    request_transition(access=access_to(project), agent_id=agent.id, verb="initialize")
    AgentCommand.objects.filter(agent=agent).delete()
    assert allowed_verbs(fresh(agent)) == ["recover", "terminate"]
    assert do(agent, "recover").state_detail == "READY"
    assert "interrupted" in agent.state_history.get(new_state_detail="ERROR").reason


def test_maintenance_wins_over_the_machine_and_is_history(project: Project) -> None:
    agent = do(new_agent(project), "initialize", "activate")
    access = access_to(project)
    assert set_maintenance(access=access, agent_id=agent.id, enabled=True, reason="new disk").status == "MAINTENANCE"
    assert not Agent.objects.filter(id=agent.id).assignable().exists()
    assert set_maintenance(access=access, agent_id=agent.id, enabled=True).status == "MAINTENANCE"
    assert set_maintenance(access=access, agent_id=agent.id, enabled=False).status == "ACTIVE"
    rows = agent.state_history.order_by("timestamp", "id").values_list("previous_status", "new_status", "reason")
    assert list(rows)[-2:] == [("ACTIVE", "MAINTENANCE", "new disk"), ("MAINTENANCE", "ACTIVE", "")]
    do(agent, "terminate")
    with pytest.raises(IllegalTransition):
        set_maintenance(access=access, agent_id=agent.id, enabled=True)


def test_an_agent_terminated_in_maintenance_is_inactive(project: Project) -> None:
    agent = new_agent(project)
    set_maintenance(access=access_to(project), agent_id=agent.id, enabled=True)
    agent = do(agent, "terminate")
    assert (agent.status, agent.in_maintenance) == ("INACTIVE", False)


@pytest.mark.parametrize(
    ("present", "word", "state", "status"),
    [
        ([], "ACTIVE", "ACTIVE", "ACTIVE"),
        (["initialize", "activate", "pause"], "active", "ACTIVE", "ACTIVE"),
        (["initialize", "activate"], "idle", "READY", "INACTIVE"),
        (["initialize", "activate"], "paused", "PAUSED", "INACTIVE"),
        (["initialize", "activate"], "MAINTENANCE", "ACTIVE", "MAINTENANCE"),
        (["initialize"], "TERMINATED", "TERMINATED", "INACTIVE"),
    ],
)
def test_a_status_is_walked_to(project: Project, present: list[str], word: str, state: str, status: str) -> None:
    agent = do(new_agent(project), *present)
    set_status(access=access_to(project), agent_id=agent.id, status=word)
    assert work_off() <= 1
    assert (fresh(agent).state_detail, fresh(agent).status) == (state, status)


def test_asking_for_active_ends_maintenance(project: Project) -> None:
    agent = do(new_agent(project), "initialize", "activate")
    for word, status in (("maintenance", "MAINTENANCE"), ("active", "ACTIVE")):
        assert set_status(access=access_to(project), agent_id=agent.id, status=word).status == status


@pytest.mark.parametrize("word", ["BUSY", "error", "OFFLINE"])
def test_a_status_nobody_can_set_is_a_conflict(project: Project, word: str) -> None:
    agent = new_agent(project)
    with pytest.raises(IllegalTransition) as caught:
        set_status(access=access_to(project), agent_id=agent.id, status=word)
    assert caught.value.details["allowed"] == ["initialize", "terminate"]


def test_an_unknown_status_word_is_invalid(project: Project) -> None:
    with pytest.raises(Invalid, match="asleep"):
        set_status(access=access_to(project), agent_id=new_agent(project).id, status="asleep")


def test_a_walk_that_ends_in_error_says_so_to_who_waited(project: Project) -> None:
    agent = new_agent(project, activate="fail")
    set_status(access=access_to(project), agent_id=agent.id, status="ACTIVE")
    work_off()
    with pytest.raises(Conflict, match="model file") as caught:
        services.require_walked(fresh(agent))
    assert caught.value.code == "hook_failed"
    assert caught.value.details["allowed"] == ["recover", "terminate"]
    assert [row[1] for row in moves_of(agent)] == ["CREATED", "INITIALIZING", "READY", "ERROR"]
    services.require_walked(do(agent, "recover"))


@pytest.mark.parametrize("reader", [Role.VIEWER, Role.MEMBER])
def test_a_reader_may_not_set_a_status(project: Project, reader: Role) -> None:
    agent = new_agent(project)
    with pytest.raises(Forbidden):
        set_status(access=access_to(project, reader), agent_id=agent.id, status="ACTIVE")
    with pytest.raises(Forbidden):
        set_maintenance(access=access_to(project, reader), agent_id=agent.id, enabled=True)


@pytest.mark.django_db(transaction=True)
def test_of_two_callers_exactly_one_wins(make: Make) -> None:
    agent = new_agent(make.project())
    access = access_to(agent.project)
    outcomes: list[str] = []
    together = threading.Barrier(4)

    def initialize() -> None:
        together.wait()
        try:
            asked = request_transition(access=access, agent_id=agent.id, verb="initialize")
            outcomes.append(str(asked.state_detail))
        except Conflict as error:
            outcomes.append(error.code)
        finally:
            connection.close()

    threads = [threading.Thread(target=initialize) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["INITIALIZING", "command_under_way", "command_under_way", "command_under_way"]
    assert work_off() == 1
    assert moves_of(agent) == [(None, "CREATED"), ("CREATED", "INITIALIZING"), ("INITIALIZING", "READY")]
    assert RecordingAgent.calls == ["initialize"]
