"""A form that is sent twice as it is (a button pressed twice, a page reloaded) counts once."""

import hashlib
from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from workspaces.errors import RequestInProgress
from workspaces.services import Answer, claim_request, keep_answer, release_request

MADE = 302  # where something was made, the answer leads to it


def once(request: HttpRequest, make: Callable[[], HttpResponse]) -> HttpResponse:
    """What `make` answers. The same form again (its hidden field of `{% once %}` and all values the same) leads where
    the first one led; a form that made nothing may be sent again."""
    if not request.POST.get("once"):
        return make()
    said = sorted((name, value) for name, value in request.POST.items() if name != "csrfmiddlewaretoken")
    digest = hashlib.sha256(repr(said).encode()).hexdigest()
    operation = f"POST {request.path}"
    try:
        claim = claim_request(caller=f"page:{request.user.pk}", operation=operation, key=digest, request_hash=digest)
    except RequestInProgress:
        messages.warning(request, "This was sent already, and is still under way. Look again in a moment.")
        return redirect(request.get_full_path())
    if isinstance(claim, Answer):
        return redirect(claim.headers["Location"])
    try:
        answer = make()
    except BaseException:
        release_request(claim=claim)
        raise
    if answer.status_code == MADE:
        keep_answer(claim=claim, answer=Answer(MADE, {"Location": answer["Location"]}, ""))
    else:
        release_request(claim=claim)
    return answer
