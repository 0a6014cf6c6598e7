"""Who may run now: this host's places, shared by priority among its sessions."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from sessions.engine.inputs import SlotWanted


@dataclass(slots=True)
class _Waiter:
    want: SlotWanted
    order: int
    wake: Callable[[str], None]


@dataclass(slots=True)
class Slots:
    """Counts running tasks by agent and workspace, and in all. Used on the loop only.

    A want that is refused is remembered; a freed place is reserved for the first want that fits, by priority and age.
    """

    host_limit: int
    held: dict[str, SlotWanted] = field(default_factory=dict)
    _agents: Counter[str] = field(default_factory=Counter)
    _workspaces: Counter[str] = field(default_factory=Counter)
    _waiting: dict[str, _Waiter] = field(default_factory=dict)
    _order: int = 0

    def acquire(self, want: SlotWanted, wake: Callable[[str], None]) -> bool:
        """Take a place (or keep the one reserved for the task). When there is none, `wake(task_id)` tells later."""
        if want.task_id in self.held:
            return True
        if self._fits(want) and not self._overtakes(want):
            self._take(want)
            return True
        if want.task_id not in self._waiting:
            self._order += 1
            self._waiting[want.task_id] = _Waiter(want, self._order, wake)
        return False

    def release(self, task_id: str) -> None:
        """Give a place back, or stop waiting for one."""
        self._waiting.pop(task_id, None)
        want = self.held.pop(task_id, None)
        if want is None:
            return
        self._agents[want.agent_id] -= 1
        self._workspaces[want.workspace_id] -= 1
        self._serve()

    def _serve(self) -> None:
        for waiter in sorted(self._waiting.values(), key=_rank):
            if len(self.held) >= self.host_limit:
                return
            if self._fits(waiter.want):
                del self._waiting[waiter.want.task_id]
                self._take(waiter.want)
                waiter.wake(waiter.want.task_id)

    def _fits(self, want: SlotWanted) -> bool:
        return (
            len(self.held) < self.host_limit
            and self._agents[want.agent_id] < want.agent_limit
            and self._workspaces[want.workspace_id] < want.workspace_limit
        )

    def _overtakes(self, want: SlotWanted) -> bool:
        """Whether somebody as important already waits for the same place."""
        return any(
            waiter.want.priority >= want.priority
            and waiter.want.task_id != want.task_id
            and (waiter.want.agent_id == want.agent_id or waiter.want.workspace_id == want.workspace_id)
            and self._fits(waiter.want)
            for waiter in self._waiting.values()
        )

    def _take(self, want: SlotWanted) -> None:
        self.held[want.task_id] = want
        self._waiting.pop(want.task_id, None)
        self._agents[want.agent_id] += 1
        self._workspaces[want.workspace_id] += 1


def _rank(waiter: _Waiter) -> tuple[int, int]:
    return (-waiter.want.priority, waiter.order)
