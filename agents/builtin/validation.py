"""The validation agent: splits text into claims and checks each against evidence."""

from collections import Counter
from typing import Any

from agents.base import BaseAgent
from agents.builtin.settings import question_of, settings_of, texts_of
from agents.local.checking import CONTRADICTION_SUSPECTED, NOT_FOUND, SUPPORTED, Verdict, check, split_claims
from agents.local.evidence import all_sentences
from agents.local.handover import answer_sentences_of, passages_of
from agents.local.questions import GoalKind, understand
from agents.runtime import AgentContext
from documents.types import PassageHit


class ValidationAgent(BaseAgent):
    """Checks claims against the passages of earlier tasks and against its own search for each claim.

    The claims are `claims` or `text` of the input, else the sentences of the answer before it, else the goal when it
    asks to check something. Output: `{"claims": [{"text", "verdict", "cue", "evidence"}], "supported": n, ...}`.
    """

    agent_type = "AUDITOR"
    capabilities = ("validation", "fact_checking")
    config_schema = {
        "type": "object",
        "properties": {
            "max_claims": {
                "type": "integer",
                "default": 20,
                "minimum": 1,
                "maximum": 100,
                "description": "Claims checked, at most.",
            },
            "passages_per_claim": {
                "type": "integer",
                "default": 5,
                "minimum": 1,
                "maximum": 20,
                "description": "Passages searched for each claim.",
            },
        },
        "additionalProperties": True,
    }

    async def run(self, ctx: AgentContext) -> dict[str, Any]:
        settings = settings_of(ctx, self.config_schema)
        claims = self._claims(ctx)[: settings["max_claims"]]
        handed = passages_of(output.output for output in ctx.upstream)
        verdicts: list[Verdict] = []
        for number, claim in enumerate(claims, start=1):
            await ctx.progress(100 * (number - 1) / len(claims), f"Checking claim {number} of {len(claims)}")
            found = await ctx.documents.search(claim, limit=settings["passages_per_claim"])
            verdicts.append(await ctx.run_in_thread(_checked, claim, [*handed, *found]))
        await self._warn(ctx, verdicts)
        await ctx.progress(100, f"Checked {len(verdicts)} claims")
        return _result(verdicts)

    def _claims(self, ctx: AgentContext) -> list[str]:
        given = texts_of(ctx.task.input_data.get("claims"))
        if given:
            return given
        if text := ctx.task.input_data.get("text"):
            return split_claims(str(text))
        answered = answer_sentences_of(output.output for output in ctx.upstream)
        if answered is not None:
            return answered
        goal = understand(question_of(ctx))
        return list(goal.parts) if goal.kind is GoalKind.CHECK else split_claims(goal.text)

    async def _warn(self, ctx: AgentContext, verdicts: list[Verdict]) -> None:
        """Tell the others of the session which claims do not hold."""
        doubtful = [verdict for verdict in verdicts if verdict.verdict != SUPPORTED]
        for verdict in doubtful:
            cue = f" ({verdict.cue})" if verdict.cue else ""
            await ctx.log(f"{verdict.verdict.replace('_', ' ')}{cue}: {verdict.claim}"[:500], level="warning")
        if doubtful:
            await ctx.send(
                {"doubtful_claims": [{"text": v.claim, "verdict": v.verdict, "cue": v.cue} for v in doubtful]}
            )


def _checked(claim: str, hits: list[PassageHit]) -> Verdict:
    return check(claim, all_sentences(hits))


def _result(verdicts: list[Verdict]) -> dict[str, Any]:
    counts = Counter(verdict.verdict for verdict in verdicts)
    return {
        "claims": [verdict.to_json() for verdict in verdicts],
        **{name: counts.get(name, 0) for name in (SUPPORTED, CONTRADICTION_SUSPECTED, NOT_FOUND)},
    }
