"""Connections that outlive a request: how many there are, when one is used again, and when it is not."""

import gc
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.db import OperationalError

from core.api.exceptions import handle_exception
from orchestrator_site import pool as pools
from orchestrator_site.pool import Driver, Pool, keep_connections, pool_of


@dataclass(eq=False)
class Line:
    """Stands in for a connection."""

    lives: bool = True
    closed: bool = False


def is_alive(line: Line, idle_seconds: float) -> bool:
    return line.lives


def close(line: Line) -> None:
    line.closed = True


DRIVER = Driver(is_alive, close)


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Pool[Line]:
    monkeypatch.setattr(pools, "WAIT_SECONDS", 0.1)
    return Pool(2, DRIVER)


@pytest.fixture
def kept() -> Iterator[None]:
    keep_connections(2)
    yield
    keep_connections(0)


def test_what_one_gave_back_the_next_one_gets(pool: Pool[Line]) -> None:
    line = pool.take(Line)
    pool.give_back(line)
    assert pool.take(Line) is line
    assert pool.counts == (1, 0)


def test_a_full_pool_makes_wait_and_then_says_no_in_words_for_the_caller(pool: Pool[Line]) -> None:
    held = [pool.take(Line), pool.take(Line)]
    begun = time.monotonic()
    with pytest.raises(OperationalError, match="All 2 connections") as refused:
        pool.take(Line)
    assert 0.1 <= time.monotonic() - begun < 5
    answer = handle_exception(refused.value, {})
    assert answer is not None
    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0
    assert len(held) == 2


def test_who_waits_gets_what_becomes_free(pool: Pool[Line], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "WAIT_SECONDS", 30)
    first, second = pool.take(Line), pool.take(Line)
    found: list[Line] = []
    waiting = threading.Thread(target=lambda: found.append(pool.take(Line)))
    waiting.start()
    pool.give_back(second)
    waiting.join(10)
    assert found == [second]
    assert first is not second


def test_a_failed_connection_takes_no_place(pool: Pool[Line]) -> None:
    def fail() -> Line:
        raise OperationalError("refused")

    for _ in range(5):
        with pytest.raises(OperationalError, match="refused"):
            pool.take(fail)
    assert pool.counts == (0, 0)
    pool.take(Line)


def test_one_whose_thread_has_ended_gives_its_place_back(pool: Pool[Line]) -> None:
    kept: list[Line] = []
    for _ in range(5):
        thread = threading.Thread(target=lambda: kept.append(pool.take(Line)))
        thread.start()
        thread.join()
    assert [line.closed for line in kept] == [True, True, True, True, False]


def test_one_that_was_lost_gives_its_place_back(pool: Pool[Line]) -> None:
    for _ in range(5):
        pool.take(Line)
        gc.collect()
    assert pool.counts[0] < 2


def test_after_a_restart_of_the_server_none_of_the_old_ones_is_used(pool: Pool[Line]) -> None:
    lines = [pool.take(Line), pool.take(Line)]
    for line in lines:
        pool.give_back(line)
    lines[1].lives = False
    assert pool.take(Line) not in lines
    assert [line.closed for line in lines] == [True, True]


def test_an_old_one_is_replaced(pool: Pool[Line], monkeypatch: pytest.MonkeyPatch) -> None:
    line = pool.take(Line)
    pool.give_back(line)
    monkeypatch.setattr(pools, "LIFE_SECONDS", -1.0)
    assert pool.take(Line) is not line
    assert line.closed


def test_one_that_nobody_took_for_long_is_closed(pool: Pool[Line], monkeypatch: pytest.MonkeyPatch) -> None:
    busy, idle = pool.take(Line), pool.take(Line)
    pool.give_back(idle)
    monkeypatch.setattr(pools, "IDLE_SECONDS", 0.01)
    time.sleep(0.02)
    pool.give_back(busy)
    assert (idle.closed, busy.closed) == (True, False)
    assert pool.counts == (0, 1)


def test_many_threads_never_have_more_than_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "WAIT_SECONDS", 30)
    pool, made, most = Pool(3, DRIVER), [], []

    def connect() -> Line:
        made.append(Line())
        return made[-1]

    def work() -> None:
        for _ in range(25):
            line = pool.take(connect)
            most.append(sum(pool.counts))
            time.sleep(0.0002)
            pool.give_back(line)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) <= 3
    assert max(most) <= 3
    assert pool.counts == (0, len(made))


def test_a_process_keeps_none_unless_it_asked_for_it(kept: None) -> None:
    assert pool_of("here", DRIVER) is pool_of("here", DRIVER)
    assert pool_of("here", DRIVER) is not pool_of("there", DRIVER)
    keep_connections(0)
    assert pool_of("here", DRIVER) is None


def test_a_child_process_begins_with_none_and_closes_none(kept: None, monkeypatch: pytest.MonkeyPatch) -> None:
    pool = pool_of("here", DRIVER)
    assert pool is not None
    line = pool.take(Line)
    pool.give_back(line)
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert pool_of("here", DRIVER) is not pool
    keep_connections(2)
    assert not line.closed
