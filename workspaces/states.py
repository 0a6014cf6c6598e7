"""Words of tenancy."""

from enum import StrEnum


class Role(StrEnum):
    """What a member or key may do in a workspace, strongest first."""

    OWNER = "OWNER"
    ADMIN = "ADMIN"
    OPERATOR = "OPERATOR"
    MEMBER = "MEMBER"
    VIEWER = "VIEWER"

    @property
    def rank(self) -> int:
        """0 for the weakest."""
        return len(Role) - 1 - list(Role).index(self)

    def covers(self, other: "Role") -> bool:
        """Whether this role may do all that `other` may."""
        return self.rank >= other.rank
