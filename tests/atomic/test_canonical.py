"""The text that is hashed is what Python's own JSON encoder writes, however it is put together."""

import json
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.canonical import canonical_json, compact_json, quoted
from sessions.events import EVENT_TYPES, frame_text

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
KEYS = st.none() | st.uuids().map(str) | st.text()


def written(value: Any, *, sort_keys: bool = True) -> str:
    return json.dumps(value, sort_keys=sort_keys, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


@given(VALUES)
def test_the_canonical_text_is_that_of_the_standard_library_with_sorted_keys(value: Any) -> None:
    assert canonical_json(value) == written(value)


@given(VALUES)
def test_the_compact_text_keeps_the_order_of_the_keys(value: Any) -> None:
    assert compact_json(value) == written(value, sort_keys=False)


@given(st.dictionaries(st.integers() | st.booleans() | st.floats(-1e30, 1e30), st.integers(), max_size=5))
def test_keys_that_are_no_text_are_written_as_the_standard_library_does(value: Any) -> None:
    assert canonical_json(value) == written(value)


@given(st.text())
def test_a_quoted_text_is_the_text_as_json(text: str) -> None:
    assert quoted(text) == written(text)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), [float("nan")]])
def test_what_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        canonical_json(value)


@pytest.mark.parametrize("value", [{1, 2}, b"x", datetime(2026, 1, 1), {"key": object()}])
def test_what_json_cannot_hold_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        canonical_json(value)


def test_a_value_that_holds_itself_is_refused_and_leaves_no_trace() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(RecursionError):
        canonical_json(loop)
    assert canonical_json([[]]) == "[[]]"


def test_a_word_is_written_as_its_text() -> None:
    class Word(StrEnum):
        HIGH = "high"

    assert canonical_json({Word.HIGH: Word.HIGH}) == '{"high":"high"}'


@given(
    seq=st.integers(1, 2**62),
    event_type=st.sampled_from(sorted(EVENT_TYPES)),
    at=st.datetimes(timezones=st.just(UTC) | st.integers(-12, 12).map(lambda hours: timezone(timedelta(hours=hours)))),
    task=KEYS,
    agent=KEYS,
    data=st.dictionaries(st.text(), VALUES, max_size=3),
)
def test_a_frame_is_the_canonical_text_of_its_fields(
    seq: int, event_type: str, at: datetime, task: str | None, agent: str | None, data: dict[str, Any]
) -> None:
    instant = at.isoformat(timespec="microseconds")
    fields = {"seq": seq, "type": event_type, "at": instant, "task": task, "agent": agent, "data": data}
    assert frame_text(seq, event_type, at, task, agent, data) == written(fields)


def test_equal_instants_of_different_zones_keep_their_own_text() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    texts = [frame_text(1, "log", at, None, None, {}) for at in (noon, noon.astimezone(timezone(timedelta(hours=2))))]
    assert "12:00:00" in texts[0]
    assert "14:00:00" in texts[1]
