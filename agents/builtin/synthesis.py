"""The synthesis agent: one consolidated answer in which every sentence cites its passages."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agents.base import BaseAgent
from agents.builtin.settings import question_of, settings_of
from agents.local.handover import claims_of, passages_of, statements_of
from agents.local.questions import Goal, understand
from agents.local.researching import find
from agents.local.synthesising import consolidate
from agents.runtime import AgentContext
from documents.types import PassageHit


class SynthesisAgent(BaseAgent):
    """Joins what the tasks before it found. Without any passages from them it searches the documents itself.

    Input: `question`. Output: `{"answer", "sentences": [{"text", "citations"}], "documents", "kind"}`.
    """

    agent_type = "SPECIALIST"
    capabilities = ("synthesis", "summarisation", "report")
    config_schema = {
        "type": "object",
        "properties": {
            "max_sentences": {
                "type": "integer",
                "default": 5,
                "minimum": 1,
                "maximum": 20,
                "description": "Sentences of the answer, at most.",
            },
        },
        "additionalProperties": True,
    }

    async def run(self, ctx: AgentContext) -> dict[str, Any]:
        settings = settings_of(ctx, self.config_schema)
        goal = understand(question_of(ctx))
        outputs = [output.output for output in ctx.upstream]
        claims = claims_of(outputs)
        statements = statements_of((output.name, output.output) for output in ctx.upstream)
        hits = passages_of(outputs)
        await ctx.progress(10, f"Joining {len(ctx.upstream)} results with {len(hits)} passages")
        if not (hits or claims or statements):
            hits = await self._own_search(ctx, goal)
        await ctx.progress(50, "Writing the answer")
        result = await ctx.run_in_thread(_consolidated, goal, hits, claims, statements, settings["max_sentences"])
        await ctx.progress(100, f"{len(result['sentences'])} sentences citing {len(result['documents'])} documents")
        return result

    async def _own_search(self, ctx: AgentContext, goal: Goal) -> list[PassageHit]:
        await ctx.log("No passages were handed over: searching the documents")
        found = await find(ctx.documents.search, goal.text)
        return [replace(item.hit, score=item.score) for item in found.passages]


def _consolidated(
    goal: Goal, hits: list[PassageHit], claims: list[Mapping[str, Any]], statements: list[Any], max_sentences: int
) -> dict[str, Any]:
    return consolidate(goal, hits, claims=claims, statements=statements, max_sentences=max_sentences)
