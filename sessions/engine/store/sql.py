"""The store on a database, through Django's connection of the calling thread; raw SQL where it is hot."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import DatabaseError, InterfaceError, OperationalError, connections, transaction

from agents.models import Agent
from agents.states import AgentStateDetail
from core.clock import SYSTEM_CLOCK
from core.machine import is_alive
from sessions.engine.batch import Batch, Committed, Outcome, Refused, Rejected
from sessions.engine.inputs import CommandRead
from sessions.engine.sharing import ScopeView, Shares, SlotAsk
from sessions.engine.store.base import Claim, StoreUnavailable, WorkerIdentity
from sessions.engine.store.claiming import claim_params, claim_sql, runnable_sql
from sessions.engine.store.dialects import Dialect, id_of
from sessions.engine.store.loading import load_sessions
from sessions.engine.store.postgres import PostgresDialect
from sessions.engine.store.rows import RowReader, query
from sessions.engine.store.slots import SlotTable, lock_keys
from sessions.engine.store.sqlite import SqliteDialect
from sessions.engine.store.statements import Stale, statements_of
from sessions.models import AgentSession, SessionCommand
from sessions.routing_policy import AgentInfo
from sessions.states import FINISHED_SESSION, LIVE_SESSION

_LIVE_SQL = ", ".join(f"'{status}'" for status in sorted(LIVE_SESSION))
_COMMAND = "c.id:number c.session_id:uuid c.kind:text c.payload:json c.actor:text"
_UNAPPLIED = "c.applied_at IS NULL ORDER BY c.id LIMIT 1000"
_COMMANDS = query(_COMMAND, f"FROM session_command c WHERE c.session_id IN ({{keys}}) AND {_UNAPPLIED}")
_INBOX = query(
    _COMMAND,
    "FROM session_command c JOIN agent_session s ON s.id = c.session_id "
    f"WHERE s.lease_owner IN ({{keys}}) AND {_UNAPPLIED}",
)


class SqlStore:
    """SQLite or PostgreSQL, whichever the alias is."""

    def __init__(self, alias: str = "default") -> None:
        self.alias = alias
        self.dialect: Dialect = SqliteDialect() if connections[alias].vendor == "sqlite" else PostgresDialect()
        self.is_exclusive = isinstance(self.dialect, SqliteDialect)
        self._slots, self._rows = SlotTable(alias), RowReader(alias)
        self._claims = {by_age: self._claim_sql(by_age) for by_age in (False, True)}

    def _claim_sql(self, by_age: bool) -> str:
        dialect = self.dialect
        return claim_sql(
            dialect.statement_now, per_workspace=dialect.per_workspace, lock=dialect.skip_locked, by_age=by_age
        )

    @contextmanager
    def _transaction(self) -> Iterator[Any]:
        connection = connections[self.alias]
        with self._connected(connection), transaction.atomic(using=self.alias), connection.cursor() as cursor:
            yield cursor

    @contextmanager
    def _connected(self, connection: Any) -> Iterator[None]:
        try:
            self.dialect.prepare(connection)
            yield
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
            sessions, commands = load_sessions(self._rows, found, self.roster), self.commands(found)
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
            return _by_session(self._rows.read(_COMMANDS, session_ids))

    def inbox(self, worker_id: str) -> Mapping[str, tuple[CommandRead, ...]]:
        with self._reading():
            return _by_session(self._rows.read(_INBOX, [worker_id]))

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
            rows = Agent.objects.using(self.alias).filter(project_id=project_id)
            agents = rows.without_state().select_related("definition")
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
            self._write(batches)
        except StoreUnavailable:
            raise
        except (DatabaseError, Stale, ValueError, TypeError) as error:
            if len(batches) == 1:
                return [self._failure(batches[0], error)]
            return [outcome for batch in batches for outcome in self.write_group([batch])]
        return [Committed() for _ in batches]

    def _write(self, batches: Sequence[Batch]) -> None:
        connection = connections[self.alias]
        with self._connected(connection):
            self.dialect.write(connection, statements_of(batches))

    def _failure(self, batch: Batch, error: Exception) -> Outcome:
        """Whose fault it is that a batch could not be written: the lease is somebody else's, or its data are bad."""
        held = self.positions([batch.session_id]).get(batch.session_id)
        if held != (batch.session.token, batch.base_seq):
            return Refused()
        return Rejected(f"{type(error).__name__}: {error}".splitlines()[0][:500])

    def _id(self, value: str) -> Any:
        return self.dialect.value("uuid", value)


def _by_session(rows: Sequence[Any]) -> dict[str, tuple[CommandRead, ...]]:
    found: dict[str, list[CommandRead]] = {}
    for row in rows:
        found.setdefault(row.session_id, []).append(CommandRead(row.id, row.kind, row.payload, row.actor))
    return {key: tuple(commands) for key, commands in found.items()}


def _agent_info(agent: Agent) -> AgentInfo:
    usable = agent.state_detail == AgentStateDetail.ACTIVE and agent.is_enabled and agent.definition.is_enabled
    is_away = usable and (agent.in_maintenance or agent.is_offline)
    flag = "in maintenance" if agent.in_maintenance else "offline" if agent.is_offline else ""
    return AgentInfo(
        id=str(agent.id),
        name=agent.name,
        definition=agent.definition.slug,
        capabilities=frozenset(agent.capabilities or agent.definition.capabilities),
        configuration=agent.configuration,
        max_concurrent_tasks=agent.max_concurrent_tasks,
        weight=agent.weight,
        is_assignable=usable and not is_away,
        state=flag or (agent.state_detail if usable else "not active"),
        placement=agent.definition.placement.removeprefix("celery:"),
        is_away=is_away,
    )
