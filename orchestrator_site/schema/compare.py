"""What a found table lacks of an expected one. Pure: values in, findings out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from orchestrator_site.schema.shape import Check, Index, Table

MISSING, DIFFERENT, EXTRA = "missing", "different", "extra"


@dataclass(frozen=True, slots=True)
class Finding:
    """`kind`: missing and different are faults; extra is only mentioned."""

    table: str
    kind: str
    what: str

    @property
    def is_fault(self) -> bool:
        return self.kind != EXTRA


def compare(
    expected: Mapping[str, Table], found: Mapping[str, Table], leading: Mapping[str, Sequence[str]]
) -> list[Finding]:
    """All findings, table by table; what else the database has comes as extra."""
    findings: list[Finding] = []
    for name, table in sorted(expected.items()):
        if name in found:
            findings += [Finding(name, kind, what) for kind, what in _differences(table, found[name])]
            findings += [Finding(name, MISSING, what) for what in _unled(found[name], leading.get(name, ()))]
        else:
            findings.append(Finding(name, MISSING, "the table"))
    return findings


def _differences(expected: Table, found: Table) -> Iterator[tuple[str, str]]:
    yield from _columns(expected, found)
    if expected.primary_key and expected.primary_key != found.primary_key:
        yield DIFFERENT, f"primary key ({', '.join(found.primary_key)}) instead of ({', '.join(expected.primary_key)})"
    yield from _indexes(expected.indexes, found.indexes)
    yield from _checks(expected.checks, found.checks)
    for key in sorted(expected.foreign_keys - found.foreign_keys, key=str):
        yield MISSING, str(key)
    for key in sorted(found.foreign_keys - expected.foreign_keys, key=str):
        yield EXTRA, str(key)
    yield from _triggers(expected.triggers, found.triggers)
    yield from ((DIFFERENT, fault) for fault in found.faults)


def _columns(expected: Table, found: Table) -> Iterator[tuple[str, str]]:
    for name, column in expected.columns.items():
        if name not in found.columns:
            yield MISSING, f"column {name} ({column})"
        elif column != found.columns[name]:
            yield DIFFERENT, f"column {name}: {found.columns[name]} instead of {column}"
    for name in found.columns.keys() - expected.columns.keys():
        yield EXTRA, f"column {name}"


def _indexes(expected: list[Index], found: list[Index]) -> Iterator[tuple[str, str]]:
    left = list(found)
    for index in expected:
        if index in left:
            left.remove(index)
            continue
        other = next((other for other in found if index.name and other.name == index.name), None)
        if other is None:
            yield MISSING, str(index)
            continue
        if other in left:
            left.remove(other)
        same = (other.columns, other.unique) == (index.columns, index.unique)
        yield DIFFERENT, f"{index}: {'its condition is another' if same else f'it is {other}'}"
    yield from ((EXTRA, str(index)) for index in left)


def _checks(expected: list[Check], found: list[Check]) -> Iterator[tuple[str, str]]:
    by_name = {check.name: check for check in found if check.name}
    rules = [check.rule for check in found]
    for check in expected:
        other = by_name.get(check.name)
        if other is None and (check.name or check.rule not in rules):
            yield MISSING, str(check)
        elif other is not None and other.rule != check.rule:
            yield DIFFERENT, f"{check}: {_changed(check, other)}"
    known = {check.name for check in expected if check.name}
    unnamed = [check.rule for check in expected if not check.name]
    yield from ((EXTRA, str(check)) for check in found if check.name not in known and check.rule not in unnamed)


def _changed(expected: Check, found: Check) -> str:
    more = ", ".join(sorted(found.rule.values - expected.rule.values))
    less = ", ".join(sorted(expected.rule.values - found.rule.values))
    said = [text for text in (more and f"it also names {more}", less and f"it does not name {less}") if text]
    return " and ".join(said) or "its condition is another"


def _triggers(expected: Mapping[str, str], found: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, meaning in expected.items():
        if name not in found:
            yield MISSING, f"trigger {name} ({meaning})"
        elif found[name] != meaning:
            yield DIFFERENT, f"trigger {name}: it {found[name]}"
    yield from ((EXTRA, f"trigger {name}") for name in found.keys() - expected.keys())


def _unled(found: Table, leading: Sequence[str]) -> Iterator[str]:
    """Of the columns that an index must begin with, those that none begins with."""
    for words in leading:
        columns = tuple(words.split())
        begins = (index.columns[: len(columns)] for index in found.indexes if index.condition is None)
        if columns not in begins:
            yield f"an index that begins with ({', '.join(columns)})"
