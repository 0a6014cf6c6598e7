"""The history of a session: whether it is whole, and what is left of one that was pruned."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from frontend.place import access_of
from frontend.views.doors import page
from sessions.selectors import session_for, verify_session


@require_safe
@page
def session_history(request: HttpRequest, session_id: UUID) -> HttpResponse:
    """The verdict on the session's log and rows; the session page asks the API for the same."""
    session = session_for(access_of(request), session_id)
    context = {"session": session, "found": verify_session(session.id)}
    return render(request, "frontend/history.html", context)
