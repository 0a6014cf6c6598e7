"""Single tasks: a task made alone is a session of one task."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from uuid import UUID

from agents.selectors import agent_for
from sessions.errors import CommandRefused, InvalidSession, SessionFinished
from sessions.models import AgentTask
from sessions.problems import Problems
from sessions.request import SessionRequest
from sessions.request_json import ONLY_TASK
from sessions.selectors.reading import task_for
from sessions.services.commanding import request_command
from sessions.services.creating import Submission, check_enabled, submit_session
from sessions.states import LIVE_TASK, CommandKind
from workspaces.access import Access
from workspaces.models import Project
from workspaces.states import Role


def submit_for_agent(*, access: Access, agent_id: UUID, request: SessionRequest) -> Submission:
    """A session of one task for one agent, in the agent's project.

    Raises: NotFound for an agent the caller may not see, and as `submit_session`.
    """
    check_enabled()
    agent = agent_for(access, agent_id)
    with _told_as({"description": "task_description", f"agent_configuration.{agent_id}": "configuration"}):
        return submit_session(access=access, project=agent.project, request=request)


def submit_task(*, access: Access, project: Project, request: SessionRequest, starts: bool) -> Submission:
    """A session of one task; unless `starts` it is held, PAUSED, until `execute_task`. Raises: as `submit_session`."""
    with _told_as({"task_description": "description"}):
        return submit_session(access=access, project=project, request=request, held=not starts)


def execute_task(*, access: Access, task_id: UUID) -> AgentTask:
    """Start a task that was made alone; one that is under way already just goes on.

    Raises: TaskNotFound, Forbidden below MEMBER, SessionFinished, CommandRefused for a task among others.
    """
    check_enabled()
    task = task_for(access, task_id)
    access.require(task.session.workspace_id, Role.MEMBER)
    if task.status not in LIVE_TASK:
        raise SessionFinished(f"The task is {task.status} and runs once; make a new one.")
    if task.session.is_held:
        request_command(
            access=access, session_id=task.session_id, kind=CommandKind.RESUME, dedupe_key=f"execute:{task.id}"
        )
    elif not _is_alone(task):
        raise CommandRefused("The task runs with the others of its session, when its inputs are there.")
    return task


def cancel_task(*, access: Access, task_id: UUID) -> AgentTask:
    """Cancel a task that was made alone. Raises: as `execute_task`."""
    task = task_for(access, task_id)
    access.require(task.session.workspace_id, Role.MEMBER)
    if not _is_alone(task):
        raise CommandRefused("The task is one of several of its session; cancel the session.")
    request_command(access=access, session_id=task.session_id, kind=CommandKind.CANCEL)
    return task


def _is_alone(task: AgentTask) -> bool:
    return not task.session.tasks.exclude(id=task.id).exists()


@contextmanager
def _told_as(names: Mapping[str, str]) -> Iterator[None]:
    """Problems of the only task are told under the names the caller used for them."""
    try:
        yield
    except InvalidSession as error:
        told = Problems()
        for path, sentences in error.details.items():
            name = path.removeprefix(ONLY_TASK)
            for sentence in sentences:
                told.add(names.get(name, name), sentence)
        told.raise_if_any()
