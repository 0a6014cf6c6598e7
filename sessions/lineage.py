"""What a session made from an earlier one takes over, and what runs again. Pure.

Three ways: retry (go on after a failure), re-run (a task and all that builds on it), fork (from a point of the log).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from sessions.graph import dependents_of
from sessions.states import LIVE_SESSION, SessionOrigin, SessionStatus


@dataclass(frozen=True, slots=True)
class PastTask:
    """A task of the earlier session. `is_done`: its output is there.

    `joins` are tasks it had spawned and waited for. `is_journaled`: a step of its parent says that it was spawned, so
    that the parent, run again, finds it and does not spawn it a second time.
    """

    id: str
    depends_on: tuple[str, ...] = ()
    parent: str | None = None
    joins: tuple[str, ...] = ()
    is_done: bool = False
    is_journaled: bool = False


@dataclass(frozen=True, slots=True)
class Share:
    """Every task of the earlier session is in one of the first three; `with_steps` is a part of `again`.

    `copied` tasks are finished at once, with the old output. `left_out` ones are made anew by a task that runs again.
    """

    copied: frozenset[str]
    again: frozenset[str]
    left_out: frozenset[str]
    with_steps: frozenset[str]


def share_of_retry(tasks: Sequence[PastTask]) -> Share:
    """What is done stays done; the rest runs again and is not charged for the steps it had finished."""
    return _share(tasks, chosen=None, reuse_steps=True)


def share_of_rerun(tasks: Sequence[PastTask], chosen: str, *, reuse_steps: bool) -> Share:
    """The chosen task and all that builds on it run again; `reuse_steps` is for the chosen task alone.

    What those had spawned is left out: with other inputs they may spawn something else. A chosen task that is left out
    itself (it was spawned by one that waited for it) cannot be the one to run again.
    """
    return _share(tasks, chosen=chosen, reuse_steps=reuse_steps)


def share_of_fork(tasks: Sequence[PastTask], *, created: Iterable[str], done: Iterable[str]) -> Share:
    """The session as the log tells it up to a point: `created` and `done` are the tasks it names so by then.

    `is_journaled` is as of that point.
    """
    known, finished = frozenset(created), frozenset(done)
    then = [replace(task, is_done=task.id in finished) for task in tasks if task.id in known]
    share = _share(then, chosen=None, reuse_steps=True)
    later = frozenset(task.id for task in tasks) - known
    return Share(share.copied, share.again, share.left_out | later, share.with_steps)


def allowed_on(status: str) -> list[str]:
    """The ways in which a session of this status can be repeated."""
    if status in LIVE_SESSION:
        return [SessionOrigin.FORK]
    ways: list[str] = [SessionOrigin.RERUN, SessionOrigin.FORK]
    return ways if status == SessionStatus.COMPLETED else [SessionOrigin.RETRY, *ways]


def _share(tasks: Sequence[PastTask], *, chosen: str | None, reuse_steps: bool) -> Share:
    """Leaving a task out can spoil others, and spoilt ones can have spawned more: until nothing more is found."""
    needing = dependents_of({task.id: task.depends_on for task in tasks})
    building = dependents_of({task.id: (*task.depends_on, *task.joins) for task in tasks})
    unfinished = {task.id for task in tasks if not task.is_done}
    left_out: set[str] = set()
    while True:
        spoilt = _downstream(building, ({chosen} if chosen else set()) | left_out)
        again = _downstream(needing, unfinished | spoilt)
        unknown = {task.id for task in tasks if task.parent in again and not task.is_journaled}
        more = unknown | {task.id for task in tasks if task.parent in spoilt | left_out}
        if more <= left_out:
            break
        left_out |= more
    runs = frozenset(again - left_out)
    copied = frozenset(task.id for task in tasks) - runs - left_out
    fresh = frozenset() if reuse_steps or chosen is None else frozenset({chosen})
    return Share(copied, runs, frozenset(left_out), runs - fresh)


def _downstream(after: Mapping[str, Sequence[str]], start: Iterable[str]) -> set[str]:
    """The tasks and all that depend on them, at any distance."""
    found: set[str] = set()
    waiting = list(start)
    while waiting:
        task = waiting.pop()
        if task not in found:
            found.add(task)
            waiting.extend(after[task])
    return found
