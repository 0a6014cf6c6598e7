"""The four built-in agents at their work, with their local engines and documents in memory."""

import json

import pytest

from agents.builtin import register_agents
from agents.registry import AgentRegistry
from agents.rehearsal import rehearse_goal
from documents.types import PassageHit
from tests.unit.agents_local.corpus import TRANSCRIPT, ListedDocuments, library, passage, run, text_of


class TestSpecializedAgents:
    async def test_research_agent_document_analysis(self):
        """The passages that matter are found over two hops, with offsets, reasons, names and what stays open."""
        result, context = await run("research", "Where was the designer of Harlow Bridge born?", max_passages=3)
        titles = [entry["title"] for entry in result["passages"]]
        assert {"Harlow Bridge", "Marta Oduya"} <= set(titles)
        assert "Salt" not in titles
        oduya = next(entry for entry in result["passages"] if entry["title"] == "Marta Oduya")
        assert "Harlow Bridge" in oduya["why"]
        assert all(text_of(e["document_id"])[e["start"] : e["end"]] == e["quote"] for e in result["passages"])
        assert any("Port Kessel" in finding["text"] for finding in result["findings"])
        assert "Port Kessel" in result["key_terms"]
        assert len(result["queries"]) > 1
        percentages = [percentage for percentage, _ in context.shown]
        assert percentages == sorted(percentages)
        assert percentages[-1] == 100

    async def test_synthesis_agent_combination(self):
        """Several research results become one short answer in which every sentence cites its span, each said once."""
        goal = "Which is longer, Harlow Bridge or Linden Bridge?"
        first, _ = await run("research", goal, focus="Harlow Bridge", others=["Linden Bridge"])
        second, _ = await run("research", goal, focus="Linden Bridge", others=["Harlow Bridge"])
        result, _ = await run("synthesis", goal, upstream={"a": first, "b": second, "c": first})
        assert 2 <= len(result["sentences"]) <= 5
        assert "410 metres" in result["answer"]
        assert "95 metres" in result["answer"]
        texts = [sentence["text"] for sentence in result["sentences"]]
        assert len(texts) == len(set(texts))
        assert result["answer"] == " ".join(texts)
        for sentence in result["sentences"]:
            assert sentence["citations"]
            for cited in sentence["citations"]:
                assert text_of(cited["document_id"])[cited["start"] : cited["end"]] == cited["quote"]
        assert {entry["title"] for entry in result["documents"]} >= {"Harlow Bridge", "Linden Bridge"}

    async def test_validation_agent_fact_checking(self):
        """True, contradicted and unmentioned claims are told apart, with the cue and the span that shows it."""
        claims = [
            "Harlow Bridge opened in 1932.",
            "Harlow Bridge opened in 1945.",
            "Salt decreases the boiling point of water.",
            "Salt dissolves in oil.",
            "The mayor of Paris resigned on Monday.",
        ]
        result, context = await run("validation", "check", claims=claims)
        verdicts = [(claim["verdict"], claim["cue"]) for claim in result["claims"]]
        assert verdicts == [
            ("supported", None),
            ("contradiction_suspected", "number"),
            ("contradiction_suspected", "direction"),
            ("contradiction_suspected", "negation"),
            ("not_found", None),
        ]
        assert (result["supported"], result["contradiction_suspected"], result["not_found"]) == (1, 3, 1)
        for claim in result["claims"][:4]:
            cited = claim["evidence"][0]
            assert text_of(cited["document_id"])[cited["start"] : cited["end"]] == cited["quote"]
        assert result["claims"][4]["evidence"] == []
        assert len(context.sent[0]["doubtful_claims"]) == 4

    async def test_planning_agent_task_breakdown(self):
        """Different goals get different graphs, each with unique names and edges to earlier tasks only."""
        goals = {
            "Which is longer, Harlow Bridge or Linden Bridge?": "comparison",
            "Where was the engineer born who designed the bridge over the river Senn?": "bridge",
            "List the exports, the imports and the festivals of Port Kessel": "list",
            "Summarize the documents": "summary",
            "Is it true that salt dissolves in oil?": "check",
            "What does moss need?": "plain",
        }
        shapes = set()
        for goal, kind in goals.items():
            plan, _ = await run("planning", goal)
            assert plan["kind"] == kind
            assert plan["reason"]
            done: set[str] = set()
            for task in plan["tasks"]:
                assert task["name"] not in done
                assert set(task["depends_on"]) <= done
                assert set(task["required_capabilities"]) <= {"research", "synthesis", "validation", "planning"}
                done.add(task["name"])
            shapes.add(tuple((task["required_capabilities"][0], len(task["depends_on"])) for task in plan["tasks"]))
        assert len(shapes) == len(goals)


@pytest.mark.parametrize("slug", ["research", "synthesis", "validation", "planning"])
def test_each_built_in_agent_is_registered_with_defaults_for_every_setting(slug: str):
    registry = AgentRegistry()
    register_agents(registry)
    definition = registry.get(slug).to_dict()
    assert slug in definition["capabilities"]
    rules = definition["config_schema"]["properties"].values()
    assert all(rule["minimum"] <= rule["default"] <= rule["maximum"] for rule in rules)


async def test_a_question_the_documents_do_not_answer_gets_an_honest_answer_without_citations():
    outputs = await rehearse_goal("Who won the chess olympiad in Baku?", library())
    assert outputs["synthesis"]["sentences"] == []
    assert "do not" in outputs["synthesis"]["answer"]
    assert outputs["validation"]["claims"] == [] or outputs["validation"]["supported"] == 0


async def test_without_any_document_nothing_is_invented():
    outputs = await rehearse_goal("What is the boiling point of water?", ListedDocuments([]))
    assert outputs["synthesis"]["sentences"] == []
    assert outputs["research"]["passages"] == []
    assert "do not" in outputs["research"]["summary"]


async def test_every_output_is_plain_json():
    outputs = await rehearse_goal("Which is longer, Harlow Bridge or Linden Bridge?", library())
    assert json.loads(json.dumps(outputs, allow_nan=False)) == outputs


async def test_a_summary_of_a_meeting_names_speakers_and_quotes_the_transcript_as_it_stands():
    meeting = passage("Meeting", TRANSCRIPT)
    result, _ = await run("research", "Summarize the discussion about the battery", ListedDocuments([meeting]))
    result, _ = await run(
        "synthesis", "Summarize the discussion about the battery", upstream={"read": result}, max_sentences=3
    )
    assert "Engineer: The battery must last two years" in result["answer"]
    assert "Um," not in result["answer"]
    assert len(result["sentences"]) <= 3
    for sentence in result["sentences"]:
        cited = sentence["citations"][0]
        assert TRANSCRIPT[cited["start"] : cited["end"]] == cited["quote"]


async def test_a_summary_reads_only_the_documents_it_was_given():
    result, _ = await run("research", "Summarize the documents", read=True, document_ids=["d-Gardens"])
    assert {entry["title"] for entry in result["passages"]} == {"Gardens"}


async def test_a_check_answers_with_the_verdict_and_its_evidence():
    outputs = await rehearse_goal("Is it true that salt dissolves in oil?", library())
    assert outputs["synthesis"]["answer"].startswith("The documents seem to contradict this (cue: negation)")
    assert outputs["synthesis"]["sentences"][0]["citations"][0]["quote"] == "Salt does not dissolve in oil."


async def test_a_check_of_something_unmentioned_says_so():
    outputs = await rehearse_goal("Is it true that the mayor of Paris resigned on Monday?", library())
    assert outputs["synthesis"]["sentences"] == []
    assert "neither support nor contradict" in outputs["synthesis"]["answer"]


async def test_synthesis_without_results_of_others_searches_itself():
    result, context = await run("synthesis", "When was Linden Bridge opened?")
    assert "1871" in result["answer"]
    assert context.logged


async def test_statements_of_agents_that_cite_nothing_stay_and_name_their_task():
    research, _ = await run("research", "How long is Linden Bridge?")
    upstream = {"research": research, "count": {"answer": "The corpus has six documents. All are short. And dull."}}
    result, _ = await run("synthesis", "How long is Linden Bridge?", upstream=upstream)
    stated = [sentence for sentence in result["sentences"] if sentence.get("task") == "count"]
    assert [sentence["text"] for sentence in stated] == ["The corpus has six documents.", "All are short."]
    assert len(result["sentences"]) <= 5
    only, _ = await run("synthesis", "How long is Linden Bridge?", upstream={"count": "Nothing to add."})
    assert only["answer"] == "Nothing to add."


async def test_the_second_hop_starts_from_what_the_first_one_found():
    first, _ = await run("research", "Where was the designer of Harlow Bridge born?", hops=1, max_passages=1)
    assert [entry["title"] for entry in first["passages"]] == ["Harlow Bridge"]
    question = "Where was that person born?"
    second, _ = await run("research", question, upstream={"first": first})
    assert "Marta Oduya" in [entry["title"] for entry in second["passages"]]


async def test_settings_come_from_the_task_then_the_agent_then_the_schema_and_stay_in_bounds():
    few, _ = await run("research", "Senn bridge", configuration={"max_passages": 1})
    assert len(few["passages"]) == 1
    more, _ = await run("research", "Senn bridge", configuration={"max_passages": 1}, max_passages=2)
    assert len(more["passages"]) == 2
    wrong, _ = await run("research", "Senn bridge", max_passages="many", hops=99)
    assert len(wrong["passages"]) >= 2


async def test_validation_takes_its_claims_from_input_text_or_the_answer_or_the_goal():
    from_text, _ = await run("validation", "", text="Moss grows slowly in shade. Yes. Roses need no sun at all.")
    assert [claim["verdict"] for claim in from_text["claims"]] == ["supported", "contradiction_suspected"]
    answered = {"sentences": [{"text": "The bridge is 95 metres long.", "citations": []}]}
    from_answer, _ = await run("validation", "goal", upstream={"synthesis": answered})
    assert [claim["text"] for claim in from_answer["claims"]] == ["The bridge is 95 metres long."]
    from_goal, context = await run("validation", "Is it true that moss grows slowly in shade?")
    assert [claim["text"] for claim in from_goal["claims"]] == ["moss grows slowly in shade"]
    assert context.sent == []
    plain, _ = await run("validation", "Moss grows slowly in shade.", claims="Moss grows slowly in shade.")
    assert plain["supported"] == 1


async def test_passages_of_a_broken_upstream_output_are_left_out():
    broken = {"passages": [{"quote": "no place"}, "text", None, {"passage_id": 1, "start": "x", "quote": ""}]}
    result, _ = await run("synthesis", "How long is Linden Bridge?", upstream={"odd": broken, "list": ["x"]})
    assert "95 metres" in result["answer"]


async def test_a_plan_for_a_summary_reads_each_named_document_in_its_own_task():
    plan, _ = await run("planning", "Give me an overview of Salt and Gardens")
    read = [task["input_data"]["document_ids"] for task in plan["tasks"] if task["task_type"] == "research"]
    assert read == [["d-Salt"], ["d-Gardens"]]
    together, _ = await run("planning", "Give me an overview of everything", max_fan_out=3)
    assert [task["name"] for task in together["tasks"]] == ["read", "synthesis", "validation"]


def test_passage_hits_are_what_the_documents_app_hands_out():
    assert isinstance(passage("Salt", "x"), PassageHit)
