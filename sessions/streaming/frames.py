"""What travels: hints between processes, and the frames that are not events of a log."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from core.canonical import canonical_json

TOKENS = -1  # in the place of `last_seq`: the frames are streamed text, outside the log
UNKNOWN = 0  # in the place of `last_seq`: something changed, look at the log


@dataclass(frozen=True, slots=True)
class Notice:
    """Session `session_id` now stands at `last_seq`. `frames` are the texts of its newest events, without a gap."""

    session_id: str
    last_seq: int
    frames: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        return sum(len(frame) for frame in self.frames)

    def bare(self) -> "Notice":
        """The same hint without the frames: the reader looks into the log."""
        return Notice(self.session_id, self.last_seq)


class CloseCode(IntEnum):
    """Why a socket was closed."""

    NORMAL = 1000
    ERROR = 1011
    INVALID = 4400
    UNAUTHENTICATED = 4401
    FORBIDDEN = 4403
    NOT_FOUND = 4404
    SLOW = 4408
    GONE = 4410


_TERMINAL_ENDS = tuple(f'"type":"session.{word}"}}' for word in ("completed", "failed", "cancelled"))


def is_terminal(frame: str) -> bool:
    """Whether this event is the last of its session (a canonical frame ends with its type)."""
    return frame.endswith(_TERMINAL_ENDS)


def heartbeat(last_seq: int) -> str:
    return canonical_json({"type": "heartbeat", "last_seq": last_seq})


def closing(code: CloseCode, message: str, cursor: int | None = None) -> str:
    """The frame before a close by the server; `resume_from` is the cursor to come back with."""
    body = {"type": "closing", "code": int(code), "message": message}
    return canonical_json(body if cursor is None else {**body, "resume_from": cursor})


def pack(notices: Iterable[Notice], limit: int = 48 * 1024) -> Iterator[bytes]:
    """Messages of about `limit` bytes at most; the order stays."""
    group: list[Notice] = []
    size = 0
    for notice in notices:
        if group and size + notice.size > limit:
            yield _encode(group)
            group, size = [], 0
        group.append(notice)
        size += notice.size + 60
    if group:
        yield _encode(group)


def unpack(message: bytes) -> list[Notice]:
    """Raises: ValueError when it is no packed message."""
    try:
        return [Notice(str(session), int(seq), tuple(frames)) for session, seq, frames in json.loads(message)]
    except (TypeError, KeyError) as error:
        raise ValueError("not a packed list of notices") from error


def _encode(group: list[Notice]) -> bytes:
    rows = [[notice.session_id, notice.last_seq, notice.frames] for notice in group]
    return json.dumps(rows, ensure_ascii=False, separators=(",", ":")).encode()
