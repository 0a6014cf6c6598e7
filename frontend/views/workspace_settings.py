"""What the settings pages of a workspace share: a form that changes it, and numbers typed into it."""

from collections.abc import Callable, Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest

from core.errors import Forbidden, Invalid, OrchestratorError
from frontend.place import Place
from frontend.views.doors import first_sentence
from workspaces.services import update_workspace

LONGEST_NUMBER = 8  # digits: what is longer is no limit anybody means


def change_workspace(
    request: HttpRequest, place: Place, read: Callable[[HttpRequest], Mapping[str, Any]], said: str
) -> str:
    """Change what `read` finds in the form and say so; the sentence to show when it was refused, else empty."""
    try:
        update_workspace(access=place.access, workspace_id=place.here.workspace.id, **read(request))
    except OrchestratorError as error:
        return error.message if isinstance(error, Forbidden) else first_sentence(error.details, error.message)
    messages.success(request, said)
    return ""


def whole_number(name: str, text: str, sentence: str) -> int | None:
    """The number, None for an empty field. Raises: Invalid with the sentence for anything else."""
    text = text.strip()
    if text and not (text.isascii() and text.isdecimal() and len(text) <= LONGEST_NUMBER):
        raise refused(name, sentence)
    return int(text) if text else None


def refused(name: str, sentence: str) -> Invalid:
    return Invalid(sentence, details={name: [sentence]})
