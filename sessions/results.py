"""The one consolidated result of a session, from the outputs of its tasks. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class FinishedTask:
    """A completed task in order of the session: its definition and output, and whether any task builds on it."""

    name: str
    definition: str
    output: Any
    is_last: bool


def consolidate(tasks: Iterable[FinishedTask]) -> dict[str, Any]:
    """`{answer, sentences, claims, sources}`: the last synthesis speaks for all; without one, the last outputs do."""
    finished = list(tasks)
    answers = [task.output for task in finished if _has(task.output, "answer")]
    claims = [claim for task in finished if _has(task.output, "claims") for claim in task.output["claims"]]
    if answers:
        return {"answer": answers[-1]["answer"], "sentences": answers[-1].get("sentences", []), "claims": claims}
    last = [task for task in finished if task.is_last]
    return {"answer": _join(last), "sentences": [], "claims": claims, "outputs": {t.name: t.output for t in last}}


def _has(output: Any, key: str) -> bool:
    return isinstance(output, Mapping) and key in output


def _join(tasks: list[FinishedTask]) -> str:
    texts = [_text(task.output) for task in tasks]
    return "\n\n".join(text for text in texts if text)


def _text(output: Any) -> str:
    if isinstance(output, str):
        return output
    if isinstance(output, Mapping):
        for key in ("answer", "summary", "text", "said"):
            if isinstance(output.get(key), str):
                return str(output[key])
    return ""
