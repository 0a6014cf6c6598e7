"""Who may run now: the places this host holds in each scope, shared by priority among its sessions."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from heapq import nsmallest
from itertools import islice

from msgspec.structs import replace

from core.clock import SYSTEM_CLOCK, Clock
from sessions.engine.inputs import SlotWanted
from sessions.engine.sharing import ScopeView, Shares, SlotAsk, rank_of

Wake = Callable[[str], None]
Line = tuple[tuple[str, ...], int, int]

IDLE_SECONDS = 60.0
"""So long a host keeps places that it does not use and nobody else asks for."""


@dataclass(slots=True)
class Scope:
    """This host's part of a scope: `places` it may fill (None: any number), as the store last gave them."""

    places: int | None = 0
    in_use: int = 0
    view: ScopeView = field(default_factory=lambda: ScopeView(limit=None))
    is_known: bool = False
    must_tell: bool = False
    idle_since: float | None = None

    @property
    def has_place(self) -> bool:
        return self.places is None or self.in_use < self.places

    @property
    def is_contended(self) -> bool:
        """Whether a place that becomes idle is not this host's to keep: others wait, or too many are given out."""
        view = self.view
        return view.is_wanted or (
            view.limit is not None and self.places is not None and view.elsewhere + self.places > view.limit
        )

    @property
    def could_grow(self) -> bool:
        """Whether it is full here, and others have places that could come here or leave some free."""
        return not self.has_place and (not self.is_known or self.view.limit is None or self.in_use < self.view.limit)

    @property
    def has_room(self) -> bool:
        """Whether a place is free for somebody, as far as this host knows."""
        return not self.is_known or self.view.has_room(self.in_use)

    def keep_only_used(self) -> None:
        """Fill no idle place any more: they are to be given back."""
        if self.places is None or self.places > self.in_use:
            self.places = self.in_use
            self.must_tell = True

    def rest(self, at: float) -> None:
        """Give back places that were idle for long. `at`: monotonic seconds."""
        if self.in_use:
            self.idle_since = None
        elif self.idle_since is None:
            self.idle_since = at
        elif self.is_long_idle(at) and self.places:
            self.keep_only_used()

    def is_long_idle(self, at: float) -> bool:
        return self.idle_since is not None and at - self.idle_since > IDLE_SECONDS


@dataclass(slots=True)
class Slots:
    """Counts running tasks by scope, and in all. Used on the loop only.

    A want that is refused is remembered; a freed place is reserved for the first want that fits, by rank.
    So a place is free only while no remembered want fits it, and a new want never overtakes an older one. Places come
    from the store (`ask`, `take_in`); `lack` is set when there is something to ask for.
    """

    host_limit: int
    clock: Clock = SYSTEM_CLOCK
    held: dict[str, SlotWanted] = field(default_factory=dict)
    lack: asyncio.Event = field(default_factory=asyncio.Event)
    scopes: defaultdict[str, Scope] = field(default_factory=lambda: defaultdict(Scope))
    posted: frozenset[str] = frozenset()
    _waiting: dict[str, tuple[SlotWanted, Wake]] = field(default_factory=dict)
    _lines: defaultdict[Line, deque[str]] = field(default_factory=lambda: defaultdict(deque))

    def acquire(self, want: SlotWanted, wake: Wake) -> bool:
        """Take a place (or keep the one reserved for the task). When there is none, `wake(task_id)` tells later."""
        if want.task_id in self.held:
            return True
        if self._fits(want) or want.is_running:
            self._take(want)
            return True
        if want.task_id not in self._waiting:
            self._waiting[want.task_id] = (want, wake)
            self._lines[_line(want)].append(want.task_id)
            self.lack.set()
        return False

    def release(self, task_id: str) -> None:
        """Give a place back, or stop waiting for one."""
        self._waiting.pop(task_id, None)
        if task_id in self.posted:
            self.lack.set()
        want = self.held.pop(task_id, None)
        if want is None:
            return
        for name in want.scopes:
            scope = self.scopes[name]
            scope.in_use -= 1
            if scope.is_contended:
                scope.keep_only_used()
                self.lack.set()
        self._serve()

    def _serve(self) -> None:
        while self._waiting and len(self.held) < self.host_limit:
            now = self.clock.now()
            fitting = [want for want in self._heads() if self._fits(want)]
            if not fitting:
                return
            want = min(fitting, key=lambda one: rank_of(one, now))
            _, wake = self._waiting[want.task_id]
            self._take(want)
            wake(want.task_id)

    def _heads(self) -> Iterator[SlotWanted]:
        """The first of each line that still waits; lines that have run out are dropped."""
        for line, tasks in list(self._lines.items()):
            while tasks and tasks[0] not in self._waiting:
                tasks.popleft()
            if tasks:
                yield self._waiting[tasks[0]][0]
            else:
                del self._lines[line]

    def _fits(self, want: SlotWanted) -> bool:
        return len(self.held) < self.host_limit and all(self.scopes[name].has_place for name in want.scopes)

    def _take(self, want: SlotWanted) -> None:
        self.held[want.task_id] = want
        self._waiting.pop(want.task_id, None)
        for name in want.scopes:
            scope = self.scopes[name]
            scope.in_use += 1
            if scope.places is not None and scope.in_use > scope.places:
                scope.places, scope.must_tell = scope.in_use, True
                self.lack.set()

    def ask(self) -> SlotAsk | None:
        """What the store is to be told now; None when there is nothing to tell and nothing to get.

        From here on the places in the scopes concerned are those in use, until the answer is taken in.
        """
        told = {name for name, scope in self.scopes.items() if scope.must_tell}
        wants = self.hungry()
        is_full = len(self.held) >= self.host_limit
        is_outdated = any(is_full or task_id not in self._waiting for task_id in self.posted)
        if not (told or is_outdated or any(self._is_worth_asking(want) for want in wants)):
            return None
        concerned = told | {name for want in wants for name in want.scopes}
        for name in concerned:
            scope = self.scopes[name]
            scope.must_tell = False
            scope.places = scope.in_use
        return SlotAsk({name: self.scopes[name].in_use for name in concerned}, wants)

    def _is_worth_asking(self, want: SlotWanted) -> bool:
        return want.task_id not in self.posted or all(self.scopes[name].has_room for name in want.scopes)

    def hungry(self) -> list[SlotWanted]:
        """The first of the wants that places from elsewhere would let start here, with the scopes they lack."""
        room, now = self.host_limit - len(self.held), self.clock.now()
        if room <= 0 or not self._waiting or not any(scope.could_grow for scope in self.scopes.values()):
            return []
        first = (self._waiting[task_id][0] for tasks in self._lines.values() for task_id in self._first(tasks, room))
        lacking = [self._lacking(want) for want in first]
        could_start = [want for want in lacking if all(self.scopes[name].could_grow for name in want.scopes)]
        return nsmallest(room, could_start, key=lambda want: rank_of(want, now))

    def _first(self, tasks: deque[str], count: int) -> Iterator[str]:
        return islice((task_id for task_id in tasks if task_id in self._waiting), count)

    def _lacking(self, want: SlotWanted) -> SlotWanted:
        return replace(want, scopes=tuple(name for name in want.scopes if not self.scopes[name].has_place))

    def take_in(self, shares: Shares) -> None:
        """The store's answer to the last ask."""
        for name, places in shares.places.items():
            scope = self.scopes[name]
            scope.places, scope.is_known, scope.view = places, True, shares.views[name]
        self.posted = frozenset(want.task_id for want in shares.waiting) if shares.worker_count > 1 else frozenset()
        self._forget([name for name, places in shares.places.items() if not places])
        self._serve()

    def failed(self, ask: SlotAsk) -> None:
        """The ask did not reach the store, or its answer did not come back: it is to be told again."""
        for name in ask.in_use:
            self.scopes[name].must_tell = True

    def look(self, views: Mapping[str, ScopeView], *, at: float) -> None:
        """What the store shows of the scopes: changed limits, and where others wait. `at`: monotonic seconds."""
        for name, view in views.items():
            scope = self.scopes[name]
            scope.view = view
            if view.limit is None:
                scope.places = None
            elif scope.places is None or scope.is_contended:
                scope.keep_only_used()
            scope.rest(at)
        self._forget([name for name in views if self.scopes[name].is_long_idle(at)])
        self._serve()

    def _forget(self, names: Collection[str]) -> None:
        """Know nothing more of those of the scopes in which this host neither uses nor holds nor wants a place."""
        wanted = {name for want, _ in self._waiting.values() for name in want.scopes} if names else set()
        for name in names:
            scope = self.scopes[name]
            if not scope.in_use and not scope.must_tell and name not in wanted:
                del self.scopes[name]


def _line(want: SlotWanted) -> Line:
    return (want.scopes, want.session_priority, want.task_priority)
