"""Who is asking, and what they may do where. No Django: services and selectors take an `Access`, never a request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from core.errors import Forbidden, NotFound
from workspaces.states import Role


@dataclass(frozen=True, slots=True)
class Access:
    """One caller and their role in each of their workspaces, in the order they joined.

    `actor` is the user's name, or `key:<prefix>`; `user_id` is None for a key. `ip` is for the audit log only.
    """

    actor: str
    user_id: int | None
    roles: Mapping[UUID, Role] = field(default_factory=dict)
    ip: str | None = None

    @property
    def workspace_ids(self) -> list[UUID]:
        return list(self.roles)

    def role_in(self, workspace_id: UUID) -> Role | None:
        return self.roles.get(workspace_id)

    def may(self, workspace_id: UUID, role: Role) -> bool:
        """Whether the caller's role in the workspace covers `role`; False when they are no member of it."""
        own = self.roles.get(workspace_id)
        return own is not None and own.covers(role)

    def require(self, workspace_id: UUID, role: Role = Role.VIEWER) -> None:
        """Raises: NotFound when the caller is no member of the workspace, Forbidden when their role is too weak."""
        own = self.roles.get(workspace_id)
        if own is None:
            raise NotFound("There is no such workspace.")
        if not own.covers(role):
            raise Forbidden(
                f"This needs the role {role} in the workspace; yours is {own}. Ask an owner or admin of it.",
                details={"required_role": str(role), "role": str(own)},
            )


def access_of_operator(actor: str, user_id: int | None, workspace_id: UUID, *, ip: str | None = None) -> Access:
    """Who runs the installation acts as an owner of any one workspace. For the admin only."""
    return Access(actor=actor, user_id=user_id, roles={workspace_id: Role.OWNER}, ip=ip)


SYSTEM = "system"
"""The actor of what nobody asks for: what every project has, what ends by itself, what was interrupted."""

NOBODY = Access(actor="", user_id=None)
