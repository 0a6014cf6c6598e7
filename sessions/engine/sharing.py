"""How the places of a scope are shared out among hosts: values in, values out. The store calls it under the locks.

A host keeps the places it was given, used or not, until somebody else waits for one; so where limits are far away
a start costs no question. A waiting task gets all the places it lacks at once, or none.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from msgspec import Struct, field

from sessions.engine.inputs import SlotWanted
from sessions.policies import WaitingRank, waiting_rank


class SlotAsk(Struct, frozen=True):
    """What a host tells: the places it uses in some scopes (the idle ones it gives back), and the tasks that wait.

    The scopes of a want are those in which the host has no place left.
    """

    in_use: Mapping[str, int]
    wants: Sequence[SlotWanted]

    @property
    def scopes(self) -> list[str]:
        return sorted({*self.in_use, *(scope for want in self.wants for scope in want.scopes)})


class ScopeView(Struct, frozen=True):
    """A scope as one host sees it: the limit (None: there is none), places other hosts hold, whether others wait."""

    limit: int | None
    elsewhere: int = 0
    is_wanted: bool = False

    def has_room(self, in_use: int) -> bool:
        return self.limit is None or self.elsewhere + in_use < self.limit


class Shares(Struct, frozen=True):
    """The answer to an ask: the host's places by scope (None: as many as it likes), and the wants that got none."""

    places: Mapping[str, int | None] = field(default_factory=dict)
    views: Mapping[str, ScopeView] = field(default_factory=dict)
    waiting: tuple[SlotWanted, ...] = ()
    worker_count: int = 1


def share_out(
    ask: SlotAsk,
    views: Mapping[str, ScopeView],
    *,
    others: Iterable[SlotWanted],
    worker_count: int,
    now: datetime,
) -> Shares:
    """First come the waiting tasks of all hosts by rank, each if all it lacks is free; then what is left over.

    A place for a task of another host is not given away: it is left for it. Of what is left over a host alone takes
    all, one of several its part, and none where others wait.
    """
    free = _free(ask, views)
    taken: Counter[str] = Counter()
    waiting: list[SlotWanted] = []
    ranked = sorted([*((want, True) for want in ask.wants), *((want, False) for want in others)], key=_order(now))
    for want, is_mine in ranked:
        if any(free.get(scope, 1) <= 0 for scope in want.scopes):
            waiting += [want] if is_mine else []
            continue
        for scope in want.scopes:
            free[scope] = free.get(scope, _PLENTY) - 1
        taken.update(want.scopes if is_mine else ())
    places = {
        scope: _places(views[scope], ask.in_use.get(scope, 0) + taken[scope], free.get(scope, 0), worker_count)
        for scope in ask.scopes
    }
    return Shares(places, {scope: views[scope] for scope in places}, tuple(waiting), worker_count)


_PLENTY = 1_000_000_000


def _free(ask: SlotAsk, views: Mapping[str, ScopeView]) -> dict[str, int]:
    """The places nobody holds once those that lie idle with the asking host are back, by scope that has a limit."""
    return {
        scope: view.limit - view.elsewhere - ask.in_use.get(scope, 0)
        for scope, view in views.items()
        if view.limit is not None
    }


def _order(now: datetime) -> Callable[[tuple[SlotWanted, bool]], tuple[WaitingRank, str]]:
    return lambda entry: (rank_of(entry[0], now), entry[0].task_id)


def _places(view: ScopeView, needed: int, free: int, worker_count: int) -> int | None:
    if view.limit is None:
        return None
    spare = 0 if view.is_wanted or not needed else max(free, 0) // max(worker_count, 1)
    return needed + spare


def rank_of(want: SlotWanted, now: datetime) -> WaitingRank:
    return waiting_rank(
        session_priority=want.session_priority,
        task_priority=want.task_priority,
        waited_seconds=(now - want.queued_at).total_seconds(),
    )
