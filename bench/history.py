"""What the history of one long session costs: verify, export, check the bundle, prune; and who waits meanwhile.

A database of its own (SQLite in a temporary folder, or the empty one DATABASE_URL names). Another thread commits one
small row at a time the whole time, as a journal would: its waits are what running sessions feel.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench history", description=__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-history-") as folder:
        os.environ.update(DATA_DIR=folder, LOG_LEVEL="WARNING", DJANGO_SETTINGS_MODULE="orchestrator_site.settings")
        import django

        django.setup()
        measure(options.events, Path(folder))


def measure(events: int, folder: Path) -> None:
    from django.core.management import call_command
    from django.db import connection

    from core.clock import SYSTEM_CLOCK
    from sessions.models import AgentSession
    from sessions.selectors import events_page, verify_session
    from sessions.selectors.bundle import write_bundle
    from sessions.services import prune_sessions
    from tests.make import Make
    from tests.past import Past, append_events
    from workspaces.models import Workspace

    call_command("migrate", verbosity=0)
    past = Past(Make())
    session = append_events(past.session(steps=1), events)
    print(f"{connection.vendor}, {session.last_seq:,} events; memory before: {memory_mb():.0f} MB")
    found = step("verify", lambda: verify_session(session.id))
    assert (found.is_whole, found.events) == (True, session.last_seq), found
    bundle = folder / "bundle.zip"
    with bundle.open("wb") as file:
        step("export", lambda: write_bundle(session, file, now=SYSTEM_CLOCK.now()))
    print(f"  bundle: {bundle.stat().st_size / 1e6:.1f} MB")
    script = [sys.executable, str(ROOT / "examples" / "verify_bundle.py"), str(bundle), session.last_hash]
    step("check the bundle", lambda: subprocess.run(script, check=True, stdout=subprocess.DEVNULL))
    step("page of 200 events in the middle", lambda: events_page(session.id, after=events // 2))
    Workspace.objects.update(retention_days=1)
    old = SYSTEM_CLOCK.now() - timedelta(days=2)
    AgentSession.objects.filter(pk=session.pk).update(status="FAILED", completed_at=old)
    report = step("prune, with an export", prune_sessions)
    assert report.sessions.total() == 1, report


def step(name: str, work: Callable[[], Any]) -> Any:
    """Do it, and print how long it took, what it added to the memory, and how long the other writer waited."""
    before, waits, stop = memory_mb(), [], threading.Event()
    writer = threading.Thread(target=write_on, args=(stop, waits))
    writer.start()
    began = time.monotonic()
    try:
        result = work()
    finally:
        took = time.monotonic() - began
        stop.set()
        writer.join()
    waits.sort()
    suffered = f"{waits[len(waits) // 2]:.1f} / {waits[-1]:.1f} ms" if waits else "-"
    print(f"  {name}: {took:.2f} s, +{memory_mb() - before:.0f} MB; another writer waited {suffered} (median / worst)")
    return result


def write_on(stop: threading.Event, waits: list[float]) -> None:
    """Commit a small change every few milliseconds; `waits` are what each took."""
    from django.db import connection

    from workspaces.models import Workspace

    while not stop.is_set():
        began = time.monotonic()
        Workspace.objects.update(max_concurrent_executions=20)
        waits.append((time.monotonic() - began) * 1000)
        time.sleep(0.003)
    connection.close()


def memory_mb() -> float:
    """The largest this process has been."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
