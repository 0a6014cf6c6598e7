"""Admin of checkpoints and their schedules: looked at, restored, deleted, stopped."""

from collections import Counter
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from agents import services
from agents.admin.of_agent import OfAgentAdmin
from agents.models import AgentCheckpoint, CheckpointSchedule
from workspaces.operators import operator


@admin.register(AgentCheckpoint)
class AgentCheckpointAdmin(OfAgentAdmin):
    """The checkpoints of all agents, newest first."""

    list_display = (
        "created_at",
        "agent",
        "workspace",
        "number",
        "is_recoverable",
        "source",
        "created_by",
    )
    list_filter = ("is_latest", "is_recoverable", "source")
    fields = (
        "agent",
        "sequence_number",
        "is_latest",
        "is_recoverable",
        "source",
        "created_by",
        "created_at",
        "state_data",
    )
    readonly_fields = fields
    ordering = ("-created_at", "-sequence_number")
    actions = ["restore_checkpoints", "delete_checkpoints"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("state_data")

    @admin.display(description="number", ordering="sequence_number")
    def number(self, row: AgentCheckpoint) -> str:
        return f"{row.sequence_number}, latest" if row.is_latest else str(row.sequence_number)

    @admin.action(description="Restore the selected checkpoints (one of each agent)", permissions=["act"])
    def restore_checkpoints(self, request: HttpRequest, rows: QuerySet[AgentCheckpoint]) -> None:
        several = [count for count in Counter(rows.values_list("agent_id", flat=True)).values() if count > 1]
        if several:
            self.message_user(request, "Choose one checkpoint of each agent: nothing was restored.", messages.ERROR)
            return

        def restore(row: AgentCheckpoint) -> str:
            agent, _ = services.restore_checkpoint(
                access=operator(request, row.agent.workspace_id),
                agent_id=row.agent_id,
                sequence_number=row.sequence_number,
            )
            return f"checkpoint {row.sequence_number} is restored, as version {agent.state_version} of the state"

        self.act_on_each(request, rows, restore)

    @admin.action(description="Delete the selected checkpoints", permissions=["act"])
    def delete_checkpoints(self, request: HttpRequest, rows: QuerySet[AgentCheckpoint]) -> None:
        def delete(row: AgentCheckpoint) -> str:
            services.delete_checkpoint(
                access=operator(request, row.agent.workspace_id),
                agent_id=row.agent_id,
                sequence_number=row.sequence_number,
            )
            return f"checkpoint {row.sequence_number} is deleted"

        self.act_on_each(request, rows, delete)


@admin.register(CheckpointSchedule)
class CheckpointScheduleAdmin(OfAgentAdmin):
    """Whose state is kept at an interval, the next due first."""

    list_display = ("agent", "workspace", "interval_seconds", "next_at", "created_by", "created_at")
    ordering = ("next_at",)
    actions = ["stop_schedules"]

    @admin.action(description="Stop the selected schedules", permissions=["act"])
    def stop_schedules(self, request: HttpRequest, rows: QuerySet[CheckpointSchedule]) -> None:
        def stop(row: CheckpointSchedule) -> str:
            services.unschedule_checkpoints(access=operator(request, row.agent.workspace_id), agent_id=row.agent_id)
            return "no more checkpoints by themselves"

        self.act_on_each(request, rows, stop)
