"""As whom the staff act."""

from django.http import HttpRequest

from agents.models import Agent
from workspaces.access import Access
from workspaces.states import Role


def staff_access(request: HttpRequest, agent: Agent) -> Access:
    """A member of staff whom Django's permissions let change agents acts as an administrator of the workspace."""
    return Access(
        actor=request.user.get_username(),
        user_id=request.user.pk,
        roles={agent.workspace_id: Role.ADMIN},
        ip=request.META.get("REMOTE_ADDR") or None,
    )
