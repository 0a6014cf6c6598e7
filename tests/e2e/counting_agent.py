"""The scripted agent, counted: which tasks it has worked on, and an outage that only passes when somebody ends it."""

from collections import Counter
from typing import Any

from agents.builtin.scripted import ScriptedAgent
from agents.registry import AgentRegistry
from agents.runtime import AgentContext, AgentError

runs: Counter[str] = Counter()
is_down: set[str] = set()
"""Names of tasks whose service does not answer; they fail after the steps of their script."""


class CountingAgent(ScriptedAgent):
    """Does what its input orders, and counts."""

    async def run(self, ctx: AgentContext) -> dict[str, Any]:
        runs[ctx.task.name] += 1
        done = await super().run(ctx)
        if ctx.task.name in is_down:
            raise AgentError("the service does not answer", code="down", permanent=True)
        return {**done, "inbox": [message.content for message in await ctx.inbox()]}


def register_agents(registry: AgentRegistry) -> None:
    registry.register(CountingAgent, "counting", "The scripted agent, counted")
