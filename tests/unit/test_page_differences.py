"""Two values beside each other, as the pages show them."""

import time
from itertools import pairwise

import pytest

from core.merging import patch_between
from frontend.presenters.differences import differences_of
from frontend.presenters.words import unwrapped


def test_lines_that_are_alike_stand_at_the_same_height() -> None:
    found = differences_of({"a": 1, "b": [1, 2], "c": 3}, {"a": 1, "b": [1, 2, 5], "c": 4, "d": 5})
    assert [(line.before, line.after) for line in found.lines if line.mark == "same"] == [
        (text, text) for text in ("{", '  "a": 1,', '  "b": [', "    1,", "  ],", "}")
    ]
    assert [line.mark for line in found.lines] == [
        *("same", "same", "same", "same", "changed", "new", "same", "changed", "new", "same")
    ]
    for numbers in (
        [line.before_number for line in found.lines if line.before_number],
        [line.after_number for line in found.lines if line.after_number],
    ):
        assert numbers[0] == 1
        assert all(after == before + 1 for before, after in pairwise(numbers))


def test_the_order_of_keys_makes_no_difference() -> None:
    assert differences_of({"a": 1, "b": 2}, {"b": 2, "a": 1}).is_same


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"a": [1] * 2990}, {"a": [1] * 1500 + [2] + [1] * 1400 + [3]}),
        ({"a": [n * n % 2 for n in range(2900)]}, {"a": [n % 3 % 2 for n in range(2900)]}),
        ({"a": "x" * 199_000}, {"a": "y" * 199_000}),
    ],
)
def test_what_is_hard_to_compare_keeps_nobody_waiting(before: object, after: object) -> None:
    begun = time.process_time()
    found = differences_of(before, after)
    assert time.process_time() - begun < 3
    assert not found.is_same


def test_what_is_too_long_is_not_compared() -> None:
    long, other = {"a": "x" * 300_000}, {"a": "y" * 300_000}
    assert differences_of(long, other).is_too_long
    assert not differences_of(long, other).is_same
    assert differences_of(long, dict(long)).is_same


@pytest.mark.parametrize(
    ("before", "after", "patch"),
    [
        ({}, {}, {}),
        ({"a": 1}, {"a": 1.0}, {"a": 1.0}),
        ({"a": 1, "b": 2}, {"b": 2}, {"a": None}),
        ({"a": {"x": 1, "y": 2}}, {"a": {"x": 1}}, {"a": {"y": None}}),
        ({"a": {"x": 1}}, {"a": [1]}, {"a": [1]}),
        ({"a": {"x": 1}}, {"a": {"x": 1}, "b": {}}, {"b": {}}),
    ],
)
def test_a_patch_says_only_what_differs(before: dict[str, object], after: dict[str, object], patch: object) -> None:
    assert patch_between(before, after) == patch


def test_lines_broken_by_hand_are_joined_and_lists_are_not() -> None:
    long = "It reads the documents that were chosen and says of each of them"
    assert unwrapped(f"{long}\nwhat it is about.") == f"{long} what it is about."
    for kept in (f"{long}\n- a list", f"{long}\n\nA paragraph.", "Short\nlines"):
        assert unwrapped(kept) == kept
