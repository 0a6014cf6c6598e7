"""The example of a custom agent, and the one of the how-to page, work as they are shown."""

import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from agents import registry as registry_module
from agents.registry import build_registry, get_registry
from agents.rehearsal import ListedDocuments, RehearsalContext
from agents.runtime import NoDocuments, SessionInfo, TaskInfo
from agents.selectors import definition_for
from agents.services import sync_definitions
from core.json_schema import config_errors
from documents.types import PassageHit
from sessions.engine.agent_host import LocalAgentHost
from tests.unit.engine.world import HostWorld, agent, new_id, session, task

HOW_TO = Path(__file__).parents[3] / "docs" / "how-to" / "custom-agent.md"


def given(**input_data: Any) -> TaskInfo:
    return TaskInfo("t", "count", "word_count", "", input_data, 1)


def context_of(task: TaskInfo, *passages: PassageHit, **configuration: Any) -> RehearsalContext:
    return RehearsalContext(task, SessionInfo("s", "Count", {}), ListedDocuments(passages), configuration)


def passage(text: str, number: int) -> PassageHit:
    return PassageHit(f"p{number}", "d", "Tides", number, 0, len(text), text, 0.0)


@pytest.fixture
def named_in_the_settings(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.AGENT_REGISTRY_MODULES = ["examples.word_count_agent"]
    monkeypatch.setattr(registry_module, "_registry", None)


@pytest.mark.usefixtures("named_in_the_settings")
async def test_the_example_is_found_through_the_settings_and_runs_as_a_bare_object() -> None:
    pages = [passage("The tide turns the mill.", 0), passage("The tide waits.", 1)]
    context = context_of(given(), *pages, most_common=2, ignore=["the"])
    counter = get_registry().create("word_count", context.configuration)
    await counter.initialize()
    assert await counter.run(context) == {"words": 5, "most_common": [["tide", 2], ["turns", 1]]}
    assert context.shown[-1] == (100.0, "2 of 2 passages counted")


@pytest.mark.usefixtures("named_in_the_settings")
async def test_the_example_counts_a_given_text_and_no_text_at_all() -> None:
    counter = get_registry().create("word_count", {})
    assert (await counter.run(context_of(given(text="Über über 3 x_y"))))["most_common"] == [
        ["über", 2],
        ["x", 1],
        ["y", 1],
    ]
    assert await counter.run(context_of(given())) == {"words": 0, "most_common": []}


@pytest.mark.django_db
@pytest.mark.usefixtures("named_in_the_settings")
def test_the_example_becomes_a_definition_with_its_schema() -> None:
    assert "word_count" in sync_definitions().created
    row = definition_for("word_count")
    assert (row.capabilities, row.agent_type, row.source_module) == (
        ["word_count"],
        "SPECIALIST",
        "examples.word_count_agent",
    )
    assert config_errors(row.config_schema, {"most_common": 0, "colour": 1})
    assert not config_errors(row.config_schema, {"most_common": 5, "ignore": ["a"]})


class WorldWithExample(HostWorld):
    """An engine that knows the example."""

    def agents(self) -> LocalAgentHost:
        return LocalAgentHost(
            registry=build_registry(["examples.word_count_agent"]),
            documents_of=lambda session: NoDocuments([passage("The tide turns the mill.", 0)]),
            emit_frame=self.publisher.publish_token,
            new_id=new_id,
            modules=("examples.word_count_agent",),
        )


def test_the_example_does_a_task_of_a_session() -> None:
    counter = agent("counter", "word_count", configuration={"most_common": 1})
    counting = task("count", agent_id=None, required_capabilities=("word_count",))
    with WorldWithExample() as world:
        done = world.finish(world.submit(session(counting, agents=[counter])))
    assert done.status == "COMPLETED"
    assert done.tasks[counting.id].output == {"words": 5, "most_common": [["the", 2]]}
    assert done.tasks[counting.id].agent_id == counter.id


def test_the_agent_of_the_how_to_page_works(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = re.findall(r"```python\n(.*?)```", HOW_TO.read_text(), re.DOTALL)
    module = ModuleType("shop_agents")
    exec(blocks[0], module.__dict__)
    monkeypatch.setitem(sys.modules, "shop_agents", module)
    registry = build_registry(["shop_agents"])
    assert registry.failures == {}
    exec(blocks[-1], {"__name__": "page"})
    assert "Good evening, Ada!" in capsys.readouterr().out


async def test_a_rehearsal_keeps_what_an_agent_would_have_spawned() -> None:
    orders = {
        "spawn": [{"name": "a"}, {"name": "b"}],
        "spawn_join": [{"name": "c"}],
        "spawn_session": {"goal": "A part", "wait": False},
    }
    context = context_of(given(**orders))
    output = await build_registry().create("scripted", {}).run(context)
    assert output["outputs"] == {"c": None}
    assert output["children"] == ["child 1"]
    assert [spec.get("name") or spec.get("goal") for spec in context.spawned] == ["c", "a", "b", "A part"]
