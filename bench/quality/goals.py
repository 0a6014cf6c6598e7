"""BREAK and HotpotQA: does the planner see which kind of goal a question is?"""

import csv
from pathlib import Path

from bench.quality.figures import Figure
from bench.quality.house import read_lines


def figures(data: Path) -> list[Figure]:
    """Recall and precision of comparisons, and the share of bridge questions seen as such."""
    from agents.local.questions import understand

    with (data / "break" / "questions.csv").open(encoding="utf-8", newline="") as file:
        rows = [(row["question_text"], "comparison" in row["operators"]) for row in csv.DictReader(file)]
    seen = [(understand(text).kind == "comparison", true) for text, true in rows]
    right = sum(predicted and true for predicted, true in seen)
    asked = read_lines(data / "hotpotqa" / "questions.jsonl")
    bridges = [understand(row["question"]).kind == "bridge" for row in asked if row["type"] == "bridge"]
    compared = [understand(row["question"]).kind == "comparison" for row in asked if row["type"] == "comparison"]
    return [
        Figure(
            "BREAK, comparisons seen (recall)", right / sum(true for _, true in seen), None, f"{len(rows)} questions"
        ),
        Figure("BREAK, of those seen, comparisons (precision)", right / sum(predicted for predicted, _ in seen)),
        Figure("HotpotQA, comparisons seen", sum(compared) / len(compared)),
        Figure(
            "HotpotQA, bridge questions seen",
            sum(bridges) / len(bridges),
            None,
            "the others get the plain plan, also two hops",
        ),
    ]
