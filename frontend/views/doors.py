"""What all page views share: who may come in, and how an error is shown."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from core.errors import Forbidden, Gone, NotFound, OrchestratorError
from frontend.place import place_of

View = Callable[..., HttpResponse]


def page(view: View) -> View:
    """A view for people who are logged in and have a workspace; what is not theirs is a 404."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if place_of(request).project is None:
            return render(request, "frontend/no_workspace.html")
        try:
            return view(request, *args, **kwargs)
        except Gone as error:
            return render(request, "frontend/gone.html", {"left": error.details}, status=410)
        except NotFound as error:
            raise Http404(error.message) from error
        except Forbidden as error:
            raise PermissionDenied(error.message) from error

    return login_required(guarded)


def attempt(request: HttpRequest, action: Callable[[], Any], *, done: str = "") -> Any:
    """Do it; what goes wrong becomes a message on the next page (None), except what is not there for this user."""
    try:
        result = action()
    except (NotFound, Gone, Forbidden):
        raise
    except OrchestratorError as error:
        messages.error(request, error.message)
        return None
    if done:
        messages.success(request, done)
    return result


def paginate(request: HttpRequest, rows: QuerySet[Any], *, size: int = 25) -> Page[Any]:
    """The page asked for by `?page=`; the nearest one when there is no such page."""
    return Paginator(rows, size).get_page(request.GET.get("page"))


def back(request: HttpRequest, name: str, *args: Any) -> HttpResponse:
    return redirect(name, *args)


def first_sentence(details: Mapping[str, Any], fallback: str) -> str:
    """The first sentence of an error's details, which are more to the point than its headline."""
    for value in details.values():
        if isinstance(value, list) and value and isinstance(value[0], str):
            return value[0]
    return fallback
