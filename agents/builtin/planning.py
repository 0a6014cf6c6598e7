"""The planning agent: a goal turned into a DAG of tasks."""

from typing import Any

from agents.base import BaseAgent
from agents.builtin.settings import question_of, settings_of
from agents.local.planning import MAX_FAN_OUT, plan
from agents.runtime import AgentContext


class PlanningAgent(BaseAgent):
    """Reads the goal and says which tasks reach it. Output: `{"kind", "reason", "tasks": [task specification]}`."""

    agent_type = "COORDINATOR"
    capabilities = ("planning", "decomposition")
    config_schema = {
        "type": "object",
        "properties": {
            "max_fan_out": {
                "type": "integer",
                "default": MAX_FAN_OUT,
                "minimum": 1,
                "maximum": 50,
                "description": "Documents read side by side for a summary, at most.",
            },
        },
        "additionalProperties": True,
    }

    async def run(self, ctx: AgentContext) -> dict[str, Any]:
        settings = settings_of(ctx, self.config_schema)
        await ctx.progress(20, "Reading the goal")
        titles = await ctx.documents.titles()
        result = plan(question_of(ctx), titles, max_fan_out=settings["max_fan_out"], capabilities=ctx.capabilities)
        await ctx.log(f"{result['reason']} Plan: {', '.join(task['name'] for task in result['tasks'])}")
        await ctx.progress(100, f"{result['kind']}: {len(result['tasks'])} tasks")
        return result
