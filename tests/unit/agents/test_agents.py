"""Making, changing, removing and finding agents."""

from typing import Any

import pytest

from agents import hooks, selectors
from agents.builtin.scripted import ScriptedAgent
from agents.models import Agent, AgentDefinition
from agents.policies import BUILTIN_SLUGS
from agents.services import (
    create_agent,
    delete_agent,
    ensure_builtin_agents,
    ensure_builtin_agents_everywhere,
    register_agent,
    update_agent,
)
from core.errors import Conflict, Forbidden, Invalid, NotFound
from tests.make import Make
from tests.unit.agents.worlds import RecordingAgent, access_to, definition, fresh, moves_of, use_registry, work_off
from workspaces.models import AuditEntry, Project
from workspaces.services import create_project
from workspaces.states import Role


@pytest.fixture(autouse=True)
def classes(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    built_in = {slug: type(slug.title(), (RecordingAgent,), {"capabilities": (slug,)}) for slug in BUILTIN_SLUGS}
    use_registry(monkeypatch, scripted=ScriptedAgent, recorder=RecordingAgent, remote=RecordingAgent, **built_in)
    RecordingAgent.calls.clear()


def make_one(project: Project, **fields: Any) -> Agent:
    return create_agent(access=access_to(project), project=project, definition=definition("recorder"), **fields)


def test_a_new_agent_has_its_definitions_type_and_capabilities(project: Project) -> None:
    agent = make_one(project, name="one", configuration={"depth": 3})
    assert (agent.type, agent.capabilities, agent.state_detail, agent.status) == (
        "CUSTOM",
        ["record", "listen"],
        "CREATED",
        "INACTIVE",
    )
    assert agent.workspace_id == project.workspace_id
    assert moves_of(agent) == [(None, "CREATED")]


def test_an_agent_without_a_name_is_given_one(project: Project) -> None:
    names = {make_one(project).name for _ in range(3)}
    assert len(names) == 3
    assert all(name.startswith("recorder-") for name in names)


def test_a_configuration_that_breaks_the_schema_makes_nothing(project: Project) -> None:
    with pytest.raises(Invalid) as caught:
        make_one(project, configuration={"depth": 0})
    assert caught.value.details == {"configuration": ["$.depth: 0 is less than the minimum of 1"]}
    assert not Agent.objects.filter(project=project).exists()


def test_a_name_is_unique_in_its_workspace_until_termination(make: Make, project: Project) -> None:
    first = make_one(project, name="one")
    with pytest.raises(Conflict, match="Give another name") as caught:
        make_one(project, name="one")
    assert caught.value.code == "name_taken"
    assert make_one(make.project(), name="one").name == "one"
    delete_agent(access=access_to(project), agent_id=first.id)
    assert make_one(project, name="one").id != first.id


def test_a_disabled_definition_makes_no_agents(project: Project) -> None:
    AgentDefinition.objects.filter(slug="recorder").update(is_enabled=False)
    with pytest.raises(Invalid, match="disabled"):
        make_one(project)


def test_only_operators_make_change_and_remove(make: Make, project: Project) -> None:
    agent = make_one(project)
    for role in (Role.VIEWER, Role.MEMBER):
        access = access_to(project, role)
        with pytest.raises(Forbidden):
            create_agent(access=access, project=project, definition=definition("recorder"))
        with pytest.raises(Forbidden):
            update_agent(access=access, agent_id=agent.id, changes={"name": "x"})
        with pytest.raises(Forbidden):
            delete_agent(access=access, agent_id=agent.id)
    for role in (Role.OPERATOR, Role.ADMIN, Role.OWNER):
        update_agent(access=access_to(project, role), agent_id=agent.id, changes={"description": role})
    with pytest.raises(NotFound):
        update_agent(access=access_to(make.project()), agent_id=agent.id, changes={"name": "x"})


def test_a_change_is_audited_field_by_field(project: Project) -> None:
    agent = make_one(project, name="one")
    changes = {"name": "two", "weight": 1, "configuration": {"depth": 9}}
    update_agent(access=access_to(project), agent_id=agent.id, changes=changes)
    entry = AuditEntry.objects.get(action="agent.updated")
    assert entry.before == {"name": "one", "configuration": {}}
    assert entry.after == {"name": "two", "configuration": {"depth": 9}}
    update_agent(access=access_to(project), agent_id=agent.id, changes=changes)
    assert AuditEntry.objects.filter(action="agent.updated").count() == 1


def test_a_change_is_held_to_schema_name_and_identity(project: Project) -> None:
    agent, other = make_one(project, name="one"), make_one(project, name="two")
    access = access_to(project)
    with pytest.raises(Invalid, match=r"\$\.depth"):
        update_agent(access=access, agent_id=agent.id, changes={"configuration": {"depth": "deep"}})
    with pytest.raises(Conflict):
        update_agent(access=access, agent_id=agent.id, changes={"name": other.name})
    for changes in ({"definition": "research"}, {"type": "RESEARCHER"}):
        with pytest.raises(Invalid, match="Create a new agent"):
            update_agent(access=access, agent_id=agent.id, changes=changes)
    assert update_agent(access=access, agent_id=agent.id, changes={"definition": "recorder", "type": "custom"})
    delete_agent(access=access, agent_id=agent.id)
    with pytest.raises(Conflict, match="terminated"):
        update_agent(access=access, agent_id=agent.id, changes={"name": "three"})


def test_a_deleted_agent_is_terminated_once_and_keeps_its_history(project: Project) -> None:
    agent = make_one(project)
    for _ in range(2):
        assert delete_agent(access=access_to(project), agent_id=agent.id).state_detail == "TERMINATED"
    assert moves_of(agent) == [(None, "CREATED"), ("CREATED", "TERMINATED")]
    assert AuditEntry.objects.filter(action="agent.deleted").count() == 1


def test_an_unknown_word_with_an_endpoint_is_a_remote_agent_brought_up_at_once(project: Project) -> None:
    agent = register_agent(
        access=access_to(project),
        type_word="rag_agent",
        name="Advanced RAG Agent",
        fields={
            "endpoint": "http://rag-service:8000",
            "capabilities": ["document_analysis"],
            "metadata": {"version": "1.0"},
        },
    )
    assert agent.pending_command is not None
    assert (agent.pending_command.kind, agent.pending_command.verbs) == ("START", ["initialize", "activate"])
    assert work_off() == 1
    assert (agent.type, fresh(agent).state_detail, agent.protocol) == ("CUSTOM", "ACTIVE", "http")
    assert agent.metadata == {"version": "1.0", "type": "rag_agent"}
    assert agent.capabilities == ["document_analysis"]
    assert agent.definition.slug == "remote"


def test_a_remote_agent_that_cannot_start_is_kept_in_error(project: Project) -> None:
    agent = register_agent(
        access=access_to(project),
        type_word="x",
        configuration={"initialize": "fail"},
        fields={"endpoint": "http://x:1"},
    )
    work_off()
    assert fresh(agent).state_detail == "ERROR"


def test_a_definition_with_a_word_of_ones_own_keeps_the_word(project: Project) -> None:
    agent = register_agent(access=access_to(project), definition="recorder", type_word="notary")
    assert (agent.type, agent.metadata) == ("CUSTOM", {"type": "notary"})
    agent = register_agent(access=access_to(project), definition="recorder", type_word="reviewer")
    assert (agent.type, agent.metadata) == ("AUDITOR", {})


@pytest.mark.parametrize("words", [{"type_word": "rag_agent"}, {"definition": "nobody"}, {"type_word": "custom"}])
def test_what_tells_no_definition_is_answered_with_those_there_are(project: Project, words: dict[str, str]) -> None:
    with pytest.raises(Invalid) as caught:
        register_agent(access=access_to(project), **words)  # type: ignore[arg-type]
    assert "planning" in str(caught.value.details)


class TestBuiltin:
    def test_a_new_project_has_the_four_active_with_history(self, make: Make) -> None:
        workspace = make.workspace()
        project = create_project(
            access=access_to(make.project(workspace), Role.OWNER), workspace_id=workspace.id, name="P"
        )
        agents = Agent.objects.filter(project=project)
        assert sorted(agent.definition.slug for agent in agents) == sorted(BUILTIN_SLUGS)
        for agent in agents:
            assert (agent.state_detail, agent.status) == ("ACTIVE", "ACTIVE")
            assert [new for _, new in moves_of(agent)] == ["CREATED", "INITIALIZING", "READY", "ACTIVE"]
            assert agent.can_be_assigned

    def test_the_default_projects_agents_have_the_plain_names(self, make: Make) -> None:
        workspace = make.workspace()
        plain = ensure_builtin_agents(project=make.project(workspace))
        assert {agent.name for agent in plain} == set(BUILTIN_SLUGS)
        other = Project.objects.create(workspace=workspace, name="Other", slug="other")
        assert {agent.name for agent in ensure_builtin_agents(project=other)} == {f"{s}-other" for s in BUILTIN_SLUGS}

    def test_a_name_in_use_is_stepped_around(self, make: Make) -> None:
        project = make.project()
        make.agent(project, name="research")
        make.agent(project, name="research-default")
        names = {agent.name for agent in ensure_builtin_agents(project=project)}
        assert "research-default-2" in names

    def test_what_a_project_had_once_is_not_made_again(self, project: Project) -> None:
        first = ensure_builtin_agents(project=project)
        delete_agent(access=access_to(project), agent_id=first[0].id)
        assert ensure_builtin_agents(project=project) == []

    def test_definitions_that_come_later_reach_old_projects(
        self, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        use_registry(monkeypatch, research=RecordingAgent)
        assert [agent.name for agent in ensure_builtin_agents(project=project)] == ["research"]
        use_registry(monkeypatch, **dict.fromkeys(BUILTIN_SLUGS, RecordingAgent))
        assert ensure_builtin_agents_everywhere() == 3

    def test_without_definitions_nothing_is_made(self, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
        use_registry(monkeypatch)
        assert ensure_builtin_agents(project=project) == []


class TestFinding:
    def test_only_agents_that_may_work_are_assignable(self, make: Make, project: Project) -> None:
        good = make.agent(project)
        make.agent(project, is_enabled=False)
        make.agent(project, in_maintenance=True)
        make.agent(project, state_detail="READY", status="INACTIVE")
        make.agent()
        assert list(selectors.assignable_agents(project.id)) == [good]
        AgentDefinition.objects.filter(slug="scripted").update(is_enabled=False)
        assert not selectors.assignable_agents(project.id).exists()

    def test_discovery_puts_the_least_loaded_first(
        self, make: Make, project: Project, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        busy, heavy, idle = (make.agent(project, name=name, capabilities=["sum"]) for name in "abc")
        Agent.objects.filter(id=heavy.id).update(weight=10)
        monkeypatch.setattr(hooks, "running_counts", lambda ids: {busy.id: 2, heavy.id: 3})
        found = selectors.discovered_agents(access_to(project), ["sum"])
        assert found == [idle, heavy, busy]
        assert [agent.shown_status for agent in found] == ["ACTIVE", "BUSY", "BUSY"]

    def test_switched_off_agents_are_hidden(self, make: Make, project: Project, settings: Any) -> None:
        agent = make.agent(project)
        settings.AGENTS_ENABLED = False
        access = access_to(project)
        assert not selectors.visible_agents(access).exists()
        assert not selectors.assignable_agents(project.id).exists()
        with pytest.raises(NotFound):
            selectors.agent_for(access, agent.id)

    def test_another_workspaces_agent_is_not_found(self, make: Make, project: Project) -> None:
        agent = make.agent()
        with pytest.raises(NotFound):
            selectors.agent_for(access_to(project), agent.id)
        assert fresh(agent).state_detail == "ACTIVE"
