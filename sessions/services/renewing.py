"""The tasks that run again: who does them now, and with what."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sessions.agent_pool import AgentPool, PoolAgent
from sessions.models import AgentTask
from sessions.modes import PLANNING, asked_for
from sessions.problems import Problems
from sessions.services.copying import Renewal

BY_CAPABILITY = "capability"
_OF_A_REFUSAL = ("code", "candidates", "required")


def renewed(task: AgentTask, pool: AgentPool, problems: Problems) -> Renewal:
    """The task as it was, for the agent it names; one that was chosen by capability is chosen anew when it starts."""
    by = str(task.assignment.get("by", ""))
    if task.agent_id is None or by == BY_CAPABILITY:
        _check_capabilities(task, pool, problems)
        return Renewal(None, {}, task.input_data, task.description)
    agent = pool.find(str(task.agent_id))
    if (agent is None or agent.obstacle) and by == "mode":
        agent = pool.find(PLANNING)
    if agent is None or agent.obstacle:
        fault = pool.fault_of(str(task.agent_id))
        problems.add(f"tasks.{task.name}.agent", f"{fault} Or run the task again with another agent.")
    return Renewal(
        _key(agent) if agent else task.agent_id, _assignment(task.assignment), task.input_data, task.description
    )


def renewed_for(task: AgentTask, word: str, pool: AgentPool, problems: Problems) -> Renewal:
    """The task as it was, for another agent."""
    agent, fault = pool.find(word), pool.fault_of(word)
    if agent is None or fault:
        problems.add("agent", fault or "")
        return Renewal(None, {}, task.input_data, task.description)
    lacking = sorted(set(task.required_capabilities) - agent.capabilities)
    if lacking:
        problems.add("agent", f'The agent "{agent.name}" cannot do {", ".join(lacking)}, which the task asks for.')
    return Renewal(_key(agent), asked_for(word, agent), task.input_data, task.description)


def agents_named(tasks: Sequence[AgentTask]) -> list[str]:
    """The ids of the agents that tasks name, so that one that was terminated can be told of by name."""
    return list(dict.fromkeys(str(task.agent_id) for task in tasks if task.agent_id))


def _check_capabilities(task: AgentTask, pool: AgentPool, problems: Problems) -> None:
    fault = pool.fault_of_capabilities(task.required_capabilities) if not problems.is_full else None
    if fault:
        problems.add(f"tasks.{task.name}.required_capabilities", fault)


def _assignment(old: Mapping[str, Any]) -> dict[str, Any]:
    """Why the agent was named; not why it could not work the last time."""
    kept = {name: value for name, value in old.items() if name not in _OF_A_REFUSAL}
    return {**kept, "reason": "Named by the session this one goes back to."} if "code" in old else kept


def _key(agent: PoolAgent) -> UUID:
    return UUID(agent.id)
