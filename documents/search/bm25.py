"""BM25 (Robertson & Zaragoza 2009) over candidates that a database found, where the database has none of its own."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

K1 = 1.2
B = 0.75


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage: how often it holds each query term (the title's counted by their weight), and its length."""

    passage_id: UUID
    frequencies: Mapping[str, float]
    length: int


def score_candidates(
    candidates: Sequence[Candidate], *, passage_count: int, passages_with: Mapping[str, int]
) -> list[tuple[UUID, float]]:
    """Passage ids with their scores, best first, ties by id. `passages_with`: how many of the searched passages hold
    each term; the mean length is taken over the candidates."""
    mean_length = sum(candidate.length for candidate in candidates) / max(len(candidates), 1) or 1.0
    weights = {term: _rarity(passage_count, holding) for term, holding in passages_with.items()}
    scored = [(candidate.passage_id, _score(candidate, weights, mean_length)) for candidate in candidates]
    return sorted(scored, key=lambda pair: (-pair[1], pair[0]))


def _rarity(passage_count: int, holding: int) -> float:
    return math.log(1 + (max(passage_count - holding, 0) + 0.5) / (holding + 0.5))


def _score(candidate: Candidate, weights: Mapping[str, float], mean_length: float) -> float:
    saturation = K1 * (1 - B + B * candidate.length / mean_length)
    return sum(
        weights.get(term, 0.0) * frequency * (K1 + 1) / (frequency + saturation)
        for term, frequency in candidate.frequencies.items()
    )
