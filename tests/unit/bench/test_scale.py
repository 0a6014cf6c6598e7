"""The sums of docs/how-to/scale.md."""

from bench.scale.__main__ import BEGIN, END, with_tables
from bench.scale.model import Demand, UnitCosts, limits, need_of
from bench.scale.page import tables

COST = UnitCosts(
    tasks=7,
    events=30,
    worker_seconds=0.006,
    web_seconds=0.012,
    database_seconds=0.01,
    redis_seconds=0.001,
    redis_commands=20,
    transactions=8,
    stored_bytes=30_000,
    log_bytes=60_000,
    delivery_seconds=0.00003,
    socket_bytes=20_000,
    live_bytes=50_000,
    worker_bytes=120e6,
    web_bytes=110e6,
)


def test_a_small_site_has_two_of_each_so_that_one_may_fail() -> None:
    need = need_of(Demand(10, 60), COST)
    assert (need.workers, need.webs) == (2, 2)


def test_a_large_one_has_what_its_load_and_its_safety_margin_ask_for() -> None:
    need = need_of(Demand(60_000, 60), COST)
    assert need.rate == 1000
    assert need.worker_cores == 6
    assert need.workers == 60  # the sessions a worker holds bind before its core does
    assert need.database_cores == 10
    assert need.event_rows == 30 * 1000 * 86_400


def test_who_watches_is_counted() -> None:
    alone, watched = (need_of(Demand(6_000, 60, viewers), COST) for viewers in (0, 10))
    assert round(watched.web_cores - alone.web_cores, 6) == 0.9  # 100 a second, 30 events, 10 sockets, 30 µs
    assert watched.webs > alone.webs


def test_a_part_is_full_at_the_inverse_of_its_cost() -> None:
    assert limits(COST, database_cores=16)["one worker"] == 100


def test_the_tables_go_between_their_marks_and_again_in_their_place() -> None:
    page = f"before\n\n{BEGIN}\n\nold\n\n{END}\n\nafter\n"
    once = with_tables(page, tables(COST))
    assert "old" not in once
    assert once.startswith("before")
    assert once.endswith("after\n")
    assert with_tables(once, tables(COST)) == once
