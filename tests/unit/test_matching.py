"""Comparisons of what anybody may have written: they end, and the paths of what differs fit into memory."""

import tracemalloc
from time import thread_time
from typing import Any

import pytest

from core.differences import changes_between
from core.matching import Effort, blocks
from core.side_by_side import side_by_side
from frontend.presenters.differences import differences_of

IN_TURNS = ([str(number % 2) for number in range(1000)], [str(number // 2 % 2) for number in range(1000)])
"""Entries that repeat in turns: the worst there is for Python's matcher, eleven seconds."""

MOST_SECONDS = 4.0


def test_what_moved_is_found() -> None:
    assert blocks(["a", "b", "c"], ["x", "a", "c"], Effort()) == [
        ("insert", 0, 0, 0, 1),
        ("equal", 0, 1, 1, 2),
        ("delete", 1, 2, 2, 2),
        ("equal", 2, 3, 2, 3),
    ]


def test_beyond_the_effort_everything_is_another() -> None:
    assert blocks(["a", "b"], ["b", "a"], Effort(steps=1)) == [("replace", 0, 2, 0, 2)]


def test_the_effort_is_that_of_all_lists_together() -> None:
    effort = Effort(steps=5)
    assert [block[0] for block in blocks(["a", "b"], ["b"], effort)] == ["delete", "equal"]
    assert [block[0] for block in blocks(["a", "b"], ["b"], effort)] == ["replace"]


@pytest.mark.parametrize(
    "compare",
    [
        lambda: changes_between(*IN_TURNS),
        lambda: changes_between([[*IN_TURNS[0]]] * 20, [[*IN_TURNS[1]]] * 20),
        lambda: side_by_side(changes_between("\n".join(IN_TURNS[0]), "\n".join(IN_TURNS[1]))),
        lambda: differences_of(*IN_TURNS),
        lambda: differences_of({"text": "\n".join(IN_TURNS[0])}, {"text": "\n".join(IN_TURNS[1])}),
    ],
    ids=["lists", "many lists", "lines of a text", "a page of lists", "a page of texts"],
)
def test_lists_that_repeat_in_turns_are_compared_in_time(compare: Any) -> None:
    began = thread_time()
    assert compare()
    assert thread_time() - began < MOST_SECONDS


def test_a_long_key_above_many_values_stays_within_memory() -> None:
    key = "k" * 200_000
    before, after = ({key: {str(number): value for number in range(20_000)}, "b": value} for value in (0, 1))
    tracemalloc.start()
    changes = changes_between(before, after)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [(change.path[-1], change.kind) for change in changes] == [("b", "changed"), ("k", "changed")]
    assert changes[1].before == before[key]
    assert peak < 100_000_000


def test_what_is_told_as_a_whole_is_compared_as_json() -> None:
    key = "k" * 200_000
    [change] = changes_between(
        {key: dict.fromkeys(map(str, range(100)), 1)}, {key: {**dict.fromkeys(map(str, range(100)), 1), "7": True}}
    )
    assert change.kind == "changed"
    assert change.path.endswith("k")
