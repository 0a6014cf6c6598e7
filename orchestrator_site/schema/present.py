"""A report as people read it, and as programs do."""

from collections.abc import Iterator
from typing import Any

from orchestrator_site.schema.compare import EXTRA, Finding
from orchestrator_site.schema.verifying import Report


def lines(report: Report) -> Iterator[str]:
    """One line a table, below it what is missing or different; what else is there comes last."""
    width = max(map(len, report.expected))
    for name in sorted(report.expected):
        faults = [finding for finding in report.faults if finding.table == name]
        counts = report.found[name].counts() if name in report.found else "not there"
        yield f"{name:<{width}}  {counts}{'' if faults else '  ok'}"
        yield from (f"  {fault.kind:<9}  {fault.what}" for fault in faults)
    if others := _others(report):
        yield "Also there, and not of the models: " + "; ".join(others)


def summary(report: Report) -> str:
    """How it ended, and what to do, in a sentence or two."""
    tables = f"{len(report.expected)} tables"
    if report.is_clean:
        return f"{tables} are as the models say."
    said = []
    if report.behind:
        shown = ", ".join(report.behind[:5]) + (", …" if len(report.behind) > 5 else "")
        said.append(
            f"{len(report.behind)} migration(s) are not applied ({shown}): run `manage.py migrate` on this database."
        )
    if report.faults:
        touched = len({fault.table for fault in report.faults})
        said.append(f"{len(report.faults)} thing(s) missing or different in {touched} of {tables}.")
    if report.faults and not report.behind:
        said.append("All migrations are applied, so somebody changed the tables by hand: put back what is named above.")
    return " ".join(said)


def as_json(report: Report) -> dict[str, Any]:
    return {
        "ok": report.is_clean,
        "database": report.vendor,
        "unapplied_migrations": report.behind,
        "tables": {name: _table_json(report, name) for name in sorted(report.expected)},
        "extra": _others(report),
    }


def _table_json(report: Report, name: str) -> dict[str, Any]:
    found = report.found.get(name)
    faults = [{"kind": fault.kind, "what": fault.what} for fault in report.faults if fault.table == name]
    if found is None:
        return {"found": False, "faults": faults}
    return {
        "found": True,
        "columns": {column: str(kind) for column, kind in found.columns.items()},
        "primary_key": list(found.primary_key),
        "constraints": sorted(
            [str(index) for index in found.indexes if index.unique]
            + [str(check) for check in found.checks]
            + [str(key) for key in found.foreign_keys]
        ),
        "indexes": sorted(str(index) for index in found.indexes if not index.unique),
        "triggers": sorted(found.triggers),
        "faults": faults,
    }


def _others(report: Report) -> list[str]:
    extra: list[Finding] = [finding for finding in report.findings if finding.kind == EXTRA]
    return [f"{finding.table}: {finding.what}" for finding in extra]
