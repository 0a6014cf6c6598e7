"""A session's result as text: the answer with numbered citations, the sources, the verdicts."""

from collections.abc import Iterator, Mapping
from typing import Any

MARKS = {"supported": "✓", "contradicted": "✗", "contradiction_suspected": "✗?", "not_found": "–"}
QUOTE_CHARACTERS = 160


def answer_text(result: Mapping[str, Any]) -> str:
    """What is printed for a completed session."""
    sources: dict[tuple[Any, ...], int] = {}
    quotes: dict[int, Mapping[str, Any]] = {}
    sentences = [_sentence(sentence, sources, quotes) for sentence in result.get("sentences") or []]
    answer = " ".join(sentences) or str(result.get("answer") or "There is no answer in words; see --json.")
    parts = [answer]
    if quotes:
        parts.append("Sources\n" + "\n".join(_source(number, citation) for number, citation in quotes.items()))
    if claims := result.get("claims"):
        parts.append("Checked claims\n" + "\n".join(_claims(claims)))
    return "\n\n".join(parts)


def _sentence(
    sentence: Mapping[str, Any], sources: dict[tuple[Any, ...], int], quotes: dict[int, Mapping[str, Any]]
) -> str:
    numbers = []
    for citation in sentence.get("citations") or []:
        place = (citation.get("title"), citation.get("start"), citation.get("end"), citation.get("quote"))
        number = sources.setdefault(place, len(sources) + 1)
        quotes.setdefault(number, citation)
        numbers.append(number)
    marks = "".join(f"[{number}]" for number in dict.fromkeys(numbers))
    return f"{sentence.get('text', '')} {marks}".strip()


def _source(number: int, citation: Mapping[str, Any]) -> str:
    quote = " ".join(str(citation.get("quote") or "").split())
    if len(quote) > QUOTE_CHARACTERS:
        quote = quote[: QUOTE_CHARACTERS - 1].rstrip() + "…"
    place = f"characters {citation.get('start')} to {citation.get('end')}"
    return f"  [{number}] {citation.get('title') or 'untitled'}, {place}: “{quote}”"


def _claims(claims: list[Mapping[str, Any]]) -> Iterator[str]:
    for claim in claims:
        verdict = str(claim.get("verdict"))
        cue = f" ({claim['cue']})" if claim.get("cue") else ""
        yield f"  {MARKS.get(verdict, '?')} {verdict.replace('_', ' ')}{cue}: {claim.get('text', '')}"
