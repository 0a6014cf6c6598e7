"""A command carried out by the worker that claimed it: hooks outside of any transaction, what came of them inside one.

What a hook did counts only while the claim is the worker's own: of a worker that was taken for dead, or whose agent
was terminated meanwhile, nothing is written.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import structlog
from django.db import InterfaceError, OperationalError, connection, transaction

from agents import conf
from agents.hook_runner import HookFailed, run_hook
from agents.models import Agent, AgentCheckpoint, AgentCommand
from agents.policies import STEPS, verbs_left
from agents.services.checkpoints import state_to_resume_from
from agents.services.commands.asking import advance, close, word_of
from agents.services.commands.claims import CLAIM_SECONDS, Claim
from agents.services.moves import lock_row, make_move
from agents.services.state import MAX_STATE_BYTES, write_state
from agents.states import AgentCommandOutcome, AgentStateDetail
from core.canonical import canonical_json
from core.errors import OrchestratorError
from core.json_bounds import require_object
from workspaces.access import Access

MAX_CLAIMS = 3
"""A hook that ends its worker's process this many times is not called again."""

RETRY_SECONDS = 0.5
T = TypeVar("T")
logger = structlog.get_logger(__name__)


def carry_out(claim: Claim) -> None:
    """Run the hooks of a command, one after the other, and make the moves that follow from them.

    Ends with the command's outcome written, or without one when the claim is not this worker's any more.
    """
    work = _patiently(partial(_work_of, claim))
    while work is not None:
        try:
            state = _run(work)
        except HookFailed as failure:
            _patiently(partial(_fail, claim, work.verb, str(failure)))
            return
        work = _patiently(partial(_finish, claim, work, state))


def _patiently(write: Callable[[], T]) -> T:
    """Once more after a lost connection, for as long as a claim lasts: a hook is not to be repeated for that."""
    end = time.monotonic() + CLAIM_SECONDS
    while True:
        try:
            return write()
        except (OperationalError, InterfaceError):
            if _must_give_up(end):
                raise
            _reconnect()
            time.sleep(RETRY_SECONDS)


def _must_give_up(end: float) -> bool:
    return connection.in_atomic_block or time.monotonic() > end


def _reconnect() -> None:
    connection.close()


@dataclass(frozen=True, slots=True)
class _Work:
    """The hook that is next: for which agent, with which state, and the checkpoint that is from."""

    agent: Agent
    verb: str
    state: dict[str, Any]
    checkpoint: AgentCheckpoint | None = None


@dataclass(frozen=True, slots=True)
class _Held:
    """A command under its agent's lock, and who asked for it."""

    agent: Agent
    command: AgentCommand
    access: Access

    def verbs_left(self) -> list[str]:
        return verbs_left(self.command.verbs, AgentStateDetail(self.agent.state_detail))


@contextmanager
def _held(claim: Claim) -> Iterator[_Held | None]:
    """A transaction in which agent and command are locked; None when the claim is not its worker's any more."""
    with transaction.atomic():
        agent = lock_row(claim.agent_id)
        command = AgentCommand.objects.select_for_update().filter(pk=claim.command_id).first()
        if agent is None or command is None or not claim.holds(command):
            logger.info("late_outcome_refused", command=claim.command_id, agent=str(claim.agent_id))
            yield None
            return
        yield _Held(agent, command, Access(actor=command.actor, user_id=None, ip=command.ip))


def _work_of(claim: Claim) -> _Work | None:
    with _held(claim) as held:
        if held is None:
            return None
        left = held.verbs_left()
        if not left:
            close(held.command, AgentCommandOutcome.SUPERSEDED, f"the agent was {held.agent.state_detail} already")
            return None
        if claim.attempt > MAX_CLAIMS:
            _give_up(
                held, left[0], f"the worker died {MAX_CLAIMS} times in {STEPS[left[0]].hook}: mend the agent first"
            )
            return None
        return _next_work(held.agent, left[0], after_crash=claim.attempt > 1)


def _next_work(agent: Agent, verb: str, *, after_crash: bool) -> _Work:
    """What comes up again after a crash goes on from its latest recoverable checkpoint, if it has one."""
    resumes = verb == "recover" or (verb == "initialize" and after_crash)
    checkpoint = state_to_resume_from(agent) if resumes else None
    return _Work(agent, verb, checkpoint.state_data if checkpoint else agent.state, checkpoint)


def _run(work: _Work) -> dict[str, Any]:
    """The state the hook left. Raises: HookFailed."""
    hook = STEPS[work.verb].hook
    done = run_hook(
        hook,
        slug=work.agent.definition.slug,
        configuration=work.agent.configuration,
        name=work.agent.name,
        timeout_seconds=conf.hook_timeout_seconds(),
        state=work.state,
    )
    try:
        return require_object(getattr(done, "state", {}), name="state", max_bytes=MAX_STATE_BYTES)
    except OrchestratorError as error:
        raise HookFailed(f"{hook} of {work.agent.definition.slug} left a state that cannot be kept: {error}") from error


def _finish(claim: Claim, work: _Work, state: dict[str, Any]) -> _Work | None:
    """Write what came of a hook that ended well; the next one, if there is one."""
    with _held(claim) as held:
        if held is None:
            return None
        left = held.verbs_left()
        if not left or left[0] != work.verb:  # an earlier try of ours was committed after all
            return _next_work(held.agent, left[0], after_crash=False) if left else None
        reason = _keep_state(held, work, state)
        step = STEPS[work.verb]
        if step.ends == "become_ready":
            make_move(held.access, held.agent, step.ends, reason=reason)
        elif step.ends:
            make_move(held.access, held.agent, step.ends, reason=held.command.reason, action=word_of(work.verb))
        rest = advance(held.access, held.agent, left[1:], reason=held.command.reason)
        if rest:
            return _next_work(held.agent, rest[0], after_crash=False)
        close(held.command, AgentCommandOutcome.DONE)
        return None


def _keep_state(held: _Held, work: _Work, state: dict[str, Any]) -> str:
    """Store the state the agent resumed from and what its hook made of it; a sentence about it for the history.

    A state somebody wrote while the hook ran stays: theirs is the later word.
    """
    agent, checkpoint = held.agent, work.checkpoint
    resumed = f"resumed from checkpoint {checkpoint.sequence_number}" if checkpoint else ""
    if canonical_json(state) == canonical_json(agent.state):  # in Python 1 equals True
        return resumed
    if agent.state_version != work.agent.state_version:
        return "; ".join(filter(None, [resumed, "the state written meanwhile was kept instead of the hook's"]))
    details = {"checkpoint": checkpoint.sequence_number} if checkpoint else {}
    write_state(held.access, agent, state, action=f"agent.state_left_by_{STEPS[work.verb].hook}", **details)
    return resumed


def _fail(claim: Claim, verb: str, error: str) -> None:
    with _held(claim) as held:
        if held is not None:
            _give_up(held, verb, error)


def _give_up(held: _Held, verb: str, error: str) -> None:
    """To ERROR with the command; a terminated agent stays terminated, and says what its shutdown said."""
    if verb == "terminate":
        held.agent.last_error = error
        held.agent.save(update_fields=["last_error", "updated_at"])
    else:
        make_move(held.access, held.agent, "fail", error=error)
    close(held.command, AgentCommandOutcome.FAILED, error)
