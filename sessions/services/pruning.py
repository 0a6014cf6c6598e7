"""Deleting the sessions a workspace no longer keeps: exported first, hidden next, deleted in slices last.

Every moment is one to crash at: before the mark nothing has happened, after it the next run goes on where this one
ended, and two runs at once do the same work twice at worst. A session that is marked is seen by nobody.
"""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction
from django.db.models import Model, QuerySet

from core.clock import SYSTEM_CLOCK
from sessions import exports
from sessions.models import (
    AgentExecution,
    AgentMessage,
    AgentSession,
    AgentTask,
    ExecutionStateHistory,
    ExecutionStep,
    Placement,
    PrunedSession,
    SessionCommand,
    SessionEvent,
    TaskDependency,
)
from sessions.selectors.bundle import write_bundle
from sessions.selectors.retention import due_sessions, half_pruned, pruning_workspaces
from workspaces.models import Workspace
from workspaces.services import record_audit

LARGEST_SLICE = 200  # rows a transaction, so that the journal never waits long for SQLite's one writer
PAUSE_SECONDS = 0.003  # between slices at least, else as long as the slice took: half of the time is for others
ACTOR = "retention"
logger = structlog.get_logger(__name__)

SLICED: Mapping[type[Model], str] = {
    SessionEvent: "session_id",
    ExecutionStateHistory: "execution__task__session_id",
    ExecutionStep: "task__session_id",
    Placement: "execution__task__session_id",
    AgentMessage: "session_id",
    AgentExecution: "task__session_id",
    TaskDependency: "task__session_id",
    AgentTask: "session_id",
    SessionCommand: "session_id",
}
"""All that hangs on a session and how it is found, in an order in which nothing still refers to what goes."""


@dataclass(slots=True)
class PruneReport:
    """Sessions that went, by workspace slug; `failure` is why the run ended early."""

    sessions: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Budget:
    """How long a run may take; None: as long as it needs. The session it is at is still finished."""

    seconds: float | None = None
    began: float = field(default_factory=time.monotonic)

    @property
    def is_spent(self) -> bool:
        return self.seconds is not None and time.monotonic() - self.began >= self.seconds


def prune_sessions(
    *, now: datetime | None = None, workspace_slug: str = "", seconds: float | None = None
) -> PruneReport:
    """Delete what is past its retention, and finish what an earlier run began. Safe to run twice at once.

    Stops after about `seconds`, and at once when an export cannot be written: nothing is deleted without it.
    """
    now, budget, report = now or SYSTEM_CLOCK.now(), Budget(seconds), PruneReport()
    for row in list(half_pruned().select_related("workspace")[:LARGEST_SLICE]):
        if budget.is_spent:
            return report
        _delete_rows(row.id, row.workspace.slug, report)
    for workspace in pruning_workspaces(workspace_slug):
        _prune_workspace(workspace, now, budget, report)
        if report.failure:
            break
    exports.sweep_partial_exports()
    return report


def _prune_workspace(workspace: Workspace, now: datetime, budget: Budget, report: PruneReport) -> None:
    before = report.sessions[workspace.slug]
    for policy, session in _each_due(workspace, now, budget):
        try:
            is_ours = hide_session(session, policy, now=now)
        except OSError as error:
            report.failure = f"No export of session {session.id} could be written, so nothing was deleted: {error}."
            logger.error("retention stopped", session=str(session.id), problem=str(error))
            break
        if is_ours:
            _delete_rows(session.id, workspace.slug, report)
    if count := report.sessions[workspace.slug] - before:
        _tell(workspace, count)


def _each_due(workspace: Workspace, now: datetime, budget: Budget) -> Iterator[tuple[Workspace, AgentSession]]:
    """One after the other with the policy of the moment: both may have changed while the one before was deleted."""
    while not budget.is_spent:
        policy = Workspace.objects.filter(pk=workspace.pk).first()
        session = due_sessions(policy, now).first() if policy else None
        if policy is None or session is None:
            return
        yield policy, session


def _tell(workspace: Workspace, count: int) -> None:
    logger.info("sessions pruned", workspace=workspace.slug, sessions=count, retention_days=workspace.retention_days)
    record_audit(
        workspace=workspace,
        actor=ACTOR,
        action="sessions.pruned",
        object_type="workspace",
        object_id=workspace.id,
        after={"sessions": count, "retention_days": workspace.retention_days},
    )


def hide_session(session: AgentSession, workspace: Workspace, *, now: datetime) -> bool:
    """Export the session, then put the pruned row in its place: from here on nobody sees it. False: another run did.

    Raises: OSError when the export cannot be written; nothing has changed then.
    """
    export = _export(session, workspace, now) if workspace.export_before_pruning else None
    with transaction.atomic():
        rows = AgentSession.objects.kept().filter(pk=session.pk)
        if is_ours := rows.update(pruning_at=now, idempotency_key=None) == 1:
            _make_pruned(session, export, now)
    if export and not is_ours:
        exports.drop_export(export)
    return is_ours


def _export(session: AgentSession, workspace: Workspace, now: datetime) -> exports.Export:
    return exports.keep_export(
        session_id=session.id,
        workspace_slug=workspace.slug,
        ended_at=session.completed_at or now,
        write=lambda file: write_bundle(session, file, now=now),
    )


def _make_pruned(session: AgentSession, export: exports.Export | None, now: datetime) -> PrunedSession:
    found: dict[str, Any] = {}
    if export:
        found = {"export": export.path, "export_sha256": export.sha256, "export_bytes": export.bytes}
    return PrunedSession.objects.create(
        id=session.id,
        workspace_id=session.workspace_id,
        status=session.status,
        started_at=session.started_at,
        completed_at=session.completed_at or now,
        last_seq=session.last_seq,
        last_hash=session.last_hash,
        created_at=now,
        **found,
    )


def _delete_rows(session_id: UUID, slug: str, report: PruneReport) -> None:
    """Delete all rows of a hidden session, its own last. Another run may take turns with this one."""
    for model, path in SLICED.items():
        began = time.monotonic()
        while count := _delete_slice(session_id, model._default_manager.filter(**{path: session_id})):
            report.rows += count
            time.sleep(max(PAUSE_SECONDS, time.monotonic() - began))
            began = time.monotonic()
    with _turn(session_id) as row:
        if row.finished_at is None:
            AgentSession.objects.filter(pk=session_id).delete()
            row.finished_at = SYSTEM_CLOCK.now()
            row.save(update_fields=["finished_at"])
            report.sessions[slug] += 1


def _delete_slice(session_id: UUID, rows: QuerySet[Any]) -> int:
    with _turn(session_id):
        keys = list(rows.order_by().values_list("pk", flat=True)[:LARGEST_SLICE])
        if keys:
            rows.model._default_manager.filter(pk__in=keys).delete()
    return len(keys)


@contextmanager
def _turn(session_id: UUID) -> Iterator[PrunedSession]:
    """A short transaction that nobody else deletes rows of this session in: two of them could lock each other out."""
    with transaction.atomic():
        yield PrunedSession.objects.select_for_update().get(pk=session_id)
