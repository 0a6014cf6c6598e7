"""Reading a database and comparing it with the models, in one call."""

from dataclasses import dataclass

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from orchestrator_site.schema import postgresql, sqlite
from orchestrator_site.schema.compare import Finding, compare
from orchestrator_site.schema.expected import LEADING_COLUMNS, expected_tables
from orchestrator_site.schema.shape import Table

READERS = {"sqlite": sqlite.found_tables, "postgresql": postgresql.found_tables}


@dataclass(frozen=True, slots=True)
class Report:
    """`behind` are the migrations that are not applied; `others` the tables no model of the product has."""

    vendor: str
    expected: dict[str, Table]
    found: dict[str, Table]
    findings: list[Finding]
    behind: list[str]

    @property
    def faults(self) -> list[Finding]:
        return [finding for finding in self.findings if finding.is_fault]

    @property
    def is_clean(self) -> bool:
        return not (self.faults or self.behind)


def verify(connection: BaseDatabaseWrapper) -> Report:
    """Only reads. Raises: django.db.Error when the database does not answer."""
    connection.ensure_connection()
    expected = expected_tables(connection)
    with connection.cursor() as cursor:
        found = READERS[connection.vendor](cursor)
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    behind = [f"{migration.app_label}.{migration.name}" for migration, _backwards in plan]
    return Report(connection.vendor, expected, found, compare(expected, found, LEADING_COLUMNS), behind)
