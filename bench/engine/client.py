"""Submits sessions to a running installation and waits for them: `python -m bench.engine.client '{"run": [...]}'`.

Runs in the environment of the installation (DATA_DIR, DATABASE_URL, REDIS_URL), as a process beside the worker:
sessions are made by the product's service, their end is read from the database. Prints one JSON object a line:
`{"name", "unit", "values", "cpu_seconds", "client_cpu_seconds", "database_cpu_seconds"}`,
or `{"failed", "why"}`.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator_site.settings")
django.setup()

from django.db import connection, transaction  # noqa: E402

from agents.models import Agent  # noqa: E402
from bench.engine import shapes  # noqa: E402
from bench.engine.processes import cpu_seconds, family, spent  # noqa: E402
from bench.engine.sockets import Follower, delays, read_to_the_end  # noqa: E402
from bench.figures import quantiles  # noqa: E402
from sessions.models import AgentSession  # noqa: E402
from sessions.request import SessionRequest  # noqa: E402
from sessions.services import create_session, request_command, submit_session  # noqa: E402
from sessions.states import CommandKind  # noqa: E402
from workspaces.models import Membership  # noqa: E402
from workspaces.selectors import access_of_user  # noqa: E402

CHAIN_STEPS = 20
FAN_OUT = 100
DIAMOND = 5
AT_ONCE = 200
LOOK_SECONDS = 0.0003


class Client:
    """One user of the installation, which is served at `address`; `key` is their API key."""

    def __init__(self, address: str, key: str) -> None:
        self.address, self.key = address, key
        agent = Agent.objects.select_related("project").get(name=shapes.AGENT)
        owner = Membership.objects.select_related("user").get(workspace=agent.workspace_id).user
        self.project, self.access = agent.project, access_of_user(owner)
        self._column = AgentSession._meta.pk

    def submit(self, request: SessionRequest) -> UUID:
        return create_session(access=self.access, project=self.project, request=request).id

    def submit_all(self, request: SessionRequest, count: int) -> tuple[list[UUID], float]:
        """Many sessions that a worker sees all at once; and the instant of the commit, before anybody was told."""
        instants: list[float] = []
        with transaction.atomic():
            transaction.on_commit(lambda: instants.append(time.perf_counter()))
            session_ids = [self.submit(request) for _ in range(count)]
        return session_ids, instants[0]

    def hold(self, request: SessionRequest) -> UUID:
        """A session that starts when it is released."""
        return submit_session(access=self.access, project=self.project, request=request, held=True).session.id

    def release(self, session_id: UUID) -> None:
        request_command(access=self.access, session_id=session_id, kind=CommandKind.RESUME)

    def finish(self, session_ids: Sequence[UUID], seconds: float = 120) -> None:
        """Waits until all are committed as completed. Raises: RuntimeError when one ended otherwise or not in time."""
        end = time.monotonic() + seconds
        with connection.cursor() as cursor:
            for session_id in session_ids:
                key = self._column.get_db_prep_value(session_id, connection)
                while (status := self._status(cursor, key)) != "COMPLETED":
                    if status in ("FAILED", "CANCELLED") or time.monotonic() > end:
                        raise RuntimeError(f"the session {session_id} is {status}")
                    time.sleep(LOOK_SECONDS)

    def _status(self, cursor: Any, key: Any) -> str:
        cursor.execute("SELECT status FROM agent_session WHERE id = %s", [key])
        return str(cursor.fetchone()[0])


def one(client: Client, count: int) -> list[float]:
    """Milliseconds from the call of the service to the committed result of a session of one task."""
    return [_timed(client, shapes.single()) for _ in range(count)]


def chain_step(client: Client, count: int) -> list[float]:
    """Milliseconds a step of a chain of 20, the submission included."""
    return [_timed(client, shapes.chain(CHAIN_STEPS)) / CHAIN_STEPS for _ in range(count)]


def fan_out(client: Client, count: int) -> list[float]:
    """Milliseconds for 100 tasks at once and one that joins them, the submission included."""
    return [_timed(client, shapes.fan_out(FAN_OUT)) for _ in range(count)]


def chain_step_engine(client: Client, count: int) -> list[float]:
    """The same chain without its submission: from the commit of the session."""
    return [_timed_from_commit(client, shapes.chain(CHAIN_STEPS)) / CHAIN_STEPS for _ in range(count)]


def fan_out_engine(client: Client, count: int) -> list[float]:
    """The same fan-out without its submission."""
    return [_timed_from_commit(client, shapes.fan_out(FAN_OUT)) for _ in range(count)]


def sessions(client: Client, count: int, at_once: int = AT_ONCE) -> list[float]:
    """Sessions of 1 -> 5 -> 1 tasks a second, from the commit that makes 200 of them runnable."""
    return [_rate(client, at_once) for _ in range(count)]


def sessions_submitted(client: Client, count: int, at_once: int = AT_ONCE) -> list[float]:
    """The same with their submission: 200 calls of the service, one after the other, while the worker runs them."""
    rates = []
    for _ in range(count):
        started = time.perf_counter()
        client.finish([client.submit(shapes.diamond(DIAMOND)) for _ in range(at_once)])
        rates.append(at_once / (time.perf_counter() - started))
    return rates


def rest_one(client: Client, count: int) -> list[float]:
    """Milliseconds of `POST /agents/execute` with `Prefer: wait`, answered with the ended session; one connection."""
    body = json.dumps({"task_description": "one", "tasks": [{"name": "only", "agent": shapes.AGENT}]})
    headers = {"X-API-Key": client.key, "Content-Type": "application/json", "Prefer": "wait=30"}
    times = []
    with closing(HTTPConnection(urlsplit(client.address).netloc, timeout=60)) as connected:
        for _ in range(count + 2):  # the first two meet a site that has not answered such a call before
            started = time.perf_counter()
            connected.request("POST", "/api/v1/agents/execute", body, headers)
            answer = json.load(connected.getresponse())
            times.append((time.perf_counter() - started) * 1000)
            if answer["status"] != "COMPLETED":
                raise RuntimeError(f"the call was answered with a session that is {answer['status']}")
    return times[2:]


def event_to_client(client: Client, count: int) -> list[float]:
    """Milliseconds from an event's instant (before its commit) to the one client that follows the session."""
    return [delay for _ in range(count) for delay in _followed(client, sockets=1, steps=10, pause=0.05)]


def event_1000_sockets(client: Client, count: int) -> list[float]:
    """The same with 1,000 clients on one session that has about six events a second; told as 500 quantiles."""
    found = [delay for _ in range(count) for delay in _followed(client, sockets=1000, steps=10, pause=0.5)]
    return quantiles(found, 500)


def _followed(client: Client, *, sockets: int, steps: int, pause: float) -> list[float]:
    session_id = client.hold(shapes.paced_chain(steps, pause))
    followers = [Follower(client.address, f"/ws/sessions/{session_id}", client.key) for _ in range(sockets)]
    try:
        time.sleep(0.3)  # each has read what was there before
        since = time.time()
        client.release(session_id)
        read_to_the_end(followers, 60)
        return delays(followers, since)
    finally:
        for follower in followers:
            follower.sock.close()


def _rate(client: Client, at_once: int) -> float:
    session_ids, started = client.submit_all(shapes.diamond(DIAMOND), at_once)
    client.finish(session_ids)
    return at_once / (time.perf_counter() - started)


def _timed(client: Client, request: SessionRequest) -> float:
    started = time.perf_counter()
    client.finish([client.submit(request)])
    return (time.perf_counter() - started) * 1000


def _timed_from_commit(client: Client, request: SessionRequest) -> float:
    session_ids, started = client.submit_all(request, 1)
    client.finish(session_ids)
    return (time.perf_counter() - started) * 1000


WORKLOADS: dict[str, tuple[str, int, Callable[[Client, int], list[float]]]] = {
    "one": ("ms", 30, one),
    "chain_step": ("ms", 5, chain_step),
    "chain_step_engine": ("ms", 5, chain_step_engine),
    "fan_out": ("ms", 5, fan_out),
    "fan_out_engine": ("ms", 5, fan_out_engine),
    "sessions": ("/s", 1, sessions),
    "sessions_submitted": ("/s", 1, sessions_submitted),
    "rest_one": ("ms", 30, rest_one),
    "event_to_client": ("ms", 3, event_to_client),
    "event_1000_sockets": ("ms", 1, event_1000_sockets),
}


def database_pids() -> list[int]:
    """Of the backends of this database, when they are on this machine."""
    if connection.vendor != "postgresql":
        return []
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
        return [row[0] for row in cursor.fetchall()]


def measure(client: Client, name: str, supervisor: int, count: int | None) -> dict[str, Any]:
    unit, usual, workload = WORKLOADS[name]
    before = {**cpu_seconds(family(supervisor)), **cpu_seconds(database_pids())}
    own = time.process_time()
    values = workload(client, count or usual)
    backends = cpu_seconds(database_pids())
    return {
        **({"sessions": AT_ONCE} if name.startswith("sessions") else {}),
        "name": name,
        "unit": unit,
        "values": values,
        "cpu_seconds": spent(before, cpu_seconds(family(supervisor))),
        "client_cpu_seconds": time.process_time() - own,
        "database_cpu_seconds": spent(before, backends),
    }


def main() -> None:
    order = json.loads(sys.argv[1])
    client = Client(order["address"], order["key"])
    client.finish(client.submit_all(shapes.diamond(DIAMOND), 20)[0])  # what is loaded once is loaded now
    client.finish([client.submit(shapes.single())])
    for name in order["run"]:
        try:
            told = measure(client, name, order["supervisor"], order["counts"].get(name))
        except Exception as error:  # noqa: BLE001  (the others can still be measured)
            told = {"failed": name, "why": f"{type(error).__name__}: {error}"}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
