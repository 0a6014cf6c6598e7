"""Contexts: opened by name, written in versions, read at any of them, rolled back, pruned."""

from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, connection, transaction

from agents import selectors, services
from agents.models import Agent, AgentContext, AgentContextVersion
from agents.policies import author_and_session, author_of_agent, context_name_problem
from agents.services.contexts import rollbacks, writing
from core.errors import Conflict, Forbidden, Gone, Invalid, NotFound, PayloadTooLarge, PreconditionFailed
from tests.make import Make
from tests.unit.agents.worlds import access_to
from workspaces.access import Access
from workspaces.models import AuditEntry
from workspaces.states import Role


@pytest.fixture
def agent(make: Make) -> Agent:
    return make.agent()


@pytest.fixture
def access(agent: Agent) -> Access:
    return access_to(agent.project, Role.MEMBER)


@pytest.fixture
def context(agent: Agent, access: Access) -> AgentContext:
    return services.open_context(access=access, agent_id=agent.id, name="notes")[0]


def write(access: Access, context: AgentContext, **options: Any) -> int:
    options.setdefault("data", {"n": context.last_version})
    return services.write_context(access=access, context_id=context.id, **options).version


def again(context: AgentContext) -> AgentContext:
    return AgentContext.objects.select_related("agent").get(id=context.id)


def held(access: Access, context: AgentContext, version: int | None = None) -> Any:
    return services.read_context(access=access, context_id=context.id, version=version).data


def kept(context: AgentContext) -> list[int]:
    return list(context.versions.order_by("version").values_list("version", flat=True))


# Opening


def test_a_name_is_one_context_however_often_it_is_opened(agent: Agent, access: Access) -> None:
    first, is_new = services.open_context(access=access, agent_id=agent.id, name="notes", data={"a": 1})
    second, is_new_again = services.open_context(access=access, agent_id=agent.id, name="notes", data={"a": 2})
    assert (is_new, is_new_again) == (True, False)
    assert first.id == second.id
    assert (held(access, second), again(second).last_version) == ({"a": 1}, 1)


def test_one_that_was_never_written_takes_the_first_data_it_is_opened_with(
    agent: Agent, access: Access, context: AgentContext
) -> None:
    assert (held(access, context), again(context).current_version) == ({}, 0)
    services.open_context(access=access, agent_id=agent.id, name="notes", data={"a": 1})
    assert held(access, context) == {"a": 1}


def test_who_comes_second_in_the_same_instant_gets_the_context_of_the_first(
    agent: Agent, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its look and its insert somebody else makes the context."""

    def faster(state_detail: str, name: str) -> None:
        AgentContext.objects.create(workspace=agent.workspace, project=agent.project, agent=agent, name="notes")

    monkeypatch.setattr(writing, "require_alive", faster)
    mine, is_new = services.open_context(access=access, agent_id=agent.id, name="notes")
    assert (is_new, mine) == (False, AgentContext.objects.get())


@pytest.mark.parametrize("name", ["", " a", "a ", "x" * 101, "a\nb", "a\x00b"])
def test_a_name_that_cannot_be_said_is_refused(agent: Agent, access: Access, name: str) -> None:
    assert context_name_problem(name)
    with pytest.raises(Invalid):
        services.open_context(access=access, agent_id=agent.id, name=name)


def test_an_agent_has_not_any_number_of_contexts(
    agent: Agent, access: Access, context: AgentContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MOST_CONTEXTS", 1)
    assert not services.open_context(access=access, agent_id=agent.id, name="notes")[1]
    with pytest.raises(Conflict) as caught:
        services.open_context(access=access, agent_id=agent.id, name="more")
    assert caught.value.code == "too_many_contexts"


# Writing


def test_every_write_is_a_version_with_author_and_description(access: Access, context: AgentContext) -> None:
    assert write(access, context, data={"a": 1}, change_description="first") == 1
    assert write(access, context, data={"a": 1}) == 2, "the same data once more is a version, too"
    row = context.versions.get(version=1)
    assert (row.data, row.change_description, row.created_by) == ({"a": 1}, "first", "ada")
    assert (again(context).current_version, again(context).last_version) == (2, 2)


def test_a_write_from_an_old_version_is_refused_and_changes_nothing(access: Access, context: AgentContext) -> None:
    write(access, context, expected_version=0)
    with pytest.raises(PreconditionFailed) as caught:
        write(access, context, expected_version=0)
    assert caught.value.details == {"expected": 0, "present": 1}
    assert kept(context) == [1]


def test_a_key_writes_once_whatever_has_happened_since(access: Access, context: AgentContext) -> None:
    assert write(access, context, data={"a": 1}, write_key="k", expected_version=0) == 1
    write(access, context, data={"a": 2})
    assert write(access, context, data={"a": 3}, write_key="k", expected_version=0) == 1
    assert (kept(context), held(access, context)) == ([1, 2], {"a": 2})


def test_a_patch_merges_and_null_removes(access: Access, context: AgentContext) -> None:
    write(access, context, data={"a": {"b": 1, "c": 2}, "d": 3})
    written = services.patch_context(
        access=access, context_id=context.id, patch={"a": {"b": None}, "e": 4}, expected_version=1
    )
    assert (written.version, written.data) == (2, {"a": {"c": 2}, "d": 3, "e": 4})
    with pytest.raises(PreconditionFailed):
        services.patch_context(access=access, context_id=context.id, patch={}, expected_version=1)


@pytest.mark.parametrize("data", [None, [], "text", 1, {"a": float("nan")}, {"a": "\x00"}, {"a": "\ud800"}, {"a": {1}}])
def test_what_is_no_json_object_is_refused(access: Access, context: AgentContext, data: Any) -> None:
    with pytest.raises(Invalid):
        write(access, context, data=data)
    assert kept(context) == []


def test_a_mebibyte_is_the_most_also_when_patches_add_up(access: Access, context: AgentContext) -> None:
    half = "x" * (writing.MAX_DATA_BYTES // 2)
    write(access, context, data={"a": half})
    with pytest.raises(PayloadTooLarge):
        services.patch_context(access=access, context_id=context.id, patch={"b": half})
    with pytest.raises(PayloadTooLarge):
        write(access, context, data={"a": half, "b": half})
    assert kept(context) == [1]


def test_a_terminated_agent_s_contexts_are_read_and_not_written(
    agent: Agent, access: Access, context: AgentContext
) -> None:
    write(access, context, data={"a": 1})
    Agent.objects.filter(id=agent.id).update(state_detail="TERMINATED", status="INACTIVE")
    assert held(access, context) == {"a": 1}
    with pytest.raises(Conflict):
        write(access, context)
    with pytest.raises(Conflict):
        services.rollback_context(access=access, context_id=context.id, version=1)
    with pytest.raises(Conflict):
        services.open_context(access=access, agent_id=agent.id, name="another")


def test_a_version_is_never_changed_not_even_by_raw_sql(access: Access, context: AgentContext) -> None:
    write(access, context, data={"a": 1})
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE agent_context_version SET change_description = 'better'")


# Reading


def test_each_version_is_read_and_one_that_never_was_is_told_from_one_that_is_gone(
    access: Access, context: AgentContext, settings: Any
) -> None:
    settings.AGENT_CONTEXT_HISTORY_LIMIT = 2
    for number in range(4):
        write(access, context, data={"n": number})
    assert [held(access, context, version) for version in (0, 3, 4, None)] == [{}, {"n": 2}, {"n": 3}, {"n": 3}]
    with pytest.raises(Gone):
        held(access, context, 2)
    for never in (5, 2**70, -1):
        with pytest.raises(NotFound):
            held(access, context, never)


def test_what_is_held_now_is_read_though_what_was_held_a_moment_ago_is_pruned(
    access: Access, context: AgentContext, settings: Any
) -> None:
    settings.AGENT_CONTEXT_HISTORY_LIMIT = 1
    write(access, context, data={"n": 1})
    known = again(context)
    write(access, context, data={"n": 2})
    shown = selectors.version_at(known)
    assert (shown.data, shown.context.current_version) == ({"n": 2}, 2)


def test_any_two_versions_are_compared_place_by_place(access: Access, context: AgentContext) -> None:
    write(access, context, data={"a": {"b": 1}, "c": [1]})
    write(access, context, data={"a": {"b": 2}, "c": [1, 2]})
    changes = selectors.differences(again(context), 1, 2)
    assert [(c.path, c.kind, c.before, c.after) for c in changes] == [
        ("$.a.b", "changed", 1, 2),
        ("$.c[1]", "added", None, 2),
    ]
    assert {c.kind for c in selectors.differences(again(context), 0, 1)} == {"added"}


# Rolling back


def test_a_rollback_moves_the_pointer_and_the_next_write_follows_the_highest_number(
    access: Access, context: AgentContext
) -> None:
    for number in range(1, 4):
        write(access, context, data={"n": number})
    done = services.rollback_context(access=access, context_id=context.id, version=1, reason="it was better")
    assert (done.current_version, done.last_version) == (1, 3)
    assert (done.rollback_pointer, done.rollback_state) == (1, "SUCCESS")
    assert (held(access, context), kept(context)) == ({"n": 1}, [1, 2, 3])
    assert write(access, context, expected_version=1) == 4
    row = again(context)
    assert (row.current_version, row.rollback_pointer, row.rollback_state) == (4, 1, "SUCCESS")


def test_a_rollback_to_what_is_not_there_is_recorded_as_failed(
    access: Access, context: AgentContext, settings: Any
) -> None:
    settings.AGENT_CONTEXT_HISTORY_LIMIT = 1
    write(access, context, data={"n": 1})
    write(access, context, data={"n": 2})
    with pytest.raises(Gone):
        services.rollback_context(access=access, context_id=context.id, version=1)
    assert (again(context).rollback_state, again(context).current_version) == ("FAILED", 2)
    with pytest.raises(NotFound):
        services.rollback_context(access=access, context_id=context.id, version=9)
    assert (again(context).rollback_state, again(context).rollback_pointer) == ("FAILED", 9)
    for number in (0, -1, 2**31):
        with pytest.raises(Invalid):
            services.rollback_context(access=access, context_id=context.id, version=number)


def interrupted(access: Access, context: AgentContext, version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rollback whose process dies after the wish was committed."""

    def die(**options: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(rollbacks, "settle_rollback", die)
        with pytest.raises(KeyboardInterrupt):
            rollbacks.rollback_context(access=access, context_id=context.id, version=version)
    assert again(context).rollback_state == "PENDING"


@pytest.fixture
def left_pending(access: Access, context: AgentContext, monkeypatch: pytest.MonkeyPatch) -> AgentContext:
    """At version 3, with a rollback to version 1 that nobody has finished."""
    for number in range(1, 4):
        write(access, context, data={"n": number})
    interrupted(access, context, 1, monkeypatch)
    return again(context)


def test_an_interrupted_rollback_is_seen_as_made_and_the_next_read_finishes_it(
    agent: Agent, left_pending: AgentContext
) -> None:
    assert (left_pending.current_version, left_pending.shown_version) == (3, 1)
    assert selectors.version_at(left_pending).data == {"n": 1}
    assert held(access_to(agent.project, Role.VIEWER), left_pending) == {"n": 1}
    assert (again(left_pending).current_version, again(left_pending).rollback_state) == (1, "SUCCESS")
    assert AuditEntry.objects.get(action="context.rolled_back").actor == "system"


def test_an_interrupted_rollback_comes_before_the_next_write(access: Access, left_pending: AgentContext) -> None:
    with pytest.raises(PreconditionFailed):
        write(access, left_pending, expected_version=3)
    assert again(left_pending).rollback_state == "PENDING", "a refused write changes nothing"
    assert write(access, left_pending, expected_version=1) == 4
    row = again(left_pending)
    assert (row.current_version, row.rollback_pointer, row.rollback_state) == (4, 1, "SUCCESS")


def test_an_interrupted_rollback_comes_before_the_next_rollback(access: Access, left_pending: AgentContext) -> None:
    services.rollback_context(access=access, context_id=left_pending.id, version=2)
    assert (again(left_pending).current_version, again(left_pending).rollback_pointer) == (2, 2)
    moves = AuditEntry.objects.filter(action="context.rolled_back").order_by("created_at", "id")
    assert [(entry.before, entry.after) for entry in moves] == [
        ({"version": 3}, {"version": 1}),
        ({"version": 1}, {"version": 2}),
    ]


def test_an_interrupted_rollback_whose_version_was_torn_out_fails(access: Access, left_pending: AgentContext) -> None:
    left_pending.versions.filter(version=1).delete()
    assert held(access, left_pending) == {"n": 3}
    assert again(left_pending).rollback_state == "FAILED"


# Pruning


def test_the_oldest_go_first_and_never_the_current_nor_the_pointed_at(
    access: Access, context: AgentContext, settings: Any
) -> None:
    settings.AGENT_CONTEXT_HISTORY_LIMIT = 3
    for _ in range(3):
        write(access, context)
    services.rollback_context(access=access, context_id=context.id, version=1)
    write(access, context)
    write(access, context)
    assert kept(context) == [1, 4, 5]
    services.rollback_context(access=access, context_id=context.id, version=4)
    write(access, context)
    assert kept(context) == [4, 5, 6], "the former target is an old version as any other"


@pytest.mark.parametrize("limit", [0, 1])
def test_the_smallest_limit_keeps_the_current_and_the_pointed_at(
    access: Access, context: AgentContext, settings: Any, limit: int
) -> None:
    write(access, context)
    settings.AGENT_CONTEXT_HISTORY_LIMIT = limit
    write(access, context)
    assert kept(context) == [2]
    services.rollback_context(access=access, context_id=context.id, version=2)
    write(access, context)
    write(access, context)
    assert kept(context) == [2, 4]


def test_a_lowered_limit_is_reached_with_the_next_write(access: Access, context: AgentContext, settings: Any) -> None:
    for _ in range(6):
        write(access, context)
    settings.AGENT_CONTEXT_HISTORY_LIMIT = 2
    write(access, context)
    assert kept(context) == [6, 7]


# Isolation and audit

FOREIGN: dict[str, Any] = {
    "open": lambda access, row: services.open_context(access=access, agent_id=row.agent_id, name="notes"),
    "read": lambda access, row: services.read_context(access=access, context_id=row.id),
    "write": lambda access, row: services.write_context(access=access, context_id=row.id, data={}),
    "patch": lambda access, row: services.patch_context(access=access, context_id=row.id, patch={}),
    "roll back": lambda access, row: services.rollback_context(access=access, context_id=row.id, version=1),
    "settle": lambda access, row: services.settle_rollback(access=access, context_id=row.id),
    "list": lambda access, row: selectors.contexts_of_agent(access, row.agent_id),
    "look up": lambda access, row: selectors.context_for(access, row.id),
}


@pytest.mark.parametrize("operation", FOREIGN.values(), ids=FOREIGN)
def test_a_context_of_another_workspace_is_not_there(make: Make, context: AgentContext, operation: Any) -> None:
    with pytest.raises(NotFound):
        operation(access_to(make.project(), Role.OWNER), context)
    assert kept(context) == []


@pytest.mark.parametrize("operation", ["open", "write", "patch", "roll back"])
def test_who_may_only_look_changes_nothing(agent: Agent, context: AgentContext, operation: str) -> None:
    viewer = access_to(agent.project, Role.VIEWER)
    with pytest.raises(Forbidden):
        FOREIGN[operation](viewer, context)
    assert held(viewer, context) == {}


@pytest.mark.parametrize("operation", FOREIGN.values(), ids=FOREIGN)
def test_there_are_no_contexts_while_agents_are_switched_off(
    access: Access, context: AgentContext, operation: Any, settings: Any
) -> None:
    settings.AGENTS_ENABLED = False
    with pytest.raises(NotFound):
        operation(access, context)


def test_the_audit_log_has_numbers_and_descriptions_and_never_the_data(access: Access, context: AgentContext) -> None:
    write(access, context, data={"password": "hunter2"}, change_description="first")
    write(access, context, data={"password": "hunter3"})
    services.rollback_context(access=access, context_id=context.id, version=1, reason="it leaked")
    entries = AuditEntry.objects.filter(object_type="agent_context", object_id=str(context.id)).order_by("created_at")
    assert [entry.action for entry in entries] == [
        "context.created",
        "context.written",
        "context.written",
        "context.rollback_requested",
        "context.rolled_back",
    ]
    assert entries[1].after == {"version": 1, "change_description": "first"}
    assert entries[3].after == {"version": 1, "reason": "it leaked"}
    assert "hunter" not in str([(entry.before, entry.after) for entry in entries])


def test_the_author_of_what_an_agent_wrote_is_the_agent_and_its_session() -> None:
    session_id = str(UUID(int=7))
    author = author_of_agent("n" * 94 + "@home!", session_id)
    assert len(author) <= AgentContextVersion._meta.get_field("created_by").max_length
    assert author_and_session(author) == (f"agent:{'n' * 94}@home!", session_id)
    for other in ("ada@example.org", "key:ao_1", "agent:odd@here", "agent:odd"):
        assert author_and_session(other) == (other, None)
