"""How long people wait: `python -m bench.latency` serves a fresh installation (SQLite) and measures it from outside.

Prints medians and worst cases of: an event to a WebSocket client, a simple question, a seven-task workflow with the
built-in agents, a chain of no-op tasks; and the memory an active session adds to the worker and the web process.
"""

import argparse
import json
import statistics
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.running import ROOT, Site, wait_for
from tests.websocket import WebSocket

DOCUMENTS = sorted(str(path) for path in (ROOT / "examples" / "documents").iterdir() if path.is_file())
QUESTIONS = [
    "Which lighthouse was lit first, Skarholm Light or Vessla Light?",
    "Who designed the Harrow Bridge, and where was she born?",
    "When did the first lifeboat come to the Halden Isles?",
    "Which ferries serve the Halden Isles?",
    "What do puffins eat on Skarholm?",
]
TOPICS = ["Skarholm Light", "Vessla Light", "the Harrow Bridge", "the Halden ferries", "the Halden lifeboats"]
LIMITS = {"event": 0.100, "question": 5.0, "workflow": 30.0, "memory": 100.0}


class Api:
    """Calls to the served site in one user's name."""

    def __init__(self, site: Site, key: str) -> None:
        self.site, self.key = site, key

    def execute(self, **request: Any) -> str:
        headers = {"X-API-Key": self.key, "Content-Type": "application/json"}
        call = urllib.request.Request(
            f"{self.site.address}/api/v1/agents/execute", json.dumps(request).encode(), headers
        )
        with urllib.request.urlopen(call, timeout=30) as response:
            return str(json.load(response)["session_id"])

    def follow(self, session_id: str) -> Iterator[dict[str, Any]]:
        with WebSocket(self.site.address, f"/ws/sessions/{session_id}", timeout=60, X_API_Key=self.key) as stream:
            while True:
                frame = stream.receive()
                if "seq" not in frame:
                    continue
                yield frame
                if frame["type"] in ("session.completed", "session.failed", "session.cancelled"):
                    return

    def run(self, **request: Any) -> float:
        """Seconds from the request to the last event at the client. Fails loudly when the session did."""
        started = time.perf_counter()
        session_id = self.execute(**request)
        last = list(self.follow(session_id))[-1]
        assert last["type"] == "session.completed", last
        return time.perf_counter() - started


def events(api: Api, rounds: int) -> list[float]:
    """Seconds from an event's instant (before its commit) to its arrival at a client."""
    delays = []
    names = [f"t{number}" for number in range(10)]
    for _ in range(rounds):
        tasks = [
            {"name": name, "agent": "seeded", "input_data": {"sleep": 0.05}, "depends_on": names[:number][-1:]}
            for number, name in enumerate(names)
        ]
        for frame in api.follow(api.execute(task_description="events", tasks=tasks)):
            if frame["type"] not in ("session.created", "task.created"):
                delays.append(time.time() - datetime.fromisoformat(frame["at"]).timestamp())
    return delays


def chain(api: Api, rounds: int) -> list[float]:
    names = [f"t{number}" for number in range(7)]
    tasks = [
        {"name": name, "agent": "seeded", "input_data": {"say": name}, "depends_on": names[:number][-1:]}
        for number, name in enumerate(names)
    ]
    return [api.run(task_description="seven no-ops", tasks=tasks) for _ in range(rounds)]


def questions(api: Api, documents: Sequence[str], rounds: int) -> list[float]:
    asked = (QUESTIONS * rounds)[: rounds * 2]
    return [api.run(task_description=question, context={"document_ids": documents}) for question in asked]


def workflow_request(documents: Sequence[str]) -> dict[str, Any]:
    """Five topics researched at once, one synthesis, one validation: seven tasks of the built-in agents."""
    research = [
        {"name": f"research-{number}", "agent": "research", "input_data": {"goal": f"What is known about {topic}?"}}
        for number, topic in enumerate(TOPICS)
    ]
    synthesis = {"name": "synthesis", "agent": "synthesis", "depends_on": [task["name"] for task in research]}
    validation = {"name": "validation", "agent": "validation", "depends_on": ["synthesis"]}
    context = {"document_ids": list(documents)}
    return {"task_description": "The sights of the Halden Isles", "context": context} | {
        "tasks": [*research, synthesis, validation]
    }


def added_by_workflow(api: Api, site: Site, documents: Sequence[str]) -> float:
    """MiB that both processes together grow by, at the peak of one seven-task workflow."""
    with sampling(site) as samples:
        api.run(**workflow_request(documents))
    return max(samples) - samples[0]


def added_by_held_sessions(api: Api, site: Site, held: int) -> float:
    """MiB a session, of many that run at once, each with a follower."""
    before = total_memory(site)
    task = {"name": "hold", "agent": "seeded", "input_data": {"sleep": 8}}
    session_ids = [api.execute(task_description="held open", tasks=[task]) for _ in range(held)]
    followers = [threading.Thread(target=lambda id=id: list(api.follow(id))) for id in session_ids]
    for follower in followers:
        follower.start()
    running = "SELECT count(*) FROM agent_task WHERE status = 'RUNNING'"
    wait_for(lambda: site.query(running)[0][0] >= held * 0.9, 30, "the sessions run")
    each = (total_memory(site) - before) / held
    for follower in followers:
        follower.join()
    return each


def total_memory(site: Site) -> float:
    return (site.memory_kib("worker") + site.memory_kib("web")) / 1024


@contextmanager
def sampling(site: Site) -> Iterator[list[float]]:
    samples = [total_memory(site)]
    done = threading.Event()

    def sample() -> None:
        while not done.wait(0.1):
            samples.append(total_memory(site))

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield samples
    finally:
        done.set()
        thread.join()
        samples.append(total_memory(site))


def report(name: str, seconds: Sequence[float], limit: float | None = None) -> None:
    scale, unit = (1000, "ms") if max(seconds) < 1 else (1, "s")
    median, worst = statistics.median(seconds) * scale, max(seconds) * scale
    ordered = sorted(seconds)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * scale
    verdict = (
        "" if limit is None else f"   limit {limit * scale:g} {unit}: {'ok' if max(seconds) < limit else 'MISSED'}"
    )
    figures = f"median {median:8.2f} {unit}   p99 {p99:8.2f} {unit}   worst {worst:8.2f} {unit}"
    print(f"{name:<42} n={len(seconds):<4} {figures}{verdict}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--held", type=int, default=50, help="sessions held open at once for the memory figure")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-latency-") as folder:
        site = Site(Path(folder))
        seeded = site.seed(sessions=0, documents=DOCUMENTS)
        site.start()
        try:
            measure(Api(site, seeded["key"]), site, seeded["documents"], options.rounds, options.held)
        finally:
            site.stop()


def measure(api: Api, site: Site, documents: Sequence[str], rounds: int, held: int) -> None:
    first = added_by_workflow(api, site, documents)  # also loads what is loaded once
    report("an event, to a WebSocket client", events(api, rounds), LIMITS["event"])
    report("a session of seven no-op tasks in a row", chain(api, rounds * 4))
    report("a simple question, planned", questions(api, documents, rounds), LIMITS["question"])
    workflows = [api.run(**workflow_request(documents)) for _ in range(rounds)]
    report("a seven-task workflow of built-in agents", workflows, LIMITS["workflow"])
    figures = {
        "memory added by the first workflow": first,
        "memory added by a later one, at its peak": added_by_workflow(api, site, documents),
        f"memory per session, {held} held open": added_by_held_sessions(api, site, held),
    }
    for name, mib in figures.items():
        verdict = "ok" if mib < LIMITS["memory"] else "MISSED"
        print(f"{name:<42} {mib:8.2f} MiB   limit {LIMITS['memory']:g} MiB: {verdict}")


if __name__ == "__main__":
    main()
