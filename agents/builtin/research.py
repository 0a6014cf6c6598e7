"""The research agent: finds and analyses passages."""

from typing import Any

from agents.base import BaseAgent
from agents.builtin.settings import question_of, settings_of, texts_of
from agents.local.handover import passages_of
from agents.local.questions import GoalKind, understand
from agents.local.researching import analyse, find, read
from agents.runtime import AgentContext


class ResearchAgent(BaseAgent):
    """Searches the session's documents for the question (in two hops), or reads them through when asked for a summary.

    Input: `question`, `focus` (one thing of it), `others` (things to leave out), `hops`, `read`, `document_ids`.
    """

    agent_type = "RESEARCHER"
    capabilities = ("research", "retrieval", "document_analysis")
    config_schema = {
        "type": "object",
        "properties": {
            "max_passages": {
                "type": "integer",
                "default": 10,
                "minimum": 1,
                "maximum": 50,
                "description": "Passages handed on, at most.",
            },
            "hops": {
                "type": "integer",
                "default": 2,
                "minimum": 1,
                "maximum": 2,
                "description": "2 follows names from the first passages found.",
            },
            "max_read": {
                "type": "integer",
                "default": 400,
                "minimum": 1,
                "maximum": 2000,
                "description": "Passages read through for a summary, at most.",
            },
        },
        "additionalProperties": True,
    }

    async def run(self, ctx: AgentContext) -> dict[str, Any]:
        settings = settings_of(ctx, self.config_schema)
        question = question_of(ctx)
        reads = ctx.task.input_data.get("read")
        if reads is None:
            reads = not ctx.task.input_data.get("focus") and understand(question).kind is GoalKind.SUMMARY
        result = await (self._read(ctx, question, settings) if reads else self._search(ctx, question, settings))
        await ctx.progress(100, _told(result))
        return result

    async def _search(self, ctx: AgentContext, question: str, settings: dict[str, Any]) -> dict[str, Any]:
        focus = str(ctx.task.input_data.get("focus") or "")
        known = passages_of(output.output for output in ctx.upstream)
        await ctx.progress(10, f"Searching the documents for {focus or question}"[:200])
        found = await find(
            ctx.documents.search,
            question,
            focus=focus,
            others=texts_of(ctx.task.input_data.get("others")),
            hops=settings["hops"],
            limit=settings["max_passages"],
            known=known,
        )
        await ctx.progress(60, f"Analysing {len(found.passages)} passages found with {len(found.queries)} searches")
        for query in found.queries[:20]:
            await ctx.log(f"Searched: {query}"[:500], level="debug")
        return await ctx.run_in_thread(analyse, question, found.passages, found.queries, focus)

    async def _read(self, ctx: AgentContext, question: str, settings: dict[str, Any]) -> dict[str, Any]:
        await ctx.progress(10, "Reading the documents")
        hits = await ctx.documents.passages(limit=settings["max_read"])
        chosen = set(texts_of(ctx.task.input_data.get("document_ids")))
        if chosen:
            hits = [hit for hit in hits if hit.document_id in chosen]
        await ctx.progress(40, f"Reading {len(hits)} passages")
        return await ctx.run_in_thread(_read_through, question, hits, settings["max_passages"])


def _read_through(question: str, hits: list[Any], limit: int) -> dict[str, Any]:
    return read(question, hits, limit=limit)


def _told(result: dict[str, Any]) -> str:
    """The result in one line for whoever watches."""
    if not result["passages"]:
        return "Nothing found in the documents"
    return f"{len(result['passages'])} passages in {len(result['documents'])} documents"
