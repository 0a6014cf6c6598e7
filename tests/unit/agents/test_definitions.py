"""The registry of agent classes and its rows."""

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from agents import registry as registry_module
from agents.base import BaseAgent
from agents.models import Agent, AgentDefinition
from agents.registry import AgentRegistry, UnknownDefinition, build_registry
from agents.selectors import assignable_agents, definitions, registry_report
from agents.services import set_definition_enabled, sync_definitions
from core.errors import Conflict
from tests.make import Make
from tests.unit.agents.worlds import RecordingAgent, definition, use_registry

TAKES_A_SLUG = """
from agents.base import BaseAgent

class Mine(BaseAgent):
    def run(self, ctx): ...

def register_agents(registry): registry.register(Mine, "research")
"""


@pytest.fixture
def registry() -> AgentRegistry:
    return AgentRegistry()


def module_of(monkeypatch: pytest.MonkeyPatch, name: str, register: Any) -> str:
    module = ModuleType(name)
    module.register_agents = register  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, name, module)
    return name


class TestAgentRegistry:
    def test_a_class_is_found_by_its_slug(self, registry: AgentRegistry) -> None:
        registry.register(RecordingAgent, "recorder", "Records")
        agent = registry.create("recorder", {"depth": 2}, name="one")
        assert agent.to_dict() == {
            "name": "one",
            "class": "tests.unit.agents.worlds.RecordingAgent",
            "agent_type": "CUSTOM",
            "capabilities": ["record", "listen"],
            "configuration": {"depth": 2},
            "is_initialized": False,
            "is_active": False,
        }

    def test_an_unknown_slug_is_named(self, registry: AgentRegistry) -> None:
        with pytest.raises(UnknownDefinition, match="nobody"):
            registry.get("nobody")

    def test_the_same_class_may_register_twice_but_no_other_under_its_slug(self, registry: AgentRegistry) -> None:
        registry.register(RecordingAgent, "recorder")
        registry.register(RecordingAgent, "recorder")
        other = type("Other", (RecordingAgent,), {})
        with pytest.raises(ValueError, match="already registered"):
            registry.register(other, "recorder")

    @pytest.mark.parametrize(
        ("fields", "slug", "sentence"),
        [
            ({}, "two words", "letters"),
            ({}, "x" * 61, "60"),
            ({"agent_type": "WIZARD"}, "a", "WIZARD"),
            ({"capabilities": "search"}, "a", "list of words"),
            ({"capabilities": (1,)}, "a", "list of words"),
            ({"config_schema": {"type": "objekt"}}, "a", "no JSON Schema"),
            ({"config_schema": {"$ref": "https://example.org/s"}}, "a", "inside the schema"),
        ],
    )
    def test_what_a_definition_cannot_hold_is_refused(
        self, registry: AgentRegistry, fields: dict[str, Any], slug: str, sentence: str
    ) -> None:
        with pytest.raises(ValueError, match=sentence):
            registry.register(type("Odd", (RecordingAgent,), fields), slug)
        assert not registry.entries

    def test_what_is_no_agent_class_is_refused(self, registry: AgentRegistry) -> None:
        with pytest.raises(TypeError, match="BaseAgent"):
            registry.register(dict, "a")  # type: ignore[arg-type]

    def test_a_module_that_cannot_be_loaded_stops_no_other(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def register(registry: AgentRegistry) -> None:
            registry.register(RecordingAgent, "recorder")

        good = module_of(monkeypatch, "good_agents", register)
        odd = module_of(monkeypatch, "odd_agents", None)
        found = build_registry(["no.such.module", odd, good])
        assert "recorder" in found.entries
        assert found.entries["recorder"].source_module == "good_agents"
        assert set(found.failures) == {"no.such.module", "odd_agents"}
        assert "ModuleNotFoundError" in found.failures["no.such.module"]

    @pytest.mark.parametrize(
        ("source", "word"),
        [
            ("import no_such_library", "ModuleNotFoundError"),
            ("from agents.base import Missing", "ImportError"),
            ("def broken(:", "SyntaxError"),
            ("import sys\nsys.exit(3)", "SystemExit"),
            ("1 / 0", "ZeroDivisionError"),
            ("class A: pass", "AttributeError"),
            ("def register_agents(registry): raise RuntimeError('no licence')", "no licence"),
            ("def register_agents(registry): registry.register(object, 'thing')", "BaseAgent"),
            (TAKES_A_SLUG, "already registered"),
        ],
    )
    def test_a_file_that_is_no_good_is_named_with_its_reason_in_the_report_and_the_log(
        self, source: str, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        name = f"broken_{abs(hash(source))}"
        (tmp_path / f"{name}.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.delitem(sys.modules, name, raising=False)
        found = build_registry([name, "examples.word_count_agent"])
        assert list(found.failures) == [name]
        assert word in found.failures[name]
        assert {"scripted", "research", "word_count"} <= set(found.entries)
        assert any(name in record.getMessage() and record.levelname == "ERROR" for record in caplog.records)

    def test_a_registry_is_filled_once_however_many_ask(self, monkeypatch: pytest.MonkeyPatch) -> None:
        built: list[AgentRegistry] = []

        def slowly(modules: Any) -> AgentRegistry:
            time.sleep(0.02)
            built.append(AgentRegistry())
            return built[-1]

        monkeypatch.setattr(registry_module, "_registry", None)
        monkeypatch.setattr(registry_module, "build_registry", slowly)
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda _: registry_module.get_registry(), range(4)))
        assert len(built) == 1
        assert all(registry is built[0] for registry in found)

    def test_even_a_module_that_exits_stops_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def register(registry: AgentRegistry) -> None:
            raise SystemExit(3)

        found = build_registry([module_of(monkeypatch, "leaving_agents", register)])
        assert "SystemExit" in found.failures["leaving_agents"]


class TestSync:
    pytestmark = pytest.mark.django_db

    def test_migrations_leave_the_built_in_definitions(self) -> None:
        row = definition("scripted")
        assert row.is_enabled
        assert row.capabilities == ["scripted"]
        assert row.source_module == "agents.builtin"

    def test_a_new_class_becomes_a_row(self, monkeypatch: pytest.MonkeyPatch) -> None:
        use_registry(monkeypatch, recorder=RecordingAgent)
        row = definition("recorder")
        assert (row.name, row.agent_type, row.capabilities) == ("Recorder", "CUSTOM", ["record", "listen"])
        assert row.config_schema == RecordingAgent.config_schema

    def test_a_class_that_is_gone_is_disabled_and_enabled_when_it_is_back(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        use_registry(monkeypatch, recorder=RecordingAgent)
        first = definition("recorder")
        use_registry(monkeypatch)
        assert not definition("recorder").is_enabled
        assert definition("recorder").id == first.id
        report = sync_definitions(registry=use_registry(monkeypatch, recorder=RecordingAgent))
        assert definition("recorder").is_enabled
        assert definition("recorder").metadata == {}
        assert report.updated == ()

    def test_what_an_operator_disabled_stays_disabled(self, monkeypatch: pytest.MonkeyPatch) -> None:
        use_registry(monkeypatch, recorder=RecordingAgent)
        AgentDefinition.objects.filter(slug="recorder").update(is_enabled=False)
        use_registry(monkeypatch)
        changed = type("Changed", (RecordingAgent,), {"capabilities": ("other",)})
        use_registry(monkeypatch, recorder=changed)
        assert definition("recorder").capabilities == ["other"]
        assert not definition("recorder").is_enabled

    def test_why_a_definition_is_disabled_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        use_registry(monkeypatch, recorder=RecordingAgent)
        assert definition("recorder").disabled_because == ""
        registry = use_registry(monkeypatch)
        assert definition("recorder").disabled_because == (
            "no class is registered for it any more; tests.unit.agents.worlds had it"
        )
        registry.failures["tests.unit.agents.worlds"] = "OSError: redis://:hunter2@h/0 is away"
        assert sync_definitions(registry=registry).disabled == ()
        because = definition("recorder").disabled_because
        assert because == "its module tests.unit.agents.worlds could not be loaded (OSError: redis://:***@h/0 is away)"

    def test_an_operators_word_holds_while_the_class_goes_and_comes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        use_registry(monkeypatch, recorder=RecordingAgent)
        set_definition_enabled(actor="ada", slug="recorder", is_enabled=False)
        assert definition("recorder").disabled_because == "ada switched it off"
        use_registry(monkeypatch)
        with pytest.raises(Conflict, match="cannot be enabled"):
            set_definition_enabled(actor="ada", slug="recorder", is_enabled=True)
        use_registry(monkeypatch, recorder=RecordingAgent)
        assert not definition("recorder").is_enabled
        row = set_definition_enabled(actor="ada", slug="recorder", is_enabled=True)
        assert (row.is_enabled, row.metadata) == (True, {})

    def test_the_agents_of_a_disabled_definition_are_given_no_work_and_say_why(
        self, make: Make, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        use_registry(monkeypatch, recorder=RecordingAgent)
        agent = make.agent(definition="recorder")
        assert agent in assignable_agents(agent.project_id)
        assert agent.obstacle == ""
        use_registry(monkeypatch)
        agent = Agent.objects.get(id=agent.id)
        assert not assignable_agents(agent.project_id).exists()
        assert agent.obstacle.startswith('has a definition, "recorder", that is disabled: no class is registered')
        use_registry(monkeypatch, recorder=RecordingAgent)
        assert agent in assignable_agents(agent.project_id)

    def test_a_second_sync_changes_nothing(
        self, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
    ) -> None:
        registry = use_registry(monkeypatch, recorder=RecordingAgent)
        with django_assert_num_queries(3):
            report = sync_definitions(registry=registry)
        assert (report.created, report.updated, report.disabled) == ((), (), ())

    def test_the_command_says_what_changed_and_what_failed(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        registry = AgentRegistry()
        registry.register(RecordingAgent, "recorder")
        monkeypatch.setattr(registry_module, "_registry", registry)
        call_command("sync_agents")
        assert "new: recorder" in capsys.readouterr().out
        call_command("sync_agents")
        assert "nothing changed" in capsys.readouterr().out
        registry.failures["no.such.module"] = "ModuleNotFoundError: no"
        with pytest.raises(CommandError, match=r"no\.such\.module"):
            call_command("sync_agents")

    def test_the_health_report_names_modules_that_failed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        registry = use_registry(monkeypatch, recorder=RecordingAgent)
        registry.failures["no.such.module"] = "ModuleNotFoundError: no"
        report = registry_report()
        assert report.slugs == ("recorder",)
        assert "no.such.module" in report.failures

    def test_definitions_are_found_by_capability_and_text(self, monkeypatch: pytest.MonkeyPatch) -> None:
        use_registry(monkeypatch, recorder=RecordingAgent, plain=type("Plain", (RecordingAgent,), {"capabilities": ()}))
        assert [row.slug for row in definitions(capabilities=["record", "listen"])] == ["recorder"]
        assert [row.slug for row in definitions(search="PLAIN")] == ["plain"]
        assert "scripted" not in [row.slug for row in definitions(enabled_only=True)]
        assert "scripted" in [row.slug for row in definitions()]


async def test_a_base_agent_goes_through_its_hooks() -> None:
    class Quiet(BaseAgent):
        def run(self, ctx: Any) -> None:
            return None

    agent, seen = Quiet(), []
    for hook in (agent.initialize, agent.activate, agent.deactivate, agent.shutdown):
        await hook()
        seen.append((agent.is_initialized, agent.is_active))
    assert seen == [(True, False), (True, True), (True, False), (False, False)]
