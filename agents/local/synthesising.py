"""One consolidated answer from what several agents found."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from agents.local.answering import Answer, AnswerSentence, answer, plain_text
from agents.local.checking import CONTRADICTION_SUSPECTED, SUPPORTED
from agents.local.evidence import Sentence, hit_from_json, sentences_of
from agents.local.handover import Statement, in_document_order
from agents.local.questions import Goal, GoalKind
from agents.local.summarising import summarise
from agents.local.text import shorten
from documents.types import PassageHit

_VERDICT_WORDS = {
    SUPPORTED: "The documents support this",
    CONTRADICTION_SUSPECTED: "The documents seem to contradict this",
}
_CLAIM_LENGTH = 200


def consolidate(
    goal: Goal,
    hits: Sequence[PassageHit],
    *,
    claims: Sequence[Mapping[str, Any]] = (),
    statements: Sequence[Statement] = (),
    max_sentences: int = 5,
) -> dict[str, Any]:
    """The answer as JSON: checked claims first, then what the passages say, then what other agents stated.

    Nothing is invented: every sentence is quoted from a passage it cites, or names the task that stated it.
    """
    checked = _on_claims(claims) if goal.kind is GoalKind.CHECK else Answer()
    if claims and goal.kind is GoalKind.CHECK:
        found = checked
    else:
        stated = min(len(statements), max(0, max_sentences - 1) if hits else max_sentences)
        found = _from_passages(goal, hits, max_sentences - stated)
        statements = statements[:stated]
    result = found.to_json()
    result["sentences"] += [{"text": item.text, "citations": [], "task": item.task} for item in statements]
    if statements:
        texts = [entry["text"] for entry in result["sentences"]]
        result["answer"] = " ".join(texts)
    result["documents"] = _documents(found.sentences)
    result["kind"] = str(goal.kind)
    return result


def _from_passages(goal: Goal, hits: Sequence[PassageHit], max_sentences: int) -> Answer:
    if goal.kind is GoalKind.SUMMARY or _are_spoken(hits):
        return summarise(goal.text, in_document_order(hits), max_sentences=max_sentences)
    return answer(goal.text, hits, max_sentences=max_sentences, parts=goal.parts)


def _are_spoken(hits: Sequence[PassageHit]) -> bool:
    """Whether most passages are transcripts, where an answer rarely repeats the question's words."""
    spoken = sum(any(sentence.speaker for sentence in sentences_of(hit)) for hit in hits)
    return spoken > len(hits) / 2


def _on_claims(claims: Sequence[Mapping[str, Any]]) -> Answer:
    """A sentence per claim with evidence; without any, an honest word on each."""
    sentences = [sentence for claim in claims if (sentence := _on_claim(claim))]
    named = "; ".join(f"“{shorten(str(claim.get('text', '')), _CLAIM_LENGTH)}”" for claim in claims)
    return Answer(tuple(sentences), f"The documents neither support nor contradict this: {named}.")


def _on_claim(claim: Mapping[str, Any]) -> AnswerSentence | None:
    words = _VERDICT_WORDS.get(str(claim.get("verdict")))
    sources = tuple(_sources(claim.get("evidence") or []))
    if words is None or not sources:
        return None
    cue = f" (cue: {claim['cue']})" if claim.get("cue") else ""
    return AnswerSentence(f"{words}{cue}: {plain_text(sources[0].text)}", sources)


def _sources(evidence: Iterable[Any]) -> Iterable[Sentence]:
    for place, entry in enumerate(evidence):
        hit = hit_from_json(entry) if isinstance(entry, Mapping) else None
        if hit is not None:
            yield Sentence(hit.text, hit.start, hit.end, hit.passage_id, hit.document_id, hit.title, place, hit.score)


def _documents(sentences: Sequence[AnswerSentence]) -> list[dict[str, Any]]:
    """The cited documents, most cited first."""
    counts: dict[tuple[str, str], int] = {}
    for sentence in sentences:
        for source in sentence.sources:
            key = (source.document_id, source.title)
            counts[key] = counts.get(key, 0) + 1
    ranked = sorted(counts.items(), key=lambda entry: -entry[1])
    return [{"document_id": key, "title": title, "citations": count} for (key, title), count in ranked]
