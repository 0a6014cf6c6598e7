"""The name Django looks for in a database backend."""

import select
from functools import partial
from typing import Any

import psycopg2
from django.db.backends.postgresql import base
from django.db.backends.postgresql.creation import DatabaseCreation
from django.db.backends.postgresql.psycopg_any import IsolationLevel
from psycopg2.extensions import TRANSACTION_STATUS_IDLE

from orchestrator_site.pool import Driver, Pool, empty_pools, pool_of

TRUSTED_SECONDS = 5.0  # one that was used more recently is not asked whether it is alive


class Creation(DatabaseCreation):
    """A test database can only be dropped when nobody is connected."""

    def _destroy_test_db(self, test_database_name: str, verbosity: int) -> None:
        empty_pools()
        super()._destroy_test_db(test_database_name, verbosity)  # type: ignore[misc]


class DatabaseWrapper(base.DatabaseWrapper):
    """As Django's; `close` gives a connection that works back to the pool, where this process has one."""

    creation_class = Creation
    _lender: Pool[Any] | None = None

    @property
    def is_kept(self) -> bool:
        """Whether `close` costs nothing, because another takes the connection."""
        return self._lender is not None

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connect = partial(super().get_new_connection, conn_params)
        pool = pool_of(tuple(sorted(conn_params.items())), DRIVER)
        if pool is None:
            return connect()
        connection = pool.take(connect)
        self._lender = pool
        chosen = self.settings_dict["OPTIONS"].get("isolation_level", IsolationLevel.READ_COMMITTED)
        self.isolation_level = IsolationLevel(chosen)
        return connection

    def _close(self) -> None:
        pool, self._lender = self._lender, None
        if pool is None or self.connection is None:
            super()._close()  # type: ignore[misc]
        elif self._is_clean():
            pool.give_back(self.connection)
        else:
            pool.forget(self.connection)
            super()._close()  # type: ignore[misc]

    def _is_clean(self) -> bool:
        if self.in_atomic_block or self.errors_occurred or self.connection.closed:
            return False
        return bool(self.connection.info.transaction_status == TRANSACTION_STATUS_IDLE)


def is_alive(connection: Any, idle_seconds: float) -> bool:
    """Whether the server still listens.

    One that went away has said goodbye, so that there is something to read. Only when it vanished without a word it
    has to be asked.
    """
    if connection.closed or _has_news(connection):
        return False
    return idle_seconds < TRUSTED_SECONDS or _answers(connection)


def _has_news(connection: Any) -> bool:
    news = select.poll()
    news.register(connection.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
    return bool(news.poll(0))


def _answers(connection: Any) -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except psycopg2.Error:
        return False
    return True


def _close(connection: Any) -> None:
    connection.close()


DRIVER: Driver[Any] = Driver(is_alive, _close)
