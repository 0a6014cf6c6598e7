"""The OpenAPI description of the live routes, which are plain async views."""

from typing import Any

from core.api.schema import document

SECURITY: list[dict[str, list[str]]] = [{"bearer": []}, {"apiKey": []}, {"cookie": []}]
FRAME = {
    "type": "object",
    "description": "One event, as it was stored and hashed.",
    "properties": {
        "seq": {"type": "integer", "description": "Position in the log of this session, from 1, without gaps."},
        "type": {"type": "string"},
        "at": {"type": "string", "format": "date-time"},
        "task": {"type": "string", "format": "uuid", "nullable": True},
        "agent": {"type": "string", "format": "uuid", "nullable": True},
        "data": {"type": "object", "additionalProperties": True},
    },
    "required": ["seq", "type", "at", "task", "agent", "data"],
}
PAGE = {
    "type": "object",
    "properties": {
        "count": {"type": "integer"},
        "last_seq": {"type": "integer", "description": "The newest event of the session."},
        "after": {"type": "integer", "description": "The cursor to go on from."},
        "next": {"type": "string", "format": "uri", "nullable": True},
        "previous": {"type": "string", "nullable": True},
        "results": {"type": "array", "items": FRAME},
    },
    "required": ["count", "last_seq", "after", "next", "previous", "results"],
}


def parameter(name: str, place: str, kind: str, description: str = "", *, required: bool = False) -> dict[str, Any]:
    schema = {"type": "string", "format": "uuid"} if kind == "uuid" else {"type": kind}
    return {"name": name, "in": place, "required": required, "description": description, "schema": schema}


SESSION = parameter("session_id", "path", "uuid", required=True)
AFTER = parameter("after", "query", "integer", "Only events behind this seq.")
TICKET = parameter("ticket", "query", "string", "From `POST /auth/ticket`, where no header can be sent.")

STREAM = {
    "operationId": "sessions_stream",
    "summary": "Server-sent events: what is behind the cursor, then live.",
    "description": "Ends after the session's last event; 204 when it is finished and there is nothing more to send.",
    "tags": ["sessions"],
    "security": SECURITY,
    "parameters": [
        SESSION,
        AFTER,
        parameter("Last-Event-ID", "header", "integer", "The cursor, as an EventSource sends it."),
        TICKET,
    ],
    "responses": {
        "200": {"description": "The stream.", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
        "204": {"description": "Nothing more will come."},
    },
}
EVENTS = {
    "operationId": "sessions_events",
    "summary": "A page of the log behind the cursor.",
    "description": "With `wait`, an empty page is held back until there is an event, or that many seconds.",
    "tags": ["sessions"],
    "security": SECURITY,
    "parameters": [
        SESSION,
        AFTER,
        parameter("limit", "query", "integer", "Events of a page, up to 1000; 200 without it."),
        parameter("wait", "query", "number", "Seconds, up to 60."),
        TICKET,
    ],
    "responses": {
        "200": {"description": "The page.", "content": {"application/json": {"schema": PAGE}}},
    },
}


def describe_streams() -> None:
    document("/sessions/{session_id}/stream", get=STREAM)
    document("/sessions/{session_id}/events", get=EVENTS)
