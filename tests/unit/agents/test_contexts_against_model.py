"""Any sequence of writes, patches, rollbacks, crashes and prunings leaves what a simple model says."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from django.test import override_settings
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agents import services
from agents.models import AgentContext
from agents.selectors import version_at
from agents.services.contexts import rollbacks
from core.errors import Gone, NotFound, PreconditionFailed
from core.merging import merge_patch
from tests.make import Make
from tests.unit.agents.worlds import access_to

DATA = st.dictionaries(st.sampled_from("abc"), st.integers(0, 3) | st.none(), max_size=3)
VERSIONS = st.integers(1, 14)


@dataclass
class Model:
    """What a context is, in the simplest words: all versions by number, and which of them are kept."""

    limit: int
    kept: dict[int, dict[str, Any]] = field(default_factory=dict)
    keys: dict[str, int] = field(default_factory=dict)
    current: int = 0
    last: int = 0
    pointer: int | None = None

    @property
    def data(self) -> dict[str, Any]:
        return self.kept[self.current] if self.current else {}

    def write(self, data: dict[str, Any]) -> int:
        self.last = self.current = self.last + 1
        self.kept[self.last] = data
        for number in sorted(self.kept):
            if len(self.kept) > self.limit and number not in (self.current, self.pointer):
                del self.kept[number]
        return self.last


class Contexts(RuleBasedStateMachine):
    """The services beside the model, one step each."""

    def __init__(self) -> None:
        super().__init__()
        make = Make()
        self.agent = make.agent()
        self.access = access_to(self.agent.project)
        self.context, _ = services.open_context(access=self.access, agent_id=self.agent.id, name="notes")
        self.key = {"access": self.access, "context_id": self.context.id}

    @initialize(limit=st.integers(1, 4))
    def begin(self, limit: int) -> None:
        self.model = Model(limit)
        self.pending = False

    def limited(self) -> Any:
        return override_settings(AGENT_CONTEXT_HISTORY_LIMIT=self.model.limit)

    @rule(data=DATA, known=st.sampled_from(["nothing", "the present", "another"]))
    def write(self, data: dict[str, Any], known: str) -> None:
        expected = {"nothing": None, "the present": self.model.current, "another": self.model.current + 1}[known]
        with self.limited():
            if known == "another":
                with pytest.raises(PreconditionFailed):
                    services.write_context(**self.key, data=data, expected_version=expected)
                return
            written = services.write_context(**self.key, data=data, expected_version=expected)
        assert written.version == self.model.write(data)
        self.pending = False

    @rule(data=DATA, write_key=st.sampled_from(["k", "l"]))
    def write_under_a_key(self, data: dict[str, Any], write_key: str) -> None:
        with self.limited():
            written = services.write_context(**self.key, data=data, write_key=write_key).version
        if self.model.keys.get(write_key) in self.model.kept:
            assert written == self.model.keys[write_key]
            return
        self.model.keys[write_key] = self.model.write(data)
        assert written == self.model.last
        self.pending = False

    @rule(patch=DATA)
    def patch(self, patch: dict[str, Any]) -> None:
        data = merge_patch(self.model.data, patch)
        with self.limited():
            written = services.patch_context(**self.key, patch=patch)
        assert (written.version, written.data) == (self.model.write(data), data)
        self.pending = False

    @rule(version=VERSIONS, is_interrupted=st.booleans())
    def roll_back(self, version: int, is_interrupted: bool) -> None:
        self.model.pointer = version
        self.pending = False
        if version not in self.model.kept:
            with pytest.raises(Gone if version <= self.model.last else NotFound):
                services.rollback_context(**self.key, version=version)
            return
        self.model.current = version
        if is_interrupted:
            rollbacks._begin(self.access, self.context.id, version, "")
            self.pending = True
        else:
            services.rollback_context(**self.key, version=version)

    @precondition(lambda self: self.pending)
    @rule()
    def read_after_the_crash(self) -> None:
        assert services.read_context(**self.key).version == self.model.current
        self.pending = False

    @rule(version=VERSIONS)
    def read_any(self, version: int) -> None:
        row = self.row()
        if version in self.model.kept:
            assert version_at(row, version).data == self.model.kept[version]
        else:
            with pytest.raises(Gone if version <= self.model.last else NotFound):
                version_at(row, version)

    @rule(limit=st.integers(1, 4))
    def change_the_limit(self, limit: int) -> None:
        self.model.limit = limit

    def row(self) -> AgentContext:
        return AgentContext.objects.get(id=self.context.id)

    @invariant()
    def the_rows_are_as_the_model(self) -> None:
        row = self.row()
        assert (row.shown_version, row.last_version) == (self.model.current, self.model.last)
        assert (row.rollback_pointer, row.rollback_state == "PENDING") == (self.model.pointer, self.pending)
        assert dict(row.versions.values_list("version", "data")) == self.model.kept
        assert version_at(row).data == self.model.data


class TestContexts(Contexts.TestCase, TestCase):  # type: ignore[name-defined, misc]
    settings = settings(
        max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
