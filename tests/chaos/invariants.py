"""What must hold of the rows and the logs, whatever went wrong before: read from the database, not from the product."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sessions.policies import UNCOUNTED_CODES
from sessions.projection import Projection
from sessions.row_check import ExecutionRow, RowCheck, SessionRow, TaskRow
from sessions.streaming.verify import ChainRow, verify_chain

Rows = list[dict[str, Any]]
SESSION = "id status status_before_pause usage result last_seq lease_owner idempotency_key error_code error_message"
TASK = "id session_id name status agent_id input_data output_data max_attempts error_code"
EXECUTION = "id task_id state attempt error_code"
EVENT = "session_id seq payload hash created_at"
MESSAGE = "session_id message_type topic metadata"
COMMAND = "session_id applied_at outcome"
KEYS = ("id", "session_id", "task_id", "agent_id", "lease_owner")
JSON = ("usage", "result", "input_data", "output_data", "metadata")
LOGGED_SESSION = ("status", "status_before_pause", "usage", "result", "error_code")
LOGGED_TASK = ("id", "name", "status", "agent_id", "max_attempts", "output_data", "error_code")


@dataclass
class Picture:
    """All rows of sessions, as they are at one moment."""

    sessions: Rows
    tasks: dict[str, Rows]
    executions: dict[str, Rows]
    events: dict[str, Rows]
    messages: dict[str, Rows]
    commands: Rows
    complaints: list[str] = field(default_factory=list)

    def complain(self, text: str) -> None:
        self.complaints.append(text)


def take_picture(query: Callable[[str], list[tuple[Any, ...]]]) -> Picture:
    """`query` runs SQL without parameters, on PostgreSQL or SQLite."""

    def rows(table: str, columns: str, order: str) -> Rows:
        names = columns.split()
        found = query(f"SELECT {', '.join(names)} FROM {table} ORDER BY {order}")
        return [{name: _value(name, value) for name, value in zip(names, row, strict=True)} for row in found]

    return Picture(
        sessions=rows("agent_session", SESSION, "id"),
        tasks=_by("session_id", rows("agent_task", TASK, "session_id, ordinal")),
        executions=_by("task_id", rows("agent_execution", EXECUTION, "task_id, attempt")),
        events=_by("session_id", rows("session_event", EVENT, "session_id, seq")),
        messages=_by("session_id", rows("agent_message", MESSAGE, "created_at")),
        commands=rows("session_command", COMMAND, "id"),
    )


def _value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in KEYS:
        return str(UUID(str(value)))
    return json.loads(value) if name in JSON and isinstance(value, str) else value


def _by(key: str, rows: Iterable[dict[str, Any]]) -> dict[str, Rows]:
    found: dict[str, Rows] = {}
    for row in rows:
        found.setdefault(row[key], []).append(row)
    return found


def broken(picture: Picture, submitted: Mapping[str, set[str]], *, tasks: int = 7) -> list[str]:
    """What does not hold. `submitted` maps each idempotency key to the session ids its clients were given."""
    _check_submissions(picture, submitted)
    for session in picture.sessions:
        _check_end(picture, session)
        _check_tasks(picture, session, tasks)
        _check_payments(picture, session)
        _check_messages(picture, session)
        _check_log(picture, session)
    if waiting := [command for command in picture.commands if command["applied_at"] is None]:
        picture.complain(f"{len(waiting)} commands have no outcome")
    return picture.complaints


def _check_submissions(picture: Picture, submitted: Mapping[str, set[str]]) -> None:
    """Each request made one session, and every client was told the same one."""
    keys = Counter(session["idempotency_key"] for session in picture.sessions)
    for key, ids in submitted.items():
        if len(ids) != 1 or keys[key] != 1:
            picture.complain(f"request {key}: {keys[key]} sessions, answered {sorted(ids)}")
    known = {session["id"] for session in picture.sessions}
    lost = {one for ids in submitted.values() for one in ids} - known
    if lost:
        picture.complain(f"sessions that were promised and are not there: {sorted(lost)}")
    if strange := set(keys) - set(submitted):
        picture.complain(f"sessions nobody asked for: {sorted(map(str, strange))[:5]}")


def _check_end(picture: Picture, session: dict[str, Any]) -> None:
    where = f"session {session['id']}"
    if session["status"] != "COMPLETED":
        why = f"{session['error_code']} {session['error_message']}"
        picture.complain(f"{where} is {session['status']} ({why.strip()})")
    if session["lease_owner"] is not None:
        picture.complain(f"{where} is still leased")


def _check_tasks(picture: Picture, session: dict[str, Any], count: int) -> None:
    tasks = picture.tasks.get(session["id"], [])
    if len(tasks) != count:
        picture.complain(f"session {session['id']} has {len(tasks)} tasks")
    for task in tasks:
        where = f"session {session['id']}, task {task['name']}"
        executions = picture.executions.get(task["id"], [])
        states = Counter(row["state"] for row in executions)
        if states["COMPLETED"] != 1:
            picture.complain(f"{where} has {states['COMPLETED']} committed results")
        if live := set(states) - {"COMPLETED", "FAILED", "CANCELLED"}:
            picture.complain(f"{where} has attempts that are {live}")
        counted = [row for row in executions if row["error_code"] not in UNCOUNTED_CODES]
        if len(counted) > task["max_attempts"]:
            picture.complain(f"{where} was tried {len(counted)} times, {task['max_attempts']} are allowed")
        if [row["attempt"] for row in executions] != list(range(1, len(executions) + 1)):
            picture.complain(f"{where} numbers its attempts {[row['attempt'] for row in executions]}")


def _check_payments(picture: Picture, session: dict[str, Any]) -> None:
    """Each ordered call was counted once, over however many attempts."""
    ordered = sum(task["input_data"].get("steps", 0) for task in picture.tasks.get(session["id"], []))
    paid = session["usage"].get("calls", 0)
    if paid != ordered:
        picture.complain(f"session {session['id']}: {ordered} calls were ordered and {paid} paid for")


def _check_messages(picture: Picture, session: dict[str, Any]) -> None:
    """An output is handed to each next task once."""
    handed = Counter(
        (row["metadata"]["from_task"], row["metadata"]["to_task"])
        for row in picture.messages.get(session["id"], [])
        if row["metadata"].get("to_task")
    )
    for pair, count in handed.items():
        if count > 1:
            picture.complain(f"session {session['id']}: {count} messages for the edge {pair}")


def _check_log(picture: Picture, session: dict[str, Any]) -> None:
    events = picture.events.get(session["id"], [])
    if session["last_seq"] != len(events):
        picture.complain(f"session {session['id']} stands at {session['last_seq']} and has {len(events)} events")
    verdict = verify_chain(ChainRow(row["seq"], row["payload"], row["hash"]) for row in events)
    if not verdict.is_whole:
        picture.complain(f"session {session['id']}: {verdict.reason}")
        return
    projection = Projection()
    for row in events:
        projection.apply(json.loads(row["payload"]))
    check = RowCheck(projection)
    check.session(SessionRow(*(session[name] for name in LOGGED_SESSION)))
    for task in picture.tasks.get(session["id"], []):
        check.task(TaskRow(*(task[name] for name in LOGGED_TASK)))
        for row in picture.executions.get(task["id"], []):
            check.execution(ExecutionRow(row["id"], task["id"], row["attempt"], row["state"]))
    check.finish()
    for problem in projection.problems:
        picture.complain(f"session {session['id']}: {problem.code}: {problem.message}")


def instant(value: Any) -> float:
    """A row's time as seconds since 1970, from either database."""
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
