"""What a table is, in values that can be compared whichever database they were read from."""

import re
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Column:
    type: str
    null: bool

    def __str__(self) -> str:
        return f"{self.type}{' null' if self.null else ''}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A condition as both databases write it differently and mean it alike: its columns, values and connectives."""

    columns: frozenset[str]
    values: frozenset[str]
    marks: frozenset[tuple[str, int]]

    def __str__(self) -> str:
        values = ", ".join(sorted(repr(value) for value in self.values))
        return f"on {', '.join(sorted(self.columns))}" + (f" with {values}" if values else "")


@dataclass(frozen=True, slots=True)
class Index:
    """Columns in order, `-` before those that descend. A unique constraint is a unique index."""

    columns: tuple[str, ...]
    unique: bool = False
    condition: Rule | None = None
    name: str = field(default="", compare=False)

    def __str__(self) -> str:
        kind = "unique" if self.unique else "index"
        named = f" {self.name}" if self.name else ""
        return f"{kind}{named} ({', '.join(self.columns)})" + (" where …" if self.condition else "")


@dataclass(frozen=True, slots=True)
class ForeignKey:
    columns: tuple[str, ...]
    table: str
    targets: tuple[str, ...]

    def __str__(self) -> str:
        return f"foreign key ({', '.join(self.columns)}) to {self.table} ({', '.join(self.targets)})"


@dataclass(frozen=True, slots=True)
class Check:
    rule: Rule
    name: str = ""

    def __str__(self) -> str:
        return f"check {self.name or self.rule}"


REFUSES = "refuses every update"


@dataclass(slots=True)
class Table:
    """`triggers` maps names to what they do (`REFUSES`); `faults` are rules that are there and switched off."""

    name: str
    columns: dict[str, Column] = field(default_factory=dict)
    primary_key: tuple[str, ...] = ()
    indexes: list[Index] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    foreign_keys: set[ForeignKey] = field(default_factory=set)
    triggers: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def counts(self) -> str:
        unique = sum(index.unique for index in self.indexes)
        parts = [
            (len(self.columns), "column", "columns"),
            (unique, "unique", "unique"),
            (len(self.checks), "check", "checks"),
            (len(self.foreign_keys), "foreign key", "foreign keys"),
            (len(self.indexes) - unique, "index", "indexes"),
            (len(self.triggers), "trigger", "triggers"),
        ]
        return ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in parts if count)


_CAST = re.compile(r"::(?:character varying|timestamp with time zone|double precision|\w+)(?:\(\d+\))?(?:\[\])?")
_TOKEN = re.compile(r"'((?:[^']|'')*)'|\"([^\"]+)\"|(\d+(?:\.\d+)?)|([A-Za-z_]\w*)|(<=|>=|<>|!=|<|>)")
_CONNECTIVES = {"AND", "OR", "NOT", "NULL"}


def rule_of(sql: str, columns: Collection[str]) -> Rule:
    """The rule a condition states. PostgreSQL's casts and its `= ANY (ARRAY[…])` for IN make no difference."""
    values: set[str] = set()
    named: set[str] = set()
    marks: Counter[str] = Counter()
    for text, quoted, number, word, operator in _TOKEN.findall(_CAST.sub("", sql)):
        name = quoted or word
        if name.upper() in _CONNECTIVES and not quoted:
            marks[name.upper()] += 1
        elif name in columns:
            named.add(name)
        elif operator:
            marks[operator] += 1
        elif not name:
            values.add(number or text.replace("''", "'"))
    return Rule(frozenset(named), frozenset(values), frozenset(marks.items()))
