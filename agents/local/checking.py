"""A claim against evidence: supported, contradiction suspected (with the cue) or not found, with the spans.

Rules, no model: first whether the evidence talks about the claim at all (shared content words), then whether it points
the other way (denial, direction, opposite word, number). `Limits` are the only fitted values: `python -m bench.quality`
shows how well values chosen the same way do on SciFact claims they were not chosen on.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from agents.local.evidence import Sentence
from agents.local.layout import statements
from agents.local.polarity import direction, is_directional, opposite_pair
from agents.local.text import phrase, stem_set

SUPPORTED = "supported"
CONTRADICTION_SUSPECTED = "contradiction_suspected"
NOT_FOUND = "not_found"

_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_SENTENCES_COMPARED = 3


@dataclass(frozen=True, slots=True)
class Limits:
    """Thresholds of the verdict, all between 0 and 1.

    Chosen by grid search on the 809 training claims of SciFact (Wadden et al. 2020).
    """

    found: float = 0.5
    conflict: float = 0.6
    missing_number: float = 0.2
    denial_weight: float = 0.5
    same_statement: float = 0.8


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the evidence says of a claim; `cue` tells what made a contradiction likely."""

    claim: str
    verdict: str
    cue: str | None
    confidence: float
    evidence: tuple[Sentence, ...]

    def to_json(self) -> dict[str, Any]:
        """The shape a session's result shows."""
        return {
            "text": self.claim,
            "verdict": self.verdict,
            "cue": self.cue,
            "confidence": round(self.confidence, 2),
            "evidence": [sentence.citation() for sentence in self.evidence],
        }


@dataclass(frozen=True, slots=True)
class Signals:
    """What was measured for one claim; the verdict is a plain rule over these."""

    relevance: float
    missing_numbers: bool
    mismatch: float
    denial_mismatch: float
    cue: str | None
    hard_cue: str | None
    evidence: tuple[Sentence, ...]
    is_stated: bool = False


def split_claims(text: str) -> list[str]:
    """The sentences of a text that state something: no question, at least two content words."""
    spans = [spoken.span for spoken in statements(text)]
    return [span.text for span in spans if len(stem_set(span.text)) > 1 and not span.text.endswith("?")]


def check(claim: str, evidence: Sequence[Sentence], limits: Limits = Limits()) -> Verdict:
    """The verdict on one claim, given candidate sentences. A sentence that is the claim word for word settles it."""
    wanted = phrase(claim)
    same = next((sentence for sentence in evidence if phrase(sentence.text) == wanted), None)
    if same is not None:
        return Verdict(claim, SUPPORTED, None, 1.0, (same,))
    return decide(claim, measure(claim, evidence, limits), limits)


def decide(claim: str, signals: Signals, limits: Limits) -> Verdict:
    """The rule: stated as it is; else enough shared words, then enough signs of the opposite."""
    if signals.is_stated:
        return Verdict(claim, SUPPORTED, None, 1.0, signals.evidence[:1])
    relevance = signals.relevance - (limits.missing_number if signals.missing_numbers else 0.0)
    if signals.hard_cue:
        return Verdict(claim, CONTRADICTION_SUSPECTED, signals.hard_cue, signals.relevance, signals.evidence[:1])
    if not signals.evidence or relevance < limits.found:
        return Verdict(claim, NOT_FOUND, None, min(1.0, max(0.0, 1.0 - relevance)), ())
    conflict = signals.mismatch + limits.denial_weight * signals.denial_mismatch
    if conflict >= limits.conflict and signals.cue:
        return Verdict(claim, CONTRADICTION_SUSPECTED, signals.cue, min(1.0, conflict), signals.evidence[:2])
    return Verdict(claim, SUPPORTED, None, min(1.0, relevance), signals.evidence[:2])


def measure(claim: str, evidence: Sequence[Sentence], limits: Limits = Limits()) -> Signals:
    """Compare a claim with the sentences nearest to it."""
    core = _subject(claim)
    ranked = _nearest(core, evidence)
    if not ranked or not core:
        return Signals(0.0, False, 0.0, 0.0, None, None, ())
    share, nearest = ranked[0]
    whole = max(len(core & covered) / len(core) for covered in _covered_by_document(evidence).values())
    hard = _hard_cue(claim, core, evidence, limits)
    compared = ranked[:_SENTENCES_COMPARED]
    total = sum(weight for weight, _ in compared) or 1.0
    signs = [(weight / total, _signs(claim, core, sentence.text)) for weight, sentence in compared]
    return Signals(
        relevance=(share + whole) / 2,
        missing_numbers=bool(_missing_numbers(claim, nearest, evidence)),
        mismatch=sum(weight for weight, sign in signs if sign.reversed),
        denial_mismatch=sum(weight for weight, sign in signs if sign.denied),
        cue=next((sign.cue for _, sign in signs if sign.cue), None),
        hard_cue=hard[0] if hard else None,
        evidence=((hard[1],) if hard else ()) + tuple(sentence for weight, sentence in compared if weight > 0),
        is_stated=_is_stated(claim, nearest.text),
    )


def _is_stated(claim: str, sentence: str) -> bool:
    """Whether the nearest sentence has every content word of the claim and denies as often."""
    return stem_set(claim) <= stem_set(sentence) and direction(claim) == direction(sentence)


def _subject(text: str) -> frozenset[str]:
    """Content stems without words of direction."""
    every = stem_set(text)
    return frozenset(value for value in every if not is_directional(value)) or every


def _nearest(core: frozenset[str], evidence: Sequence[Sentence]) -> list[tuple[float, Sentence]]:
    """Sentences by the share of the claim's subject in them, later ones first on a tie (conclusions come last)."""
    shares = [(len(core & stem_set(item.text)) / max(1, len(core)), i, item) for i, item in enumerate(evidence)]
    shares.sort(key=lambda entry: (entry[0], entry[1]), reverse=True)
    return [(share, item) for share, _, item in shares]


def _covered_by_document(evidence: Sequence[Sentence]) -> dict[str, set[str]]:
    covered: dict[str, set[str]] = defaultdict(set)
    for item in evidence:
        covered[item.document_id] |= stem_set(item.text) | stem_set(item.title)
    return covered


@dataclass(frozen=True, slots=True)
class _Signs:
    reversed: bool
    denied: bool
    cue: str | None


def _signs(claim: str, core: frozenset[str], sentence: str) -> _Signs:
    """Whether a sentence points the other way than the claim, near the words they share."""
    ours, theirs = direction(claim), direction(sentence, near=core)
    is_reversed = ours.is_reversed != theirs.is_reversed
    denied = bool(ours.denials) != bool(theirs.denials)
    cue = None
    if is_reversed and denied:
        cue = "negation"
    elif is_reversed:
        cue = "direction"
    return _Signs(is_reversed, denied, cue)


def _hard_cue(
    claim: str, core: frozenset[str], evidence: Sequence[Sentence], limits: Limits
) -> tuple[str, Sentence] | None:
    """A sign strong enough alone, and where it stands: the same statement with another number or the opposite word.

    What a sentence leaves to its title counts as said (“It opened in 1932” in a text on Harlow Bridge).
    """
    subject = {value for value in core if not _NUMBER.fullmatch(value)}
    for item in evidence:
        own = stem_set(item.text)
        pair = opposite_pair(stem_set(claim), own)
        telling = subject - set(pair or ())
        said = telling & (own | stem_set(item.title))
        if not telling & own or len(said) < limits.same_statement * len(telling):
            continue
        missing = _missing_numbers(claim, item, evidence)
        if missing and _same_shape(missing, _NUMBER.findall(item.text)):
            return "number", item
        if pair:
            return f"opposite: {pair[0]} / {pair[1]}", item
    return None


def _missing_numbers(claim: str, nearest: Sentence, evidence: Sequence[Sentence]) -> list[str]:
    """Numbers of the claim that the nearest sentence's document does not have."""
    same = [item for item in evidence if item.document_id == nearest.document_id]
    present = {number for item in same for number in _NUMBER.findall(item.text)}
    return [number for number in _NUMBER.findall(claim) if number not in present]


def _same_shape(missing: Sequence[str], others: Sequence[str]) -> bool:
    """Whether a number of equal length stands where the missing one was expected (a year for a year)."""
    return any(len(ours) == len(theirs) for ours in missing for theirs in others)
