"""Asking something of a session's runner."""

import threading
from typing import Any

import pytest
from django.db import connection
from pytest_django import DjangoCaptureOnCommitCallbacks

from core.clock import SYSTEM_CLOCK
from core.errors import Forbidden
from sessions.errors import CommandRefused, InvalidSession, SessionFinished, SessionNotFound, TaskNotFound
from sessions.models import AgentSession, SessionCommand
from sessions.request import SessionRequest, TaskRequest
from sessions.services import cancel_task, execute_task, request_command, submit_task
from sessions.states import CommandKind
from tests.make import Make
from tests.unit.sessions.conftest import World
from workspaces.models import AuditEntry
from workspaces.selectors import access_of_user
from workspaces.states import Role


def ask(world: World, session: AgentSession, kind: CommandKind, **fields: Any) -> SessionCommand:
    return request_command(**{"access": world.access, "session_id": session.id, "kind": kind, **fields})


def test_a_command_waits_in_the_inbox_and_rings_after_the_commit(
    world: World, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    session = world.make.session(world.project, status="RUNNING")
    with django_capture_on_commit_callbacks(execute=True):
        command = ask(world, session, CommandKind.PAUSE, reason=" lunch ")
        assert world.rung == []
    assert world.rung == [session.id]
    assert (command.kind, command.payload, command.actor) == ("pause", {"reason": "lunch"}, world.access.actor)
    assert (command.applied_at, command.outcome) == (None, "")
    assert AgentSession.objects.get().status == "RUNNING"


def test_who_asked_is_in_the_audit_log(world: World) -> None:
    session = world.make.session(world.project, status="RUNNING")
    ask(world, session, CommandKind.CANCEL, reason="enough")
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object_id, entry.before) == ("session.cancel", str(session.id), {"status": "RUNNING"})
    assert entry.after is not None
    assert entry.after["reason"] == "enough"


def test_a_cancel_counts_once_however_often_it_is_asked_for(world: World) -> None:
    session = world.make.session(world.project, status="RUNNING")
    assert ask(world, session, CommandKind.CANCEL).pk == ask(world, session, CommandKind.CANCEL).pk
    assert SessionCommand.objects.count() == AuditEntry.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_cancels_that_come_at_the_same_time_count_once(world: World) -> None:
    session = world.make.session(world.project, status="RUNNING")
    gate, found = threading.Barrier(6), []

    def cancel() -> None:
        gate.wait()
        try:
            found.append(ask(world, session, CommandKind.CANCEL).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=cancel) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [SessionCommand.objects.get().pk] * 6


def test_a_command_of_this_key_that_appears_meanwhile_wins(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    session = world.make.session(world.project, status="RUNNING")
    first = ask(world, session, CommandKind.PAUSE, dedupe_key="k")
    looks = iter([None, first])
    monkeypatch.setattr("sessions.services.commanding._command_of_key", lambda *_: next(looks))
    monkeypatch.setattr("sessions.services.commanding._check_state", lambda *_: None)
    assert ask(world, session, CommandKind.PAUSE, dedupe_key="k").pk == first.pk
    assert AuditEntry.objects.count() == 1


def test_the_same_key_counts_once_even_after_the_session_has_ended(world: World) -> None:
    session = world.make.session(world.project, status="RUNNING")
    first = ask(world, session, CommandKind.PAUSE, dedupe_key="k")
    AgentSession.objects.update(status="COMPLETED")
    assert ask(world, session, CommandKind.PAUSE, dedupe_key="k").pk == first.pk


@pytest.mark.parametrize("status", ["COMPLETED", "FAILED", "CANCELLED"])
@pytest.mark.parametrize("kind", list(CommandKind))
def test_a_finished_session_takes_no_command(world: World, status: str, kind: CommandKind) -> None:
    session = world.make.session(world.project, status=status)
    with pytest.raises(SessionFinished, match=f"is {status}"):
        ask(world, session, kind)
    assert not SessionCommand.objects.exists()


def test_only_a_paused_session_can_be_resumed_and_only_one_that_is_not_can_be_paused(world: World) -> None:
    running = world.make.session(world.project, status="RUNNING")
    paused = world.make.session(world.project, status="PAUSED")
    with pytest.raises(CommandRefused, match="only a paused session"):
        ask(world, running, CommandKind.RESUME)
    with pytest.raises(CommandRefused, match="paused already"):
        ask(world, paused, CommandKind.PAUSE)


def test_what_waits_in_the_inbox_counts_as_done_for_the_next_command(world: World) -> None:
    session = world.make.session(world.project, status="RUNNING")
    ask(world, session, CommandKind.PAUSE)
    with pytest.raises(CommandRefused):
        ask(world, session, CommandKind.PAUSE)
    ask(world, session, CommandKind.RESUME)
    with pytest.raises(CommandRefused):
        ask(world, session, CommandKind.RESUME)
    AgentSession.objects.filter(pk=session.pk).update(status="PAUSED")  # the first of the two is applied
    with pytest.raises(CommandRefused, match="being resumed already"):
        ask(world, session, CommandKind.RESUME)
    AgentSession.objects.filter(pk=session.pk).update(status="RUNNING")
    SessionCommand.objects.update(applied_at=SYSTEM_CLOCK.now())
    ask(world, session, CommandKind.PAUSE)


def test_a_viewer_may_look_but_not_command_and_a_stranger_not_even_look(world: World, make: Make) -> None:
    session = world.make.session(world.project, status="RUNNING")
    with pytest.raises(Forbidden):
        ask(world, session, CommandKind.CANCEL, access=world.access_as(Role.VIEWER))
    with pytest.raises(SessionNotFound):
        ask(world, session, CommandKind.CANCEL, access=access_of_user(make.member(make.workspace(), Role.OWNER)))


@pytest.mark.parametrize("reason", ["x" * 501, "a\x00b"])
def test_a_reason_is_short_and_storable(world: World, reason: str) -> None:
    session = world.make.session(world.project, status="RUNNING")
    with pytest.raises(InvalidSession, match="reason"):
        ask(world, session, CommandKind.CANCEL, reason=reason)


def held_task(world: World) -> Any:
    world.agents("scripted")
    request = SessionRequest("Goal", tasks=[TaskRequest("t", agent="scripted")])
    return submit_task(access=world.access, project=world.project, request=request, starts=False).session.tasks.get()


def test_executing_a_held_task_resumes_its_session_once(world: World) -> None:
    task = held_task(world)
    execute_task(access=world.access, task_id=task.id)
    execute_task(access=world.access, task_id=task.id)
    assert [command.kind for command in SessionCommand.objects.all()] == ["resume"]


def test_a_task_that_ran_cannot_be_executed_again(world: World) -> None:
    session = world.make.session(world.project, status="COMPLETED")
    task = world.make.task(session, status="COMPLETED")
    with pytest.raises(SessionFinished, match="make a new one"):
        execute_task(access=world.access, task_id=task.id)


def test_a_task_among_others_runs_and_ends_with_its_session(world: World) -> None:
    session = world.make.session(world.project, tasks=2, status="RUNNING")
    task = session.tasks.all()[0]
    with pytest.raises(CommandRefused, match="runs with the others"):
        execute_task(access=world.access, task_id=task.id)
    with pytest.raises(CommandRefused, match="cancel the session"):
        cancel_task(access=world.access, task_id=task.id)


def test_cancelling_a_task_made_alone_cancels_its_session(world: World) -> None:
    task = held_task(world)
    cancel_task(access=world.access, task_id=task.id)
    assert [command.kind for command in SessionCommand.objects.all()] == ["cancel"]


def test_a_strangers_task_is_not_there(world: World, make: Make) -> None:
    task = held_task(world)
    with pytest.raises(TaskNotFound):
        execute_task(access=access_of_user(make.member(make.workspace())), task_id=task.id)
