"""A run held against the goals, and written as tables."""

import pytest

from bench.peers import page, tables
from bench.peers.goals import LANGGRAPH, OURS, Goal, goals, middle, of_all, ratio, spread
from bench.peers.run import Findings, processor_of, run, values_of, ways_of
from bench.peers.systems import Peer, Places, Round, Skipped

HERE, THERE = OURS["sqlite"], LANGGRAPH["sqlite"]


def test_the_middle_is_the_median_of_the_rounds_medians_and_not_of_all_values() -> None:
    values = {HERE: {"one": [[1.0, 1.0, 1.0, 1.0, 9.0], [5.0], [6.0]]}}

    assert middle(values, HERE, "one") == 5.0
    assert spread(values, HERE, "one") == (1.0, 6.0)
    assert of_all(values, HERE, "one", 99) == 9.0


@pytest.mark.parametrize(
    ("relation", "figure", "is_met"),
    [
        (">=", 2.0, True),
        (">=", 1.99, False),
        ("<=", 2.0, True),
        ("<=", 2.01, False),
        ("<", 2.0, False),
        ("<", 1.9, True),
    ],
)
def test_a_goal_is_met_on_its_side_of_the_target(relation: str, figure: float, is_met: bool) -> None:
    verdict = Goal("a thing", relation, 2, "×", lambda values: figure).judge({})

    assert (verdict.is_met, verdict.word) == (is_met, "met" if is_met else "MISSED")


def test_a_goal_without_its_figures_is_neither_met_nor_missed() -> None:
    verdict = Goal("a thing", ">=", 2, "×", ratio("sessions", HERE, THERE)).judge({HERE: {"sessions": [[1.0]]}})

    assert verdict.word == "not measured"
    assert THERE in verdict.measured


def test_every_goal_is_named_once_and_says_so_when_nothing_was_measured() -> None:
    verdicts = [goal.judge({}) for goal in goals()]

    assert len({verdict.what for verdict in verdicts}) == len(verdicts)
    assert {verdict.word for verdict in verdicts} == {"not measured"}


def test_a_ratio_above_one_is_always_good_for_us() -> None:
    values = {
        HERE: {"sessions": [[400.0]], "one": [[4.0]], "chain_step_engine": [[1.0]], "chain_step": [[2.0]]},
        THERE: {"sessions": [[200.0]], "one": [[2.0]], "chain_step": [[2.0]]},
    }

    rows = {line.split("|")[1].strip(): line.split("|")[2].strip() for line in lines(tables.ratios, values)}

    assert rows["200 sessions of 1→5→1 tasks, sessions a second"] == "2.00 ×"
    assert rows["one task, submit to result, ms"] == "0.50 ×"
    assert rows["a step in a chain of 20, ms"] == "2.00 ×"
    assert rows["100 tasks at once and a join, ms"] == ""


def lines(make: object, values: object) -> list[str]:
    return make(values, "sqlite", [THERE]).splitlines()[2:]  # type: ignore[operator]


def test_ours_on_one_database_is_not_held_against_a_library_on_the_other() -> None:
    systems = [*OURS.values(), *LANGGRAPH.values(), "Celery"]

    assert tables.others("sqlite", systems) == [LANGGRAPH["sqlite"], "Celery"]


def test_the_block_of_a_page_is_replaced_and_the_rest_stays() -> None:
    text = f"before\n{page.START}\nold\n{page.END}\nafter\n"

    written = page.with_block(text, "new")

    assert "old" not in written
    assert written.startswith(f"before\n{page.START}\n\nnew\n\n{page.END}\nafter")
    assert page.with_block(written, "new") == written


@pytest.mark.parametrize("text", ["nothing", page.START, f"{page.END}{page.START}", f"{page.START}{page.END}" * 2])
def test_a_page_without_one_pair_of_marks_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="one line"):
        page.with_block(text, "new")


class Fake:
    """A system that fails where it is told to."""

    def __init__(self, name: str, fails_in: str = "") -> None:
        self.name, self.fails_in, self.is_closed = name, fails_in, False

    def prepare(self) -> None:
        if self.fails_in == "skip":
            raise Skipped("not installed")
        if self.fails_in == "prepare":
            raise OSError("no disk")

    def measure(self, asked: Round):  # type: ignore[no-untyped-def]
        yield {"configuration": "as it comes", "versions": {"it": "1"}}
        yield {"name": "sessions", "unit": "/s", "values": [100.0], "way": "one way", "cpu_seconds": 2.0}
        if self.fails_in == "workload":
            yield {"failed": "fan_out", "why": "too wide"}
        if self.fails_in == "measure" and asked.number == 2:
            raise RuntimeError("first line\nit broke")

    def close(self) -> None:
        self.is_closed = True
        if self.fails_in == "close":
            raise OSError("busy")


def test_a_system_that_fails_is_noted_and_the_others_are_measured() -> None:
    fakes = [
        Fake("good"),
        Fake("skipped", "skip"),
        Fake("broken", "prepare"),
        Fake("breaks", "measure"),
        Fake("last", "close"),
    ]
    rounds = [Round(number, {}, 0, 200) for number in (1, 2, 3)]

    found = run(fakes, rounds, lambda line: None, Findings()).systems  # type: ignore[arg-type]

    counts = {name: len(about["results"]) for name, about in found.items()}
    assert counts == {"good": 3, "skipped": 0, "broken": 0, "breaks": 3, "last": 3}
    assert "not installed" in found["skipped"]["note"]
    assert "no disk" in found["broken"]["note"]
    assert found["breaks"]["note"] == "failed in round 2: it broke"
    assert all(fake.is_closed for fake in fakes)
    assert values_of(found)["good"] == {"sessions": [[100.0], [100.0], [100.0]]}
    assert ways_of(found["good"]) == {"sessions": {"one way": 3}}


def test_a_workload_that_fails_is_noted_beside_the_figures_of_the_others() -> None:
    rounds = [Round(number, {}, 0, 200) for number in (1, 2)]

    about = run([Fake("it", "workload")], rounds, lambda line: None, Findings()).systems["it"]  # type: ignore[list-item]

    assert len(about["results"]) == 2
    assert about["note"] == "fan_out failed in round 1: too wide; fan_out failed in round 2: too wide"


def test_processor_time_is_told_for_one_session() -> None:
    found = run([Fake("good")], [Round(1, {}, 0, 200)], lambda line: None, Findings()).systems  # type: ignore[list-item]

    assert processor_of(found, 200) == {"good": [0.01, None, None]}


def test_a_peer_that_is_not_installed_says_how_to_install_it(tmp_path) -> None:  # type: ignore[no-untyped-def]
    peer = Peer("Celery", "celery", "celery_chord", Places("", "", "", tmp_path))

    with pytest.raises(Skipped, match="bench/peers/setup celery"):
        peer.prepare()
