"""Hold the coverage of each group of files to its floor: `python tests/coverage_floors.py`, after a measured run.

With `--fresh` it only answers (by its exit code) whether a complete measured run newer than every Python file is there.
"""

import json
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

import coverage

ROOT = Path(__file__).resolve().parent.parent
DATA_FILE = ROOT / ".coverage"
COMPLETE = ROOT / ".coverage.complete"
PACKAGES = ("core", "workspaces", "documents", "templates_app", "agents", "sessions", "frontend", "orchestrator_site")


@dataclass(frozen=True)
class Group:
    """Files that share one floor, in per cent of lines and branches together and of branches alone."""

    name: str
    patterns: tuple[str, ...]
    floor: float


GROUPS = (
    Group("engine", ("sessions/engine/*",), 90),
    Group("lifecycles", ("core/lifecycle.py", "*/states.py"), 90),
    Group("services", ("*/services.py", "*/services/*"), 90),
    Group("agents", ("agents/*",), 85),
)


@dataclass
class Figures:
    lines: int = 0
    lines_run: int = 0
    branches: int = 0
    branches_run: int = 0

    def add(self, summary: dict[str, int]) -> None:
        self.lines += summary["num_statements"]
        self.lines_run += summary["covered_lines"]
        self.branches += summary["num_branches"]
        self.branches_run += summary["covered_branches"]

    @property
    def percent(self) -> float:
        total = self.lines + self.branches
        return 100 * (self.lines_run + self.branches_run) / total if total else 100.0

    @property
    def branch_percent(self) -> float:
        return 100 * self.branches_run / self.branches if self.branches else 100.0


def is_fresh() -> bool:
    """Whether a complete measured run exists that is newer than every Python file of the project."""
    if not (COMPLETE.exists() and DATA_FILE.exists()):
        return False
    sources = (path for package in (*PACKAGES, "tests") for path in (ROOT / package).rglob("*.py"))
    return max(path.stat().st_mtime for path in sources) < COMPLETE.stat().st_mtime


def measured_files() -> dict[str, dict[str, int]]:
    measured = coverage.Coverage(data_file=str(DATA_FILE), config_file=str(ROOT / "pyproject.toml"))
    measured.load()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "coverage.json"
        measured.json_report(outfile=str(report))
        files = json.loads(report.read_text())["files"]
    return {name: entry["summary"] for name, entry in files.items()}


def figures_of(group: Group, files: dict[str, dict[str, int]]) -> Figures:
    figures = Figures()
    for name, summary in files.items():
        if any(fnmatch(name, pattern) for pattern in group.patterns):
            figures.add(summary)
    return figures


def weakest(group: Group, files: dict[str, dict[str, int]]) -> Iterable[str]:
    matching = [(name, s) for name, s in files.items() if any(fnmatch(name, p) for p in group.patterns)]
    matching.sort(key=lambda entry: entry[1]["missing_lines"] + entry[1]["missing_branches"], reverse=True)
    for name, summary in matching[:5]:
        yield f"    {name}: {summary['missing_lines']} lines and {summary['missing_branches']} branches never run"


def main() -> int:
    if "--fresh" in sys.argv:
        return 0 if is_fresh() else 1
    files = measured_files()
    fell = False
    for group in GROUPS:
        figures = figures_of(group, files)
        low = not figures.lines or figures.percent < group.floor
        fell = fell or low
        verdict = "BELOW ITS FLOOR" if low else "ok"
        print(
            f"{group.name:11} {figures.percent:5.1f} % of lines and branches (branches alone "
            f"{figures.branch_percent:5.1f} %), floor {group.floor:.0f} %: {verdict}"
        )
        if low:
            print(*weakest(group, files), sep="\n")
    return 1 if fell else 0


if __name__ == "__main__":
    sys.exit(main())
