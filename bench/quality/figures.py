"""One measured figure and the bar it must reach."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """`bar` is None where the figure only informs."""

    name: str
    value: float
    bar: float | None = None
    note: str = ""

    @property
    def is_reached(self) -> bool:
        return self.bar is None or self.value >= self.bar


def table(figures: Iterable[Figure]) -> str:
    """The figures as a Markdown table."""
    lines = ["| figure | measured | bar | |", "|---|---|---|---|"]
    for figure in figures:
        bar = "" if figure.bar is None else f"{figure.bar:g}{'' if figure.is_reached else ' MISSED'}"
        lines.append(f"| {figure.name} | {figure.value:.3f} | {bar} | {figure.note} |")
    return "\n".join(lines)


def macro_f1(pairs: Iterable[tuple[str, str]]) -> tuple[float, dict[str, float]]:
    """The mean F1 over the labels of (predicted, true) pairs, and each label's."""
    pairs = list(pairs)
    labels = sorted({label for pair in pairs for label in pair})
    scores = {label: _f1(pairs, label) for label in labels}
    return sum(scores.values()) / max(1, len(scores)), scores


def _f1(pairs: list[tuple[str, str]], label: str) -> float:
    right = sum(predicted == true == label for predicted, true in pairs)
    named = sum((predicted == label) + (true == label) for predicted, true in pairs)
    return 2 * right / named if named else 0.0
