"""The agents of a project as a request for a session sees them: who is meant by a word, who can do what. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from sessions.problems import listed, near


@dataclass(frozen=True, slots=True)
class PoolAgent:
    """One agent. `obstacle` says why it cannot be given work now, as the end of a sentence; empty when it can.

    `is_away`: only for a while, and what needs it waits.
    """

    id: str
    name: str
    definition: str
    capabilities: frozenset[str]
    configuration: Mapping[str, Any]
    config_schema: Mapping[str, Any]
    obstacle: str = ""
    is_away: bool = False


@dataclass(frozen=True, slots=True)
class AgentPool:
    """A project's agents, those that can be given work before those that cannot."""

    agents: Sequence[PoolAgent]

    def find(self, word: str) -> PoolAgent | None:
        """The agent with this id, else this name, else the first of this definition."""
        by_id = (agent for agent in self.agents if agent.id == word.lower())
        by_name = (agent for agent in self.agents if agent.name == word)
        of_definition = (agent for agent in self.agents if agent.definition == word)
        return next(chain(by_id, by_name, of_definition), None)

    def fault_of(self, word: str) -> str | None:
        """Why no agent can be given work under this word, or None when one can."""
        agent = self.find(word)
        if agent is None:
            return f'There is no agent "{_short(word)}" in this project. {near(word, self.words())}{self._available()}'
        if agent.obstacle:
            return f'The agent "{agent.name}" {agent.obstacle} {self._available()}'
        return None

    def words(self) -> list[str]:
        """Every name and definition an agent can be called by."""
        return list(dict.fromkeys(word for agent in self.usable() for word in (agent.name, agent.definition)))

    def usable(self) -> list[PoolAgent]:
        return [agent for agent in self.agents if not agent.obstacle]

    def with_capabilities(self, wanted: Iterable[str]) -> list[PoolAgent]:
        """The usable agents that have them all."""
        needed = set(wanted)
        return [agent for agent in self.usable() if needed <= agent.capabilities]

    def waits_for(self, wanted: Iterable[str]) -> list[PoolAgent]:
        """The agents that have these capabilities and are away, where nobody else has them."""
        needed = set(wanted)
        able = [
            agent for agent in self.agents if needed <= agent.capabilities and (agent.is_away or not agent.obstacle)
        ]
        return able if all(agent.is_away for agent in able) else []

    def fault_of_capabilities(self, wanted: Sequence[str]) -> str | None:
        """Why no agent can be chosen by these capabilities, or None when one can."""
        if self.with_capabilities(wanted):
            return None
        known = sorted({capability for agent in self.usable() for capability in agent.capabilities})
        lacking = [word for word in wanted if word not in known]
        hints = "".join(near(word, known) for word in lacking)
        if not lacking:
            return f"Each of these is known, but no agent has them all: {listed(map(_short, wanted))}. Split the task."
        return (
            f"No usable agent can do {listed(map(_short, lacking))}. {hints}The capabilities here are {listed(known)}."
        )

    def _available(self) -> str:
        return f"Available agents: {listed(self.words())}."


def _short(word: str) -> str:
    return word if len(word) <= 60 else f"{word[:57]}..."
