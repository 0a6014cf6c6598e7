"""A session as one file that can be kept and checked elsewhere: its log word for word, its rows as the API shows them.

`examples/verify_bundle.py` checks one with nothing but Python; docs/how-to/retention-and-export.md describes the files.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

from core.canonical import canonical_json
from sessions.events import GENESIS_HASH
from sessions.models import (
    AgentExecution,
    AgentMessage,
    AgentSession,
    ExecutionStateHistory,
    ExecutionStep,
    SessionCommand,
)
from sessions.selectors import shapes
from sessions.selectors.reading import event_pages, task_rows

FORMAT = "agent-orchestrator-session"
FORMAT_VERSION = 1
PAGE_ROWS = 20  # a row may hold an output of 1 MiB

Rows = Iterator[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Written:
    """One file of a bundle; `rows` is what it counts."""

    sha256: str
    bytes: int
    rows: int


def write_bundle(session: AgentSession, target: IO[bytes], *, now: datetime) -> dict[str, Any]:
    """Write the bundle, a zip, and hand back its manifest. In pages: no log is too long for the memory.

    Of a live session: what was there when its row was read. Asks nobody who may see it.
    """
    with ZipFile(target, "w", ZIP_DEFLATED) as archive:
        files = {"events.jsonl": _write(archive, "events.jsonl", _events(session), now)}
        for name, rows in ARRAYS.items():
            files[name] = _write(archive, name, _array(rows(session)), now)
        whole = json.dumps(_session(session), indent=2, ensure_ascii=False)
        files["session.json"] = _write(archive, "session.json", iter([whole]), now)
        manifest = _manifest(session, files, now)
        archive.writestr(_entry("manifest.json", now), json.dumps(manifest, indent=2))
    return manifest


def _manifest(session: AgentSession, files: Mapping[str, Written], now: datetime) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "session_id": str(session.id),
        "status": session.status,
        "exported_at": now.isoformat(),
        "genesis_hash": GENESIS_HASH,
        "last_seq": session.last_seq,
        "last_hash": session.last_hash,
        "counts": {name.partition(".")[0]: file.rows for name, file in sorted(files.items())},
        "files": {name: {"sha256": file.sha256, "bytes": file.bytes} for name, file in sorted(files.items())},
    }


def _write(archive: ZipFile, name: str, lines: Iterator[str], now: datetime) -> Written:
    digest, size, rows = hashlib.sha256(), 0, 0
    with archive.open(_entry(name, now), "w", force_zip64=True) as part:
        for line in lines:
            data = line.encode()
            digest.update(data)
            size += len(data)
            rows += line not in ("[", "\n]\n")
            part.write(data)
    return Written(digest.hexdigest(), size, rows)


def _entry(name: str, now: datetime) -> ZipInfo:
    entry = ZipInfo(name, date_time=now.timetuple()[:6])
    entry.compress_type = ZIP_DEFLATED
    return entry


def _events(session: AgentSession) -> Iterator[str]:
    """`{"hash":…,"event":…}` a line: from character 83 to the last but one stands the very text that was hashed."""
    for page in event_pages(session.id):
        for event in page:
            if event.seq > session.last_seq:
                return
            yield f'{{"hash":"{event.hash}","event":{event.payload}}}\n'


def _array(rows: Rows) -> Iterator[str]:
    """A JSON array, one element a line."""
    yield "["
    for number, row in enumerate(rows):
        yield f"{',' if number else ''}\n{canonical_json(row)}"
    yield "\n]\n"


def _session(session: AgentSession) -> dict[str, Any]:
    shape = shapes.session_shape(session, [], child_count=0)
    for name in ("tasks", "task_count", "finished_task_count", "child_count", "progress_percentage"):
        shape.pop(name, None)
    parent, origin = session.parent_session_id, session.forked_from_id
    return {
        **shape,
        "last_hash": session.last_hash,
        "parent_session": str(parent) if parent else None,
        "forked_from": str(origin) if origin else None,
    }


def _tasks(session: AgentSession) -> Rows:
    rows = task_rows().filter(session=session).order_by("ordinal", "id")
    return map(shapes.task_shape, rows.iterator(PAGE_ROWS))


def _executions(session: AgentSession) -> Rows:
    rows = AgentExecution.objects.filter(task__session=session).select_related("task", "agent__definition")
    rows = rows.defer("agent__state")
    for row in rows.order_by("created_at", "id").iterator(PAGE_ROWS):
        yield {**shapes.execution_shape(row), "parameters": row.parameters}


def _messages(session: AgentSession) -> Rows:
    rows = AgentMessage.objects.filter(session=session)
    rows = rows.select_related("from_agent__definition", "to_agent__definition")
    rows = rows.defer("from_agent__state", "to_agent__state").order_by("created_at", "id")
    return map(shapes.message_shape, rows.iterator(PAGE_ROWS))


def _commands(session: AgentSession) -> Rows:
    return map(shapes.command_shape, SessionCommand.objects.filter(session=session).order_by("id").iterator(PAGE_ROWS))


def _steps(session: AgentSession) -> Rows:
    for row in ExecutionStep.objects.filter(task__session=session).order_by("created_at", "id").iterator(PAGE_ROWS):
        yield {
            "id": str(row.id),
            "task_id": str(row.task_id),
            "execution_id": str(row.execution_id) if row.execution_id else None,
            "kind": row.kind,
            "key": row.key,
            "input_hash": row.input_hash,
            "status": row.status,
            "request": row.request,
            "result": row.result,
            "error": shapes.error_shape(row.error_code, row.error_message),
            "usage": row.usage,
            "reused_from": str(row.reused_from) if row.reused_from else None,
        }


def _moves(session: AgentSession) -> Rows:
    rows = ExecutionStateHistory.objects.filter(execution__task__session=session).order_by("timestamp", "id")
    for row in rows.iterator(PAGE_ROWS):
        yield {
            "execution_id": str(row.execution_id),
            "previous_state": row.previous_state,
            "new_state": row.new_state,
            "reason": row.reason,
            "timestamp": row.timestamp.isoformat(),
        }


ARRAYS: Mapping[str, Callable[[AgentSession], Rows]] = {
    "tasks.json": _tasks,
    "executions.json": _executions,
    "execution_moves.json": _moves,
    "steps.json": _steps,
    "messages.json": _messages,
    "commands.json": _commands,
}
