"""Which backend searches: the database's own."""

from collections.abc import Callable

from django.db import connections

from documents.search.postgresql import PostgresSearch
from documents.search.sqlite import SqliteSearch
from documents.search.types import SearchBackend

BACKENDS: dict[str, Callable[[str], SearchBackend]] = {"sqlite": SqliteSearch, "postgresql": PostgresSearch}


def get_backend(using: str = "default") -> SearchBackend:
    return BACKENDS[connections[using].vendor](using)
