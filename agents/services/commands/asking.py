"""What is asked of an agent: done at once where no code has to run, else written down for a worker."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from agents import hooks
from agents.models import Agent, AgentCommand
from agents.policies import STEPS, past_tense
from agents.services.moves import make_move, require_verb, where_it_stands
from agents.states import AgentCommandKind, AgentCommandOutcome, AgentStateDetail
from core.errors import Conflict
from workspaces.access import Access

INTERRUPTED = "its initialization was interrupted"


def ask(
    access: Access, agent: Agent, kind: AgentCommandKind, verbs: Sequence[str], *, reason: str = "", action: str = ""
) -> Agent:
    """Begin to carry out the verbs on a locked agent: moves up to the first hook are made now, the rest is a command.

    Terminating supersedes an open command; anything else waits for it.
    Raises: IllegalTransition, Conflict while a command is open.
    """
    if verbs[0] == "recover":
        _give_up_interrupted(access, agent)
    if verbs[0] == "terminate" and agent.state_detail != AgentStateDetail.TERMINATED:
        supersede(agent, "the agent was terminated")
    require_no_command(agent)
    require_verb(agent, verbs[0])
    left = advance(access, agent, verbs, reason=reason, action=action)
    if left:
        agent.pending_command = AgentCommand.objects.create(
            agent=agent, kind=kind, verbs=left, reason=reason, actor=access.actor, ip=access.ip
        )
        transaction.on_commit(lambda: hooks.ring_agents())
    return agent


def advance(access: Access, agent: Agent, verbs: Sequence[str], *, reason: str, action: str = "") -> list[str]:
    """Make the moves of a locked agent up to the next hook; the verbs left, the first of which waits for its hook."""
    for number, verb in enumerate(verbs):
        step = STEPS[verb]
        if step.begins:
            make_move(access, agent, step.begins, reason=reason, action=action or word_of(verb))
        if step.hook:
            return list(verbs[number:])
    return []


def word_of(verb: str) -> str:
    """The audit log's word for a verb."""
    return f"agent.{past_tense(verb)}"


def require_no_command(agent: Agent) -> None:
    """Raises: Conflict (`command_under_way`), unless the agent is terminated: then nothing is to be waited for."""
    command = agent.pending_command
    if command is None or agent.state_detail == AgentStateDetail.TERMINATED:
        return
    raise Conflict(
        f"The agent {agent.name} is {agent.state_detail}, and {command.kind.lower()} is under way (asked for by "
        f"{command.actor}): wait until it has ended, or terminate the agent.",
        code="command_under_way",
        details={**where_it_stands(agent), "command": shown(command)},
    )


def shown(command: AgentCommand) -> dict[str, Any]:
    """An open command as the API shows it beside its agent."""
    return {
        "id": command.pk,
        "kind": command.kind,
        "verbs": command.verbs,
        "since": command.created_at.isoformat().replace("+00:00", "Z"),
        "attempt": command.attempt,
    }


def supersede(agent: Agent, why: str) -> None:
    """End a locked agent's open command, if there is one: what its hook still does is of no account."""
    if agent.pending_command is not None:
        close(agent.pending_command, AgentCommandOutcome.SUPERSEDED, why)
        agent.pending_command = None


def close(command: AgentCommand, outcome: AgentCommandOutcome, error: str = "") -> None:
    """The command has ended."""
    AgentCommand.objects.filter(pk=command.pk).update(applied_at=Now(), outcome=outcome, error=error)


def _give_up_interrupted(access: Access, agent: Agent) -> None:
    """An agent that is INITIALIZING though nobody initializes it was left so."""
    if agent.state_detail == AgentStateDetail.INITIALIZING and agent.pending_command is None:
        make_move(access, agent, "fail", error=INTERRUPTED)
