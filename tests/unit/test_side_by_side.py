"""Two versions of something, place by place, as people look at them."""

from typing import Any

import pytest

from core.differences import changes_between
from core.side_by_side import Compared, side_by_side


def compared(before: Any, after: Any) -> list[Compared]:
    return side_by_side(changes_between(before, after))


def marked(row: Compared) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    return [(piece.mark, piece.text) for piece in row.before], [(piece.mark, piece.text) for piece in row.after]


def test_a_changed_value_stands_on_both_sides() -> None:
    [row] = compared({"a": {"b": 1}}, {"a": {"b": "1"}})
    assert (row.path, row.kind) == ("$.a.b", "changed")
    assert marked(row) == ([("gone", "1")], [("new", '"1"')])


def test_what_was_added_or_removed_has_one_side() -> None:
    removed, added = sorted(compared({"x": None}, {"y": [1]}), key=lambda row: row.path)
    assert (removed.kind, added.kind) == ("removed", "added")
    assert marked(removed) == ([("gone", "null")], [])
    assert marked(added) == ([], [("new", "[\n  1\n]")])


def test_of_a_long_text_only_the_lines_around_a_change_are_shown() -> None:
    lines = [f"line {number}" for number in range(20)]
    [row] = compared("\n".join(lines), "\n".join([*lines[:10], "new line", *lines[11:]]))
    before, after = marked(row)
    assert before[0] == ("gap", "… 8 lines the same …")
    assert before[1:4] == [("same", "line 8"), ("same", "line 9"), ("gone", "line 10")]
    assert after[3] == ("new", "new line")
    assert before[-1] == ("gap", "… 7 lines the same …")
    assert len(before) == len(after)


def test_the_same_has_no_rows() -> None:
    assert compared({"a": [1, {"b": "x\ny"}]}, {"a": [1, {"b": "x\ny"}]}) == []


@pytest.mark.parametrize("size", [30_000, 400_000])
def test_a_huge_value_is_cut(size: int) -> None:
    [row] = compared({"a": ""}, {"a": "x" * size})
    assert len(row.after[0].text) < 21_000
    assert "more characters" in row.after[0].text
