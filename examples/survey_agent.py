"""A custom agent that has others work for it: counts several texts, one task each, and has the sum checked.

List this module and the one that counts in the environment variable AGENT_REGISTRY_MODULES and restart:

    AGENT_REGISTRY_MODULES=examples.word_count_agent,examples.survey_agent
"""

from typing import Any

from agents.base import BaseAgent
from agents.registry import AgentRegistry
from agents.runtime import AgentContext, StepCall


class SurveyAgent(BaseAgent):
    """Answers `{"words": n, "by_text": {…}, "report": "…", "checked": bool}` for `input_data["texts"]`, `{name: text}`.

    It runs from its start again whenever something it waits for is there. That is why whatever must not happen twice is
    a call of `ctx`: a step, a spawned task, a session.
    """

    agent_type = "COORDINATOR"
    capabilities = ("survey",)
    config_schema = {
        "type": "object",
        "properties": {"cooling_seconds": {"type": "number", "minimum": 0}},
        "additionalProperties": False,
    }

    async def run(self, ctx: AgentContext) -> dict[str, Any]:
        texts: dict[str, str] = dict(ctx.task.input_data["texts"])
        counts = await ctx.spawn_tasks([_count(name, text) for name, text in texts.items()], key="counts", join=True)
        by_text = {name: counts[f"count {name}"]["words"] for name in texts}
        await ctx.sleep(float(ctx.configuration.get("cooling_seconds", 0)), key="cooling")
        check = await ctx.spawn_session(
            "Count all texts at once", key="check", tasks=[_count("all", "\n".join(texts.values()))]
        )
        total = sum(by_text.values())
        return {
            "words": total,
            "by_text": by_text,
            "report": await ctx.step("report", _write_report, inputs=by_text),
            "checked": check["result"]["outputs"]["count all"]["words"] == total,
        }


def _count(name: str, text: str) -> dict[str, Any]:
    return {"name": f"count {name}", "required_capabilities": ["word_count"], "input_data": {"text": text}}


async def _write_report(call: StepCall) -> str:
    """Stands for a call that costs something: hand `call.idempotency_key` to the service, and say what it has cost."""
    call.add_usage(reports=1)
    return f"report {call.idempotency_key[:8]}"


def register_agents(registry: AgentRegistry) -> None:
    registry.register(SurveyAgent, "survey", "Has the words of several texts counted")
