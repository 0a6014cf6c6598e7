"""The first person who can log in."""

import secrets
from collections.abc import Callable

from django.contrib.auth.models import User
from django.db import transaction

NAME = "admin"
TAKEN = "ADMIN_PASSWORD was not used: there is an administrator already. To change a password: manage.py changepassword"


def ensure_administrator(*, password: str, say: Callable[[str], None]) -> User:
    """The first administrator; made with `password`, or with a random one that is said once, when there is none.

    The password is said before the user is committed: cut short at any instant, nobody is left with an account
    whose password was never shown.
    """
    existing = User.objects.filter(is_superuser=True, is_active=True).order_by("id").first()
    if existing is not None:
        if password and not existing.check_password(password):
            say(TAKEN)
        return existing
    with transaction.atomic():
        chosen = password or secrets.token_urlsafe(12)
        user = User.objects.create_superuser(NAME, password=chosen)
        say(f"Log in as {NAME}, password {chosen if not password else 'as given by ADMIN_PASSWORD'}")
    return user
