"""JSON values: what two of them differ in, and one laid over another."""

import json
import random
import time

from hypothesis import given
from hypothesis import strategies as st

from core.differences import Change, changes_between, json_path
from core.merging import merge_patch

SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.text("abc", max_size=3)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab .", max_size=3), inner, max_size=3)
)


def test_each_place_that_differs_is_named_with_both_values() -> None:
    before = {"same": 1, "limit": 3, "tags": ["a", "b"], "gone": {"x": 1}}
    after = {"same": 1, "limit": "3", "tags": ["a"], "new key": None}
    assert changes_between(before, after) == [
        Change("$.gone", "removed", {"x": 1}, None),
        Change("$.limit", "changed", 3, "3"),
        Change("$.tags[1]", "removed", "b", None),
        Change("$['new key']", "added", None, None),
    ]
    assert json_path(["a", 0, "b c"]) == "$.a[0]['b c']"


def test_what_moved_in_a_list_is_not_taken_for_a_change() -> None:
    before = [{"id": number, "text": "x"} for number in range(5)]
    after = [{"id": 9, "text": "new"}, *before[:2], {**before[2], "text": "y"}, before[4]]
    assert changes_between(before, after) == [
        Change("$[0]", "added", None, {"id": 9, "text": "new"}),
        Change("$[3].text", "changed", "x", "y"),
        Change("$[3]", "removed", before[3], None),
    ]
    assert [change.path for change in changes_between(list(range(20)), [0, *range(1, 12), 99, *range(13, 20)])] == [
        "$[12]"
    ]


def test_every_added_key_is_a_place_of_its_own() -> None:
    assert [change.kind for change in changes_between({}, {"a": 1, "b": {"c": 2}})] == ["added", "added"]


def test_a_mebibyte_of_look_alikes_is_compared_in_seconds() -> None:
    chance = random.Random(7)
    before, after = ([chance.choice([1, 2]) for _ in range(260_000)] for _ in range(2))
    nested = [[chance.choice([1, 2]) for _ in range(500)] for _ in range(500)], [before[:500] for _ in range(500)]
    begun = time.process_time()
    assert len(changes_between(before, after)) > 100_000
    assert changes_between(*nested)
    assert time.process_time() - begun < 10


@given(VALUES, VALUES)
def test_values_without_a_difference_are_the_same(before: object, after: object) -> None:
    is_same = json.dumps(before, sort_keys=True) == json.dumps(after, sort_keys=True)
    assert (changes_between(before, after) == []) == is_same


def test_a_merge_patch_goes_deep_and_null_removes() -> None:
    target = {"a": {"b": 1, "c": 2}, "list": [1, 2], "gone": 1}
    assert merge_patch(target, {"a": {"b": {"d": None, "e": 1}}, "list": [3], "gone": None}) == {
        "a": {"b": {"e": 1}, "c": 2},
        "list": [3],
    }
    assert target == {"a": {"b": 1, "c": 2}, "list": [1, 2], "gone": 1}
    assert merge_patch({"a": 1}, [1]) == [1]
