"""A custom agent: counts the words of the documents in a session's scope.

List this module in the environment variable AGENT_REGISTRY_MODULES and restart:

    AGENT_REGISTRY_MODULES=examples.word_count_agent
"""

import re
from collections import Counter
from typing import Any

from agents.base import BaseAgent
from agents.registry import AgentRegistry
from agents.runtime import AgentContext

WORD = re.compile(r"[^\W\d_]+")


class WordCountAgent(BaseAgent):
    """Answers `{"words": n, "most_common": [[word, count], …]}` over the documents, or over `input_data["text"]`."""

    agent_type = "SPECIALIST"
    capabilities = ("word_count",)
    config_schema = {
        "type": "object",
        "properties": {
            "most_common": {"type": "integer", "minimum": 1, "maximum": 100},
            "ignore": {"type": "array", "items": {"type": "string"}},
        },
        "additionalProperties": False,
    }

    async def run(self, ctx: AgentContext) -> dict[str, Any]:
        ignored = {word.lower() for word in ctx.configuration.get("ignore", [])}
        counts: Counter[str] = Counter()
        for number, text in enumerate(texts := await self._texts(ctx), start=1):
            counts.update(word for word in WORD.findall(text.lower()) if word not in ignored)
            await ctx.progress(100 * number / len(texts), f"{number} of {len(texts)} passages counted")
        most_common = counts.most_common(int(ctx.configuration.get("most_common", 10)))
        return {"words": counts.total(), "most_common": [list(pair) for pair in most_common]}

    async def _texts(self, ctx: AgentContext) -> list[str]:
        text = ctx.task.input_data.get("text")
        if text is not None:
            return [str(text)]
        return [hit.text for hit in await ctx.documents.passages()]


def register_agents(registry: AgentRegistry) -> None:
    registry.register(WordCountAgent, "word_count", "Counts the words of the documents")
