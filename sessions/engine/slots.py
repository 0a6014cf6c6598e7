"""Who may run now: this host's places, shared by priority among its sessions."""

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from heapq import heappop, heappush

from sessions.engine.inputs import SlotWanted

Wake = Callable[[str], None]
Scope = tuple[str, str]
Rank = tuple[int, int, str]


@dataclass(slots=True)
class Slots:
    """Counts running tasks by agent and workspace, and in all. Used on the loop only.

    A want that is refused is remembered; a freed place is reserved for the first want that fits, by priority and age.
    So a place is free only while no remembered want fits it, and a new want never overtakes an older one.
    """

    host_limit: int
    held: dict[str, SlotWanted] = field(default_factory=dict)
    _agents: Counter[str] = field(default_factory=Counter)
    _workspaces: Counter[str] = field(default_factory=Counter)
    _waiting: dict[str, tuple[SlotWanted, Wake]] = field(default_factory=dict)
    _lines: defaultdict[Scope, list[Rank]] = field(default_factory=lambda: defaultdict(list))
    _order: int = 0

    def acquire(self, want: SlotWanted, wake: Wake) -> bool:
        """Take a place (or keep the one reserved for the task). When there is none, `wake(task_id)` tells later."""
        if want.task_id in self.held:
            return True
        if self._fits(want):
            self._take(want)
            return True
        if want.task_id not in self._waiting:
            self._order += 1
            self._waiting[want.task_id] = (want, wake)
            heappush(self._lines[_scope(want)], (-want.priority, self._order, want.task_id))
        return False

    def release(self, task_id: str) -> None:
        """Give a place back, or stop waiting for one."""
        self._waiting.pop(task_id, None)
        want = self.held.pop(task_id, None)
        if want is not None:
            self._agents[want.agent_id] -= 1
            self._workspaces[want.workspace_id] -= 1
            self._serve()

    def _serve(self) -> None:
        while len(self.held) < self.host_limit:
            heads = [rank for scope in list(self._lines) if (rank := self._head(scope)) is not None]
            fitting = [rank for rank in heads if self._fits(self._waiting[rank[2]][0])]
            if not fitting:
                return
            want, wake = self._waiting[min(fitting)[2]]
            self._take(want)
            wake(want.task_id)

    def _head(self, scope: Scope) -> Rank | None:
        """The first of a line that still waits; lines that have run out are dropped."""
        line = self._lines[scope]
        while line and line[0][2] not in self._waiting:
            heappop(line)
        if not line:
            del self._lines[scope]
            return None
        return line[0]

    def _fits(self, want: SlotWanted) -> bool:
        return (
            len(self.held) < self.host_limit
            and self._agents[want.agent_id] < want.agent_limit
            and self._workspaces[want.workspace_id] < want.workspace_limit
        )

    def _take(self, want: SlotWanted) -> None:
        self.held[want.task_id] = want
        self._waiting.pop(want.task_id, None)
        self._agents[want.agent_id] += 1
        self._workspaces[want.workspace_id] += 1


def _scope(want: SlotWanted) -> Scope:
    return (want.agent_id, want.workspace_id)
