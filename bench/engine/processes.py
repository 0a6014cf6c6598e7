"""What processes use, from /proc: the processor time and the proportional memory of a program and its children."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


def family(pid: int) -> set[int]:
    """The process and all its descendants that live now."""
    children: dict[int, list[int]] = {}
    for each, parent in _parents():
        children.setdefault(parent, []).append(each)
    found, new = {pid}, [pid]
    while new:
        new = [child for parent in new for child in children.get(parent, [])]
        found.update(new)
    return found


def cpu_seconds(pids: Iterable[int]) -> dict[int, float]:
    """User and system time of each process so far; one that has ended is left out."""
    found = {}
    for pid in pids:
        fields = _stat(pid)
        if fields:
            found[pid] = (int(fields[11]) + int(fields[12])) / TICKS
    return found


def ended_seconds(pid: int) -> float:
    """User and system time of the children of a process that have ended."""
    fields = _stat(pid)
    return (int(fields[13]) + int(fields[14])) / TICKS if fields else 0.0


def parent_of(pid: int) -> int:
    """0 when there is no such process here."""
    fields = _stat(pid)
    return int(fields[1]) if fields else 0


def spent(before: dict[int, float], after: dict[int, float]) -> float:
    """Seconds between two readings; a process that was born in between counts whole."""
    return sum(seconds - before.get(pid, 0.0) for pid, seconds in after.items())


def pss_mb(pids: Iterable[int]) -> float:
    """Proportional set size of all together (pages shared by several count once), in millions of bytes."""
    return sum(_rollup_kib(pid, "Pss:") for pid in pids) * 1024 / 1e6


def _rollup_kib(pid: int, word: str) -> int:
    try:
        lines = (_PROC / str(pid) / "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(word)), 0)


def _parents() -> Iterator[tuple[int, int]]:
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            yield int(entry.name), int(fields[1])


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind the command's name (which may hold anything); none when it has ended."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
