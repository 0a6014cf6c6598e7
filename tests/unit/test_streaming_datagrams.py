"""Datagrams between processes: they arrive, never block, never raise, and leave nothing behind."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from sessions import dispatch
from sessions.streaming import sockets
from sessions.streaming.outbox import Outbox
from sessions.streaming.sockets import Caller, Listener, folder, open_socket, receive_all


def test_a_long_data_dir_gets_a_short_folder_of_its_owner_only(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 60) / ("y" * 60)
    deep.mkdir(parents=True)
    place = folder(deep)
    assert len(str(place)) < 60
    assert place.stat().st_mode & 0o777 == 0o700
    assert folder(deep) == place
    assert folder(tmp_path / ("z" * 90)) != place
    sock, path = open_socket(place, "web")
    sock.close()
    path.unlink()


def test_a_folder_of_somebody_else_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = folder(tmp_path)
    monkeypatch.setattr(sockets.os, "getuid", lambda: place.stat().st_uid + 1)
    with pytest.raises(PermissionError, match="somebody else"):
        folder(tmp_path)


def test_every_living_receiver_of_a_role_is_reached_and_dead_ones_are_swept_away(tmp_path: Path) -> None:
    place = folder(tmp_path)
    dead, dead_path = open_socket(place, "web")
    dead.close()
    (first, _), (second, _), (other, _) = (open_socket(place, role) for role in ("web", "web", "engine"))
    assert Caller(place).send("web", [b"one", b"two"]) == 2
    assert receive_all(first) == receive_all(second) == [b"one", b"two"]
    assert receive_all(other) == []
    assert not dead_path.exists()
    for sock in (first, second, other):
        sock.close()


def test_a_receiver_that_sleeps_costs_the_sender_little(tmp_path: Path) -> None:
    place = folder(tmp_path)
    sleeper, _ = open_socket(place, "web")
    started = time.monotonic()
    Caller(place).send("web", [b"x" * 1000] * 20)
    assert time.monotonic() - started < 3
    sleeper.close()


def test_rings_reach_the_listener_of_the_worker(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    rung: list[str | None] = []
    listener = dispatch.DoorbellListener(rung.append, lambda: rung.append(dispatch.AGENTS))
    listener.start()
    for number in range(5):
        dispatch.ring_session(f"s{number}")
    dispatch.ring_agents()
    dispatch.flush(5)
    ends_at = time.monotonic() + 5
    while len(rung) < 6 and time.monotonic() < ends_at:
        time.sleep(0.01)
    listener.stop()
    assert rung == [*(f"s{number}" for number in range(5)), dispatch.AGENTS]
    assert not list(folder(tmp_path).iterdir())


def test_too_many_rings_become_one_that_means_everything() -> None:
    pending: list[str] = []
    for number in range(25_000):
        dispatch._merge(pending, str(number))
    assert len(pending) <= 10_001
    assert dispatch.EVERYTHING in pending


def test_ringing_without_any_listener_is_silent(settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path
    dispatch.ring_session("s")
    assert dispatch.flush(5)


def test_a_listener_outlives_what_its_receiver_raises(tmp_path: Path) -> None:
    heard: list[bytes] = []

    def on_message(message: bytes) -> None:
        heard.append(message)
        raise OSError("cannot")

    listener = Listener(folder(tmp_path), "web", on_message)
    listener.start()
    Caller(folder(tmp_path)).send("web", [b"1", b"2"])
    ends_at = time.monotonic() + 5
    while len(heard) < 2 and time.monotonic() < ends_at:
        time.sleep(0.01)
    listener.stop()
    assert heard == [b"1", b"2"]


def append(pending: list[int], item: int) -> None:
    pending.append(item)


def test_putting_never_waits_for_a_delivery_that_hangs() -> None:
    release = threading.Event()
    delivered: list[int] = []

    def deliver(batch: list[int]) -> None:
        release.wait(5)
        delivered.extend(batch)

    outbox = Outbox("hanging", append, deliver)
    started = time.monotonic()
    for number in range(1000):
        outbox.put(number)
    assert time.monotonic() - started < 0.5
    assert not outbox.flush(0.01)
    release.set()
    assert outbox.flush(5)
    assert delivered == list(range(1000))


def test_a_delivery_that_raises_does_not_end_the_next() -> None:
    delivered: list[int] = []

    def deliver(batch: list[int]) -> None:
        if 1 in batch:
            raise RuntimeError("no way")
        delivered.extend(batch)

    outbox = Outbox("raising", append, deliver)
    outbox.put(1)
    outbox.flush(5)
    outbox.put(2)
    assert outbox.flush(5)
    assert delivered == [2]
