"""What requests about sessions may hold, for the API's schema. Reading is done by `request_json` and `repeating`;
tests hold the field names here to those there."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from sessions.limits import (
    MAX_ATTEMPTS,
    MAX_CONCURRENT_TASKS,
    MAX_GOAL_CHARACTERS,
    MAX_NAME_CHARACTERS,
    MAX_PRIORITY,
    MAX_REASON_CHARACTERS,
    MAX_TIMEOUT_SECONDS,
    MAX_TITLE_CHARACTERS,
)
from sessions.request import DEFAULT_MAX_ATTEMPTS, DEFAULT_MAX_CONCURRENT_TASKS
from sessions.states import ExecutionMode


class Seconds(serializers.FloatField):
    """A time limit."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=0, max_value=MAX_TIMEOUT_SECONDS, help_text="seconds, more than 0", **kwargs)


class Priority(serializers.IntegerField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=-MAX_PRIORITY, max_value=MAX_PRIORITY, help_text="higher runs first", **kwargs)


class TaskSpec(serializers.Serializer[Any]):
    """One task of a `dag` session: for `agent` (id, name or definition), or whoever has `required_capabilities`."""

    name = serializers.CharField(max_length=MAX_NAME_CHARACTERS)
    agent = serializers.CharField(max_length=MAX_NAME_CHARACTERS, required=False)
    required_capabilities = serializers.ListField(child=serializers.CharField(), required=False)
    task_type = serializers.CharField(max_length=MAX_NAME_CHARACTERS, required=False)
    description = serializers.CharField(required=False)
    input_data = serializers.DictField(required=False)
    depends_on = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="names of tasks of this request"
    )
    priority = Priority(default=0)
    timeout = Seconds(required=False)
    max_attempts = serializers.IntegerField(min_value=1, max_value=MAX_ATTEMPTS, default=DEFAULT_MAX_ATTEMPTS)


class SessionSpec(serializers.Serializer[Any]):
    """A goal, who works at it, and how. Without tasks and agents the planning agent makes the tasks."""

    task_description = serializers.CharField(max_length=MAX_GOAL_CHARACTERS)
    context = serializers.DictField(  # type: ignore[assignment]
        required=False, help_text="document_ids and collection_id limit the documents; the rest is handed to the agents"
    )
    agents = serializers.ListField(
        child=serializers.CharField(), required=False, help_text="ids, names in the project, or definitions"
    )
    execution_mode = serializers.ChoiceField(
        choices=list(ExecutionMode),
        required=False,
        help_text="default: dag when tasks are given, parallel when agents are, else planned",
    )
    tasks = TaskSpec(many=True, required=False)
    timeout = Seconds(required=False)
    priority = Priority(default=0)
    title = serializers.CharField(max_length=MAX_TITLE_CHARACTERS, required=False)
    agent_configuration = serializers.DictField(
        child=serializers.DictField(), required=False, help_text="settings by agent, over the agent's own"
    )
    max_concurrent_tasks = serializers.IntegerField(
        min_value=1, max_value=MAX_CONCURRENT_TASKS, default=DEFAULT_MAX_CONCURRENT_TASKS
    )
    project_id = serializers.UUIDField(required=False, help_text="default: the default project")


class AgentTaskSpec(serializers.Serializer[Any]):
    """One task for one agent."""

    task_description = serializers.CharField(max_length=MAX_GOAL_CHARACTERS)
    input_data = serializers.DictField(required=False)
    context = serializers.DictField(required=False)  # type: ignore[assignment]
    task_type = serializers.CharField(max_length=MAX_NAME_CHARACTERS, required=False)
    timeout = Seconds(required=False)
    priority = Priority(default=0)
    max_attempts = serializers.IntegerField(min_value=1, max_value=MAX_ATTEMPTS, default=DEFAULT_MAX_ATTEMPTS)
    title = serializers.CharField(max_length=MAX_TITLE_CHARACTERS, required=False)
    configuration = serializers.DictField(required=False, help_text="settings over the agent's own")


class SingleTaskSpec(serializers.Serializer[Any]):
    """A task made alone: a session of one task. It starts when it is executed, or at once with `auto_execute`."""

    description = serializers.CharField(max_length=MAX_GOAL_CHARACTERS)
    type = serializers.CharField(max_length=MAX_NAME_CHARACTERS, required=False)
    task_type = serializers.CharField(max_length=MAX_NAME_CHARACTERS, required=False, help_text="the same as type")
    name = serializers.CharField(max_length=MAX_NAME_CHARACTERS, required=False)
    agent = serializers.CharField(max_length=MAX_NAME_CHARACTERS, required=False)
    required_capabilities = serializers.ListField(child=serializers.CharField(), required=False)
    input_data = serializers.DictField(required=False)
    context = serializers.DictField(required=False)  # type: ignore[assignment]
    timeout = Seconds(required=False)
    priority = Priority(default=0)
    max_attempts = serializers.IntegerField(min_value=1, max_value=MAX_ATTEMPTS, default=DEFAULT_MAX_ATTEMPTS)
    auto_execute = serializers.BooleanField(default=False)
    project_id = serializers.UUIDField(required=False)


class RerunSpec(serializers.Serializer[Any]):
    """From which task to run again, and with what; what is left out stays as it was."""

    task = serializers.CharField(max_length=MAX_NAME_CHARACTERS, help_text="id or name")
    input_data = serializers.DictField(required=False)
    description = serializers.CharField(required=False)
    agent = serializers.CharField(max_length=MAX_NAME_CHARACTERS, required=False, help_text="id, name or definition")
    configuration = serializers.DictField(required=False, help_text="settings over the agent's own; needs agent")
    reuse_steps = serializers.BooleanField(
        default=False, help_text="whether calls the task itself has paid for count again; those of later tasks do"
    )


@extend_schema_field({"oneOf": [{"type": "string"}, {"type": "integer"}]})
class ForkPoint(serializers.Field[Any, Any, Any, Any]):
    """The id or name of a finished task, or the seq of an event."""


class ForkSpec(serializers.Serializer[Any]):
    """Where to leave the earlier session; another goal or context is for the tasks that run again."""

    at = ForkPoint(required=False, help_text="a finished task (id or name) or the seq of an event; default: now")
    task_description = serializers.CharField(max_length=MAX_GOAL_CHARACTERS, required=False)
    context = serializers.DictField(required=False)  # type: ignore[assignment]


class CommandSpec(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=MAX_REASON_CHARACTERS, required=False)
