"""SciFact: search (nDCG@10 of the training queries) and claims (macro-F1 of the training claims)."""

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.quality.figures import Figure, macro_f1
from bench.quality.house import load, new_project, read_lines

if TYPE_CHECKING:
    from agents.local.checking import Limits, Signals

_SEARCH_BARS = {"sqlite": 0.69, "postgresql": 0.67}
_CLAIMS_BAR = 0.55
_FOLDS = 5
_PASSAGES = 40


def search_figures(data: Path, vendor: str) -> list[Figure]:
    """The documents app's search alone, one hop: passages ranked, each document at its best passage."""
    from documents import selectors

    corpus = read_lines(data / "scifact" / "corpus.jsonl")
    project = new_project("scifact")
    ids = load(project, ((row["title"], " ".join(row["abstract"])) for row in corpus))
    known = dict(zip(ids, (str(row["doc_id"]) for row in corpus), strict=True))
    judged = _judgements(data / "scifact" / "qrels_train.tsv")
    gains = []
    for query in read_lines(data / "scifact" / "queries_train.jsonl"):
        hits = selectors.search_passages(project_id=project.pk, query=query["text"], limit=_PASSAGES)
        ranked = list(dict.fromkeys(known[hit.document_id] for hit in hits))
        gains.append(ndcg(ranked[:10], judged[query["_id"]]))
    note = f"{len(gains)} training queries, {len(ids)} abstracts"
    return [Figure("SciFact search, nDCG@10", sum(gains) / len(gains), _SEARCH_BARS[vendor], note)]


def ndcg(ranked: Sequence[str], relevant: dict[str, int], depth: int = 10) -> float:
    """Normalised discounted cumulative gain."""
    gain = sum(relevant.get(key, 0) / math.log2(place + 2) for place, key in enumerate(ranked[:depth]))
    best = sorted(relevant.values(), reverse=True)[:depth]
    return gain / (sum(value / math.log2(place + 2) for place, value in enumerate(best)) or 1.0)


def _judgements(path: Path) -> dict[str, dict[str, int]]:
    judged: dict[str, dict[str, int]] = {}
    for line in path.read_text(encoding="utf-8").splitlines()[1:]:
        query, document, grade = line.split("\t")
        judged.setdefault(query, {})[document] = int(grade)
    return judged


@dataclass(frozen=True, slots=True)
class _Claim:
    text: str
    signals: "Signals"
    true: str


def claim_figures(data: Path) -> list[Figure]:
    """Each claim against the abstracts it cites: with the shipped limits, and with limits chosen on other folds."""
    from agents.local.checking import Limits

    claims = _claims(data)
    shipped, by_label = macro_f1(_predict(claims, Limits()))
    held_out, _ = macro_f1(_held_out(claims))
    parts = ", ".join(f"{label} {score:.2f}" for label, score in by_label.items())
    return [
        Figure(
            f"SciFact claims, macro-F1, held out ({_FOLDS} folds)",
            held_out,
            _CLAIMS_BAR,
            f"{len(claims)} training claims, limits chosen on the other folds each time",
        ),
        Figure("SciFact claims, macro-F1, limits as shipped", shipped, None, f"chosen on these claims; {parts}"),
    ]


def _claims(data: Path) -> list[_Claim]:
    from agents.local import checking
    from agents.local.evidence import Sentence

    names = {"SUPPORT": checking.SUPPORTED, "CONTRADICT": checking.CONTRADICTION_SUSPECTED}
    corpus = {row["doc_id"]: row for row in read_lines(data / "scifact" / "corpus.jsonl")}
    claims = []
    for row in read_lines(data / "scifact" / "claims_train.jsonl"):
        evidence = [
            Sentence(text, 0, len(text), str(key), str(key), corpus[key]["title"], place, 1.0)
            for key in row["cited_doc_ids"]
            for place, text in enumerate(corpus[key]["abstract"])
        ]
        labels = {entry["label"] for entries in row["evidence"].values() for entry in entries}
        true = names[labels.pop()] if labels else checking.NOT_FOUND
        claims.append(_Claim(row["claim"], checking.measure(row["claim"], evidence), true))
    return claims


def _predict(claims: Iterable[_Claim], limits: "Limits") -> list[tuple[str, str]]:
    from agents.local.checking import decide

    return [(decide(claim.text, claim.signals, limits).verdict, claim.true) for claim in claims]


def _held_out(claims: list[_Claim]) -> list[tuple[str, str]]:
    """Predictions for each fold with the limits that do best on the others (seeded, so always the same)."""
    shuffled = random.Random(0).sample(claims, len(claims))
    predicted: list[tuple[str, str]] = []
    for fold in range(_FOLDS):
        held = shuffled[fold::_FOLDS]
        others = [claim for place, claim in enumerate(shuffled) if place % _FOLDS != fold]
        predicted += _predict(held, _best(others))
    return predicted


def _best(claims: list[_Claim]) -> "Limits":
    return max(_grid(), key=lambda limits: macro_f1(_predict(claims, limits))[0])


def _grid() -> "list[Limits]":
    from agents.local.checking import Limits

    names: tuple[str, ...] = ("found", "conflict", "missing_number", "denial_weight")
    values: list[tuple[float, ...]] = [
        (0.44, 0.46, 0.48, 0.5, 0.52, 0.54),
        (0.4, 0.5, 0.6, 0.67, 0.75),
        (0.1, 0.2),
        (0.25, 0.5, 0.75),
    ]
    rows: list[dict[str, Any]] = [dict(zip(names, row, strict=True)) for row in product(*values)]
    return [Limits(**row) for row in rows]
