"""The context operations of `spec/core-services.md`, one test each, by the names they have there.

Here they are `open_context`, `write_context`, `read_context`, `rollback_context` and `versions_of`; who calls says so
with an `Access`, which carries the workspace.
"""

from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from agents import selectors, services
from agents.models import Agent, AgentContext, AgentContextVersion
from core.errors import NotFound
from tests.make import Make
from tests.unit.agents.worlds import access_to
from workspaces.access import Access
from workspaces.models import Project
from workspaces.states import Role


@pytest.fixture
def instance(make: Make) -> Agent:
    return make.agent()


@pytest.fixture
def access(instance: Agent) -> Access:
    return access_to(instance.project, Role.MEMBER)


@pytest.fixture
def context(instance: Agent, access: Access) -> AgentContext:
    return services.open_context(access=access, agent_id=instance.id, name="shared_context")[0]


def write(access: Access, context: AgentContext, data: Any, text: str = "") -> int:
    return services.write_context(access=access, context_id=context.id, data=data, change_description=text).version


class TestSharedContextService:
    """Section "Context Management"."""

    def test_get_or_create_context(self, instance: Agent, access: Access) -> None:
        made, is_new = services.open_context(access=access, agent_id=instance.id, name="shared_context")
        got, is_new_again = services.open_context(access=access, agent_id=instance.id, name="shared_context")
        assert (made.id, is_new, is_new_again) == (got.id, True, False)
        assert (made.workspace_id, made.project_id) == (instance.workspace_id, instance.project_id)

    def test_write_context_creates_a_new_version(self, access: Access, context: AgentContext) -> None:
        assert write(access, context, {"key": "value"}, "Updated via API") == 1
        assert write(access, context, {"key": "other"}) == 2
        row = AgentContext.objects.get()
        first = row.versions.get(version=1)
        assert (row.current_version, first.change_description) == (2, "Updated via API")
        assert first.created_by == access.actor

    def test_read_context_at_a_specific_version(self, access: Access, context: AgentContext) -> None:
        for number in range(1, 7):
            write(access, context, {"n": number})
        held = services.read_context(access=access, context_id=context.id, version=5)
        assert held.data == {"n": 5}
        assert services.read_context(access=access, context_id=context.id).data == {"n": 6}

    def test_rollback_to_version(self, access: Access, context: AgentContext) -> None:
        for number in range(1, 6):
            write(access, context, {"n": number})
        done = services.rollback_context(access=access, context_id=context.id, version=3)
        assert (done.current_version, done.rollback_pointer, done.rollback_state) == (3, 3, "SUCCESS")
        assert services.read_context(access=access, context_id=context.id).data == {"n": 3}
        assert write(access, context, {}) == 6, "sequential numbering goes on"

    def test_list_versions(self, access: Access, context: AgentContext) -> None:
        for number in range(1, 4):
            write(access, context, {"n": number}, f"step {number}")
        listed = selectors.versions_of(selectors.context_for(access, context.id))
        assert [(row.version, row.change_description) for row in listed] == [
            (3, "step 3"),
            (2, "step 2"),
            (1, "step 1"),
        ]


class TestContextTables:
    """Sections "agent_contexts" and "agent_context_versions": the constraints, by raw SQL where a service forbids."""

    def test_a_name_is_unique_for_its_agent(self, instance: Agent, context: AgentContext) -> None:
        values = {"workspace": instance.workspace, "project": instance.project, "name": context.name}
        with pytest.raises(IntegrityError), transaction.atomic():
            AgentContext.objects.create(agent=instance, **values)

    def test_a_version_is_unique_for_its_context(self, access: Access, context: AgentContext) -> None:
        write(access, context, {})
        with pytest.raises(IntegrityError), transaction.atomic():
            AgentContextVersion.objects.create(context=context, version=1, data={})

    def test_a_version_is_immutable(self, access: Access, context: AgentContext) -> None:
        write(access, context, {})
        with pytest.raises(DatabaseError), transaction.atomic():
            context.versions.update(data={"changed": True})

    def test_the_project_is_one_of_the_workspace(self, make: Make, context: AgentContext) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            _move_to(context, make.project())

    @pytest.mark.parametrize("word", ["PENDING", "SUCCESS", "FAILED", None])
    def test_the_states_of_a_rollback(self, context: AgentContext, word: str | None) -> None:
        AgentContext.objects.filter(id=context.id).update(rollback_state=word)
        with pytest.raises(IntegrityError), transaction.atomic():
            AgentContext.objects.filter(id=context.id).update(rollback_state="DONE")


def _move_to(context: AgentContext, project: Project) -> None:
    key = str(project.id) if connection.vendor == "postgresql" else project.id.hex
    with connection.cursor() as cursor:
        cursor.execute("UPDATE agent_context SET project_id = %s", [key])
    connection.check_constraints()


def test_every_operation_stays_in_its_workspace_and_the_history_within_its_limit(
    make: Make, access: Access, context: AgentContext, settings: Any
) -> None:
    settings.AGENT_CONTEXT_HISTORY_LIMIT = 50
    for number in range(52):
        write(access, context, {"n": number})
    assert context.versions.count() == 50
    stranger = access_to(make.project(), Role.OWNER)
    for operation in (
        lambda: services.open_context(access=stranger, agent_id=context.agent_id, name=context.name),
        lambda: services.read_context(access=stranger, context_id=context.id),
        lambda: services.write_context(access=stranger, context_id=context.id, data={}),
        lambda: services.rollback_context(access=stranger, context_id=context.id, version=50),
        lambda: selectors.versions_of(selectors.context_for(stranger, context.id)),
    ):
        with pytest.raises(NotFound):
            operation()
