"""What one agent's output gives the next: passages, claims, and statements of agents that cite nothing."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from agents.local.evidence import hit_from_json
from agents.local.text import sentences
from documents.types import PassageHit

_STATEMENT_KEYS = ("answer", "summary", "report", "text", "said", "result", "message")
_SENTENCES_PER_STATEMENT = 2


@dataclass(frozen=True, slots=True)
class Statement:
    """A sentence of an agent that named no source."""

    text: str
    task: str


def passages_of(outputs: Iterable[Any]) -> list[PassageHit]:
    """The passages of all outputs, each once with its best score, best first."""
    best: dict[str, PassageHit] = {}
    for output in outputs:
        for entry in _entries(output, "passages"):
            hit = hit_from_json(entry)
            if hit is not None and (hit.passage_id not in best or best[hit.passage_id].score < hit.score):
                best[hit.passage_id] = hit
    return sorted(best.values(), key=lambda hit: hit.score, reverse=True)


def in_document_order(hits: Iterable[PassageHit]) -> list[PassageHit]:
    """Passages as one would read them: documents as they come, each from its start."""
    hits = list(hits)
    order = {key: place for place, key in enumerate(dict.fromkeys(hit.document_id for hit in hits))}
    return sorted(hits, key=lambda hit: (order[hit.document_id], hit.start))


def claims_of(outputs: Iterable[Any]) -> list[Mapping[str, Any]]:
    """The checked claims of all outputs."""
    return [entry for output in outputs for entry in _entries(output, "claims") if "verdict" in entry]


def answer_sentences_of(outputs: Iterable[Any]) -> list[str] | None:
    """The sentences of the answers among the outputs; None when none of them is an answer."""
    answers = [output for output in outputs if isinstance(output, Mapping) and "sentences" in output]
    if not answers:
        return None
    return [str(entry["text"]) for output in answers for entry in _entries(output, "sentences") if entry.get("text")]


def statements_of(outputs: Iterable[tuple[str, Any]]) -> list[Statement]:
    """The first sentences of outputs that carry neither passages nor claims nor citations."""
    found: list[Statement] = []
    for task, output in outputs:
        text = _free_text(output)
        found += [Statement(span.text, task) for span in sentences(text)[:_SENTENCES_PER_STATEMENT]]
    return found


def _entries(output: Any, key: str) -> list[Mapping[str, Any]]:
    """The objects listed under a key, or none when the output has another shape."""
    values = output.get(key) if isinstance(output, Mapping) else None
    return [entry for entry in values if isinstance(entry, Mapping)] if isinstance(values, list) else []


def _free_text(output: Any) -> str:
    if isinstance(output, str):
        return output
    if not isinstance(output, Mapping) or any(key in output for key in ("passages", "claims", "sentences", "tasks")):
        return ""
    return next((str(output[key]) for key in _STATEMENT_KEYS if isinstance(output.get(key), str)), "")
