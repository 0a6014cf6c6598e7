"""Connections to PostgreSQL that a web process keeps, while its threads come and go with its requests."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing

import psycopg2
import pytest
import pytest_django
from django.db import OperationalError, connections, transaction

from core import waiting
from orchestrator_site import pool as pools
from orchestrator_site.database import ALIAS, database_at
from orchestrator_site.pool import keep_connections
from tests.conftest import need_service

SERVER = os.environ.get("TEST_POSTGRES_URL", "postgresql://root@127.0.0.1:5432/test")
NAME = f"kept_{os.getpid()}"  # what our connections are called, so that only they are counted and ended
pytestmark = pytest.mark.postgres


@pytest.fixture
def keeping(django_db_blocker: pytest_django.DjangoDbBlocker) -> Iterator[None]:
    need_service("PostgreSQL", 5432)
    keep_connections(4)
    try:
        with django_db_blocker.unblock(), database_at(f"{SERVER}?application_name={NAME}"):
            yield
    finally:
        keep_connections(0)


def backend() -> int:
    """The process of the server that answers us."""
    with connections[ALIAS].cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def request() -> int:
    """What a request does: it asks, and its connection is closed in the end."""
    try:
        return backend()
    finally:
        connections[ALIAS].close()


def in_a_thread(work: Callable[[], int]) -> int:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def at_the_server(statement: str) -> list[int]:
    """What another client of the server sees, or does, of our connections."""
    with closing(psycopg2.connect(SERVER)) as other, other.cursor() as cursor:
        cursor.execute(f"SELECT {statement} FROM pg_stat_activity WHERE application_name = %s", [NAME])
        return [int(row[0]) for row in cursor.fetchall()]


def test_a_thousand_requests_in_threads_of_their_own_leave_one_connection(keeping: None) -> None:
    assert len({in_a_thread(request) for _ in range(1000)}) == 1
    assert len(at_the_server("pid")) == 1


def test_threads_that_end_without_a_word_do_not_use_them_up(keeping: None) -> None:
    for _ in range(30):
        in_a_thread(backend)
    assert in_a_thread(request) > 0
    assert len(at_the_server("pid")) <= 4


def test_a_restart_of_the_server_is_not_noticed_by_the_next_request(keeping: None) -> None:
    first = in_a_thread(request)
    assert at_the_server("pg_terminate_backend(pid, 5000)::int") == [1]
    second = in_a_thread(request)
    assert second != first
    assert in_a_thread(request) == second


def test_a_request_whose_server_goes_away_fails_alone(keeping: None) -> None:
    backend()
    at_the_server("pg_terminate_backend(pid, 5000)")
    with pytest.raises(OperationalError):
        backend()
    connections[ALIAS].close()
    assert request() == request()


def test_one_that_has_rested_for_long_is_asked_first(keeping: None, monkeypatch: pytest.MonkeyPatch) -> None:
    first = in_a_thread(request)
    monkeypatch.setattr("orchestrator_site.postgresql.base.TRUSTED_SECONDS", -1.0)
    assert in_a_thread(request) == first


def test_one_in_a_transaction_is_not_given_to_another(keeping: None) -> None:
    def abandon() -> int:
        connections[ALIAS].set_autocommit(False)
        return request()

    assert in_a_thread(abandon) != in_a_thread(request)


def test_when_all_are_in_use_a_request_is_refused_in_time(keeping: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "WAIT_SECONDS", 0.2)
    done, held = threading.Event(), threading.Barrier(5, timeout=30)

    def hold() -> None:
        backend()
        held.wait()
        done.wait()
        connections[ALIAS].close()

    holders = [threading.Thread(target=hold) for _ in range(4)]
    for holder in holders:
        holder.start()
    held.wait()
    with pytest.raises(OperationalError, match="All 4 connections"):
        request()
    done.set()
    for holder in holders:
        holder.join()
    assert request() > 0


def test_who_waits_for_a_session_lends_the_connection(keeping: None, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = connections[ALIAS]
    monkeypatch.setattr(waiting, "connection", ours)
    seen: list[bool] = []

    def is_so() -> bool:
        seen.append(ours.connection is None)
        backend()
        return len(seen) == 3

    assert waiting.wait_until(is_so, 30)
    assert seen == [True, True, True]
    with transaction.atomic(using=ALIAS):
        assert not waiting.wait_until(lambda: backend() < 0, 0.01)
        assert ours.connection is not None
    ours.close()
