"""A custom agent that remembers: it counts in a context how often it met each name, over all sessions and side by side.

List this module in the environment variable AGENT_REGISTRY_MODULES and restart:

    AGENT_REGISTRY_MODULES=examples.notebook_agent
"""

from typing import Any

from agents.base import BaseAgent
from agents.registry import AgentRegistry
from agents.runtime import AgentContext, AgentError


class NotebookAgent(BaseAgent):
    """Answers `{"met": how often, "version": of the context}` for `input_data["name"]`.

    The count is right however many sessions count at once: a write says which version it was made from, and one that
    came too late is made again from what is there now. A crash or a retry of the task counts nothing twice.
    """

    agent_type = "ASSISTANT"
    capabilities = ("remember",)

    async def run(self, ctx: AgentContext) -> dict[str, Any]:
        name = str(ctx.task.input_data["name"])
        while True:
            page = await ctx.contexts.read("people")
            count = page.data.get(name, 0) + 1
            try:
                version = await ctx.contexts.write(
                    "people", {**page.data, name: count}, description=f"met {name}", expected_version=page.version
                )
            except AgentError as error:
                if error.code != "context_conflict":
                    raise
                continue
            held = await ctx.contexts.read("people", version=version)
            return {"met": held.data[name], "version": version}


def register_agents(registry: AgentRegistry) -> None:
    registry.register(NotebookAgent, "notebook", "Remembers whom it met")
