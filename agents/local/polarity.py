"""Which way a sentence points: words of increase, decrease and denial, and a few opposites.

A claim and its evidence that share their content words but point different ways are suspected to contradict each
other. The word lists are common English, extended by hand after reading SciFact training claims; nothing is learned.
"""

from collections.abc import Collection
from dataclasses import dataclass

from agents.local.text import stem, words

_DENIALS = """not no never without neither nor cannot fail failed fails failing lack lacks lacking lacked absence absent
    unable incapable unaffected unrelated independent ineffective unlikely none rarely little trivial unchanged
    insignificant nonsignificant false wrong didn doesn isn aren wasn weren won couldn wouldn hasn haven"""
DENIALS = frozenset(_DENIALS.split())
_UP = """increase raise elevate enhance promote induce activate upregulate improve high higher more greater gain
    stimulate encourage accelerate strengthen rise risen rose grow grew boost amplify augment potentiate trigger
    stabilize stabilise benefit effective beneficial major large important crucial essential required necessary
    key long longer positive positively strong stronger facilitate support maintain better superior old older
    upregulation overexpression"""
_DOWN = """decrease reduce lower low inhibit suppress prevent attenuate downregulate impair diminish decline less fewer
    smaller loss lose block abolish repress disrupt limit weaken slow delay protect protection silence deplete
    depletion deletion deficient deficiency knockdown knockout deactivate inactivate degrade halt drop dropped
    fall fell negative negatively poor poorer weak weaker minor small short shorter worse inferior young younger
    restrict antagonize abrogate eliminate inverse inversely damage struggle downregulation inhibitor inhibition"""
_OPPOSITES = """before/after first/last true/false same/different open/closed win/lose won/lost accept/reject
    accepted/rejected include/exclude above/below north/south east/west male/female alive/dead early/late
    buy/sell bought/sold allow/forbid allowed/forbidden legal/illegal start/end began/ended public/private
    always/never all/none present/absent import/export married/divorced approve/reject approved/rejected
    agree/disagree agreed/disagreed success/failure"""

UP = frozenset(map(stem, _UP.split()))
DOWN = frozenset(map(stem, _DOWN.split())) - UP
OPPOSITES = {
    stem(here): stem(there)
    for pair in _OPPOSITES.split()
    for here, there in (pair.split("/"), reversed(pair.split("/")))
}
NEAR = 4  # words between a cue and the content word that it may belong to


@dataclass(frozen=True, slots=True)
class Direction:
    """How often a text denies, and how often it points up and down."""

    denials: int
    ups: int
    downs: int

    @property
    def is_reversed(self) -> bool:
        """Whether the denials and downs together turn the sentence round (an odd number of them)."""
        return (self.denials + self.downs) % 2 == 1


def is_directional(word_stem: str) -> bool:
    """Whether a stem tells the direction, not the subject."""
    return word_stem in UP or word_stem in DOWN


def direction(text: str, near: Collection[str] | None = None) -> Direction:
    """The direction of a text; with `near`, only of cues close to one of these stems."""
    found = words(text)
    stemmed = [stem(word) for word in found]
    places = None if near is None else [i for i, value in enumerate(stemmed) if value in near]
    denials = ups = downs = 0
    for i, (word, value) in enumerate(zip(found, stemmed, strict=True)):
        if places is not None and not any(abs(i - place) <= NEAR for place in places):
            continue
        denials += word in DENIALS
        ups += value in UP and word not in DENIALS
        downs += value in DOWN and word not in DENIALS
    return Direction(denials, ups, downs)


def opposite_pair(claim_stems: frozenset[str], other_stems: frozenset[str]) -> tuple[str, str] | None:
    """Opposite words, one in each text and neither in both, e.g. `("befor", "after")`."""
    for value in sorted(claim_stems - other_stems):
        against = OPPOSITES.get(value)
        if against in other_stems and against not in claim_stems and against is not None:
            return value, against
    return None
