"""QMSum: a summary of a meeting for each query, against the reference (ROUGE-1 F, stemmed)."""

from pathlib import Path
from typing import Any

from bench.quality.figures import Figure
from bench.quality.house import load, new_project, read_lines, reader, run

_BAR = 24.0


def figures(data: Path) -> list[Figure]:
    """All queries of the 35 validation meetings, general and specific."""
    meetings = read_lines(data / "qmsum" / "val.jsonl")
    project = new_project("qmsum")
    ids = load(project, ((f"Meeting {n}", _transcript(meeting)) for n, meeting in enumerate(meetings, start=1)))
    return list(run(_figures(meetings, [reader(project, [key]) for key in ids])))


def _transcript(meeting: dict[str, Any]) -> str:
    return "\n".join(f"{turn['speaker']}: {turn['content']}" for turn in meeting["meeting_transcripts"])


async def _figures(meetings: list[dict[str, Any]], readers: list[Any]) -> list[Figure]:
    from agents.local.handover import in_document_order, passages_of
    from agents.local.researching import read
    from agents.local.summarising import summarise
    from agents.rehearsal import rehearse_goal

    reading: list[float] = []
    planned: list[float] = []
    for meeting, documents in zip(meetings, readers, strict=True):
        passages = await documents.passages()
        for row in [*meeting["general_query_list"], *meeting["specific_query_list"]]:
            found = read(row["query"], passages)
            summary = summarise(row["query"], in_document_order(passages_of([found])))
            reading.append(_rouge(row["answer"], summary.text))
            outputs = await rehearse_goal(row["query"], documents, without=("validation",))
            planned.append(_rouge(row["answer"], outputs["synthesis"]["answer"]))
    return [
        Figure(
            "QMSum, ROUGE-1, read and summarised", _mean(reading), _BAR, f"{len(reading)} queries, general and specific"
        ),
        Figure("QMSum, ROUGE-1, as the planner decides", _mean(planned), _BAR, "a session of mode planned"),
    ]


def _rouge(reference: str, text: str) -> float:
    from rouge_score.rouge_scorer import RougeScorer

    global _scorer
    _scorer = _scorer or RougeScorer(["rouge1"], use_stemmer=True)
    return 100 * float(_scorer.score(reference, text)["rouge1"].fmeasure)


_scorer: Any = None


def _mean(values: list[float]) -> float:
    return sum(values) / max(1, len(values))
