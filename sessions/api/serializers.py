"""The shapes of sessions in the API's schema. Reading and writing is done by `request_json` and `selectors.shapes`;
tests hold the field names here to those there."""

from collections.abc import Callable
from typing import Any

from rest_framework import serializers

from sessions.selectors import shapes
from sessions.states import (
    CommandKind,
    ExecutionMode,
    ExecutionState,
    MessageType,
    SessionOrigin,
    SessionStatus,
    TaskStatus,
)
from sessions.why import SESSION_CODES, TASK_CODES

ShapeOf = Callable[[Any], dict[str, Any]]


class Shape(serializers.Serializer[Any]):
    """Shows a row by its function in `selectors.shapes`; the fields describe what that answers."""

    shape: ShapeOf | None = None

    def to_representation(self, instance: Any) -> dict[str, Any]:
        show = type(self).shape
        return super().to_representation(instance) if show is None else show(instance)


class AgentRef(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    definition = serializers.CharField()


class ErrorRef(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()


class Links(serializers.Serializer[Any]):
    self = serializers.URLField()
    events = serializers.URLField()
    stream = serializers.URLField()
    websocket = serializers.CharField()
    page = serializers.URLField()


class Accepted(serializers.Serializer[Any]):
    """The session was accepted and runs; follow it at `links`."""

    id = serializers.UUIDField()
    session_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=list(SessionStatus))
    links = Links()


class TaskShape(Shape):
    """A task; `result` is what its agent answered, `assignment` why it was this agent."""

    shape: ShapeOf | None = staticmethod(shapes.task_shape)

    id = serializers.UUIDField()
    task_id = serializers.UUIDField()
    session_id = serializers.UUIDField()
    name = serializers.CharField()
    task_type = serializers.CharField()
    description = serializers.CharField()
    status = serializers.ChoiceField(choices=list(TaskStatus))
    agent = AgentRef(allow_null=True)
    required_capabilities = serializers.ListField(child=serializers.CharField())
    depends_on = serializers.ListField(child=serializers.CharField(), help_text="names")
    depends_on_ids = serializers.ListField(child=serializers.UUIDField())
    parent_task = serializers.UUIDField(allow_null=True, help_text="the task whose agent spawned it")
    attempt = serializers.IntegerField(help_text="of the latest execution; 0 before the first")
    max_attempts = serializers.IntegerField()
    progress_percentage = serializers.FloatField()
    status_message = serializers.CharField()
    priority = serializers.IntegerField()
    timeout = serializers.FloatField(allow_null=True)
    input_data = serializers.DictField()
    result = serializers.JSONField(allow_null=True)
    error = ErrorRef(allow_null=True)
    assignment = serializers.DictField()
    copied_from = serializers.UUIDField(
        allow_null=True, help_text="the task of an earlier session whose output was taken over"
    )
    not_before = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)
    duration_seconds = serializers.FloatField(allow_null=True)


class SessionSummary(Shape):
    """One line of the list of sessions."""

    shape: ShapeOf | None = staticmethod(shapes.session_summary)

    id = serializers.UUIDField()
    session_id = serializers.UUIDField()
    workspace_id = serializers.UUIDField()
    project_id = serializers.UUIDField()
    user = serializers.CharField(allow_null=True)
    title = serializers.CharField()
    task_description = serializers.CharField()
    execution_mode = serializers.ChoiceField(choices=list(ExecutionMode))
    status = serializers.ChoiceField(choices=list(SessionStatus))
    pause_reason = serializers.CharField()
    priority = serializers.IntegerField()
    timeout = serializers.FloatField(allow_null=True)
    max_concurrent_tasks = serializers.IntegerField()
    error = ErrorRef(allow_null=True)
    usage = serializers.DictField()
    saved_usage = serializers.DictField(help_text="what the reused outputs and steps had cost")
    origin = serializers.ChoiceField(choices=list(SessionOrigin))
    forked_from = serializers.UUIDField(allow_null=True, help_text="the session it repeats")
    fork_seq = serializers.IntegerField(allow_null=True, help_text="the event of that session it leaves after")
    parent_session = serializers.UUIDField(allow_null=True, help_text="the session whose agent started this one")
    depth = serializers.IntegerField(help_text="0; 1 for a child session, 2 for a child of a child, …")
    last_seq = serializers.IntegerField(help_text="the cursor of its newest event")
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)
    duration_seconds = serializers.FloatField(allow_null=True)
    task_count = serializers.IntegerField()
    finished_task_count = serializers.IntegerField()
    child_count = serializers.IntegerField(help_text="sessions its agents have started: GET …/children")


class SessionShape(SessionSummary):
    """A session with its tasks."""

    context = serializers.DictField()  # type: ignore[assignment]
    result = serializers.JSONField(allow_null=True, help_text="{answer, sentences, claims}")
    progress_percentage = serializers.FloatField()
    tasks = TaskShape(many=True)

    def to_representation(self, instance: Any) -> dict[str, Any]:
        """`instance` is a `SessionDetail`."""
        shown: dict[str, Any] = instance.json
        return shown


class ExecutionShape(Shape):
    """One attempt at a task."""

    shape: ShapeOf | None = staticmethod(shapes.execution_shape)

    id = serializers.UUIDField()
    execution_id = serializers.UUIDField()
    task_id = serializers.UUIDField()
    task = serializers.CharField()
    agent = AgentRef()
    attempt = serializers.IntegerField()
    retry_count = serializers.IntegerField()
    state = serializers.ChoiceField(choices=list(ExecutionState))
    progress_percentage = serializers.FloatField()
    status_message = serializers.CharField()
    result = serializers.JSONField(allow_null=True)
    error = ErrorRef(allow_null=True)
    usage = serializers.DictField()
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)
    duration_seconds = serializers.FloatField(allow_null=True)


class MessageShape(Shape):
    """What one agent said to another; without `to_agent` to all of the session."""

    shape: ShapeOf | None = staticmethod(shapes.message_shape)

    id = serializers.UUIDField()
    message_id = serializers.UUIDField()
    session_id = serializers.UUIDField(allow_null=True)
    from_agent = AgentRef()
    to_agent = AgentRef(allow_null=True)
    message_type = serializers.ChoiceField(choices=list(MessageType))
    topic = serializers.CharField()
    content = serializers.JSONField()
    metadata = serializers.DictField()
    in_reply_to = serializers.UUIDField(allow_null=True)
    delivery_status = serializers.CharField()
    created_at = serializers.DateTimeField()
    delivered_at = serializers.DateTimeField(allow_null=True)


class CommandShape(Shape):
    """Something asked of a session; `applied_at` and `outcome` are empty until its runner has seen it."""

    shape: ShapeOf | None = staticmethod(shapes.command_shape)

    id = serializers.IntegerField()
    command_id = serializers.IntegerField()
    session_id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=list(CommandKind))
    reason = serializers.CharField()
    actor = serializers.CharField()
    created_at = serializers.DateTimeField()
    applied_at = serializers.DateTimeField(allow_null=True)
    outcome = serializers.CharField()


class CommandAccepted(CommandShape):
    """The command with the session's status at this moment."""

    status = serializers.ChoiceField(choices=list(SessionStatus))


class GraphNode(TaskShape):
    level = serializers.IntegerField(help_text="0 for tasks that wait for nothing")


class GraphEdge(serializers.Serializer[Any]):
    """`to` waits for `from`; both are task ids."""

    to = serializers.UUIDField()

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        return {"from": serializers.UUIDField(), **super().get_fields()}


class GraphMessages(serializers.Serializer[Any]):
    from_agent = serializers.UUIDField()
    to_agent = serializers.UUIDField(allow_null=True)
    count = serializers.IntegerField()


class GraphShape(serializers.Serializer[Any]):
    """The session as a graph: tasks, what waits for what, and who wrote to whom how often."""

    session_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=list(SessionStatus))
    last_seq = serializers.IntegerField()
    nodes = GraphNode(many=True)
    edges = GraphEdge(many=True)
    messages = GraphMessages(many=True)


class LineageNode(serializers.Serializer[Any]):
    """A session of a lineage. `reused_task_count` of its tasks were not done again.

    `descendant_count` counts all made directly from it; where `descendants` holds fewer, ask for its own lineage.
    """

    id = serializers.UUIDField()
    session_id = serializers.UUIDField()
    title = serializers.CharField()
    status = serializers.ChoiceField(choices=list(SessionStatus))
    origin = serializers.ChoiceField(choices=list(SessionOrigin))
    forked_from = serializers.UUIDField(allow_null=True)
    fork_seq = serializers.IntegerField(allow_null=True)
    parent_session = serializers.UUIDField(allow_null=True)
    saved_usage = serializers.DictField()
    task_count = serializers.IntegerField()
    reused_task_count = serializers.IntegerField()
    descendant_count = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    completed_at = serializers.DateTimeField(allow_null=True)


class LineageTree(LineageNode):
    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        children = serializers.ListField(child=serializers.DictField(), help_text="nodes like this one")
        return {**super().get_fields(), "descendants": children}


class LineageShape(serializers.Serializer[Any]):
    """Where a session comes from (oldest first) and what was made from it (a page of those made directly)."""

    session_id = serializers.UUIDField()
    ancestors = LineageNode(many=True)
    tree = LineageTree()
    limit = serializers.IntegerField()
    offset = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)


class ReasonShape(serializers.Serializer[Any]):
    """Why something waits: a code for programs, a sentence for people."""

    code = serializers.ChoiceField(choices=list(dict.fromkeys((*SESSION_CODES, *TASK_CODES))))
    message = serializers.CharField()
    details = serializers.DictField(
        help_text="By code: the unfinished inputs; the scope with its limit, what is held and the position in line; "
        "until when; who paused; the child session; how many come before."
    )


class WaitingTaskShape(serializers.Serializer[Any]):
    """A task that neither runs nor has ended."""

    task_id = serializers.UUIDField()
    name = serializers.CharField()
    status = serializers.ChoiceField(choices=list(TaskStatus))
    reason = ReasonShape()


class WhyShape(serializers.Serializer[Any]):
    """Why a session does not go on. `session`: null when it is at work or has ended; `results`: its waiting tasks."""

    session_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=list(SessionStatus))
    session = ReasonShape(allow_null=True)
    count = serializers.IntegerField()
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    results = WaitingTaskShape(many=True)
