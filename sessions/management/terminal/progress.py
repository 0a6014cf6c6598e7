"""The tasks of one session as they stand, from its events; and two ways to show them."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

ENDINGS = {"completed": "✓", "failed": "✗", "cancelled": "–", "skipped": "–"}
SESSION_ENDINGS = ("session.completed", "session.failed", "session.cancelled")


@dataclass(slots=True)
class TaskView:
    """One task as shown: `state` is the last word of its last event (`started`, `completed`, …)."""

    name: str
    state: str = "waiting"
    percentage: float = 0.0
    text: str = ""
    seconds: float | None = None

    @property
    def has_ended(self) -> bool:
        return self.state in ENDINGS


@dataclass(slots=True)
class SessionView:
    """A session as its events tell it; `apply` takes them in order."""

    tasks: dict[str, TaskView] = field(default_factory=dict)
    has_ended: bool = False

    def apply(self, frame: Mapping[str, Any]) -> TaskView | None:
        """The task the event changed, if it is one of those that are shown."""
        kind, data = str(frame["type"]), frame["data"]
        self.has_ended = self.has_ended or kind in SESSION_ENDINGS
        if not frame.get("task"):
            return None
        view = self.tasks.setdefault(frame["task"], TaskView(str(data.get("name") or "task")))
        area, _, word = kind.partition(".")
        if area == "task" and word not in ("created",):
            view.state = word
            view.seconds = data.get("duration_seconds", view.seconds)
            view.percentage = 100.0 if word == "completed" else 0.0 if word == "retrying" else view.percentage
            view.text = str(data.get("message") or data.get("reason") or "")
        elif kind == "execution.progress":
            view.percentage, view.text = float(data.get("percentage") or 0), str(data.get("text") or "")
        return view


class Screen(Protocol):
    """Shows a session while it runs."""

    def show(self, view: TaskView) -> None: ...

    def note(self, sentence: str) -> None: ...


class Silent(AbstractContextManager["Silent"]):
    """Shows nothing, for `--json`."""

    def show(self, view: TaskView) -> None:
        pass

    def note(self, sentence: str) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass


class Lines(AbstractContextManager["Lines"]):
    """A line for each task that ended, where there is no terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: set[str] = set()

    def show(self, view: TaskView) -> None:
        if view.has_ended and view.name not in self._shown:
            self._shown.add(view.name)
            took = f" in {view.seconds:.1f} s" if view.seconds is not None else ""
            why = f": {view.text}" if view.text else ""
            self._console.print(f"{ENDINGS[view.state]} {view.name} {view.state}{took}{why}", markup=False)

    def note(self, sentence: str) -> None:
        self._console.print(sentence, markup=False)

    def __exit__(self, *_: object) -> None:
        pass


class Bars(AbstractContextManager["Bars"]):
    """A live bar for each task."""

    def __init__(self, console: Console) -> None:
        self._bars: dict[int, TaskID] = {}
        self._progress = Progress(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[words]}"),
            console=console,
        )

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def show(self, view: TaskView) -> None:
        bar = self._bars.get(id(view))
        if bar is None:
            bar = self._progress.add_task(view.name, total=100, words="", start=False)
            self._bars[id(view)] = bar
        if view.state == "started":
            self._progress.start_task(bar)
        if view.has_ended:
            self._progress.stop_task(bar)
        words = view.text or ("" if view.state in ("started", "completed") else view.state)
        self._progress.update(bar, completed=view.percentage, words=words[:60].replace("[", "("))

    def note(self, sentence: str) -> None:
        self._progress.console.print(sentence, markup=False)


def screen(*, is_silent: bool) -> Silent | Lines | Bars:
    """The right way for where the errors go: the answer alone belongs on the standard output."""
    console = Console(stderr=True, highlight=False)
    if is_silent:
        return Silent()
    return Bars(console) if console.is_terminal else Lines(console)
