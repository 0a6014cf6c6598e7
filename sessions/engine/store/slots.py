"""Places of scopes in the database: what each worker holds, and who waits for more."""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from uuid import UUID

from agents.models import Agent
from core.clock import Clock
from sessions.engine.inputs import SlotWanted
from sessions.engine.sharing import ScopeView, Shares, SlotAsk, share_out
from sessions.models import SlotRequest, SlotShare
from sessions.scopes import agent_scope, capability_scope, parse_scope, workspace_scope
from workspaces.models import Workspace


class SlotTable:
    """Rows of one database alias. `live` are the ids of the workers whose lease has not run out, by its clock."""

    def __init__(self, alias: str) -> None:
        self._shares = SlotShare.objects.using(alias)
        self._requests = SlotRequest.objects.using(alias)
        self._workspaces, self._agents = Workspace.objects.using(alias), Agent.objects.using(alias)

    def take(self, worker_id: str, ask: SlotAsk, live: Collection[UUID], clock: Clock) -> Shares:
        """Inside a transaction that holds the locks of the scopes."""
        me = UUID(worker_id)
        if me not in live:
            return Shares(waiting=tuple(ask.wants), worker_count=len(live) + 1)
        others = self._requests_of_others(me, ask.scopes, live)
        concerned = {*ask.scopes, *(scope for want in others for scope in want.scopes)}
        views = self._views(me, sorted(concerned), live, others)
        shares = share_out(ask, views, others=others, worker_count=len(live), now=clock.now())
        self._keep(me, ask, shares)
        return shares

    def look(self, worker_id: str, scopes: Sequence[str], live: Collection[UUID]) -> dict[str, ScopeView]:
        me = UUID(worker_id)
        return self._views(me, scopes, live, self._requests_of_others(me, scopes, live))

    def forget(self, live: Collection[UUID]) -> None:
        """Drop what is left of workers that are gone."""
        for rows in (self._shares, self._requests):
            rows.exclude(worker_id__in=live).delete()

    def _views(
        self, me: UUID, scopes: Sequence[str], live: Collection[UUID], others: Iterable[SlotWanted]
    ) -> dict[str, ScopeView]:
        limits = self.limits(scopes)
        held: defaultdict[str, int] = defaultdict(int)
        for scope, places in (
            self._shares.filter(scope__in=scopes, worker_id__in=live)
            .exclude(worker_id=me)
            .values_list("scope", "places")
        ):
            held[scope] += places
        wanted = {scope for want in others for scope in want.scopes}
        return {scope: ScopeView(limits[scope], held[scope], scope in wanted) for scope in scopes}

    def _requests_of_others(self, me: UUID, scopes: Sequence[str], live: Collection[UUID]) -> list[SlotWanted]:
        """The tasks of other workers that lack a place in one of the scopes, each with all the scopes it lacks."""
        theirs = self._requests.filter(worker_id__in=live).exclude(worker_id=me)
        tasks = set(theirs.filter(scope__in=scopes).values_list("task_id", flat=True))
        if not tasks:
            return []
        rows = defaultdict(list)
        for row in theirs.filter(task_id__in=tasks).order_by("scope"):
            rows[(row.worker_id, row.task_id)].append(row)
        return [
            SlotWanted(
                task_id=str(task_id),
                scopes=tuple(row.scope for row in found),
                session_priority=found[0].session_priority,
                task_priority=found[0].task_priority,
                queued_at=found[0].requested_at,
            )
            for (_, task_id), found in rows.items()
        ]

    def _keep(self, me: UUID, ask: SlotAsk, shares: Shares) -> None:
        held = [SlotShare(scope=s, worker_id=me, places=places) for s, places in shares.places.items() if places]
        none = [scope for scope, places in shares.places.items() if not places]
        self._shares.bulk_create(
            held, update_conflicts=True, unique_fields=["scope", "worker_id"], update_fields=["places"]
        )
        if none:
            self._shares.filter(worker_id=me, scope__in=none).delete()
        self._requests.filter(worker_id=me).delete()
        if shares.worker_count > 1:
            self._requests.bulk_create(
                _request_row(me, want, scope) for want in shares.waiting for scope in want.scopes
            )

    def limits(self, scopes: Iterable[str]) -> dict[str, int | None]:
        """How many tasks may run at once in each scope; None where nothing is set."""
        names = {scope: parse_scope(scope) for scope in scopes}
        agents = {name.owner for name in names.values() if name.kind == "agent" and name.owner}
        workspaces = {name.owner for name in names.values() if name.kind != "agent"}
        of_agents = dict(self._agents.filter(id__in=agents).values_list("id", "max_concurrent_tasks"))
        of_workspaces = {str(one.pk): one for one in self._workspaces.filter(id__in=workspaces)}
        limits = {agent_scope(agent_id): limit for agent_id, limit in of_agents.items()}
        for owner, workspace in of_workspaces.items():
            limits[workspace_scope(owner)] = workspace.max_concurrent_executions
            limits |= {capability_scope(owner, word): n for word, n in workspace.capability_limits.items()}
        return {scope: limits.get(scope) for scope in names}


def _request_row(me: UUID, want: SlotWanted, scope: str) -> SlotRequest:
    return SlotRequest(
        scope=scope,
        worker_id=me,
        task_id=UUID(want.task_id),
        session_priority=want.session_priority,
        task_priority=want.task_priority,
        requested_at=want.queued_at,
    )


def lock_keys(scopes: Iterable[str]) -> list[int]:
    """Numbers for the database's advisory locks, in the one order in which everybody takes them."""
    digests = {hashlib.sha256(f"slots:{scope}".encode()).digest()[:8] for scope in scopes}
    return sorted(int.from_bytes(digest, "big", signed=True) for digest in digests)
