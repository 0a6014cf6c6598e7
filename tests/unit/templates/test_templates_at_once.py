"""Several who change one template at once, each with a connection of its own."""

from typing import Any

import pytest
from django.db import connection

from agents.models import Agent
from agents.services import TemplateUse, apply_template
from core.errors import Conflict, NotFound
from templates_app import services
from templates_app.models import AgentTemplate
from templates_app.values import TemplateValues
from tests.make import Make
from tests.unit.agents.test_checkpoints_at_once import at_once
from tests.unit.agents.worlds import access_to
from workspaces.access import Access


@pytest.fixture
def access(transactional_db: None, make: Make) -> Access:
    return access_to(make.project())


@pytest.fixture
def template(access: Access) -> AgentTemplate:
    values = TemplateValues(name="Shared", definition="validation")
    return services.create_template(access=access, values=values)


def test_of_two_who_know_the_same_version_exactly_one_changes_it(access: Access, template: AgentTemplate) -> None:
    def change(number: int) -> Any:
        changes = {"name": f"Name {number}"}
        return services.update_template(
            access=access, template_id=template.id, changes=changes, expected_version=1
        ).version

    assert sorted(map(str, at_once(2, change))) == ["2", "PreconditionFailed"]
    assert AgentTemplate.objects.get(id=template.id).version == 2


def test_many_who_ask_for_no_version_lose_none(access: Access, template: AgentTemplate) -> None:
    def change(number: int) -> Any:
        return services.update_template(
            access=access, template_id=template.id, changes={"description": f"By {number}."}
        ).version

    assert sorted(at_once(5, change)) == [2, 3, 4, 5, 6]
    said = [row.snapshot["description"] for row in template.versions.order_by("version")]
    assert sorted(said) == ["", *(f"By {number}." for number in range(5))]


def test_two_templates_of_one_name_made_at_once_get_one_id(access: Access) -> None:
    def make_one(number: int) -> Any:
        return services.create_template(access=access, values=TemplateValues(name="Twin", agent_type="CUSTOM")).slug

    assert sorted(at_once(2, make_one)) == ["Conflict", "twin"]


def test_a_template_is_not_removed_while_an_agent_is_made_of_it(access: Access, template: AgentTemplate) -> None:
    def act(number: int) -> str:
        try:
            if number:
                apply_template(access=access, use=TemplateUse(template.id))
                return "applied"
            services.delete_template(access=access, template_id=template.id)
            return "deleted"
        except NotFound:
            return "gone"

    outcome = sorted(at_once(2, act))
    assert outcome in (["Conflict", "applied"], ["deleted", "gone"])
    assert Agent.objects.filter(template=template).count() == ("applied" in outcome)
    assert AgentTemplate.objects.filter(id=template.id).exists() is ("applied" in outcome)


def test_two_processes_bring_in_the_gallery(transactional_db: None) -> None:
    AgentTemplate.objects.filter(workspace__isnull=True).delete()
    reports = at_once(2, lambda number: len(services.sync_gallery().created))
    assert sorted(reports) == [0, 9]
    assert AgentTemplate.objects.filter(workspace__isnull=True).count() == 9


def test_a_clash_inside_the_database_is_a_conflict_too(access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    services.create_template(access=access, values=TemplateValues(name="Twin", agent_type="CUSTOM"))
    monkeypatch.setattr("templates_app.services.rows.is_taken", lambda *given: False)
    with pytest.raises(Conflict, match="twin"):
        services.create_template(access=access, values=TemplateValues(name="Twin", agent_type="CUSTOM"))
    assert connection.is_usable()
