"""Passwords: checked, and guessed only slowly. Failures are counted in the process's cache, by name and by address."""

import hashlib

import structlog
from django.contrib.auth import authenticate
from django.contrib.auth.models import User
from django.core.cache import cache
from django.http import HttpRequest

from core.errors import LimitExceeded, Unauthenticated
from workspaces import conf

log = structlog.get_logger(__name__)


def log_in(*, username: str, password: str, ip: str | None = None, request: HttpRequest | None = None) -> User:
    """The user with this name and password. Raises: LimitExceeded after too many failures, Unauthenticated."""
    check_login_allowed(username=username, ip=ip)
    known = "\x00" not in username  # which PostgreSQL would refuse to look for
    user = authenticate(request, username=username, password=password) if known else None
    if not isinstance(user, User):
        note_failed_login(username=username, ip=ip)
        raise Unauthenticated("User name or password is wrong.", code="authentication_failed")
    clear_failed_logins(username=username, ip=ip)
    return user


def check_login_allowed(*, username: str, ip: str | None) -> None:
    """Raises: LimitExceeded when this name from this address, or the address, failed too often just now.

    A name is never locked for other addresses: that would let anybody lock anybody out.
    """
    failures = cache.get_many([_name_key(username, ip), _address_key(ip)])
    too_many = (
        failures.get(_name_key(username, ip), 0) >= conf.LOGIN_FAILURES_OF_NAME
        or failures.get(_address_key(ip), 0) >= conf.LOGIN_FAILURES_OF_ADDRESS
    )
    if too_many:
        raise LimitExceeded(
            f"Too many failed logins. Wait {conf.LOGIN_WINDOW_SECONDS // 60} minutes, then try again.",
            retry_after_seconds=conf.LOGIN_WINDOW_SECONDS,
        )


def note_failed_login(*, username: str, ip: str | None) -> None:
    for key in (_name_key(username, ip), _address_key(ip)):
        cache.add(key, 0, timeout=conf.LOGIN_WINDOW_SECONDS)
        _increase(key)
    log.warning("login_failed", ip=ip)


def clear_failed_logins(*, username: str, ip: str | None) -> None:
    """Forgets the failures of the name; those of the address stay, or one known password would unlock guessing."""
    cache.delete(_name_key(username, ip))


def _increase(key: str) -> None:
    try:
        cache.incr(key)
    except ValueError:  # it expired between the two calls
        cache.set(key, 1, timeout=conf.LOGIN_WINDOW_SECONDS)


def _name_key(username: str, ip: str | None) -> str:
    digest = hashlib.sha256(username.lower().encode()).hexdigest()[:32]
    return f"login-failures:{ip or '-'}:{digest}"


def _address_key(ip: str | None) -> str:
    return f"login-failures:{ip or '-'}"
