"""What may pass from an agent into the database."""

import math

import pytest

from sessions.engine.gate import NotStorable, clip_json, clip_text, percentage, storable


def test_plain_json_passes_as_it_is() -> None:
    value = {"a": [1, 2.5, None, True, "ä"], "b": {}}
    assert storable(value) == value


def test_tuples_become_lists() -> None:
    assert storable((1, 2)) == [1, 2]


@pytest.mark.parametrize("value", ["a\x00b", {"\x00": 1}, [["\x00"]], ("x", {"y": "\x00"})])
def test_a_nul_anywhere_is_refused(value: object) -> None:
    with pytest.raises(NotStorable, match="NUL"):
        storable(value)


def test_the_letters_of_an_escaped_nul_are_no_nul() -> None:
    assert storable("\\u0000") == "\\u0000"


def test_what_is_nested_too_deeply_is_refused() -> None:
    nested: list[object] = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(NotStorable, match="nested"):
        storable(nested)


def test_a_set_is_no_json() -> None:
    with pytest.raises(NotStorable, match="not JSON"):
        storable({1, 2})


def test_the_refusal_of_what_is_too_large_names_the_limit() -> None:
    with pytest.raises(NotStorable, match="at most 10"):
        storable("x" * 20, limit=10)


def test_text_is_cut_with_a_mark_and_freed_of_what_cannot_be_stored() -> None:
    assert clip_text("a\x00b\ud800c") == "ab?c"
    assert clip_text("x" * 50, 10) == "x" * 9 + "…"


def test_large_json_becomes_a_note_of_its_size() -> None:
    assert clip_json("x" * 100, 50) == {"truncated": True, "bytes": 102}
    assert clip_json("x", 50) == "x"


@pytest.mark.parametrize(("given", "kept"), [(50, 50), (-1, 0), (101, 100), (math.nan, 0), (math.inf, 0)])
def test_a_percentage_is_forced_into_its_range(given: float, kept: float) -> None:
    assert percentage(given) == kept
