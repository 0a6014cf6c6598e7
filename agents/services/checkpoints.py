"""Recovery points of an agent's state: made, restored, deleted, pruned; by hand or at an interval."""

from datetime import datetime, timedelta
from time import monotonic
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F

from agents import conf
from agents.models import Agent, AgentCheckpoint, CheckpointSchedule
from agents.policies import next_instant, surplus_checkpoints
from agents.selectors import checkpoint_of
from agents.services.moves import audit, locked
from agents.services.state import MAX_STATE_BYTES, locked_for_state, write_state
from agents.states import AgentStateDetail, CheckpointSource
from core.clock import SYSTEM_CLOCK
from core.errors import Conflict, Invalid
from core.json_bounds import require_object
from workspaces.access import Access

MAX_INTERVAL_SECONDS = 30 * 24 * 3600
LARGEST_BATCH, TURN_SECONDS = 100, 2.0
"""Schedules looked after in one call, and how long it may take; what is left comes first in the next one."""


@transaction.atomic
def create_checkpoint(
    *, access: Access, agent_id: UUID, state_data: dict[str, Any] | None = None, is_recoverable: bool = True
) -> AgentCheckpoint:
    """Keep the agent's present state, or the one given, as its latest checkpoint; the oldest ones go over the limit.

    Raises: NotFound, Forbidden, Conflict when terminated, Invalid for what is no JSON object, PayloadTooLarge.
    """
    agent = locked_for_state(access, agent_id)
    if state_data is not None:
        require_object(state_data, name="state_data", max_bytes=MAX_STATE_BYTES)
    checkpoint = AgentCheckpoint(
        state_data=agent.state if state_data is None else state_data,
        is_recoverable=is_recoverable,
        created_by=access.actor,
    )
    _keep(agent, checkpoint)
    audit(access, agent, "agent.checkpoint_created", before=None, after=_described(checkpoint))
    return checkpoint


@transaction.atomic
def restore_checkpoint(
    *, access: Access, agent_id: UUID, sequence_number: int | None = None, expected_version: int | None = None
) -> tuple[Agent, AgentCheckpoint]:
    """Give the agent the state of a checkpoint again, by default of the latest recoverable one.

    The state gets its next version; the checkpoints stay as they are.
    Raises: NotFound, Forbidden, Conflict when terminated or the checkpoint is not recoverable, PreconditionFailed.
    """
    agent = locked_for_state(access, agent_id, expected_version)
    checkpoint = _recoverable(agent, sequence_number)
    write_state(
        access,
        agent,
        checkpoint.state_data,
        action="agent.checkpoint_restored",
        sequence_number=checkpoint.sequence_number,
    )
    return agent, checkpoint


@transaction.atomic
def delete_checkpoint(*, access: Access, agent_id: UUID, sequence_number: int | None = None) -> AgentCheckpoint:
    """Remove the latest checkpoint or the one of a number; the highest one left is the latest then.

    Also possible when the agent is terminated. Raises: NotFound, Forbidden.
    """
    agent = locked(access, agent_id)
    checkpoint = checkpoint_of(agent, sequence_number)
    AgentCheckpoint.objects.filter(id=checkpoint.id).delete()
    if checkpoint.is_latest:
        before = AgentCheckpoint.objects.filter(agent=agent).order_by("-sequence_number")
        AgentCheckpoint.objects.filter(id__in=before.values("id")[:1]).update(is_latest=True)
    audit(access, agent, "agent.checkpoint_deleted", before=_described(checkpoint), after=None)
    return checkpoint


def state_to_resume_from(agent: Agent) -> AgentCheckpoint | None:
    """What an agent that crashed goes on from: its latest recoverable checkpoint; None when it has none."""
    return AgentCheckpoint.objects.filter(agent=agent, is_recoverable=True).order_by("-sequence_number").first()


@transaction.atomic
def schedule_checkpoints(*, access: Access, agent_id: UUID, interval_seconds: int) -> tuple[CheckpointSchedule, bool]:
    """Keep the agent's state at this interval from now on; also says whether it had no schedule before.

    Asking for the interval it has changes nothing, the next instant neither.
    Raises: NotFound, Forbidden, Conflict when terminated, Invalid for an interval out of bounds.
    """
    agent = locked_for_state(access, agent_id)
    if not 1 <= interval_seconds <= MAX_INTERVAL_SECONDS:
        sentence = f"Give a whole number of seconds from 1 to {MAX_INTERVAL_SECONDS:,} (30 days)."
        raise Invalid(f"interval_seconds: {sentence}", details={"interval_seconds": [sentence]})
    present = CheckpointSchedule.objects.filter(agent=agent).first()
    if present and present.interval_seconds == interval_seconds:
        return present, False
    before = {"interval_seconds": present.interval_seconds} if present else None
    schedule = present or CheckpointSchedule(agent=agent)
    schedule.interval_seconds = interval_seconds
    schedule.next_at = SYSTEM_CLOCK.now() + timedelta(seconds=interval_seconds)
    schedule.created_by = access.actor
    schedule.save()
    audit(access, agent, "agent.checkpoints_scheduled", before=before, after={"interval_seconds": interval_seconds})
    return schedule, present is None


@transaction.atomic
def unschedule_checkpoints(*, access: Access, agent_id: UUID) -> None:
    """No more checkpoints by themselves; those there stay. Without effect when none were scheduled.

    Raises: NotFound, Forbidden.
    """
    agent = locked(access, agent_id)
    schedule = CheckpointSchedule.objects.filter(agent=agent).first()
    if schedule is None:
        return
    schedule.delete()
    before = {"interval_seconds": schedule.interval_seconds}
    audit(access, agent, "agent.checkpoints_unscheduled", before=before, after=None)


def take_due_checkpoints(*, now: datetime | None = None) -> int:
    """Take the scheduled checkpoints that are due and say how many; each is taken by one caller, however many call.

    After a time in which nobody called, one is taken, not all that were missed. A state that the latest checkpoint
    holds already (and can be restored from) is not kept again. One indexed query when nothing is due.
    """
    if not conf.agents_enabled():
        return 0
    now = now or SYSTEM_CLOCK.now()
    due = CheckpointSchedule.objects.filter(next_at__lte=now).order_by("next_at")
    taken, end = 0, monotonic() + TURN_SECONDS
    for agent_id in due.values_list("agent_id", flat=True)[:LARGEST_BATCH]:
        taken += _take_due(agent_id, now)
        if monotonic() >= end:
            break
    return taken


@transaction.atomic
def _take_due(agent_id: UUID, now: datetime) -> bool:
    """Whether a checkpoint was taken. An agent that somebody else has locked is looked at again in a second."""
    rows = Agent.objects.select_for_update(of=("self",), no_key=True, skip_locked=True)
    agent = rows.without_state().filter(id=agent_id).first()
    schedule = CheckpointSchedule.objects.filter(agent_id=agent_id, next_at__lte=now).first() if agent else None
    if agent is None or schedule is None:
        return False
    if agent.state_detail == AgentStateDetail.TERMINATED:
        schedule.delete()
        return False
    schedule.next_at = next_instant(schedule.next_at, timedelta(seconds=schedule.interval_seconds), now=now)
    schedule.save(update_fields=["next_at", "updated_at"])
    if _is_kept(agent):
        return False
    _keep(
        agent,
        AgentCheckpoint(state_data=agent.state, source=CheckpointSource.SCHEDULED, created_by=schedule.created_by),
    )
    return True


def _is_kept(agent: Agent) -> bool:
    """Whether the latest checkpoint holds the present state. The database compares: it may be a megabyte twice."""
    latest = AgentCheckpoint.objects.filter(agent=agent, is_latest=True, is_recoverable=True)
    return latest.filter(state_data=F("agent__state")).exists()


def _keep(agent: Agent, checkpoint: AgentCheckpoint) -> None:
    """Make this the latest checkpoint of a locked agent, and let go of the oldest ones over the limit."""
    agent.last_checkpoint += 1
    agent.save(update_fields=["last_checkpoint"])
    AgentCheckpoint.objects.filter(agent=agent, is_latest=True).update(is_latest=False)
    checkpoint.agent, checkpoint.sequence_number, checkpoint.is_latest = agent, agent.last_checkpoint, True
    checkpoint.save(force_insert=True)
    kept = AgentCheckpoint.objects.filter(agent=agent).order_by("-sequence_number")
    surplus = surplus_checkpoints(
        list(kept.values_list("sequence_number", "is_recoverable")), limit=conf.checkpoint_limit()
    )
    if surplus:
        AgentCheckpoint.objects.filter(agent=agent, sequence_number__in=surplus).delete()


def _recoverable(agent: Agent, sequence_number: int | None) -> AgentCheckpoint:
    """The checkpoint to restore. Raises: NotFound, Conflict."""
    found = state_to_resume_from(agent) if sequence_number is None else None
    if found is None:
        found = checkpoint_of(agent, sequence_number)
    if not found.is_recoverable:
        numbers = AgentCheckpoint.objects.filter(agent=agent, is_recoverable=True).order_by("-sequence_number")
        recoverable = list(numbers.values_list("sequence_number", flat=True))
        ways = f"Recoverable: {', '.join(map(str, recoverable[:20]))}." if recoverable else "None of its others is."
        raise Conflict(
            f"Checkpoint {found.sequence_number} of {agent.name} is not recoverable. {ways}",
            code="not_recoverable",
            details={"sequence_number": found.sequence_number, "recoverable": recoverable},
        )
    return found


def _described(checkpoint: AgentCheckpoint) -> dict[str, Any]:
    return {"sequence_number": checkpoint.sequence_number, "is_recoverable": checkpoint.is_recoverable}
