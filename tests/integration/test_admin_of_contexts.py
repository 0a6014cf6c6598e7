"""The admin of contexts: looked at, rolled back through the service, never edited."""

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from agents import services
from agents.models import Agent, AgentContext
from agents.policies import author_of_agent
from tests.make import Make
from tests.unit.agents.worlds import access_to
from workspaces.access import Access
from workspaces.models import AuditEntry
from workspaces.states import Role

VERSIONS = "agents_agentcontextversion"


@pytest.fixture
def agent(make: Make) -> Agent:
    return make.agent(name="scribe")


@pytest.fixture
def context(agent: Agent) -> AgentContext:
    """With two versions, the second by an agent in a session."""
    access = access_to(agent.project)
    context, _ = services.open_context(access=access, agent_id=agent.id, name="notes", data={"n": "first"})
    author = author_of_agent("scribe", str(agent.id))
    writer = Access(actor=author, user_id=None, roles={agent.workspace_id: Role.MEMBER})
    services.write_context(access=writer, context_id=context.id, data={"n": "second"}, change_description="more")
    return context


@pytest.fixture
def pages(make: Make) -> Client:
    pages = Client()
    pages.force_login(make.user(is_staff=True, is_superuser=True))
    return pages


def shown(pages: Client, name: str, *args: Any, **query: Any) -> str:
    answer = pages.get(reverse(f"admin:{name}", args=args), query)
    assert answer.status_code == 200
    return answer.content.decode()


def roll_back(pages: Client, context: AgentContext, *versions: int) -> str:
    ids = [str(key) for key in context.versions.filter(version__in=versions).values_list("id", flat=True)]
    form = {"action": "roll_back", "_selected_action": ids}
    return pages.post(reverse(f"admin:{VERSIONS}_changelist"), form, follow=True).content.decode()


def test_what_a_context_holds_and_held_is_shown_with_who_wrote_it(pages: Client, context: AgentContext) -> None:
    assert "notes" in shown(pages, "agents_agentcontext_changelist")
    page = shown(pages, "agents_agentcontext_change", context.id)
    assert "second" in page
    assert f"{reverse(f'admin:{VERSIONS}_changelist')}?context__id__exact={context.id}" in page
    history = shown(pages, f"{VERSIONS}_changelist", context__id__exact=context.id)
    assert "agent:scribe" in history
    assert "more" in history
    newest = context.versions.get(version=2)
    assert str(context.agent_id) in shown(pages, f"{VERSIONS}_change", newest.id), "the session"


def test_the_admin_neither_makes_nor_changes_nor_deletes_them(pages: Client, context: AgentContext) -> None:
    for name, key in (("agents_agentcontext", context.id), (VERSIONS, context.versions.get(version=1).id)):
        assert pages.get(reverse(f"admin:{name}_add")).status_code == 403
        assert pages.get(reverse(f"admin:{name}_delete", args=[key])).status_code == 403
        assert pages.post(reverse(f"admin:{name}_change", args=[key]), {"name": "x"}).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_a_rollback_goes_through_the_service(pages: Client, context: AgentContext) -> None:
    assert "notes of scribe holds version 1 again" in roll_back(pages, context, 1)
    row = AgentContext.objects.get()
    assert (row.current_version, row.last_version, row.rollback_state) == (1, 2, "SUCCESS")
    assert AuditEntry.objects.get(action="context.rollback_requested").after["reason"] == "by an operator in the admin"


def test_two_versions_of_one_context_are_refused_and_so_is_a_terminated_agent(
    pages: Client, context: AgentContext
) -> None:
    assert "Choose one version of each context" in roll_back(pages, context, 1, 2)
    Agent.objects.update(state_detail="TERMINATED", status="INACTIVE")
    assert "is terminated" in roll_back(pages, context, 1)
    assert AgentContext.objects.get().current_version == 2


def test_staff_who_may_only_look_cannot_roll_back(make: Make, context: AgentContext) -> None:
    user = make.user(is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_agentcontextversion"))
    looking = Client()
    looking.force_login(user)
    roll_back(looking, context, 1)
    assert AgentContext.objects.get().rollback_state is None


@pytest.mark.parametrize("name", ["agents_agentcontext_changelist", f"{VERSIONS}_changelist"])
def test_a_list_takes_as_many_queries_for_many_as_for_one(
    pages: Client, agent: Agent, context: AgentContext, name: str
) -> None:
    shown(pages, name)
    counts = []
    for names in ((), ("a", "b", "c")):
        for one in names:
            services.open_context(access=access_to(agent.project), agent_id=agent.id, name=one, data={})
        with CaptureQueriesContext(connection) as queries:
            shown(pages, name)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 12
