"""One-time tickets for WebSockets. In the database, so that any process can redeem what another issued."""

import secrets

from django.contrib.auth.models import User

from core.clock import SYSTEM_CLOCK
from core.errors import Unauthenticated
from workspaces import conf
from workspaces.access import Access
from workspaces.keys import hash_secret
from workspaces.models import ApiKey, Ticket
from workspaces.selectors import access_of_key, access_of_user


def issue_ticket(*, holder: User | ApiKey) -> str:
    """A ticket that is good once, within TICKET_LIFETIME. Also sweeps out those nobody came to redeem."""
    now = SYSTEM_CLOCK.now()
    Ticket.objects.filter(expires_at__lt=now).delete()
    secret = secrets.token_urlsafe(32)
    Ticket.objects.create(
        hashed_secret=hash_secret(secret),
        user=holder if isinstance(holder, User) else None,
        api_key=holder if isinstance(holder, ApiKey) else None,
        expires_at=now + conf.TICKET_LIFETIME,
    )
    return secret


def redeem_ticket(*, ticket: str, ip: str | None = None) -> Access:
    """What the ticket's holder may do now. Raises: Unauthenticated when it is unknown, used or expired."""
    row = Ticket.objects.filter(hashed_secret=hash_secret(ticket)).select_related("user", "api_key").first()
    if row is None or not Ticket.objects.filter(pk=row.pk).delete()[0] or row.expires_at <= SYSTEM_CLOCK.now():
        raise Unauthenticated("This ticket is unknown, used or expired. Get a new one from POST /api/v1/auth/ticket.")
    return _access_of_holder(row, ip)


def _access_of_holder(row: Ticket, ip: str | None) -> Access:
    key = row.api_key
    if key is None:
        assert row.user is not None
        access = access_of_user(row.user, ip=ip)
    elif key.revoked_at is None and (key.expires_at is None or key.expires_at > SYSTEM_CLOCK.now()):
        access = access_of_key(key, ip=ip)
    else:
        raise Unauthenticated("The API key of this ticket is revoked or expired.")
    if not access.actor:
        raise Unauthenticated("The user of this ticket is no longer active.")
    return access
