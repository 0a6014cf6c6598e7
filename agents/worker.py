"""What a worker process does for the agents: it carries out commands, and looks after heartbeats and checkpoints.

The database is the queue: a doorbell (`hooks.ring_agents`) only means "look now", and without any the worker looks each
second. Several workers share the work by claims (`agents.services.commands.claims`).
"""

import random
import threading
import time
from collections.abc import Callable

import structlog
from django.db import connections

from agents.services import mark_offline_agents, take_due_checkpoints
from agents.services.commands.carrying_out import carry_out
from agents.services.commands.claims import Claim, claim_commands, release_claim, renew_claims
from core.ids import new_id

LOOK_SECONDS = 1.0
RENEW_SECONDS = 2.0
HEARTBEAT_SECONDS = 5.0
"""How often it is looked whose heartbeats are missing."""
PLACES = 16
"""Hooks one worker runs at once; each for `AGENT_HOOK_TIMEOUT_SECONDS` at most."""

logger = structlog.get_logger(__name__)


class Rounds:
    """A thread that does one thing again and again: each `seconds` (± a fifth) and when poked, until stopped.

    What fails is logged and tried again in the next round, with a new connection to the database.
    """

    def __init__(self, name: str, seconds: float, act: Callable[[], object]) -> None:
        self._name, self._seconds, self._act = name, seconds, act
        self._rung, self._stopping = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def poke(self) -> None:
        self._rung.set()

    def stop(self) -> None:
        """Returns when the present round has ended, or after five seconds."""
        self._stopping.set()
        self._rung.set()
        if self._thread.is_alive():
            self._thread.join(5)

    def _run(self) -> None:
        failing = False
        while not self._stopping.is_set():
            self._rung.clear()
            try:
                self._act()
                failing = False
            except Exception:
                if not failing:
                    logger.exception("round_failed", of=self._name, note="it is tried again each second")
                failing = True
                connections.close_all()
            self._rung.wait(self._seconds * random.uniform(0.8, 1.2))
        connections.close_all()


class AgentWorker:
    """The agents' part of one worker process; `start` once, `stop` once."""

    def __init__(self, *, places: int = PLACES) -> None:
        self.id = new_id()
        self._places = places
        self._at_work: dict[Claim, threading.Thread] = {}
        self._lock = threading.Lock()
        self._rounds = [
            Rounds("agent-commands", LOOK_SECONDS, self._take_commands),
            Rounds("agent-claims", RENEW_SECONDS, self._renew),
            Rounds("agent-duties", LOOK_SECONDS, self._look_after),
        ]
        self._heartbeats_at = 0.0

    def start(self) -> None:
        for rounds in self._rounds:
            rounds.start()

    def poke(self) -> None:
        """Look for commands now."""
        self._rounds[0].poke()

    def run_once(self) -> int:
        """Carry out what is asked now, one after the other in the caller's thread; how many commands there were."""
        done = 0
        while claims := claim_commands(self.id, limit=1):
            carry_out(claims[0])
            done += 1
        return done

    def take_no_more(self) -> None:
        """From now on only what is at work goes on."""
        self._rounds[0].stop()

    def stop(self, grace_seconds: float = 0.0) -> None:
        """Takes no more commands; those at work that do not end within the grace are handed over."""
        self.take_no_more()
        end = time.monotonic() + grace_seconds
        for thread in self._working().values():
            thread.join(max(0.0, end - time.monotonic()))
        for rounds in self._rounds[1:]:
            rounds.stop()
        for claim in self._working():
            release_claim(claim)
        connections.close_all()

    def _working(self) -> dict[Claim, threading.Thread]:
        with self._lock:
            return dict(self._at_work)

    def _take_commands(self) -> None:
        working = [claim.command_id for claim in self._working()]
        for claim in claim_commands(self.id, limit=self._places - len(working), besides=working):
            name = f"agent-command-{claim.command_id}"
            thread = threading.Thread(target=self._carry_out, args=(claim,), name=name, daemon=True)
            with self._lock:
                self._at_work[claim] = thread
            thread.start()

    def _carry_out(self, claim: Claim) -> None:
        try:
            carry_out(claim)
        except Exception:
            logger.exception("command_failed", command=claim.command_id, note="it is tried again when its claim ends")
        finally:
            connections.close_all()
            with self._lock:
                self._at_work.pop(claim, None)
            self.poke()

    def _look_after(self) -> None:
        """What nobody asks for: agents whose heartbeats are missing, and checkpoints that are due."""
        if time.monotonic() >= self._heartbeats_at:
            self._heartbeats_at = time.monotonic() + HEARTBEAT_SECONDS
            mark_offline_agents()
        take_due_checkpoints()

    def _renew(self) -> None:
        renew_claims(list(self._working()))
