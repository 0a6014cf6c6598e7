"""A research result: which passages matter for a question, what they say, and how they were found."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from agents.local.answering import Answer, answer, key_terms
from agents.local.evidence import passage_json
from agents.local.questions import subject_stems
from agents.local.retrieval import Found, Retrieval, Search, retrieve
from agents.local.summarising import summarise
from agents.local.text import STOPWORDS, stem, unique, words
from documents.types import PassageHit

FINDINGS = 3
READ_FINDINGS = 12
READ_WORDS = 400


async def find(
    search: Search,
    question: str,
    *,
    focus: str = "",
    others: Sequence[str] = (),
    hops: int = 2,
    limit: int = 10,
    known: Sequence[PassageHit] = (),
) -> Retrieval:
    """Passages for a question; with `focus`, for that one thing of it and not for the `others`.

    `known` are passages an earlier hop found; the second hop starts from them too.
    """
    query = focused_query(question, focus, others) if focus else question
    return await retrieve(search, query, limit=limit, hops=hops, known=known)


def focused_query(question: str, focus: str, others: Sequence[str]) -> str:
    """The focus, then what else the question asks, without the other things it compares."""
    left_out = {word for other in others for word in words(other)} | set(words(focus)) | STOPWORDS
    return " ".join([focus, *unique(word for word in words(question) if word not in left_out)])


def analyse(question: str, found: Sequence[Found], queries: Sequence[str], focus: str = "") -> dict[str, Any]:
    """The research result of a search."""
    hits = [replace(item.hit, score=item.score) for item in found]
    findings = answer(question, hits, max_sentences=FINDINGS, parts=[focus] if focus else [])
    listed = [passage_json(item.hit, score=item.score, why=item.why) for item in found]
    return _result(question, hits, listed, findings, queries, focus)


def read(question: str, hits: Sequence[PassageHit], *, limit: int = 10) -> dict[str, Any]:
    """The research result of reading passages through, in document order, without a search."""
    findings = summarise(question, hits, max_sentences=READ_FINDINGS, max_words=READ_WORDS)
    votes: dict[str, int] = {}
    for sentence in findings.sentences:
        for source in sentence.sources:
            votes[source.passage_id] = votes.get(source.passage_id, 0) + 1
    subject = subject_stems(question)
    why = "says most about the question" if subject else "says most of what the whole is about"
    top = max(votes.values(), default=1)
    kept = [hit for hit in hits if hit.passage_id in votes]
    kept = sorted(kept, key=lambda hit: -votes[hit.passage_id])[:limit]
    listed = [passage_json(hit, score=votes[hit.passage_id] / top, why=why) for hit in kept]
    return _result(question, kept, listed, findings, [], "")


def _result(
    question: str,
    hits: Sequence[PassageHit],
    listed: list[dict[str, Any]],
    findings: Answer,
    queries: Sequence[str],
    focus: str,
) -> dict[str, Any]:
    return {
        "question": question,
        "focus": focus,
        "findings": [sentence.to_json() for sentence in findings.sentences],
        "summary": findings.text if findings.sentences else _nothing(question, focus),
        "passages": listed,
        "key_terms": key_terms(question, hits),
        "open_words": open_words(question, hits),
        "queries": list(queries),
        "documents": [
            {"document_id": key, "title": title}
            for key, title in dict.fromkeys((hit.document_id, hit.title) for hit in hits)
        ],
    }


def open_words(question: str, hits: Sequence[PassageHit]) -> list[str]:
    """The question's content words that no passage contains: what the documents leave open."""
    covered = {stem(word) for hit in hits for word in words(f"{hit.title} {hit.text}")}
    asked = subject_stems(question)
    return [word for word in unique(words(question)) if stem(word) in asked and stem(word) not in covered]


def _nothing(question: str, focus: str) -> str:
    return f"The documents do not say anything about {focus}." if focus else "The documents do not answer the question."
