"""The lifecycle tables themselves."""

import pytest

from agents.models import Agent
from agents.states import AGENT_LIFECYCLE
from core.lifecycle import IllegalTransition, Lifecycle
from sessions.models import AgentExecution, AgentMessage, AgentSession, AgentTask
from sessions.states import EXECUTION_LIFECYCLE, MESSAGE_LIFECYCLE, SESSION_LIFECYCLE, TASK_LIFECYCLE

MODELS = [
    (Agent, "state_detail", AGENT_LIFECYCLE),
    (AgentSession, "status", SESSION_LIFECYCLE),
    (AgentTask, "status", TASK_LIFECYCLE),
    (AgentExecution, "state", EXECUTION_LIFECYCLE),
    (AgentMessage, "delivery_status", MESSAGE_LIFECYCLE),
]


@pytest.mark.parametrize(("model", "field", "lifecycle"), MODELS, ids=lambda value: getattr(value, "__name__", ""))
def test_a_models_transitions_are_those_of_its_table(model: type, field: str, lifecycle: Lifecycle) -> None:
    found = {
        (transition.name, transition.source, transition.target)
        for transition in getattr(model(), f"get_all_{field}_transitions")()
    }
    table = {(verb, str(source), str(move.target)) for verb, move in lifecycle.moves.items() for source in move.sources}
    assert found == table


def test_a_finished_session_can_become_nothing() -> None:
    with pytest.raises(IllegalTransition, match="can become nothing"):
        SESSION_LIFECYCLE.check("COMPLETED", "RUNNING")


def test_a_state_cannot_be_set_by_hand() -> None:
    with pytest.raises(AttributeError):
        AgentSession().status = "COMPLETED"
