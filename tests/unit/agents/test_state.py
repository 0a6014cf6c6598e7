"""The runtime state of an agent: replaced, merged, versioned, bounded."""

from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.models import Agent
from agents.services import patch_state, replace_state, request_transition
from agents.services.state import MAX_STATE_BYTES
from core.errors import Conflict, Forbidden, Invalid, NotFound, PayloadTooLarge, PreconditionFailed
from core.json_bounds import MAX_DEPTH, json_problem
from tests.make import Make
from tests.unit.agents.worlds import access_to, fresh
from workspaces.access import Access
from workspaces.models import AuditEntry
from workspaces.states import Role


@pytest.fixture
def agent(db: None, make: Make) -> Agent:
    return make.agent(state={"plan": {"step": 1, "notes": ["a"]}, "done": False}, state_version=4)


@pytest.fixture
def access(agent: Agent) -> Access:
    return access_to(agent.project)


def test_replacing_the_state_leaves_nothing_of_the_old_one(agent: Agent, access: Access) -> None:
    written = replace_state(access=access, agent_id=agent.id, state={"new": 1})
    assert (written.state, written.state_version) == ({"new": 1}, 5)
    assert (fresh(agent).state, fresh(agent).state_version) == ({"new": 1}, 5)


def test_a_patch_is_merged_at_every_depth_and_null_removes(agent: Agent, access: Access) -> None:
    patch_state(access=access, agent_id=agent.id, patch={"plan": {"step": 2, "notes": None, "next": {"who": "b"}}})
    assert fresh(agent).state == {"plan": {"step": 2, "next": {"who": "b"}}, "done": False}
    assert fresh(agent).state_version == 5


def test_each_write_is_a_new_version_and_leaves_an_audit_entry_without_the_contents(
    agent: Agent, access: Access
) -> None:
    replace_state(access=access, agent_id=agent.id, state={"password": "hunter2"})
    patch_state(access=access, agent_id=agent.id, patch={})
    entries = AuditEntry.objects.filter(object_id=str(agent.id)).order_by("created_at", "id")
    assert [(entry.action, entry.before, entry.after) for entry in entries] == [
        ("agent.state_replaced", {"state_version": 4}, {"state_version": 5}),
        ("agent.state_changed", {"state_version": 5}, {"state_version": 6}),
    ]


def test_the_writer_of_a_version_that_is_gone_is_refused(agent: Agent, access: Access) -> None:
    replace_state(access=access, agent_id=agent.id, state={"mine": 1}, expected_version=4)
    with pytest.raises(PreconditionFailed, match="version 5 now, not 4"):
        patch_state(access=access, agent_id=agent.id, patch={"theirs": 1}, expected_version=4)
    assert fresh(agent).state == {"mine": 1}


@pytest.mark.parametrize("value", [None, [], "text", 3, True])
def test_a_state_is_a_json_object(agent: Agent, access: Access, value: Any) -> None:
    for write, name in ((replace_state, "state"), (patch_state, "patch")):
        with pytest.raises(Invalid, match="must be a JSON object"):
            write(access=access, agent_id=agent.id, **{name: value})
    assert fresh(agent).state_version == 4


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(depth - 1):
        value = {"in": value}
    return value


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (nested(MAX_DEPTH + 1), "nested more than 50 deep"),
        ({"a": [{"b": float("nan")}]}, "finite"),
        ({"a": "\x00"}, "NUL"),
        ({"\ud800": 1}, "surrogate"),
        ({"a": 2**300}, "256 bits"),
        ({"a": object()}, "object"),
    ],
)
def test_what_no_database_holds_is_refused(agent: Agent, access: Access, value: Any, sentence: str) -> None:
    for write, name in ((replace_state, "state"), (patch_state, "patch")):
        with pytest.raises(Invalid, match=sentence):
            write(access=access, agent_id=agent.id, **{name: value})
    assert fresh(agent).state_version == 4


def test_the_deepest_state_allowed_is_kept(agent: Agent, access: Access) -> None:
    replace_state(access=access, agent_id=agent.id, state=nested(MAX_DEPTH))
    assert fresh(agent).state == nested(MAX_DEPTH)


def test_merging_cannot_grow_a_state_beyond_the_limit(agent: Agent, access: Access) -> None:
    half = "x" * (MAX_STATE_BYTES // 2)
    replace_state(access=access, agent_id=agent.id, state={"one": half})
    with pytest.raises(PayloadTooLarge, match=r"state would be 1,048,595 bytes of JSON, and at most 1,048,576"):
        patch_state(access=access, agent_id=agent.id, patch={"two": half})
    assert fresh(agent).state == {"one": half}


def test_a_terminated_agent_keeps_its_state(agent: Agent, access: Access) -> None:
    request_transition(access=access, agent_id=agent.id, verb="terminate")
    with pytest.raises(Conflict, match="is terminated"):
        replace_state(access=access, agent_id=agent.id, state={})
    assert fresh(agent).state_version == 4


def test_a_member_may_not_write_and_a_stranger_finds_nothing(agent: Agent, make: Make) -> None:
    with pytest.raises(Forbidden):
        replace_state(access=access_to(agent.project, Role.MEMBER), agent_id=agent.id, state={})
    with pytest.raises(NotFound):
        replace_state(access=access_to(make.project()), agent_id=agent.id, state={})
    with pytest.raises(NotFound):
        patch_state(access=access_to(agent.project), agent_id=uuid4(), patch={})


@given(st.recursive(st.none() | st.booleans() | st.integers(-(2**255), 2**255) | st.text("ab"), st.lists))
def test_plain_json_has_no_fault(value: Any) -> None:
    assert json_problem(value) == ""
