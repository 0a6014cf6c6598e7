"""Which session a caller may follow, and from where."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from core.clock import SYSTEM_CLOCK
from core.errors import Invalid, NotFound
from sessions.pruned import raise_if_pruned
from sessions.streaming import log
from workspaces.access import Access
from workspaces.models import ApiKey, Membership


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stream begins: behind `after`, in a log that stands at `last_seq`."""

    session_id: str
    access: Access
    after: int
    last_seq: int
    is_finished: bool


def place_in(*, access: Access, session_id: str, after: str) -> Place:
    """`after` is the cursor as the client wrote it; empty means from the beginning.

    Raises: NotFound for a session of another workspace, SessionGone for one that was pruned, Invalid for a cursor that
    is none or lies beyond the log.
    """
    try:
        head = log.head(str(UUID(session_id)))
    except ValueError:
        head = None
    if head is None or access.role_in(head.workspace_id) is None:
        raise_if_pruned(access, session_id)
        raise NotFound("There is no such session.")
    cursor = whole_number("after", after or "0", largest=2**63 - 1)
    if cursor > head.last_seq:
        sentence = f"The log stands at {head.last_seq}: resume from there, or from 0 for all of it."
        raise Invalid(sentence, details={"after": [sentence]})
    return Place(str(UUID(session_id)), access, cursor, head.last_seq, head.is_finished)


def may_still_follow(access: Access, session_id: str) -> bool:
    """Whether the caller is still there and still in the session's workspace; asked while a stream is open."""
    if access.user_id is not None:
        holders = Membership.objects.filter(user_id=access.user_id, user__is_active=True)
        return holders.filter(workspace__sessions=UUID(session_id)).exists()
    unexpired = Q(expires_at__isnull=True) | Q(expires_at__gt=SYSTEM_CLOCK.now())
    keys = ApiKey.objects.filter(unexpired, prefix=access.actor.removeprefix("key:"), revoked_at__isnull=True)
    return keys.filter(workspace__sessions=UUID(session_id)).exists()


def whole_number(name: str, text: str, *, smallest: int = 0, largest: int) -> int:
    """Raises: Invalid, naming the parameter, when the text is no whole number in the range."""
    if not text.isdecimal() or not text.isascii() or not smallest <= int(text) <= largest:
        sentence = f"Give a whole number from {smallest} to {largest}."
        raise Invalid(f"{name}: {sentence}", details={name: [sentence]})
    return int(text)
