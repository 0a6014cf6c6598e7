"""Events, settings and lifecycles as Markdown, and which block belongs on which page."""

import re
from collections.abc import Callable

from agents.states import AGENT_LIFECYCLE
from core.lifecycle import Lifecycle, Move
from orchestrator_site.env import BASE_DIR
from orchestrator_site.reference.doors import commands_tables, routes_table
from orchestrator_site.reference.markdown import table, with_block
from sessions.events import EVENT_TYPES
from sessions.states import EXECUTION_LIFECYCLE, MESSAGE_LIFECYCLE, SESSION_LIFECYCLE, TASK_LIFECYCLE

PAGES = BASE_DIR / "docs" / "reference"
LIFECYCLES = (SESSION_LIFECYCLE, TASK_LIFECYCLE, EXECUTION_LIFECYCLE, MESSAGE_LIFECYCLE, AGENT_LIFECYCLE)


def events_table() -> str:
    rows = [(f"`{name}`", *_split_shape(shape)) for name, shape in EVENT_TYPES.items()]
    return table(("type", "`data`", "meaning"), rows)


def _split_shape(shape: str) -> tuple[str, str]:
    fields, _, meaning = shape.partition("}")
    return f"`{fields}}}`", meaning.lstrip(":; ") or "–"


def settings_table() -> str:
    return table(("variable", "default", "meaning"), documented_settings((BASE_DIR / ".env.example").read_text()))


def documented_settings(example: str) -> list[tuple[str, str, str]]:
    """Name, default and comment of each variable in the text of an `.env.example`."""
    rows = []
    comment: list[str] = []
    after_variable = False
    for line in example.splitlines():
        variable = re.match(r"#([A-Z_]+)=(.*)$", line)
        if variable:
            default = f"`{variable[2]}`" if variable[2] else "empty"
            rows.append((f"`{variable[1]}`", default, " ".join(comment)))
        elif not line.startswith("# ") or after_variable:
            comment = []
        if line.startswith("# ") and not variable:
            comment.append(line[2:])
        after_variable = bool(variable)
    return rows


def lifecycle_diagrams() -> str:
    return "\n\n".join(lifecycle_diagram(lifecycle) for lifecycle in LIFECYCLES)


def lifecycle_diagram(lifecycle: Lifecycle) -> str:
    """One lifecycle as a heading and a mermaid state diagram; moves that every live state allows are drawn once."""
    lines = [f"### {lifecycle.name}", "", "```mermaid", "stateDiagram-v2", f"    [*] --> {lifecycle.initial}"]
    notes = []
    for verb, move in lifecycle.moves.items():
        sources = [state for state in lifecycle.states if state in move.sources]
        if len(sources) > 3:
            notes.append(f"- `{verb}` leads from every {_all_but(lifecycle, move)} to {move.target}.")
            continue
        lines += [f"    {source} --> {move.target}: {verb}" for source in sources]
    lines += [f"    {state} --> [*]" for state in lifecycle.states if state in lifecycle.final]
    return "\n".join([*lines, "```", "", *notes]).rstrip()


def _all_but(lifecycle: Lifecycle, move: Move) -> str:
    others = [str(state) for state in lifecycle.states if state not in move.sources and state != move.target]
    if lifecycle.live - {move.target} == move.sources:
        return "live state"
    return f"state but {' and '.join(others)}" if others else "other state"


BLOCKS: dict[str, tuple[str, Callable[[], str]]] = {
    "events": ("events.md", events_table),
    "settings": ("settings.md", settings_table),
    "lifecycles": ("lifecycles.md", lifecycle_diagrams),
    "commands": ("cli.md", commands_tables),
    "routes": ("api.md", routes_table),
}


def present_page(file: str) -> str:
    """A page of docs/reference as it should be now."""
    text = (PAGES / file).read_text()
    for name, (home, render) in BLOCKS.items():
        if home == file:
            text = with_block(text, name, render())
    return text
