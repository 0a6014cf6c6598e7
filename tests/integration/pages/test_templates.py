"""Templates on pages: the gallery, one template, its versions; who sees them, and what that costs."""

import pytest
from pytest_django import DjangoAssertNumQueries

from agents.models import Agent
from templates_app.models import AgentTemplate
from templates_app.services import set_enabled
from tests.integration.pages.template_worlds import VARIABLES, agent_of, built_in, changed, post, template_of, text_of
from tests.integration.pages.worlds import HOSTILE, World
from tests.make import Make
from tests.unit.agents.worlds import access_to
from workspaces.models import Membership
from workspaces.states import Role

pytestmark = pytest.mark.django_db


# ------------------------------------------------------------------------------------------------ the gallery


def test_the_gallery_shows_what_is_built_in_and_what_is_ours(operator: World, make: Make) -> None:
    template_of(operator)
    built_in(operator)
    template_of(World(make), "Of somebody else")
    page = text_of(operator, "/templates")
    assert "Digger" in page
    assert "Ready made" in page
    assert "Of somebody else" not in page
    assert 'href="/agents/new?template=digger"' in page
    assert "Ready made" not in text_of(operator, "/templates", origin="own")
    assert "Digger" not in text_of(operator, "/templates", origin="builtin")
    assert "Nothing matches" in text_of(operator, "/templates", q="zzz")
    assert "Digger" in text_of(operator, "/templates", q="dig", type="CUSTOM")
    assert "Nothing matches" in text_of(operator, "/templates", type="AUDITOR", origin="own")


def test_a_disabled_template_is_marked_and_cannot_be_used_from_the_gallery(operator: World) -> None:
    template = template_of(operator)
    set_enabled(access=access_to(operator.project), template_id=template.id, enabled=False)
    page = text_of(operator, "/templates")
    assert '<span class="chip">disabled</span>' in page
    assert "/agents/new?template=digger" not in page
    assert "Digger" in text_of(operator, "/templates", enabled="no")
    assert "Nothing matches" in text_of(operator, "/templates", enabled="yes", origin="own")


def test_the_gallery_comes_in_pages(operator: World) -> None:
    for number in range(30):
        template_of(operator, f"Digger {number:02}")
    assert "1–24 of 30" in text_of(operator, "/templates", origin="own")
    assert "Digger 29" in text_of(operator, "/templates", origin="own", page="2")


# ------------------------------------------------------------------------------------------------ one template


def test_a_template_shows_its_settings_prompt_and_versions(operator: World) -> None:
    template = template_of(operator)
    changed(operator, template, "Deeper <b>now</b>", default_configuration={"depth": 5})
    page = text_of(operator, "/templates/digger")
    assert "1 to 9" in page
    assert '<code title="$.limits.seconds">seconds</code>' in page
    assert "<mark>{{topic}}</mark>" in page
    assert "What it is about" in page
    assert "Deeper &lt;b&gt;now&lt;/b&gt;" in page
    assert "ada, <time" in page
    assert "/templates/digger/restore/1" in page


def test_what_a_template_says_is_never_run(operator: World) -> None:
    template_of(operator, HOSTILE, slug="hostile", description=HOSTILE, prompt_template=f"{HOSTILE} {{{{topic}}}}")
    for path in ("s", "s/hostile", "s/hostile/edit", "s/hostile/versions"):
        assert HOSTILE not in text_of(operator, f"/template{path}")


def test_agents_that_lag_behind_are_upgraded_one_or_all(operator: World) -> None:
    template = template_of(operator)
    first, second = agent_of(operator, template, "one"), agent_of(operator, template, "two")
    assert "lags behind" not in text_of(operator, "/templates/digger")
    changed(operator, template, default_configuration={"depth": 7, "limits": {"seconds": 30}})
    page = text_of(operator, "/templates/digger")
    assert page.count("lags behind") == 2
    assert "Upgrade all that lag behind (2)" in page
    post(operator, "/templates/digger/upgrade", agent=str(first.id))
    assert Agent.objects.get(id=first.id).configuration["depth"] == 7
    assert Agent.objects.get(id=second.id).configuration["depth"] == 3
    post(operator, "/templates/digger/upgrade")
    assert Agent.objects.get(id=second.id).configuration["depth"] == 7
    assert "Upgraded to version 2: two" in text_of(operator, "/templates/digger")


def test_an_agent_that_cannot_be_upgraded_is_named_and_stays(operator: World) -> None:
    template = template_of(operator)
    agent_of(operator, template)
    needed = [*VARIABLES, {"name": "depth_of_it", "required": True}]
    changed(operator, template, prompt_template="{{topic}} {{depth_of_it}}", prompt_variables=needed)
    post(operator, "/templates/digger/upgrade")
    assert "one stays as it is" in text_of(operator, "/templates/digger")


def test_a_template_is_switched_copied_exported_and_deleted(operator: World) -> None:
    template = template_of(operator)
    post(operator, "/templates/digger/enabled", enabled="no")
    assert not AgentTemplate.objects.get(id=template.id).is_enabled
    post(operator, "/templates/digger/enabled", enabled="yes")
    assert AgentTemplate.objects.get(id=template.id).is_enabled
    assert post(operator, "/templates/digger/copy")["Location"] == "/templates/digger-2/edit"
    export = operator.client.get("/templates/digger/export")
    assert export["Content-Disposition"] == 'attachment; filename="digger.yaml"'
    assert "name: Digger" in export.content.decode()
    assert post(operator, "/templates/digger/delete")["Location"] == "/templates"
    assert not AgentTemplate.objects.filter(slug="digger").exists()


def test_a_template_in_use_is_not_deleted(operator: World) -> None:
    template = template_of(operator)
    agent_of(operator, template)
    assert "/templates/digger/delete" not in text_of(operator, "/templates/digger")
    assert post(operator, "/templates/digger/delete")["Location"] == "/templates/digger"
    assert "Disable it instead" in text_of(operator, "/templates/digger")


def test_a_built_in_template_is_used_and_copied_but_not_changed(operator: World) -> None:
    row = built_in(operator)
    page = text_of(operator, f"/templates/{row.slug}")
    for path in ("edit", "enabled", "delete", "restore/1"):
        assert f"/templates/{row.slug}/{path}" not in page
    assert f'href="/agents/new?template={row.slug}"' in page
    assert post(operator, f"/templates/{row.slug}/delete")["Location"] == f"/templates/{row.slug}"
    assert post(operator, f"/templates/{row.slug}/enabled", enabled="no").status_code == 403
    assert operator.client.get(f"/templates/{row.slug}/edit")["Location"] == f"/templates/{row.slug}"
    assert AgentTemplate.objects.get(id=row.id).is_enabled
    post(operator, f"/templates/{row.slug}/copy")
    assert AgentTemplate.objects.filter(workspace=operator.workspace).get().slug == "ready-made-2"


# ------------------------------------------------------------------------------------------------ versions


def test_two_versions_stand_side_by_side(operator: World) -> None:
    template = template_of(operator)
    changed(operator, template, prompt_template="Dig deep into {{topic}}.", description="Digs deep.")
    page = text_of(operator, "/templates/digger/compare")
    assert "$.prompt_template" in page
    assert "Dig deep into {{topic}}." in page
    assert "$.name" not in page
    assert "Nothing differs" in text_of(operator, "/templates/digger/compare", **{"from": "1", "to": "1"})
    assert operator.client.get("/templates/digger/compare?from=7").status_code == 404
    assert operator.client.get("/templates/digger/compare?from=x&to=%F0%9D%9F%99").status_code == 200


def test_a_version_is_restored_as_a_new_one(operator: World) -> None:
    template = template_of(operator)
    changed(operator, template, description="Digs deep.")
    post(operator, "/templates/digger/restore/1")
    now = AgentTemplate.objects.get(id=template.id)
    assert (now.version, now.description) == (3, "Digs.")
    page = text_of(operator, "/templates/digger/versions")
    assert "restored from version 1" in page
    assert post(operator, "/templates/digger/restore/9").status_code == 404


# ------------------------------------------------------------------------------------------------ who may what


def test_a_viewer_reads_and_writes_nothing(make: Make) -> None:
    viewer = World(make, Role.VIEWER)
    template_of(viewer)
    page = text_of(viewer, "/templates/digger")
    assert "/agents/new" not in page
    for word in ("edit", "copy", "enabled", "delete", "restore", "upgrade"):
        assert f"/templates/digger/{word}" not in page
    assert "/templates/digger/export" in page
    assert "/templates/new" not in text_of(viewer, "/templates")
    assert text_of(viewer, "/templates/digger/versions")
    for path in ("/templates/new", "/templates/import", "/templates/digger/edit"):
        assert viewer.client.get(path).status_code == 403, path
    for word in ("copy", "enabled", "delete", "restore/1", "upgrade", "edit"):
        assert post(viewer, f"/templates/digger/{word}").status_code == 403, word


def test_a_template_of_another_workspace_is_not_there(operator: World, make: Make) -> None:
    template_of(World(make))
    for path in ("", "/edit", "/versions", "/compare", "/export"):
        assert operator.client.get(f"/templates/digger{path}").status_code == 404, path
    for word in ("copy", "enabled", "delete", "restore/1", "upgrade"):
        assert post(operator, f"/templates/digger/{word}").status_code == 404, word


def test_who_is_in_two_workspaces_sees_the_templates_of_the_present_one(operator: World, make: Make) -> None:
    other = World(make, Role.OPERATOR)
    Membership.objects.create(workspace=other.workspace, user=operator.user, role=Role.OPERATOR)
    template_of(operator, description="Of the first.")
    template_of(other, description="Of the second.")
    template_of(other, "Elsewhere")
    assert "Of the first." in text_of(operator, "/templates/digger")
    assert operator.client.get("/templates/elsewhere").status_code == 404
    post(operator, "/switch", project=str(other.project.id))
    assert "Of the second." in text_of(operator, "/templates/digger")
    assert "Elsewhere" in text_of(operator, "/templates")


# ------------------------------------------------------------------------------------------------ what it costs

BOUNDS = {
    "/templates": 8,
    "/templates/digger": 10,
    "/templates/digger/edit": 7,
    "/templates/digger/versions": 8,
    "/templates/digger/compare": 9,
    "/templates/new": 6,
    "/templates/import": 5,
}


@pytest.mark.parametrize("path", BOUNDS)
def test_a_page_of_templates_needs_no_more_queries_for_many_rows_than_for_few(
    operator: World, path: str, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    template = template_of(operator)
    for number in range(6):
        agent_of(operator, template, f"agent {number}")
        changed(operator, template, description=f"Digs {number} times.")
        template_of(operator, f"Digger {number}")
    with django_assert_max_num_queries(BOUNDS[path]):
        assert operator.client.get(path).status_code == 200
