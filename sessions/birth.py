"""Child sessions for the engine's host, which knows no services: made in one of its threads, refused in its words."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection

from core.errors import Invalid, LimitExceeded, OrchestratorError, Unavailable
from sessions.engine.host import Refusal
from sessions.engine.store.base import StoreUnavailable
from sessions.services.spawning import spawn_session

LONGEST_REFUSAL = 2000


def make_child(parent_id: str, step_id: str, request: Mapping[str, Any]) -> Refusal | None:
    """None when the child is there, or wanted no more. Raises: StoreUnavailable."""
    try:
        spawn_session(parent_id=UUID(parent_id), step_id=UUID(step_id), request=request)
    except (OperationalError, InterfaceError) as error:
        if not connection.in_atomic_block:
            connection.close()
        raise StoreUnavailable(str(error)) from error
    except LimitExceeded as error:
        raise StoreUnavailable(str(error)) from error
    except OrchestratorError as error:
        if isinstance(error, Unavailable) and error.retryable:
            raise StoreUnavailable(str(error)) from error
        return Refusal(error.code, _sentences(error))
    return None


def _sentences(error: OrchestratorError) -> str:
    """The message, and what is wrong with which field."""
    if not isinstance(error, Invalid):
        return str(error)
    wrong = (f"{_named(path)}: {' '.join(found)}" for path, found in error.details.items())
    return " ".join(wrong)[:LONGEST_REFUSAL]


def _named(path: str) -> str:
    """A field as the agent has given it."""
    return "goal" if path == "task_description" else path
