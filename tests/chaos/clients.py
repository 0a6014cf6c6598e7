"""Clients as they should be: they try again with the same key, and resume a stream at their cursor."""

import http.client
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any
from urllib.parse import urlsplit

from tests.websocket import Closed, WebSocket

ENDS = ("session.completed", "session.failed", "session.cancelled")
PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Answer:
    """Status 0: none came (refused, reset or timed out)."""

    status: int
    body: Any = None
    retry_after: str = ""
    seconds: float = 0.0
    at: float = 0.0
    path: str = ""


def answer_of(url: str, *, body: Any = None, timeout: float = 15.0, **headers: str) -> Answer:
    """One request, whatever comes of it."""
    data = None if body is None else json.dumps(body).encode()
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **names})
    at, began = time.time(), time.monotonic()

    def answer(status: int, text: bytes = b"", retry_after: str = "") -> Answer:
        return Answer(status, _json(text), retry_after, time.monotonic() - began, at, urlsplit(url).path)

    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return answer(response.status, response.read())
    except urllib.error.HTTPError as error:
        with error:
            return answer(error.code, error.read(), error.headers.get("Retry-After", ""))
    except (OSError, http.client.HTTPException):
        return answer(0)


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text[:200].decode(errors="replace")


@dataclass
class Crowd:
    """Submits sessions from several threads; `sessions` maps each key to the ids that were answered for it."""

    addresses: Sequence[str]
    api_key: str
    rng: Random
    sessions: dict[str, set[str]] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    _threads: list[threading.Thread] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self, orders: Sequence[tuple[float, str, dict[str, Any]]], *, threads: int = 8) -> None:
        """`orders` are (seconds from now, key, body)."""
        began = time.monotonic()
        for number in range(threads):
            rng = Random(self.rng.random())
            work = threading.Thread(target=self._work, args=(began, orders[number::threads], rng), daemon=True)
            self._threads.append(work)
            work.start()

        threading.Thread(target=self._read, args=(Random(self.rng.random()),), daemon=True).start()

    def wait(self, seconds: float) -> None:
        ends_at = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.1, ends_at - time.monotonic()))
        assert not any(thread.is_alive() for thread in self._threads), f"no session in {seconds} s: {self.statuses()}"

    def statuses(self) -> dict[int, int]:
        """How often each status was answered (0: none came)."""
        found: dict[int, int] = {}
        for answer in list(self.answers):
            found[answer.status] = found.get(answer.status, 0) + 1
        return found

    def _read(self, rng: Random) -> None:
        """Somebody who looks at sessions all the time."""
        while any(thread.is_alive() for thread in self._threads):
            known = [one for ids in list(self.sessions.values()) for one in ids]
            end = f"/{rng.choice(known)}" if known and rng.random() < 0.5 else "?limit=5"
            self._note(answer_of(f"{rng.choice(self.addresses)}/api/v1/sessions{end}", X_API_Key=self.api_key))
            time.sleep(0.2)

    def _note(self, answer: Answer) -> None:
        with self._lock:
            self.answers.append(answer)

    def _work(self, began: float, orders: Sequence[tuple[float, str, dict[str, Any]]], rng: Random) -> None:
        for at, key, body in orders:
            time.sleep(max(0.0, began + at - time.monotonic()))
            for _ in range(2 if rng.random() < 0.1 else 1):  # some ask again although they were answered
                self._submit(key, body, rng)

    def _submit(self, key: str, body: dict[str, Any], rng: Random) -> None:
        ends_at = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < ends_at:
            url = f"{rng.choice(self.addresses)}/api/v1/agents/execute"
            answer = answer_of(url, body=body, X_API_Key=self.api_key, Idempotency_Key=key)
            self._note(answer)
            if answer.status in (200, 202):
                with self._lock:
                    self.sessions.setdefault(key, set()).add(answer.body["session_id"])
                return
            time.sleep(rng.uniform(0.1, 0.5))


class Follower:
    """Follows one session to its end over any number of connections; `seen` are the numbers of its events."""

    def __init__(self, addresses: Sequence[str], api_key: str, session_id: str, rng: Random, *, over: str) -> None:
        self.session_id, self.over = session_id, over
        self.seen: list[int] = []
        self.connections = 0
        self.refusals: set[int] = set()
        self.last_type = ""
        self._addresses, self._api_key, self._rng = addresses, api_key, rng
        self._stopping = threading.Event()
        connect: Callable[[str], None] = self._socket if over == "websocket" else self._events
        self._thread = threading.Thread(target=self._follow, args=(connect,), daemon=True)
        self._thread.start()

    @property
    def has_ended(self) -> bool:
        return self.last_type in ENDS

    def stop(self, seconds: float) -> None:
        """Give it so long to see the end."""
        self._thread.join(seconds)
        self._stopping.set()

    def _follow(self, connect: Callable[[str], None]) -> None:
        while not (self.has_ended or self._stopping.is_set()):
            try:
                self.connections += 1
                connect(self._rng.choice(self._addresses))
            except (Closed, OSError, http.client.HTTPException, AssertionError):
                time.sleep(0.2)

    def _take(self, frame: dict[str, Any]) -> None:
        if "seq" in frame:
            self.seen.append(frame["seq"])
            self.last_type = frame["type"]

    @property
    def _cursor(self) -> int:
        return self.seen[-1] if self.seen else 0

    def _socket(self, address: str) -> None:
        path = f"/ws/sessions/{self.session_id}?after={self._cursor}"
        with WebSocket(address, path, timeout=20, X_API_Key=self._api_key) as stream:
            while not (self.has_ended or self._stopping.is_set()):
                self._take(stream.receive())

    def _events(self, address: str) -> None:
        """Server-sent events, resumed by `Last-Event-ID`."""
        parts = urlsplit(address)
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=20)
        headers = {"X-API-Key": self._api_key, "Last-Event-ID": str(self._cursor)}
        try:
            connection.request("GET", f"/api/v1/sessions/{self.session_id}/stream", headers=headers)
            response = connection.getresponse()
            if response.status != 200:
                self.refusals.add(response.status)
                raise http.client.HTTPException(f"refused with {response.status}")
            while not (self.has_ended or self._stopping.is_set()) and (line := response.readline()):
                if line.startswith(b"data: "):
                    self._take(json.loads(line[6:]))
        finally:
            connection.close()
