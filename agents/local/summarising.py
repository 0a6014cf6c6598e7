"""A query-focused extractive summary of long texts and transcripts.

A sentence is worth what its neighbourhood says about the query (decaying with distance, so that the answer after a
question is found although it repeats no word of it), plus how central its words are to the whole (SumBasic, Nenkova and
Vanderwende 2005). Fillers of spoken language are left out of the shown text; the citation quotes the text as it is.
"""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from agents.local.answering import Answer, AnswerSentence, overlap, plain_text
from agents.local.evidence import Sentence, all_sentences
from agents.local.questions import subject_stems
from agents.local.text import stem_set, stems
from documents.types import PassageHit

# Tuned on the validation meetings of QMSum. Halved or doubled, the lengths in words cost up to 2.5 of 27.4 ROUGE-1, any
# other at most 0.3.
WINDOW = 10
DECAY = 0.85
SPEAKER_WEIGHT = 2.0
CENTRAL_WEIGHT = 0.25
LEAD_WEIGHT = 0.3
LEAD_CHARACTERS = 300
FEWEST_WORDS = 12
MOST_WORDS = 60
SAME_STATEMENT = 0.6
OTHER_DOCUMENT_WEIGHT = 0.15
FOCUSED_WORDS = 80
GENERAL_WORDS = 130

_FILLER = re.compile(
    r"\{[^}]*\}|<[^>]*>"
    r"|\b(?:um|uh|uhm|hmm|mm|mhm|er|erm|uh-huh|mm-hmm|yeah|okay|ok|you know|i mean|sort of|kind of)\b\s*,?",
    re.I,
)


@dataclass(frozen=True, slots=True)
class _Scored:
    sentence: Sentence
    text: str
    score: float
    order: int


def summarise(
    query: str, hits: Sequence[PassageHit], *, max_sentences: int = 5, max_words: int | None = None
) -> Answer:
    """What the passages, given in document order, say about a query; in reading order, speakers named in transcripts.

    Without `max_words`, a query about the whole gets a longer summary than one with a subject of its own.
    """
    items = all_sentences(hits)
    subject = subject_stems(query)
    known = frozenset().union(*(stem_set(item.text) | stem_set(item.speaker) for item in items)) & subject
    budget = max_words or (FOCUSED_WORDS if known else GENERAL_WORDS)
    chosen = _choose(_score(items, known), max_sentences, budget)
    return Answer(tuple(_shown(chosen)))


def tidy(text: str) -> str:
    """Spoken language without fillers and transcribers' marks, on one line."""
    text = _FILLER.sub("", text)
    text = re.sub(r"\s+([,.?!'])", r"\1", text)
    text = re.sub(r"(,\s*)+,", ",", text)
    return plain_text(re.sub(r"^[\s,.?!]+", "", text))


def _score(items: Sequence[Sentence], subject: frozenset[str]) -> list[_Scored]:
    """Each sentence by what its surroundings say about the subject and by how central its words are."""
    texts = [tidy(item.text) if item.speaker else plain_text(item.text) for item in items]
    bags = [stem_set(text) for text in texts]
    counts = Counter(value for text in texts for value in stems(text))
    seen = Counter(value for bag in bags for value in bag)
    rarity = {value: math.log(1 + (len(items) - seen[value] + 0.5) / (seen[value] + 0.5)) for value in subject}
    direct = [
        sum(rarity[value] for value in bag & subject) + SPEAKER_WEIGHT * bool(stem_set(item.speaker) & subject)
        for item, bag in zip(items, bags, strict=True)
    ]
    near = _normal(_spread(direct, [item.document_id for item in items]))
    central = _normal([sum(math.log(1 + counts[value]) for value in bag) for bag in bags])
    return [
        _Scored(item, text, focus + CENTRAL_WEIGHT * weight + LEAD_WEIGHT * _leads(item), order)
        for order, (item, text, focus, weight) in enumerate(zip(items, texts, near, central, strict=True))
    ]


def _leads(item: Sentence) -> bool:
    """Whether a sentence opens a written document, where what it is about stands first."""
    return (
        item.position == 0 and item.start < LEAD_CHARACTERS and not item.speaker and item.text.endswith((".", "!", "?"))
    )


def _spread(direct: Sequence[float], documents: Sequence[str]) -> list[float]:
    """Each value plus its neighbours' in the same document, decaying with distance."""
    weights = [DECAY**distance for distance in range(WINDOW + 1)]
    spread = []
    for i in range(len(direct)):
        around = range(max(0, i - WINDOW), min(len(direct), i + WINDOW + 1))
        spread.append(
            sum(direct[j] * weights[abs(i - j)] for j in around if direct[j] and documents[j] == documents[i])
        )
    return spread


def _normal(values: Sequence[float]) -> list[float]:
    top = max(values, default=0.0) or 1.0
    return [value / top for value in values]


def _choose(scored: Sequence[_Scored], max_sentences: int, budget: int) -> list[_Scored]:
    """Best first within the budget of words; documents not yet heard come forward a little."""
    rest = sorted((item for item in scored if _fits(item)), key=lambda item: item.score, reverse=True)
    rest = rest or sorted(scored, key=lambda item: item.score, reverse=True)[:max_sentences]
    chosen: list[_Scored] = []
    used = 0
    while rest and len(chosen) < max_sentences and used < budget:
        heard = {item.sentence.document_id for item in chosen}
        best = max(rest, key=lambda item: item.score + OTHER_DOCUMENT_WEIGHT * (item.sentence.document_id not in heard))
        rest.remove(best)
        length = len(best.text.split())
        if chosen and (used + length > budget * 1.15 or _is_said(best, chosen)):
            continue
        chosen.append(best)
        used += length
    return sorted(chosen, key=lambda item: item.order)


def _fits(item: _Scored) -> bool:
    return FEWEST_WORDS <= len(item.text.split()) <= MOST_WORDS


def _is_said(item: _Scored, chosen: Sequence[_Scored]) -> bool:
    return any(overlap(item.text, other.text) > SAME_STATEMENT for other in chosen)


def _shown(chosen: Sequence[_Scored]) -> list[AnswerSentence]:
    """The chosen sentences, each change of speaker marked by the name."""
    shown, last = [], ""
    for item in chosen:
        speaker = item.sentence.speaker
        label = f"{speaker}: " if speaker and speaker != last else ""
        shown.append(AnswerSentence(f"{label}{item.text}", (item.sentence,)))
        last = speaker
    return shown
