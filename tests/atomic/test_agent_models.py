"""The models of agents at work: capabilities, nested sessions, task states, messages, and what the database refuses."""

import pytest
from django.db import IntegrityError, connection, transaction
from django_fsm import TransitionNotAllowed

from agents.models import Agent
from sessions.models import AgentMessage, AgentTask
from sessions.states import TASK_LIFECYCLE, TaskStatus
from tests.make import Make

WORK = {
    "PENDING": [],
    "QUEUED": ["queue"],
    "RUNNING": ["queue", "start"],
    "WAITING": ["queue", "start", "park"],
    "COMPLETED": ["queue", "start", "complete"],
    "FAILED": ["fail"],
    "CANCELLED": ["cancel"],
    "SKIPPED": ["skip"],
}


def task_in(make: Make, status: str) -> AgentTask:
    task = make.task(make.session())
    for verb in WORK[status]:
        getattr(task, verb)()
    task.save()
    return AgentTask.objects.get(id=task.id)


class TestAgentModels:
    def test_agent_creation_with_capabilities(self, make: Make) -> None:
        agent = make.agent(capabilities=["search", "résumé", 'a "quoted" word'])
        make.agent(agent.project, capabilities=["research"])
        assert Agent.objects.get(id=agent.id).capabilities == ["search", "résumé", 'a "quoted" word']
        for words in (["search"], ["résumé"], ['a "quoted" word'], ["search", "résumé"]):
            assert Agent.objects.all().with_capabilities(words).get() == agent
        for words in (["sea"], ["SEARCH"], ["search", "research"], ["'; --"]):
            assert not Agent.objects.all().with_capabilities(words).exists()

    def test_agent_session_hierarchy(self, make: Make) -> None:
        parent = make.session()
        children = [make.session(parent.project, parent_session=parent) for _ in range(2)]
        grandchild = make.session(parent.project, parent_session=children[0])
        assert set(parent.child_sessions.all()) == set(children)
        assert grandchild.parent_session == children[0]
        children[0].delete()
        grandchild = type(grandchild).objects.get(id=grandchild.id)
        assert grandchild.parent_session is None

    @pytest.mark.parametrize("status", list(TaskStatus))
    def test_agent_task_status_transitions(self, make: Make, status: TaskStatus) -> None:
        for verb, change in TASK_LIFECYCLE.moves.items():
            task = task_in(make, status)
            if status in change.sources:
                getattr(task, verb)()
                task.save()
                assert AgentTask.objects.get(id=task.id).status == change.target
            else:
                with pytest.raises(TransitionNotAllowed):
                    getattr(task, verb)()
                assert task.status == status

    def test_message_routing_constraints(self, make: Make) -> None:
        sender = make.agent()
        receiver = make.agent(sender.project)
        session = make.session(sender.project)

        def send(**fields: object) -> AgentMessage:
            with transaction.atomic():
                return AgentMessage.objects.create(
                    **{
                        "workspace": session.workspace,
                        "session": session,
                        "from_agent": sender,
                        "content": {"text": "hello"},
                        **fields,
                    }
                )

        direct = send(to_agent=receiver, message_type="REQUEST")
        assert list(receiver.received_messages.all()) == [direct]
        assert send(in_reply_to=direct, message_type="RESPONSE", from_agent=receiver, to_agent=sender)
        assert send(message_type="NOTIFICATION").to_agent is None
        for wrong in (
            {"message_type": "REQUEST"},
            {"from_agent": None},
            {"message_type": "SHOUT"},
            {"delivery_status": "DELIVERED"},
            {"delivery_status": "LOST"},
        ):
            with pytest.raises(IntegrityError):
                send(**wrong)


@pytest.mark.parametrize("column", ["type", "status", "state_detail"])
def test_the_database_refuses_unknown_words_of_agents(make: Make, column: str) -> None:
    agent = make.agent()
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"UPDATE agent SET {column} = 'NONSENSE' WHERE name = %s", [agent.name])


def test_a_name_is_free_again_when_its_agent_is_terminated(make: Make) -> None:
    first = make.agent(name="one")
    with pytest.raises(IntegrityError), transaction.atomic():
        make.agent(first.project, name="one")
    first.terminate()
    first.save()
    assert make.agent(first.project, name="one").name == "one"


@pytest.mark.parametrize(
    ("state", "maintenance", "running", "shown"),
    [
        ("ACTIVE", False, 0, "ACTIVE"),
        ("ACTIVE", False, 2, "BUSY"),
        ("ACTIVE", True, 2, "MAINTENANCE"),
        ("READY", True, 0, "MAINTENANCE"),
        ("PAUSED", False, 1, "INACTIVE"),
        ("ERROR", False, 0, "ERROR"),
        ("TERMINATED", True, 0, "INACTIVE"),
    ],
)
def test_the_status_shown_follows_machine_flag_and_work(
    state: str, maintenance: bool, running: int, shown: str
) -> None:
    agent = Agent(state_detail=state, in_maintenance=maintenance)
    agent.derive_status()
    agent.running_count = running
    assert agent.shown_status == shown
