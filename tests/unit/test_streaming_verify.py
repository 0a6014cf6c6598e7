"""A changed, lost or doubled event breaks the chain at its place."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from sessions.events import GENESIS_HASH, record_event
from sessions.streaming.verify import ChainRow, verify_chain

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def chain(length: int) -> list[ChainRow]:
    rows: list[ChainRow] = []
    for seq in range(1, length + 1):
        previous = rows[-1].hash if rows else GENESIS_HASH
        record = record_event(previous_hash=previous, seq=seq, event_type="log", at=NOW, data={"text": f"é{seq}"})
        rows.append(ChainRow(record.seq, record.payload, record.hash))
    return rows


def test_a_whole_log_verifies() -> None:
    rows = chain(5)
    verdict = verify_chain(rows)
    assert (verdict.is_whole, verdict.count, verdict.last_hash) == (True, 5, rows[-1].hash)


def test_an_empty_log_is_whole() -> None:
    assert verify_chain([]).is_whole


def test_a_log_verifies_from_the_middle_with_the_hash_before_it() -> None:
    rows = chain(6)
    assert verify_chain(rows[3:], previous_hash=rows[2].hash, first_seq=4).is_whole


@given(st.integers(2, 8), st.data())
def test_any_change_is_found_at_its_place(length: int, data: st.DataObject) -> None:
    rows = chain(length)
    index = data.draw(st.integers(0, length - 1))
    kind = data.draw(st.sampled_from(["text", "hash", "lost", "twice"]))
    if kind == "text":
        rows[index] = replace(rows[index], payload=rows[index].payload.replace("é", "e"))
    elif kind == "hash":
        rows[index] = replace(rows[index], hash="f" * 64)
    elif kind == "twice":
        rows.insert(index, rows[index])
    elif index == length - 1:
        return
    else:
        del rows[index]
    verdict = verify_chain(rows)
    assert not verdict.is_whole
    assert verdict.broken_at == index + 1
    assert str(index + 1) in verdict.reason


def test_a_renumbered_event_is_found() -> None:
    rows = chain(2)
    text = rows[1].payload.replace('"seq":2', '"seq":3')
    from sessions.events import next_hash

    rows[1] = ChainRow(2, text, next_hash(rows[0].hash, text))
    assert "another number" in verify_chain(rows).reason
