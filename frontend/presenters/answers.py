"""A session's result as the page shows it: numbered citations, sources, claims with their verdicts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.urls import reverse

VERDICTS = {
    "supported": "supported",
    "contradicted": "contradicted",
    "contradiction_suspected": "contradiction suspected",
    "not_found": "not found",
}


@dataclass(frozen=True, slots=True)
class Cite:
    """One citation under its number: where it opens, and what it quotes."""

    number: int
    title: str
    quote: str
    url: str
    passage_url: str


@dataclass(frozen=True, slots=True)
class Sentence:
    text: str
    cites: Sequence[Cite]
    starts_paragraph: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    text: str
    verdict: str
    words: str
    cue: str
    cites: Sequence[Cite]


@dataclass(frozen=True, slots=True)
class VerdictCount:
    verdict: str
    words: str
    number: int


@dataclass(frozen=True, slots=True)
class Answer:
    """All the page says about a result; `outputs` are those of the last tasks when no agent wrote an answer."""

    text: str = ""
    sentences: Sequence[Sentence] = ()
    sources: Sequence[Cite] = ()
    claims: Sequence[Claim] = ()
    verdicts: Sequence[VerdictCount] = ()
    outputs: Sequence[tuple[str, Any]] = ()
    activity: str = ""

    @property
    def is_there(self) -> bool:
        return bool(self.text or self.sentences or self.outputs)


@dataclass(slots=True)
class _Numbering:
    """Each span gets one number, in order of first appearance."""

    cites: dict[tuple[str, int, int], Cite] = field(default_factory=dict)

    def number(self, citations: Any) -> list[Cite]:
        found = [self._cite(citation) for citation in _list(citations) if isinstance(citation, Mapping)]
        return list(dict.fromkeys(cite for cite in found if cite is not None))

    def _cite(self, citation: Mapping[str, Any]) -> Cite | None:
        try:
            key = (str(UUID(str(citation["document_id"]))), int(citation["start"]), int(citation["end"]))
        except (KeyError, TypeError, ValueError):
            return None
        if key not in self.cites:
            self.cites[key] = _new_cite(len(self.cites) + 1, key, citation)
        return self.cites[key]


def present_answer(result: Mapping[str, Any] | None, *, activity: str = "") -> Answer:
    """Nothing in a result is trusted: whatever does not have the expected shape is left out."""
    if not isinstance(result, Mapping):
        return Answer(activity=activity)
    numbering = _Numbering()
    sentences = [_sentence(row, numbering) for row in _mappings(result.get("sentences"))]
    claims = [_claim(row, numbering) for row in _mappings(result.get("claims"))]
    cited = {cite for sentence in sentences for cite in sentence.cites}
    outputs = result.get("outputs")
    return Answer(
        text=str(result.get("answer") or ""),
        sentences=[sentence for sentence in sentences if sentence.text],
        sources=[cite for cite in numbering.cites.values() if cite in cited],
        claims=claims,
        verdicts=_count(claims),
        outputs=list(outputs.items()) if isinstance(outputs, Mapping) else (),
        activity=activity,
    )


def _sentence(row: Mapping[str, Any], numbering: _Numbering) -> Sentence:
    text = str(row.get("text") or "")
    return Sentence(text.strip(), numbering.number(row.get("citations")), text.startswith("\n"))


def _claim(row: Mapping[str, Any], numbering: _Numbering) -> Claim:
    verdict = str(row.get("verdict") or "")
    known = verdict if verdict in VERDICTS else "not_found"
    return Claim(
        text=str(row.get("text") or ""),
        verdict=known,
        words=VERDICTS[known],
        cue=_cue(row.get("cue")),
        cites=numbering.number(row.get("evidence")),
    )


def _cue(cue: Any) -> str:
    if isinstance(cue, Mapping):
        return ", ".join(f"{name}: {value}" for name, value in cue.items())
    return str(cue or "")


def _count(claims: Sequence[Claim]) -> list[VerdictCount]:
    counts = Counter(claim.verdict for claim in claims)
    return [VerdictCount(verdict, words, counts[verdict]) for verdict, words in VERDICTS.items() if counts[verdict]]


def _new_cite(number: int, key: tuple[str, int, int], citation: Mapping[str, Any]) -> Cite:
    document_id, start, end = key
    span = f"?start={start}&end={end}"
    return Cite(
        number=number,
        title=str(citation.get("title") or "Document"),
        quote=str(citation.get("quote") or ""),
        url=f"{_address('document', document_id)}{span}#span",
        passage_url=f"{_address('document-passage', document_id)}{span}",
    )


def _address(name: str, document_id: str) -> str:
    return reverse(name, args=[document_id])


def _mappings(rows: Any) -> list[Mapping[str, Any]]:
    return [row for row in _list(rows) if isinstance(row, Mapping)]


def _list(rows: Any) -> Sequence[Any]:
    return rows if isinstance(rows, list) else []
