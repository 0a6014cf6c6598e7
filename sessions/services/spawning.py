"""A session that an agent of another session asks for."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import IntegrityError

from sessions import limits
from sessions.errors import TooManySessions
from sessions.models import AgentSession
from sessions.request import SessionRequest
from sessions.request_json import read_session_request
from sessions.selectors.family import descendant_count, root_of
from sessions.services.creating import ParentGone, ParentStep, submit_session
from workspaces.access import Access
from workspaces.selectors import access_of_user
from workspaces.states import Role

CHILD_FIELDS = ("tasks", "agents", "execution_mode", "timeout")


def spawn_session(*, parent_id: UUID, step_id: UUID, request: Mapping[str, Any]) -> AgentSession | None:
    """The child session of the parent's step, made unless it is there; None when the step waits for it no more.

    It belongs to the parent's project and user, who must still be allowed to start sessions there. Raises:
    InvalidSession, TooManySessions, Forbidden, NotFound.
    """
    made = AgentSession.objects.filter(parent_step=step_id).first()
    if made is not None:
        return made
    parent = AgentSession.objects.select_related("project", "user").get(id=parent_id)
    _check_family(parent)
    try:
        submission = submit_session(
            access=_access_of(parent),
            project=parent.project,
            request=_request_of(parent, request),
            parent=ParentStep(parent, step_id),
        )
    except ParentGone:
        return None
    except IntegrityError:
        # A runner that has lost the parent meanwhile, and the one that has it now, both ask for the child.
        made = AgentSession.objects.filter(parent_step=step_id).first()
        if made is None:
            raise
        return made
    return submission.session


def _check_family(parent: AgentSession) -> None:
    """Several that are made at the same time can pass the limit by as many."""
    if parent.depth >= limits.MAX_DEPTH or descendant_count(root_of(parent)) >= limits.MAX_DESCENDANTS:
        raise TooManySessions(
            f"A session may have {limits.MAX_DESCENDANTS:,} sessions below it, in {limits.MAX_DEPTH} generations. "
            "Does an agent start a session like its own?"
        )


def _access_of(parent: AgentSession) -> Access:
    """What who started the parent may do now; for one started with a key, what starting it took."""
    if parent.user is None:
        return Access(f"session:{parent.id}", None, {parent.workspace_id: Role.MEMBER})
    return access_of_user(parent.user)


def _request_of(parent: AgentSession, asked: Mapping[str, Any]) -> SessionRequest:
    """Raises: InvalidSession."""
    context = dict(parent.context)
    body = {name: asked[name] for name in CHILD_FIELDS if asked.get(name) is not None}
    body["task_description"] = asked.get("goal")
    body["priority"] = asked.get("priority", parent.priority)
    body["max_concurrent_tasks"] = parent.max_concurrent_tasks
    if asked.get("context") is None:
        body["agent_configuration"] = context.pop("agent_configuration", None)
        body["context"] = context
    else:
        body["context"] = asked["context"]
    return read_session_request(body)
