"""A session as a file. An async view: a thread writes the bundle to the disk, then it is sent piece by piece."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from tempfile import TemporaryFile
from typing import IO, TypeVar
from uuid import UUID

from django.db import close_old_connections
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse

from core.api.schema import document
from core.clock import SYSTEM_CLOCK
from sessions import conf
from sessions.api.stream import api_view
from sessions.api.stream_docs import SECURITY, SESSION
from sessions.pruned import gone, pruned_session
from sessions.selectors import session_for
from sessions.selectors.bundle import write_bundle
from sessions.streaming.callers import access_of_http
from workspaces.access import Access

T = TypeVar("T")
PIECE_BYTES = 256 * 1024
EXPORT = {
    "operationId": "session_export",
    "summary": "The session as a file: its log word for word, its rows, and a manifest with checksums.",
    "description": "`examples/verify_bundle.py` checks it. Of a pruned session, the bundle written then.",
    "tags": ["sessions"],
    "security": SECURITY,
    "parameters": [SESSION],
    "responses": {
        "200": {
            "description": "The bundle.",
            "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
        },
        "410": {"description": "Deleted by the retention of its workspace, and no export is here."},
    },
}
_writers = ThreadPoolExecutor(max_workers=2, thread_name_prefix="export")


@api_view
async def session_export(request: HttpRequest, session_id: str) -> HttpResponseBase:
    """The bundle, made now; of a session that was pruned, the one that was written then."""
    file, size = await _in_thread(lambda: _open(access_of_http(request), UUID(session_id)))
    headers = {
        "Content-Disposition": f'attachment; filename="session-{session_id}.zip"',
        "Content-Length": str(size),
        "Cache-Control": "no-store",
    }
    return StreamingHttpResponse(Pieces(file), content_type="application/zip", headers=headers)


def _open(access: Access, session_id: UUID) -> tuple[IO[bytes], int]:
    if row := pruned_session(access, session_id):
        path = conf.export_folder() / row.export
        if not row.export or not path.is_file():
            raise gone(row)
        return path.open("rb"), path.stat().st_size
    session = session_for(access, session_id)
    file = TemporaryFile(dir=conf.data_folder())  # noqa: SIM115  (sent, and closed, later; /tmp may be memory)
    write_bundle(session, file, now=SYSTEM_CLOCK.now())
    size = file.tell()
    file.seek(0)
    return file, size


class Pieces:
    """A file as the body of an answer; the answer closes it, sent to its end or not."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while piece := await _in_thread(lambda: self._file.read(PIECE_BYTES)):
            yield piece

    def close(self) -> None:
        self._file.close()


async def _in_thread(work: Callable[[], T]) -> T:
    def guarded() -> T:
        close_old_connections()
        try:
            return work()
        finally:
            close_old_connections()

    return await asyncio.get_running_loop().run_in_executor(_writers, guarded)


document("/sessions/{session_id}/export", get=EXPORT)
