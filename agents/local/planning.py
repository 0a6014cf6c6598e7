"""A goal turned into a DAG of task specifications. Pure: the same goal and titles always give the same plan."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agents.local.names import mentions
from agents.local.questions import Goal, GoalKind, understand
from agents.local.text import phrase, shorten

TaskSpec = dict[str, Any]
Titles = Sequence[tuple[str, str]]

MAX_FAN_OUT = 8
CHECKING = "validation"
_LABEL_LENGTH = 60


@dataclass(frozen=True, slots=True)
class _Room:
    """What a plan may spread over."""

    titles: Titles
    max_fan_out: int


def plan(
    text: str, titles: Titles = (), *, max_fan_out: int = MAX_FAN_OUT, capabilities: Collection[str] | None = None
) -> dict[str, Any]:
    """`{"kind", "reason", "tasks"}`: tasks with unique names, each depending only on tasks before it.

    `titles` are the (id, title) pairs of the documents at hand; a summary reads each in a task of its own.
    `capabilities`: what can be asked for now (None: anything). An answer that nobody can check is planned unchecked.
    """
    goal = understand(text)
    tasks, reason = _PLANS[goal.kind](goal, _Room(titles, max_fan_out)), f"The goal {goal.reason}."
    if capabilities is not None and CHECKING not in capabilities:
        tasks, reason = _unchecked(tasks), f"{reason} No agent that is active can check claims: nothing is checked."
    return {"kind": str(goal.kind), "reason": reason, "tasks": tasks}


def _unchecked(tasks: list[TaskSpec]) -> list[TaskSpec]:
    """The tasks without those that check, and without waiting for them."""
    checks = {task["name"] for task in tasks if CHECKING in task["required_capabilities"]}
    return [
        {**task, "depends_on": [name for name in task["depends_on"] if name not in checks]}
        for task in tasks
        if task["name"] not in checks
    ]


def _comparison(goal: Goal, room: _Room) -> list[TaskSpec]:
    """One search per compared thing, at once, then one answer over both."""
    researches = [
        _research(
            f"research-{number}",
            f"Find what the documents say about {part}",
            {"question": goal.text, "focus": part, "others": [other for other in goal.parts if other != part]},
        )
        for number, part in enumerate(goal.parts, start=1)
    ]
    return _answered(researches, goal)


def _bridge(goal: Goal, room: _Room) -> list[TaskSpec]:
    """A first search, then a second one written from what the first found."""
    first = _research("research-first-hop", "Find the passages the question names", {"question": goal.text, "hops": 1})
    second = _research(
        "research-second-hop",
        "Follow the names found in the first passages",
        {"question": goal.text, "hops": 2},
        depends_on=["research-first-hop"],
    )
    return _answered([first, second], goal)


def _list(goal: Goal, room: _Room) -> list[TaskSpec]:
    """One search for the whole and one per aspect."""
    researches = [_research("research-all", "Search for the whole question", {"question": goal.text})]
    researches += [
        _research(f"research-aspect-{number}", f"Search for {part}", {"question": goal.text, "focus": part})
        for number, part in enumerate(goal.parts[: room.max_fan_out], start=1)
    ]
    if not goal.parts:
        researches.append(
            _research("research-read", "Read on for further entries", {"question": goal.text, "read": True})
        )
    return _answered(researches, goal)


def _summary(goal: Goal, room: _Room) -> list[TaskSpec]:
    """One reader per document, or one for all when there are too many or none is known."""
    named = [(key, title) for key, title in room.titles if mentions(phrase(goal.text), title)]
    chosen = named or list(room.titles)
    if not 1 < len(chosen) <= room.max_fan_out:
        ids = {"document_ids": [key for key, _ in named]} if named else {}
        return _answered([_research("read", "Read the documents", {"question": goal.text, "read": True, **ids})], goal)
    readers = [
        _research(
            f"read-{number}",
            f"Read {shorten(title, _LABEL_LENGTH)}",
            {"question": goal.text, "read": True, "document_ids": [key]},
        )
        for number, (key, title) in enumerate(chosen, start=1)
    ]
    return _answered(readers, goal)


def _check(goal: Goal, room: _Room) -> list[TaskSpec]:
    """Search, check the claim against what was found, then report: the check comes before the answer."""
    claim = goal.parts[0]
    research = _research("research", "Find evidence for or against the claim", {"question": claim})
    validation = _task(
        "validation", "validation", "Check the claim against the evidence", {"claims": [claim]}, depends_on=["research"]
    )
    synthesis = _synthesis(goal, ["research", "validation"])
    return [research, validation, synthesis]


def _plain(goal: Goal, room: _Room) -> list[TaskSpec]:
    """One search, one answer, one check."""
    return _answered([_research("research", "Find passages that answer the question", {"question": goal.text})], goal)


_PLANS: Mapping[GoalKind, Callable[[Goal, _Room], list[TaskSpec]]] = {
    GoalKind.COMPARISON: _comparison,
    GoalKind.BRIDGE: _bridge,
    GoalKind.LIST: _list,
    GoalKind.SUMMARY: _summary,
    GoalKind.CHECK: _check,
    GoalKind.PLAIN: _plain,
}


def _answered(researches: list[TaskSpec], goal: Goal) -> list[TaskSpec]:
    """The researches, one answer that joins them, and a check of that answer."""
    names = [task["name"] for task in researches]
    validation = _task(
        "validation", "validation", "Check each sentence of the answer", {}, depends_on=["synthesis", *names]
    )
    return [*researches, _synthesis(goal, names), validation]


def _synthesis(goal: Goal, depends_on: list[str]) -> TaskSpec:
    inputs = {"question": goal.text, "kind": str(goal.kind), "parts": list(goal.parts)}
    return _task("synthesis", "synthesis", "Write one answer that cites its passages", inputs, depends_on=depends_on)


def _research(name: str, description: str, input_data: dict[str, Any], depends_on: Sequence[str] = ()) -> TaskSpec:
    return _task(name, "research", description, input_data, depends_on=depends_on)


def _task(
    name: str, capability: str, description: str, input_data: dict[str, Any], *, depends_on: Sequence[str] = ()
) -> TaskSpec:
    """One task specification in the shape that executing a session accepts."""
    return {
        "name": name,
        "task_type": capability,
        "required_capabilities": [capability],
        "description": description,
        "input_data": input_data,
        "depends_on": list(depends_on),
    }
