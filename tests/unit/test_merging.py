"""One JSON value laid over another, and what somebody made of one moved onto what others made of it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.merging import merge_patch, rebased, same_json

LEAVES = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b"]) | st.just([1, 2])
OBJECTS = st.dictionaries(
    st.sampled_from("abcd"),
    st.recursive(LEAVES, lambda inner: st.dictionaries(st.sampled_from("xy"), inner)),
    max_size=4,
)


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "result"),
    [
        ({"a": 1}, {"a": 1}, {"a": 2}, {"a": 2}),
        ({"a": 1}, {"a": 5}, {"a": 2}, {"a": 5}),
        ({"a": 1}, {"a": 1, "b": 7}, {"a": 2, "c": 3}, {"a": 2, "c": 3, "b": 7}),
        ({"a": 1, "b": 1}, {"b": 1}, {"a": 2, "b": 2}, {"b": 2}),
        ({"a": 1}, {"a": 1}, {}, {}),
        ({"a": 1}, {"a": 5}, {}, {"a": 5}),
        ({"a": {"x": 1, "y": 1}}, {"a": {"x": 9, "y": 1}}, {"a": {"x": 2, "y": 2}}, {"a": {"x": 9, "y": 2}}),
        ({"a": [1]}, {"a": [1, 2]}, {"a": [3]}, {"a": [1, 2]}),
        ({}, {"a": None}, {}, {"a": None}),
        ({"a": 1}, {"a": True}, {"a": 2}, {"a": True}),
        ("old", "old", "new", "new"),
        ("old", "mine", "new", "mine"),
    ],
)
def test_what_is_mine_stays_and_the_rest_is_theirs(base: Any, mine: Any, theirs: Any, result: Any) -> None:
    assert same_json(rebased(base, mine, theirs), result)


@given(OBJECTS, OBJECTS)
def test_who_changed_nothing_gets_theirs_and_what_did_not_move_stays_mine(one: Any, other: Any) -> None:
    assert same_json(rebased(one, one, other), other)
    assert same_json(rebased(one, other, one), other)


@given(OBJECTS, OBJECTS, OBJECTS)
def test_overrides_survive_any_new_defaults(old: Any, overrides: Any, new: Any) -> None:
    mine = merge_patch(old, overrides)
    moved = rebased(old, mine, new)
    for key in {*mine, *new}:
        touched = key not in mine if key in old else key in mine
        if touched:
            assert key not in mine or same_json(moved[key], mine[key])
        elif same_json(old.get(key), mine.get(key)):
            assert (key in moved) is (key in new)
            assert key not in new or same_json(moved[key], new[key])
