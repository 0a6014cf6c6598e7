"""The retention: what is old goes, exported before; every moment is one to crash at; nobody sees half a session."""

import hashlib
import os
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection, models
from django.db.models.deletion import CASCADE
from django.test.utils import CaptureQueriesContext

from core.clock import SYSTEM_CLOCK
from core.ids import new_id
from examples.verify_bundle import problems
from sessions import exports
from sessions.errors import SessionGone
from sessions.housekeeping import keep_house
from sessions.models import (
    AgentMessage,
    AgentSession,
    ExecutionStep,
    PrunedSession,
    SessionCommand,
)
from sessions.selectors import events_page, session_for, verify_session
from sessions.selectors.reading import event_pages
from sessions.selectors.retention import due_sessions
from sessions.services import prune_sessions, pruning, repeating
from sessions.streaming.log import frames_after
from tests.make import Make
from tests.past import Past, append_events
from workspaces.models import AuditEntry, Workspace

NOW = SYSTEM_CLOCK.now()
OLD = NOW - timedelta(days=31)


@pytest.fixture(autouse=True)
def folder(settings: Any, tmp_path: Path) -> Path:
    settings.RETENTION_EXPORT_DIR = tmp_path / "exports"
    return Path(settings.RETENTION_EXPORT_DIR)


@pytest.fixture
def past(make: Make) -> Past:
    past = Past(make)
    Workspace.objects.filter(pk=past.project.workspace_id).update(retention_days=30)
    return past


def old(past: Past, **fields: Any) -> AgentSession:
    return past.session(**{"completed_at": OLD, **fields})


def bundles(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.zip"))


def complaints(path: Path, last_hash: str = "") -> list[str]:
    with ZipFile(path) as bundle:
        return list(problems(bundle, last_hash))


def remaining(session: AgentSession) -> dict[str, int]:
    """Rows that still hang on the session, by model."""
    counts = {
        model.__name__: model._default_manager.filter(**{path: session.pk}).count()
        for model, path in pruning.SLICED.items()
    }
    return {name: count for name, count in counts.items() if count}


def test_what_is_past_its_retention_goes_and_all_else_stays(past: Past, make: Make) -> None:
    gone, young = old(past), past.session(completed_at=NOW - timedelta(days=29))
    live, elsewhere = past.session(steps=1, created_at=OLD), Past(make).session(completed_at=OLD)
    child = old(past, parent_session=live)
    report = prune_sessions(now=NOW)
    assert (report.sessions, report.failure) == ({past.project.workspace.slug: 1}, "")
    assert set(AgentSession.objects.all()) == {young, live, elsewhere, child}
    assert remaining(gone) == {}
    assert all(verify_session(kept.id).is_whole for kept in (young, live, elsewhere, child))


def test_every_table_that_hangs_on_a_session_is_deleted_in_slices() -> None:
    reached = {AgentSession}
    while True:
        found = {
            model
            for model in apps.get_models()
            for field in model._meta.get_fields()
            if isinstance(field, models.ForeignKey)
            and field.related_model in reached
            and field.remote_field.on_delete is CASCADE
        }
        if found <= reached:
            break
        reached |= found
    assert reached - {AgentSession} == set(pruning.SLICED)


def test_the_bundle_is_whole_and_the_row_that_stays_says_where_it_lies(past: Past, folder: Path) -> None:
    session = old(past)
    prune_sessions(now=NOW)
    row = PrunedSession.objects.get()
    [path] = bundles(folder)
    assert complaints(path, session.last_hash) == []
    assert (row.id, row.last_seq, row.last_hash) == (session.id, session.last_seq, session.last_hash)
    assert folder / row.export == path
    assert (row.export_sha256, row.export_bytes) == (
        hashlib.sha256(path.read_bytes()).hexdigest(),
        path.stat().st_size,
    )
    assert row.finished_at is not None
    assert path.parent.name == f"{OLD:%Y-%m}"
    assert path.stat().st_mode & 0o077 == 0


def test_a_workspace_that_wants_no_exports_gets_none(past: Past, folder: Path) -> None:
    Workspace.objects.update(export_before_pruning=False)
    session = old(past)
    prune_sessions(now=NOW)
    assert bundles(folder) == []
    with pytest.raises(SessionGone, match="keeps no exports"):
        session_for(past.access, session.id)


def test_rows_of_every_kind_go(past: Past) -> None:
    session = old(past)
    task = session.tasks.get(name="first")
    execution = task.executions.get()
    ExecutionStep.objects.create(
        task=task, execution=execution, key="k", input_hash="", kind="call", status="COMPLETED", created_at=NOW
    )
    SessionCommand.objects.create(session=session, kind="pause", applied_at=NOW)
    agent = past.agents[0]
    first = AgentMessage.objects.create(workspace=session.workspace, session=session, from_agent=agent, content={})
    AgentMessage.objects.create(
        workspace=session.workspace, session=session, from_agent=agent, content={}, in_reply_to=first
    )
    past.make.task(session, parent_task=task)
    prune_sessions(now=NOW)
    assert remaining(session) == {}


def test_descendants_go_on_without_their_ancestor(past: Past) -> None:
    session = old(past)
    fork, child = past.session(forked_from=session, fork_seq=4), past.session(parent_session=session)
    prune_sessions(now=NOW)
    fork.refresh_from_db(fields=["forked_from"])
    child.refresh_from_db(fields=["parent_session"])
    assert (fork.forked_from, child.parent_session) == (None, None)
    assert verify_session(fork.id).is_whole


def test_nothing_is_repeated_of_a_session_that_begins_to_be_deleted_meanwhile(
    past: Past, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, right = past.session({"a": 1, "b": None}, completed_at=OLD), repeating.prepare_copy

    def read_half(*args: Any) -> Any:
        prune_sessions(now=NOW)
        return right(*args)

    monkeypatch.setattr(repeating, "prepare_copy", read_half)
    with pytest.raises(SessionGone):
        repeating.retry_session(access=past.access, session_id=session.id)
    assert not AgentSession.objects.exists()


def test_an_idempotency_key_can_be_used_again(past: Past) -> None:
    old(past, idempotency_key="once")
    prune_sessions(now=NOW)
    past.session(idempotency_key="once")


def test_a_transaction_deletes_no_more_than_a_slice(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "LARGEST_SLICE", 4)
    monkeypatch.setattr(pruning, "PAUSE_SECONDS", 0.0)
    session = old(past, status="COMPLETED")
    with CaptureQueriesContext(connection) as queries:
        prune_sessions(now=NOW)
    deleted = [
        q["sql"] for q in queries if q["sql"].startswith('DELETE FROM "session_event" WHERE "session_event"."id"')
    ]
    assert len(deleted) == -(-session.last_seq // 4)
    assert all(sql.count(",") <= 3 for sql in deleted)


def test_what_was_pruned_is_in_the_audit_log(past: Past) -> None:
    old(past), old(past)
    prune_sessions(now=NOW)
    entry = AuditEntry.objects.get(action="sessions.pruned")
    assert (entry.actor, entry.after) == ("retention", {"sessions": 2, "retention_days": 30})


def test_a_run_stops_when_its_time_is_up(past: Past) -> None:
    old(past)
    assert prune_sessions(now=NOW, seconds=0.0).sessions == {}
    assert keep_house(now=NOW)["sessions_pruned"] == 1


def test_a_policy_that_is_lifted_meanwhile_holds_at_once(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    old(past), old(past)
    right = pruning.hide_session

    def hide(session: AgentSession, workspace: Workspace, **fields: Any) -> bool:
        Workspace.objects.update(retention_days=None)
        return right(session, workspace, **fields)

    monkeypatch.setattr(pruning, "hide_session", hide)
    assert prune_sessions(now=NOW).sessions.total() == 1


# ----------------------------------------------------------------------------------------------------------- accidents


class Killed(BaseException):
    """The process dies here."""


SEAMS: list[tuple[Any, str]] = [
    (exports.os, "fsync"),
    (exports.os, "replace"),
    (pruning, "_make_pruned"),
    (pruning, "_delete_slice"),
]


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_run_that_dies_at_any_instant_is_finished_by_the_next(
    past: Past, monkeypatch: pytest.MonkeyPatch, folder: Path, after: bool
) -> None:
    monkeypatch.setattr(pruning, "LARGEST_SLICE", 5)
    monkeypatch.setattr(pruning, "PAUSE_SECONDS", 0.0)
    moment, died = 0, True
    while died:
        moment, session = moment + 1, past.session({"only": 1}, completed_at=OLD)
        with monkeypatch.context() as patch:
            died = dies(patch, moment, after)
        assert_whole_or_gone(past, session, folder)
        prune_sessions(now=NOW)
        row = PrunedSession.objects.get(pk=session.pk)
        assert row.finished_at is not None
        assert remaining(session) == {}
        assert complaints(folder / row.export, session.last_hash) == []
    assert moment > 12


def dies(patch: pytest.MonkeyPatch, last: int, after: bool) -> bool:
    """Run until the `last`-th call of any seam; whether there were so many."""
    calls = iter(range(1, 1_000_000))

    def deadly(right: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            is_last = next(calls) == last
            if is_last and not after:
                raise Killed
            result = right(*args, **kwargs)
            if is_last:
                raise Killed
            return result

        return wrapped

    for module, name in SEAMS:
        patch.setattr(module, name, deadly(getattr(module, name)))
    try:
        prune_sessions(now=NOW)
    except Killed:
        return True
    return False


def assert_whole_or_gone(past: Past, session: AgentSession, folder: Path) -> None:
    """Never something in between: either all of it is there, or a bundle that holds all of it."""
    try:
        session_for(past.access, session.id)
    except SessionGone:
        row = PrunedSession.objects.get(pk=session.pk)
        assert complaints(folder / row.export, session.last_hash) == []
    else:
        assert verify_session(session.id).is_whole


@pytest.mark.parametrize("seam", ["fsync", "replace"])
def test_without_a_safe_export_nothing_is_deleted(
    past: Past, folder: Path, monkeypatch: pytest.MonkeyPatch, seam: str
) -> None:
    session, other = old(past), old(past)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(exports.os, seam, full)
        report = prune_sessions(now=NOW)
        with pytest.raises(CommandError, match="No space left on device"):
            call_command("prune_sessions")
    assert "so nothing was deleted" in report.failure
    assert not PrunedSession.objects.exists()
    assert bundles(folder) == []
    assert verify_session(session.id).is_whole
    assert prune_sessions(now=NOW).sessions.total() == 2
    assert not AgentSession.objects.filter(pk__in=[session.pk, other.pk]).exists()


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_export_once_and_break_nothing(
    past: Past, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "LARGEST_SLICE", 5)
    sessions = [old(past) for _ in range(4)]
    right, gate, failures = pruning._export, threading.Barrier(2), []

    def export_together(*args: Any) -> Any:
        try:
            gate.wait(0.1)
        except threading.BrokenBarrierError:
            gate.reset()
        return right(*args)

    def run() -> None:
        try:
            prune_sessions(now=NOW)
        except Exception as error:  # noqa: BLE001
            failures.append(error)
        finally:
            connection.close()

    monkeypatch.setattr(pruning, "_export", export_together)
    runs = [threading.Thread(target=run) for _ in range(2)]
    for thread in runs:
        thread.start()
    for thread in runs:
        thread.join(30)
    assert failures == []
    assert not AgentSession.objects.exists()
    rows = PrunedSession.objects.filter(finished_at__isnull=False)
    assert {row.id for row in rows} == {session.id for session in sessions}
    assert {folder / row.export for row in rows} == set(bundles(folder))
    assert all(complaints(folder / row.export, row.last_hash) == [] for row in rows)


def test_what_a_dead_writer_left_is_swept_away_after_a_day(past: Past, folder: Path) -> None:
    partial = folder / exports.PARTIAL
    partial.mkdir(parents=True)
    (partial / "new.zip").touch()
    (partial / "old.zip").touch()
    os.utime(partial / "old.zip", (time.time() - 90_000,) * 2)
    prune_sessions(now=NOW)
    assert bundles(folder) == [partial / "new.zip"]


# ------------------------------------------------------------------------------------------------------------- command


def test_a_dry_run_says_what_would_go_and_deletes_nothing(past: Past, capsys: Any) -> None:
    session = old(past)
    call_command("prune_sessions", dry_run=True)
    shown = capsys.readouterr().out
    assert f"{past.project.workspace.slug}: 1 sessions older than 30 days" in shown
    assert f"{session.id}  ended {OLD:%Y-%m-%d}, would be exported and deleted" in shown
    assert AgentSession.objects.filter(pk=session.pk, pruning_at__isnull=True).exists()


def test_a_dry_run_says_so_where_nothing_is_ever_deleted(past: Past, capsys: Any) -> None:
    Workspace.objects.update(retention_days=None)
    call_command("prune_sessions", dry_run=True)
    assert capsys.readouterr().out == "Every workspace keeps its sessions for ever (Settings, Retention)\n"


def test_the_command_prunes_one_workspace(past: Past, make: Make, capsys: Any) -> None:
    other = Past(make)
    Workspace.objects.filter(pk=other.project.workspace_id).update(retention_days=1)
    mine, theirs = old(past), old(other)
    call_command("prune_sessions", workspace=past.project.workspace.slug)
    assert set(AgentSession.objects.all()) == {theirs}
    assert f"{past.project.workspace.slug}: 1 sessions deleted" in capsys.readouterr().out
    assert PrunedSession.objects.get().id == mine.id
    with pytest.raises(CommandError, match="There is no workspace nowhere"):
        call_command("prune_sessions", workspace="nowhere")


def test_the_command_says_what_is_half_deleted(past: Past, capsys: Any) -> None:
    PrunedSession.objects.create(
        id=new_id(), workspace=past.project.workspace, status="FAILED", completed_at=OLD, last_seq=1, created_at=OLD
    )
    call_command("prune_sessions", dry_run=True)
    assert "1 sessions are half deleted" in capsys.readouterr().out


# ------------------------------------------------------------------------------------------------------------ the index


def plan_of(rows: Any) -> str:
    return str(rows.explain())


def test_what_is_due_is_found_by_an_index(past: Past) -> None:
    plan = plan_of(due_sessions(Workspace.objects.get(pk=past.project.workspace_id), NOW))
    if connection.vendor == "sqlite":
        assert "agent_session_retention_idx" in plan


def test_a_page_of_a_long_log_is_a_range_of_the_index_with_both_ends(past: Past) -> None:
    session = append_events(past.session(steps=1), 50)
    with CaptureQueriesContext(connection) as queries:
        assert [event.seq for event in events_page(session.id, after=20, limit=10)] == list(range(21, 31))
        assert [seq for seq, _ in frames_after(str(session.id), 20, 10)] == list(range(21, 31))
        assert next(event_pages(session.id, 20))[-1].seq == session.last_seq
    for query in [query["sql"] for query in queries if "session_event" in query["sql"]]:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {'QUERY PLAN ' if connection.vendor == 'sqlite' else ''}{query}")
            plan = " ".join(str(row) for row in cursor.fetchall())
        assert "session_event_seq_unique" in plan or "seq>? AND seq<?" in plan, plan
        assert "TEMP B-TREE" not in plan
