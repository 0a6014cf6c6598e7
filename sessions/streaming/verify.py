"""Whether a log is whole: no gap, every hash follows from the one before."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from sessions.events import GENESIS_HASH, next_hash


@dataclass(frozen=True, slots=True)
class ChainRow:
    """One stored event, as far as the chain is concerned."""

    seq: int
    payload: str
    hash: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """`broken_at` is the first seq that is wrong (or missing), and `reason` says how; both empty when all is well."""

    is_whole: bool
    count: int
    last_hash: str
    broken_at: int | None = None
    reason: str = ""


def verify_chain(rows: Iterable[ChainRow], *, previous_hash: str = GENESIS_HASH, first_seq: int = 1) -> Verdict:
    """Checks rows in the order of their seq, from `first_seq` on, and stops at the first that is wrong."""
    count = 0
    for row in rows:
        reason = _fault(row, first_seq + count, previous_hash)
        if reason:
            return Verdict(False, count, previous_hash, min(row.seq, first_seq + count), reason)
        previous_hash = row.hash
        count += 1
    return Verdict(True, count, previous_hash)


def link_fault(row: ChainRow, expected: int, previous_hash: str) -> str:
    """What is wrong with the row's place in the chain; empty when it follows from the one before."""
    if row.seq != expected:
        return f"event {expected} is missing" if row.seq > expected else f"event {row.seq} stands twice"
    if next_hash(previous_hash, row.payload) != row.hash:
        return f"the hash of event {row.seq} does not follow from its text and the hash before it"
    return ""


def _fault(row: ChainRow, expected: int, previous_hash: str) -> str:
    if reason := link_fault(row, expected, previous_hash):
        return reason
    if json.loads(row.payload).get("seq") != row.seq:
        return f"the text of event {row.seq} carries another number"
    return ""
