"""The store on a database, through Django's connection of the calling thread; raw SQL where it is hot."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import DatabaseError, InterfaceError, OperationalError, connections, transaction
from django.db.models import QuerySet

from agents.models import Agent
from agents.states import AgentStateDetail
from core.clock import SYSTEM_CLOCK
from core.machine import is_alive
from sessions.engine.batch import Batch, Committed, Outcome, Refused, Rejected
from sessions.engine.inputs import CommandRead
from sessions.engine.sharing import ScopeView, Shares, SlotAsk
from sessions.engine.store import tables
from sessions.engine.store.base import Claim, StoreUnavailable, WorkerIdentity
from sessions.engine.store.claiming import claim_params, claim_sql, runnable_sql
from sessions.engine.store.dialects import Dialect, PostgresDialect, SqliteDialect, id_of
from sessions.engine.store.loading import load_sessions
from sessions.engine.store.slots import SlotTable, lock_keys
from sessions.models import AgentSession, SessionCommand
from sessions.routing_policy import AgentInfo
from sessions.states import FINISHED_SESSION, LIVE_SESSION

_LIVE_SQL = ", ".join(f"'{status}'" for status in sorted(LIVE_SESSION))


class _Stale(Exception):
    """A row was not in the state a batch builds on."""


class SqlStore:
    """SQLite or PostgreSQL, whichever the alias is."""

    def __init__(self, alias: str = "default") -> None:
        self.alias = alias
        self.dialect: Dialect = SqliteDialect() if connections[alias].vendor == "sqlite" else PostgresDialect()
        self._slots = SlotTable(alias)
        self._claims = {by_age: self._claim_sql(by_age) for by_age in (False, True)}

    def _claim_sql(self, by_age: bool) -> str:
        dialect = self.dialect
        return claim_sql(
            dialect.statement_now, per_workspace=dialect.per_workspace, lock=dialect.skip_locked, by_age=by_age
        )

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        connection = connections[self.alias]
        try:
            self.dialect.prepare(connection)
            with transaction.atomic(using=self.alias), connection.cursor() as cursor:
                yield cursor
        except (OperationalError, InterfaceError) as error:
            if not connection.in_atomic_block:
                connection.close()
            raise StoreUnavailable(str(error)) from error

    def register(self, worker: WorkerIdentity, lease_seconds: float) -> None:
        sql = (
            "INSERT INTO engine_worker (id, host, pid, started_at, expires_at) "
            f"VALUES (%s, %s, %s, {self.dialect.now}, {self.dialect.lease_end()})"
        )
        with self._transaction() as cursor:
            cursor.execute(sql, [self._id(worker.id), worker.host, worker.pid, lease_seconds])
            self._slots.forget(self._live_workers(cursor))
        self.expire_dead(worker)

    def expire_dead(self, worker: WorkerIdentity) -> int:
        others = f"SELECT id, pid FROM engine_worker WHERE host = %s AND id <> %s AND expires_at > {self.dialect.now}"
        with self._reading(), connections[self.alias].cursor() as cursor:
            cursor.execute(others, [worker.host, self._id(worker.id)])
            dead = [row[0] for row in cursor.fetchall() if not is_alive(row[1])]
        if dead:
            with self._transaction() as cursor:
                for worker_id in dead:
                    cursor.execute(
                        f"UPDATE engine_worker SET expires_at = {self.dialect.now} WHERE id = %s", [worker_id]
                    )
                self._slots.forget(self._live_workers(cursor))
        return len(dead)

    def renew(self, worker_id: str, lease_seconds: float) -> bool:
        sql = (
            f"UPDATE engine_worker SET expires_at = {self.dialect.lease_end()} "
            f"WHERE id = %s AND expires_at > {self.dialect.now}"
        )
        with self._transaction() as cursor:
            cursor.execute(sql, [lease_seconds, self._id(worker_id)])
            return bool(cursor.rowcount)

    def retire(self, worker_id: str) -> None:
        with self._transaction() as cursor:
            cursor.execute("UPDATE agent_session SET lease_owner = NULL WHERE lease_owner = %s", [self._id(worker_id)])
            cursor.execute("DELETE FROM engine_worker WHERE id = %s", [self._id(worker_id)])
            self._slots.forget(self._live_workers(cursor))

    def _live_workers(self, cursor: Any) -> list[UUID]:
        cursor.execute(f"SELECT id FROM engine_worker WHERE expires_at > {self.dialect.now}".replace("%%", "%"))
        return [UUID(id_of(row[0])) for row in cursor.fetchall()]

    def take_slots(self, worker_id: str, ask: SlotAsk) -> Shares:
        with self._transaction() as cursor:
            self.dialect.lock_keys(cursor, lock_keys(ask.scopes))
            return self._slots.take(worker_id, ask, self._live_workers(cursor), SYSTEM_CLOCK)

    def look_at_slots(self, worker_id: str, scopes: Sequence[str]) -> Mapping[str, ScopeView]:
        with self._reading(), connections[self.alias].cursor() as cursor:
            return self._slots.look(worker_id, scopes, self._live_workers(cursor))

    def claim(self, worker_id: str, limit: int, by_age: bool = False) -> list[Claim]:
        if limit <= 0 or not self._any_runnable():
            return []
        with self._transaction() as cursor:
            cursor.execute(self._claims[by_age], claim_params(self._id(worker_id), limit))
            owners = dict(cursor.fetchall())
            for session_id in owners:
                cursor.execute(
                    "UPDATE agent_session SET lease_owner = %s, lease_token = lease_token + 1 WHERE id = %s",
                    [self._id(worker_id), session_id],
                )
        let_go = {id_of(session_id): owner is None for session_id, owner in owners.items()}
        found = list(let_go)
        with self._reading():
            sessions, commands = load_sessions(found, self.roster), self.commands(found)
        return [Claim(sessions[i], commands.get(i, ()), let_go[i]) for i in found if i in sessions]

    def _any_runnable(self) -> bool:
        """A look without a write transaction: an idle host must not take the database's write lock each second."""
        connection = connections[self.alias]
        try:
            with connection.cursor() as cursor:
                cursor.execute(runnable_sql(self.dialect.statement_now).replace("%%", "%"))
                return cursor.fetchone() is not None
        except (OperationalError, InterfaceError) as error:
            connection.close()
            raise StoreUnavailable(str(error)) from error

    def commands(self, session_ids: Sequence[str]) -> Mapping[str, tuple[CommandRead, ...]]:
        with self._reading():
            keys = [UUID(session_id) for session_id in session_ids]
            return _by_session(self._unapplied().filter(session_id__in=keys))

    def inbox(self, worker_id: str) -> Mapping[str, tuple[CommandRead, ...]]:
        with self._reading():
            return _by_session(self._unapplied().filter(session__lease_owner=worker_id))

    def _unapplied(self) -> QuerySet[SessionCommand]:
        return SessionCommand.objects.using(self.alias).filter(applied_at__isnull=True)

    def reject_stale_commands(self) -> int:
        with self._reading():
            stale = SessionCommand.objects.using(self.alias).filter(
                applied_at__isnull=True, session__status__in=sorted(FINISHED_SESSION)
            )
            ids = list(stale.values_list("id", flat=True)[:200])
        if not ids:
            return 0
        marks = ", ".join("%s" for _ in ids)
        with self._transaction() as cursor:
            cursor.execute(
                f"UPDATE session_command SET applied_at = {self.dialect.now}, "
                f"outcome = 'rejected: the session is finished' WHERE id IN ({marks}) AND applied_at IS NULL",
                ids,
            )
        return len(ids)

    def release_orphans(self, worker_id: str, running: Sequence[str]) -> int:
        with self._reading():
            owned = AgentSession.objects.using(self.alias).filter(lease_owner=worker_id).live()
            orphans = [pk for pk in owned.values_list("id", flat=True) if str(pk) not in set(running)]
        if not orphans:
            return 0
        with self._transaction() as cursor:
            for pk in orphans:
                cursor.execute(
                    "UPDATE agent_session SET lease_owner = NULL WHERE id = %s AND lease_owner = %s",
                    [self._id(str(pk)), self._id(worker_id)],
                )
        return len(orphans)

    def note_failure(self, worker_id: str, session_id: str, reason: str) -> None:
        sql = (
            "UPDATE agent_session SET lease_owner = NULL, engine_failures = engine_failures + 1, error_message = %s "
            f"WHERE id = %s AND lease_owner = %s AND status IN ({_LIVE_SQL})"
        )
        with self._transaction() as cursor:
            cursor.execute(sql, [reason, self._id(session_id), self._id(worker_id)])

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (OperationalError, InterfaceError) as error:
            connections[self.alias].close()
            raise StoreUnavailable(str(error)) from error

    def roster(self, project_id: str) -> Mapping[str, AgentInfo]:
        with self._reading():
            agents = Agent.objects.using(self.alias).filter(project_id=project_id).select_related("definition")
            return {str(agent.id): _agent_info(agent) for agent in agents[:2000]}

    def positions(self, session_ids: Sequence[str]) -> Mapping[str, tuple[int, int]]:
        with self._reading():
            rows = AgentSession.objects.using(self.alias).filter(id__in=session_ids)
            return {str(row[0]): (row[1], row[2]) for row in rows.values_list("id", "lease_token", "last_seq")}

    def changes(self) -> Any:
        if connections[self.alias].vendor != "sqlite":
            return None
        with self._reading(), connections[self.alias].cursor() as cursor:
            cursor.execute("PRAGMA data_version")
            return cursor.fetchone()[0]

    def write_group(self, batches: Sequence[Batch]) -> list[Outcome]:
        try:
            return self._write(batches)
        except StoreUnavailable:
            raise
        except (DatabaseError, _Stale, ValueError, TypeError) as error:
            if len(batches) == 1:
                return [Rejected(f"{type(error).__name__}: {error}".splitlines()[0][:500])]
            return [outcome for batch in batches for outcome in self.write_group([batch])]

    def _write(self, batches: Sequence[Batch]) -> list[Outcome]:
        with self._transaction() as cursor:
            held = self._fence(cursor, batches)
            mine = [batch for batch in batches if batch.session_id in held]
            self._write_tasks(cursor, mine)
            self._write_executions(cursor, mine)
            self._append(cursor, tables.DEPENDENCY, list(tables.dependency_rows(mine)))
            self._append(cursor, tables.HISTORY, list(tables.history_rows(mine)))
            self._append(cursor, tables.MESSAGE, list(tables.message_rows(mine)))
            self._write_steps(cursor, mine)
            self._write_placements(cursor, mine)
            self._append(cursor, tables.EVENT, list(tables.event_rows(mine)))
            self._answer_commands(cursor, mine)
            self._request_commands(cursor, mine)
        return [Committed() if batch.session_id in held else Refused() for batch in batches]

    def _fence(self, cursor: Any, batches: Sequence[Batch]) -> set[str]:
        """The first statement: whoever does not hold the lease at the expected position is left out."""
        key = (("id", "uuid"), ("lease_token", "number"), ("last_seq", "number"))
        owned = self._owners(cursor, batches)
        rows = [
            ((b.session_id, b.session.token, b.base_seq), tables.session_row(b, owned.get(b.session_id)))
            for b in batches
        ]
        return {id_of(found) for found in self.dialect.update(cursor, tables.SESSION, key, rows)}

    def _owners(self, cursor: Any, batches: Sequence[Batch]) -> dict[str, str]:
        marks = ", ".join("%s" for _ in batches)
        cursor.execute(
            f"SELECT id, lease_owner FROM agent_session WHERE id IN ({marks})",
            [self._id(b.session_id) for b in batches],
        )
        return {id_of(row[0]): id_of(row[1]) for row in cursor.fetchall() if row[1]}

    def _write_tasks(self, cursor: Any, batches: Sequence[Batch]) -> None:
        new = [tables.new_task_row(w, b) for b in batches for w in b.tasks if w.previous is None]
        self._append(cursor, tables.NEW_TASK, new)
        changed = [
            ((w.task.id, w.previous), tables.task_row(w, b)) for b in batches for w in b.tasks if w.previous is not None
        ]
        self._change(cursor, tables.TASK, "status", changed)

    def _write_executions(self, cursor: Any, batches: Sequence[Batch]) -> None:
        """Ends come before beginnings: a takeover ends an attempt and begins the next, and only one may be live."""
        changed = [
            ((w.execution.id, w.previous), tables.execution_row(w, b))
            for b in batches
            for w in b.executions
            if w.previous is not None
        ]
        self._change(cursor, tables.EXECUTION, "state", changed)
        new = [tables.new_execution_row(w, b) for b in batches for w in b.executions if w.previous is None]
        self._append(cursor, tables.NEW_EXECUTION, new)

    def _write_steps(self, cursor: Any, batches: Sequence[Batch]) -> None:
        writes = [write for batch in batches for write in batch.steps]
        self._append(cursor, tables.NEW_STEP, [tables.new_step_row(w) for w in writes if w.previous is None])
        changed = [((w.step.id, w.previous), tables.step_row(w)) for w in writes if w.previous is not None]
        self._change(cursor, tables.STEP, "status", changed)

    def _write_placements(self, cursor: Any, batches: Sequence[Batch]) -> None:
        for batch in batches:
            for write in batch.placements:
                cursor.execute(
                    f"INSERT INTO placement (id, execution_id, queue, run_id, created_at) "
                    f"VALUES (%s, %s, %s, %s, {self.dialect.time_mark}) ON CONFLICT (execution_id) "
                    "DO UPDATE SET queue = excluded.queue, run_id = excluded.run_id, created_at = excluded.created_at",
                    [
                        self._id(write.id),
                        self._id(write.execution_id),
                        write.queue,
                        self._id(write.run_id),
                        self.dialect.value("time", batch.at),
                    ],
                )

    def _append(self, cursor: Any, table: tables.Table, rows: list[tables.Row]) -> None:
        if rows:
            self.dialect.insert(cursor, table, rows)

    def _change(self, cursor: Any, table: tables.Table, state: str, rows: list[tuple[tables.Row, tables.Row]]) -> None:
        if not rows:
            return
        found = self.dialect.update(cursor, table, (("id", "uuid"), (state, "text")), rows)
        if len(found) != len(rows):
            raise _Stale(f"{len(rows) - len(found)} rows of {table.name} were not in the expected state")

    def _answer_commands(self, cursor: Any, batches: Sequence[Batch]) -> None:
        for batch in batches:
            for command in batch.commands:
                cursor.execute(
                    "UPDATE session_command SET applied_at = %s, outcome = %s WHERE id = %s",
                    [self.dialect.value("time", batch.at), command.outcome, command.command_id],
                )

    def _request_commands(self, cursor: Any, batches: Sequence[Batch]) -> None:
        """Into the inbox of a session that may be gone; asking twice counts once."""
        for batch in batches:
            for request in batch.requests:
                cursor.execute(
                    "INSERT INTO session_command (session_id, kind, payload, actor, dedupe_key, created_at, outcome) "
                    f"SELECT id, %s, {self.dialect.json_mark}, %s, %s, {self.dialect.time_mark}, '' FROM agent_session "
                    "WHERE id = %s ON CONFLICT DO NOTHING",
                    [
                        request.kind,
                        self.dialect.value("json", dict(request.payload)),
                        request.actor,
                        request.dedupe_key,
                        self.dialect.value("time", batch.at),
                        self._id(request.session_id),
                    ],
                )

    def _id(self, value: str) -> Any:
        return self.dialect.value("uuid", value)


def _by_session(rows: QuerySet[SessionCommand]) -> dict[str, tuple[CommandRead, ...]]:
    found: dict[str, list[CommandRead]] = {}
    for row in rows.order_by("id").values_list("id", "session_id", "kind", "payload", "actor")[:1000]:
        found.setdefault(str(row[1]), []).append(CommandRead(row[0], row[2], row[3], row[4]))
    return {key: tuple(commands) for key, commands in found.items()}


def _agent_info(agent: Agent) -> AgentInfo:
    usable = agent.state_detail == AgentStateDetail.ACTIVE and agent.is_enabled and agent.definition.is_enabled
    return AgentInfo(
        id=str(agent.id),
        name=agent.name,
        definition=agent.definition.slug,
        capabilities=frozenset(agent.capabilities or agent.definition.capabilities),
        configuration=agent.configuration,
        max_concurrent_tasks=agent.max_concurrent_tasks,
        weight=agent.weight,
        is_assignable=usable and not agent.in_maintenance,
        state="in maintenance" if agent.in_maintenance else agent.state_detail if usable else "not active",
        placement=agent.definition.placement.removeprefix("celery:"),
    )
