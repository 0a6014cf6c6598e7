"""The log over HTTP: server-sent events, and pages that can wait. Async views; no thread waits with them."""

import time
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import wraps
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.urls import path

from core.api.exceptions import DATABASE_AWAY, database_away, error_body, headers_of, status_of
from core.canonical import canonical_json
from core.errors import Invalid, NotFound, OrchestratorError
from sessions.api.stream_docs import describe_streams
from sessions.streaming import backlog, conf
from sessions.streaming.access import Place, place_in, whole_number
from sessions.streaming.callers import access_of_http
from sessions.streaming.frames import TOKENS, CloseCode, closing
from sessions.streaming.hub import Hub, running_hub
from sessions.streaming.watch import Watch

View = Callable[..., Coroutine[Any, Any, HttpResponseBase]]
LONGEST_WAIT_SECONDS = 60
LARGEST_PAGE = 1000


def api_view(view: View) -> View:
    """GET only; errors in the one error shape."""

    @wraps(view)
    async def guarded(request: HttpRequest, session_id: UUID) -> HttpResponseBase:
        if request.method not in ("GET", "HEAD"):
            body = error_body("method_not_allowed", f"{request.method} is not possible here; use GET.")
            return JsonResponse(body, status=405, headers={"Allow": "GET"})
        try:
            return await view(request, str(session_id))
        except OrchestratorError as error:
            return _refusal(error)
        except DATABASE_AWAY:
            return _refusal(database_away())

    return guarded


def _refusal(error: OrchestratorError) -> JsonResponse:
    body = error_body(error.code, error.message, error.details)
    return JsonResponse(body, status=status_of(error), headers=headers_of(error))


@api_view
async def session_stream(request: HttpRequest, session_id: str) -> HttpResponseBase:
    """Server-sent events: the frames behind `Last-Event-ID` (or `?after=`), then live; ends after the last event.

    A finished session with nothing left to send answers 204, which tells an EventSource not to come back.
    """
    hub = running_hub()
    after = request.headers.get("Last-Event-ID") or request.GET.get("after", "")
    place = await hub.read(_place, request, session_id, after)
    if place.is_finished and place.after == place.last_seq:
        return HttpResponse(status=204)
    headers = {"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"}
    content = _server_sent_events(hub, place, getattr(request, "scope", {}))
    return StreamingHttpResponse(content, content_type="text/event-stream", headers=headers)


async def _server_sent_events(hub: Hub, place: Place, scope: Any) -> AsyncIterator[bytes]:
    yield b": the log of a session; retry with Last-Event-ID\nretry: 1000\n\n"
    watch = Watch(hub, place)
    async with hub.subscribe(place.session_id, place.after, place.last_seq) as subscription:
        while not subscription.cursor.has_ended:
            rows = await subscription.next(conf.HEARTBEAT_SECONDS)
            yield "".join(_event(seq, text) for seq, text in rows).encode() or b": heartbeat\n\n"
            try:
                await watch.check()
                await backlog.wait_for_client(scope)
            except NotFound as error:
                yield f"data: {closing(CloseCode.NOT_FOUND, error.message)}\n\n".encode()
                return
            except backlog.SlowClient:
                cursor = subscription.cursor.seq
                yield f"data: {closing(CloseCode.SLOW, f'too slow: resume from {cursor}', cursor)}\n\n".encode()
                return


def _event(seq: int, text: str) -> str:
    return f"data: {text}\n\n" if seq == TOKENS else f"id: {seq}\ndata: {text}\n\n"


@api_view
async def session_events(request: HttpRequest, session_id: str) -> HttpResponseBase:
    """A page of the log behind `after`; with `wait`, an empty page is held back until there is an event."""
    hub = running_hub()
    limit = whole_number("limit", request.GET.get("limit", "200"), smallest=1, largest=LARGEST_PAGE)
    wait = _seconds(request.GET.get("wait", "0"))
    place = await hub.read(_place, request, session_id, request.GET.get("after", ""))
    content = _page(hub, place, limit, wait, request)
    return StreamingHttpResponse(content, content_type="application/json", headers={"Cache-Control": "no-store"})


async def _page(hub: Hub, place: Place, limit: int, wait: float, request: HttpRequest) -> AsyncIterator[bytes]:
    """The body is made after the wait: until then only this generator waits, on the loop."""
    last_seq = place.last_seq
    if wait and place.after == last_seq and not place.is_finished:
        async with hub.subscribe(place.session_id, place.after, last_seq) as subscription:
            ends_at = time.monotonic() + wait
            while subscription.cursor.seq == place.after and (left := ends_at - time.monotonic()) > 0:
                await subscription.next(left)
            last_seq = max(last_seq, subscription.tail.head)
    rows = await hub.frames_after(place.session_id, place.after, limit)
    cursor = rows[-1][0] if rows else place.after
    last_seq = max(last_seq, cursor)
    following = (
        f"{request.build_absolute_uri(request.path)}?after={cursor}&limit={limit}" if cursor < last_seq else None
    )
    head = canonical_json(
        {"count": last_seq, "last_seq": last_seq, "after": cursor, "next": following, "previous": None}
    )
    yield f'{head[:-1]},"results":[{",".join(text for _, text in rows)}]}}'.encode()


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= LONGEST_WAIT_SECONDS:
        sentence = f"Give the seconds to wait, from 0 to {LONGEST_WAIT_SECONDS}."
        raise Invalid(f"wait: {sentence}", details={"wait": [sentence]})
    return seconds


def _place(request: HttpRequest, session_id: str, after: str) -> Place:
    return place_in(access=access_of_http(request), session_id=session_id, after=after)


urlpatterns = [
    path("sessions/<uuid:session_id>/stream", session_stream, name="session-stream"),
    path("sessions/<uuid:session_id>/events", session_events, name="session-events"),
]
describe_streams()
