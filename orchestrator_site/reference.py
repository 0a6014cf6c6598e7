"""Those parts of the reference pages that are made from the code, as Markdown (`manage.py write_reference`)."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from agents.states import AGENT_LIFECYCLE
from core.lifecycle import Lifecycle, Move
from orchestrator_site.env import BASE_DIR
from sessions.events import EVENT_TYPES
from sessions.states import EXECUTION_LIFECYCLE, MESSAGE_LIFECYCLE, SESSION_LIFECYCLE, TASK_LIFECYCLE

PAGES = BASE_DIR / "docs" / "reference"
LIFECYCLES = (SESSION_LIFECYCLE, TASK_LIFECYCLE, EXECUTION_LIFECYCLE, MESSAGE_LIFECYCLE, AGENT_LIFECYCLE)


def events_table() -> str:
    rows = [(f"`{name}`", *_split_shape(shape)) for name, shape in EVENT_TYPES.items()]
    return _table(("type", "`data`", "meaning"), rows)


def _split_shape(shape: str) -> tuple[str, str]:
    fields, _, meaning = shape.partition("}")
    return f"`{fields}}}`", meaning.lstrip(":; ") or "–"


def settings_table() -> str:
    return _table(("variable", "default", "meaning"), documented_settings((BASE_DIR / ".env.example").read_text()))


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


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    columns = list(head)
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)


BLOCKS: dict[str, tuple[str, Callable[[], str]]] = {
    "events": ("events.md", events_table),
    "settings": ("settings.md", settings_table),
    "lifecycles": ("lifecycles.md", lifecycle_diagrams),
}


def with_block(page: str, name: str, text: str) -> str:
    """`page` with the text between the two markers of block `name` replaced.

    Raises: ValueError when the page has no such markers.
    """
    begin, end = f"<!-- generated: {name} -->", f"<!-- end: {name} -->"
    if begin not in page or end not in page:
        raise ValueError(f"the page has no block {begin} … {end}")
    return page[: page.index(begin) + len(begin)] + f"\n\n{text}\n\n" + page[page.index(end) :]


def present_pages() -> dict[Path, str]:
    """Each generated page as it should be now."""
    pages: dict[Path, str] = {}
    for name, (file, render) in BLOCKS.items():
        path = PAGES / file
        pages[path] = with_block(pages.get(path) or path.read_text(), name, render())
    return pages
