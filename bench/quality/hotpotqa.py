"""HotpotQA: two-hop retrieval, and the answer of a planned session's agents."""

import string
from pathlib import Path
from typing import Any

from bench.quality.figures import Figure
from bench.quality.house import load, new_project, read_lines, reader, run

_RETRIEVAL_BARS = {"sqlite": 0.81, "postgresql": 0.79}
_ANSWER_BAR = 0.56
_ARTICLES = {"a", "an", "the"}


def figures(data: Path, vendor: str) -> list[Figure]:
    """Figures over the 250 questions and 4,937 paragraphs, each paragraph a document."""
    questions = read_lines(data / "hotpotqa" / "questions.jsonl")
    project = new_project("hotpotqa")
    load(project, ((row["title"], row["text"]) for row in read_lines(data / "hotpotqa" / "corpus.jsonl")))
    documents = reader(project)
    return [*run(_retrieval(questions, documents, vendor)), *run(_answers(questions, documents))]


async def _retrieval(questions: list[dict[str, Any]], documents: Any, vendor: str) -> list[Figure]:
    from agents.local.retrieval import retrieve

    both = {1: 0, 2: 0}
    for row in questions:
        for hops in both:
            found = await retrieve(documents.search, row["question"], limit=10, hops=hops)
            both[hops] += set(row["gold_titles"]) <= {item.hit.title for item in found.passages}
    count = len(questions)
    return [
        Figure("HotpotQA, both gold in 10, two hops", both[2] / count, _RETRIEVAL_BARS[vendor], f"{count} questions"),
        Figure("HotpotQA, both gold in 10, one hop", both[1] / count, None, "and the titles that the question names"),
    ]


async def _answers(questions: list[dict[str, Any]], documents: Any) -> list[Figure]:
    """Planning, research and synthesis as in a session of mode `planned`."""
    from agents.rehearsal import rehearse_goal

    inside, cited = [], []
    for row in questions:
        outputs = await rehearse_goal(row["question"], documents, without=("validation",))
        answer = outputs["synthesis"]
        titles = {citation["title"] for sentence in answer["sentences"] for citation in sentence["citations"]}
        if row["type"] == "comparison":
            cited.append(set(row["gold_titles"]) <= titles)
        if row["answer"] not in ("yes", "no"):
            inside.append(f" {normal(row['answer'])} " in f" {normal(answer['answer'])} ")
    yes_no = len(questions) - len(inside)
    return [
        Figure(
            "HotpotQA, gold answer inside the 5-sentence answer",
            sum(inside) / len(inside),
            _ANSWER_BAR,
            f"{len(inside)} questions; {yes_no} with the answer yes or no left out",
        ),
        Figure(
            "HotpotQA comparisons, both gold documents cited", sum(cited) / len(cited), None, f"{len(cited)} questions"
        ),
    ]


def normal(text: str) -> str:
    """SQuAD's normal form: lower case, no punctuation, no articles."""
    kept = "".join(
        " " if c in "–—-" else c for c in text.lower() if c not in string.punctuation.replace("-", "") + "’“”"
    )
    return " ".join(word for word in kept.split() if word not in _ARTICLES)
