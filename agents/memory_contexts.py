"""Contexts in memory: for rehearsals, and for hosts without a database. The rules are those of the services."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from agents.policies import context_name_problem
from agents.runtime import AgentError, ContextHead, ContextVersion
from core.canonical import canonical_json
from core.differences import Change, changes_between


@dataclass(slots=True)
class _Kept:
    versions: list[ContextVersion] = field(default_factory=list)
    current: int = 0
    keys: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class MemoryContexts:
    """A `ContextStore` whose writes end with this object. `of` is the same store as another agent sees it."""

    agent_name: str = "rehearsed"
    session_id: str | None = None
    kept: dict[tuple[str, str], _Kept] = field(default_factory=dict)

    def of(self, agent_name: str, session_id: str | None = None) -> "MemoryContexts":
        return MemoryContexts(agent_name, session_id, self.kept)

    async def read(self, name: str, *, version: int | None = None, agent: str | None = None) -> ContextVersion:
        kept = self._find(name, agent)
        number = kept.current if version is None else version
        if number == 0:
            return ContextVersion(name, 0, "", "", None, "", {})
        return deepcopy(_at(kept, number))

    async def write(
        self,
        name: str,
        data: Mapping[str, Any],
        *,
        description: str = "",
        expected_version: int | None = None,
        key: str = "",
    ) -> int:
        problem = context_name_problem(name) or _data_problem(data)
        if problem:
            raise AgentError(problem, code="bad_context", permanent=True)
        kept = self.kept.setdefault((self.agent_name, name), _Kept())
        if key in kept.keys:
            return kept.keys[key]
        if expected_version not in (None, kept.current):
            text = f"The context is at version {kept.current} now, not {expected_version}. Read it again."
            raise AgentError(text, code="context_conflict")
        number = kept.current = len(kept.versions) + 1
        author = f"agent:{self.agent_name}"
        kept.versions.append(
            ContextVersion(name, number, description, author, self.session_id, "", deepcopy(dict(data)))
        )
        if key:
            kept.keys[key] = number
        return number

    async def history(self, name: str, *, limit: int = 20, agent: str | None = None) -> list[ContextHead]:
        return [
            ContextHead(v.name, v.version, v.description, v.author, v.session_id, v.written_at)
            for v in self._find(name, agent).versions[::-1][:limit]
        ]

    async def diff(self, name: str, before: int, after: int, *, agent: str | None = None) -> list[Change]:
        kept = self._find(name, agent)
        old, new = ({} if not number else _at(kept, number).data for number in (before, after))
        return changes_between(old, new)

    async def rollback(self, name: str, version: int, *, reason: str = "", key: str = "") -> int:
        kept = self._find(name, None)
        kept.current = _at(kept, version).version
        return version

    async def names(self, *, agent: str | None = None) -> list[str]:
        return sorted(name for owner, name in self.kept if owner == (agent or self.agent_name))

    def _find(self, name: str, agent: str | None) -> _Kept:
        return self.kept.get((agent or self.agent_name, name), _Kept())


def _at(kept: _Kept, number: int) -> ContextVersion:
    if not 0 < number <= len(kept.versions):
        text = f"There is no version {number}; the newest is {len(kept.versions)}."
        raise AgentError(text, code="no_such_version", permanent=True)
    return kept.versions[number - 1]


def _data_problem(data: Any) -> str:
    if not isinstance(data, dict):
        return 'A context holds a JSON object, like {"step": 3}.'
    try:
        canonical_json(data)
    except (TypeError, ValueError, RecursionError) as error:
        return f"The data is not JSON: {error}."
    return ""
