"""What a child session is made of, and when none is made."""

from typing import Any
from uuid import UUID

import pytest

from core.ids import new_id
from sessions import limits
from sessions.birth import make_child
from sessions.engine.host import Refusal
from sessions.models import AgentSession, ExecutionStep
from tests.make import Make

pytestmark = pytest.mark.django_db


class Family:
    """A parent whose agent waits for children."""

    def __init__(self, make: Make, **fields: Any) -> None:
        project = make.project()
        make.agent(project, name="Alpha")
        self.user = make.member(project.workspace)
        self.parent = make.session(project, **{"user": self.user, **fields})
        self.task = make.task(self.parent)

    def step(self, status: str = "WAITING") -> str:
        key = new_id()
        ExecutionStep.objects.create(
            id=key,
            task=self.task,
            kind="session",
            key=str(key),
            input_hash="h",
            status=status,
            created_at=self.parent.created_at,
        )
        return str(key)

    def ask(self, step: str | None = None, **request: Any) -> Refusal | None:
        wanted = {"goal": "Do a part", "agents": ["Alpha"], **request}
        return make_child(str(self.parent.id), step or self.step(), wanted)

    @property
    def children(self) -> list[AgentSession]:
        return list(AgentSession.objects.filter(parent_session=self.parent))


def test_asked_for_twice_it_is_made_once(make: Make) -> None:
    family = Family(make)
    step = family.step()
    assert family.ask(step) is None
    assert family.ask(step) is None
    [child] = family.children
    assert child.id == child.parent_step == UUID(step)


@pytest.mark.parametrize("status", ["ANSWERED", "COMPLETED"])
def test_for_a_step_that_waits_no_more_none_is_made(make: Make, status: str) -> None:
    family = Family(make)
    assert family.ask(family.step(status)) is None
    assert family.children == []


def test_without_a_context_of_its_own_it_gets_the_parent_s_with_priority_and_configuration(make: Make) -> None:
    context = {"topic": "tides", "agent_configuration": {"Alpha": {"say": "hello"}}}
    family = Family(make, context=context, priority=7)
    assert family.ask() is None
    assert family.ask(context={"topic": "moon"}, priority=1) is None
    first, second = sorted(family.children, key=lambda child: -child.priority)
    assert (first.context, first.priority) == (context, 7)
    assert (second.context, second.priority) == ({"topic": "moon"}, 1)


def test_who_is_no_member_any_more_starts_none(make: Make) -> None:
    family = Family(make)
    family.user.is_active = False
    family.user.save()
    refusal = family.ask()
    assert refusal is not None
    assert refusal.code == "not_found"
    assert family.children == []


def test_a_session_started_with_a_key_starts_children_too(make: Make) -> None:
    family = Family(make, user=None)
    assert family.ask() is None
    assert [child.user for child in family.children] == [None]


def test_every_broken_rule_is_named_by_its_field(make: Make) -> None:
    family = Family(make)
    refusal = family.ask(goal=7, agents=["nobody"], timeout=-1)
    assert refusal is not None
    assert refusal.code == "invalid_session"
    for path in ("goal: ", "agents[0]: ", "timeout: "):
        assert path in refusal.message


def test_a_session_has_so_many_descendants_and_no_more(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_DESCENDANTS", 3)
    family = Family(make)
    assert family.ask() is None
    grandchildren = Family(make)
    grandchildren.parent = family.children[0]
    grandchildren.task = make.task(grandchildren.parent)
    assert [grandchildren.ask(), grandchildren.ask()] == [None, None]
    for asking in (family, grandchildren):
        refusal = asking.ask()
        assert refusal is not None
        assert refusal.code == "too_many_sessions"
