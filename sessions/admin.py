"""Admin of sessions: to be looked at. Only a session's runner writes them; operators ask it by actions."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import TabularInline

from core.admin import ReadOnlyAdmin
from core.errors import OrchestratorError
from sessions import services
from sessions.models import (
    AgentExecution,
    AgentMessage,
    AgentSession,
    AgentTask,
    EngineWorker,
    ExecutionStateHistory,
    ExecutionStep,
    Placement,
    PrunedSession,
    SessionCommand,
    SessionEvent,
    SlotRequest,
    SlotShare,
    TaskDependency,
)
from sessions.selectors import verify_session
from sessions.states import PEOPLES_COMMANDS, CommandKind
from workspaces.operators import REASON, operator

Action = Callable[[Any, HttpRequest, QuerySet[AgentSession]], None]
SHOWN_PROBLEMS = 5


def command_action(kind: CommandKind) -> Action:
    """The admin action that asks the runners of the selected sessions for one thing."""

    @admin.action(description=f"{kind.capitalize()} the selected sessions", permissions=["command"])
    def run(model_admin: Any, request: HttpRequest, sessions: QuerySet[AgentSession]) -> None:
        for session in sessions:
            model_admin.ask(request, session, kind)

    run.__name__ = f"{kind}_sessions"
    return run


@admin.action(description="Verify the history of the selected sessions")
def verify_history(model_admin: Any, request: HttpRequest, sessions: QuerySet[AgentSession]) -> None:
    """Says of each session whether its log is whole and its rows agree with it."""
    for session in sessions:
        try:
            found = verify_session(session.id)
        except OrchestratorError as error:
            model_admin.message_user(request, f"{session.title}: {error.message}", messages.ERROR)
            continue
        if found.is_whole:
            text = f"{session.title}: history verified, {found.events} events, last hash {found.last_hash}."
            model_admin.message_user(request, text, messages.SUCCESS)
        for problem in found.problems[:SHOWN_PROBLEMS]:
            text = f"{session.title}: at event {problem.seq}: {problem.message}"
            model_admin.message_user(request, text, messages.ERROR)


class ReadOnlyInline(TabularInline):  # type: ignore[misc]
    """Rows of a session, each with a link to its own page."""

    extra = 0
    can_delete = False
    show_change_link = True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class TaskInline(ReadOnlyInline):
    model = AgentTask
    fields = ["ordinal", "name", "task_type", "agent", "status", "started_at", "completed_at"]
    readonly_fields = fields
    ordering = ["ordinal"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("agent").defer("agent__state")  # type: ignore[no-any-return]


class CommandInline(ReadOnlyInline):
    model = SessionCommand
    fields = ["kind", "payload", "actor", "created_at", "applied_at", "outcome"]
    readonly_fields = fields
    show_change_link = False


@admin.register(AgentSession)
class AgentSessionAdmin(ReadOnlyAdmin):
    list_display = [
        "title",
        "status",
        "error_code",
        "execution_mode",
        "workspace",
        "project",
        "user",
        "priority",
        "created_at",
    ]
    list_filter = ["status", "error_code", "execution_mode", "workspace"]
    list_select_related = ["workspace", "project", "user"]
    search_fields = ["title", "task_description", "id"]
    date_hierarchy = "created_at"
    inlines = [TaskInline, CommandInline]
    actions = [verify_history, *(command_action(kind) for kind in PEOPLES_COMMANDS)]

    def has_command_permission(self, request: HttpRequest) -> bool:
        """Whoever may change sessions may ask for a change, although nothing is changed here by hand."""
        return request.user.has_perm("agent_sessions.change_agentsession")

    def ask(self, request: HttpRequest, session: AgentSession, kind: CommandKind) -> None:
        """Ask for one thing and say what came of it."""
        try:
            services.request_command(
                access=operator(request, session.workspace_id), session_id=session.id, kind=kind, reason=REASON
            )
        except OrchestratorError as error:
            self.message_user(request, f"{session.title}: {error.message}", messages.ERROR)
        else:
            self.message_user(request, f"{session.title}: asked to {kind}.", messages.SUCCESS)


@admin.register(AgentTask)
class AgentTaskAdmin(ReadOnlyAdmin):
    list_display = ["name", "session", "task_type", "agent", "status", "priority", "started_at", "completed_at"]
    list_filter = ["status", "task_type"]
    list_select_related = ["session", "agent"]
    search_fields = ["name", "description", "session__title", "id"]


@admin.register(TaskDependency)
class TaskDependencyAdmin(ReadOnlyAdmin):
    list_display = ["task", "depends_on"]
    list_select_related = ["task", "depends_on"]
    search_fields = ["task__name", "depends_on__name", "task__session__title"]


@admin.register(AgentExecution)
class AgentExecutionAdmin(ReadOnlyAdmin):
    list_display = ["task", "attempt", "agent", "state", "progress_percentage", "started_at", "completed_at"]
    list_filter = ["state", "error_code"]
    list_select_related = ["task", "agent"]
    search_fields = ["task__name", "agent__name", "error_message", "id"]


@admin.register(ExecutionStateHistory)
class ExecutionStateHistoryAdmin(ReadOnlyAdmin):
    list_display = ["timestamp", "execution", "previous_state", "new_state", "reason"]
    list_filter = ["new_state"]
    list_select_related = ["execution"]
    search_fields = ["reason", "execution__task__name"]
    date_hierarchy = "timestamp"


@admin.register(ExecutionStep)
class ExecutionStepAdmin(ReadOnlyAdmin):
    list_display = ["key", "kind", "task", "status", "created_at", "completed_at", "due_at"]
    list_filter = ["kind", "status"]
    list_select_related = ["task"]
    search_fields = ["key", "task__name", "task__session__title"]


@admin.register(AgentMessage)
class AgentMessageAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "session", "from_agent", "to_agent", "message_type", "topic", "delivery_status"]
    list_filter = ["message_type", "delivery_status"]
    list_select_related = ["session", "from_agent", "to_agent"]
    search_fields = ["topic", "from_agent__name", "to_agent__name", "session__title"]


@admin.register(SessionCommand)
class SessionCommandAdmin(ReadOnlyAdmin):
    list_display = ["id", "session", "kind", "actor", "created_at", "applied_at", "outcome"]
    list_filter = ["kind", ("applied_at", admin.EmptyFieldListFilter)]
    list_select_related = ["session"]
    search_fields = ["actor", "session__title"]


@admin.register(SessionEvent)
class SessionEventAdmin(ReadOnlyAdmin):
    list_display = ["session", "seq", "type", "created_at"]
    list_filter = ["type"]
    list_select_related = ["session"]
    search_fields = ["session__title", "session__id", "type"]
    show_full_result_count = False
    ordering = ["-id"]


@admin.register(EngineWorker)
class EngineWorkerAdmin(ReadOnlyAdmin):
    list_display = ["id", "host", "pid", "started_at", "expires_at"]
    search_fields = ["host"]


@admin.register(SlotShare)
class SlotShareAdmin(ReadOnlyAdmin):
    list_display = ["scope", "worker_id", "places"]
    search_fields = ["scope"]


@admin.register(SlotRequest)
class SlotRequestAdmin(ReadOnlyAdmin):
    list_display = ["scope", "task_id", "worker_id", "session_priority", "task_priority", "requested_at"]
    search_fields = ["scope"]


@admin.register(Placement)
class PlacementAdmin(ReadOnlyAdmin):
    list_display = ["execution", "queue", "run_id", "created_at"]
    list_filter = ["queue"]
    list_select_related = ["execution"]
    search_fields = ["queue", "execution__task__name", "run_id"]


@admin.register(PrunedSession)
class PrunedSessionAdmin(ReadOnlyAdmin):
    list_display = ["id", "workspace", "status", "completed_at", "last_seq", "export", "created_at", "finished_at"]
    list_filter = [("finished_at", admin.EmptyFieldListFilter), "workspace"]
    list_select_related = ["workspace"]
    search_fields = ["id", "last_hash", "export"]
    date_hierarchy = "created_at"
