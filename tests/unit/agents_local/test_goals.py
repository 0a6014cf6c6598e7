"""What kind of goal a person wrote, and the plan each kind gets."""

import pytest

from agents.local.planning import plan
from agents.local.questions import AnswerKind, GoalKind, compared, expected_answer, hop_count, offers, understand

PAIRS = {
    "Were Scott Derrickson and Ed Wood of the same nationality?": ("Scott Derrickson", "Ed Wood"),
    "Which band, Letters to Cleo or Screaming Trees, had more members?": ("Letters to Cleo", "Screaming Trees"),
    "Who was born first, Arthur Conan Doyle or Penelope Lively?": ("Arthur Conan Doyle", "Penelope Lively"),
    "Are there more matte cubes or shiny cubes?": ("matte cubes", "shiny cubes"),
    "Compare the first report with the second report": ("the first report", "the second report"),
    "What is the difference between wood and stone?": ("wood", "stone"),
    "Python vs Ruby": ("Python", "Ruby"),
    "Is iron heavier than wood?": ("iron", "wood"),
    "How does rain differ from snow?": ("rain", "snow"),
}


@pytest.mark.parametrize(("text", "pair"), PAIRS.items())
def test_compared_things_are_found(text: str, pair: tuple[str, str]):
    assert compared(text) == pair
    assert understand(text).kind is GoalKind.COMPARISON


@pytest.mark.parametrize(
    "text",
    [
        "What has more than 15,835 students and is the place Derek Fisher attended?",
        "What are the names of documents that have 2 or more paragraphs?",
        "Who wrote the report?",
        "What do salt and oil do in water?",
    ],
)
def test_other_questions_compare_nothing(text: str):
    assert compared(text) == ()


KINDS = {
    "Is it true that coffee cures colds?": (GoalKind.CHECK, ("coffee cures colds",)),
    "Verify: the bridge opened in 1932": (GoalKind.CHECK, ("the bridge opened in 1932",)),
    "Check whether moss grows in shade": (GoalKind.CHECK, ("moss grows in shade",)),
    "Do the documents support the claim that salt burns?": (GoalKind.CHECK, ("salt burns",)),
    "Check in procedures of hotels": (GoalKind.PLAIN, ()),
    "Give me an overview of the reports": (GoalKind.SUMMARY, ()),
    "What are these documents about?": (GoalKind.SUMMARY, ()),
    "List the causes, costs and remedies": (GoalKind.LIST, ("causes", "costs", "remedies")),
    "Which ferries are electric?": (GoalKind.LIST, ()),
    "The director of the film that won in 1999 was born where?": (GoalKind.BRIDGE, ()),
    "What is a lease?": (GoalKind.PLAIN, ()),
    "": (GoalKind.PLAIN, ()),
}


@pytest.mark.parametrize(("text", "expected"), KINDS.items())
def test_goals_are_told_apart(text: str, expected: tuple[GoalKind, tuple[str, ...]]):
    goal = understand(text)
    assert (goal.kind, goal.parts) == expected


def test_a_very_long_goal_is_understood_in_time():
    assert understand("compare " + "word and " * 200_000).kind in GoalKind


def test_hops_count_links():
    assert hop_count("Who wrote the book?") < hop_count("Who directed the film based on the book written by Ann?")


@pytest.mark.parametrize(
    ("question", "kind", "yes", "no"),
    [
        ("When was it lit?", AnswerKind.DATE, "It was lit in 1871.", "It was lit."),
        ("How many steps are there?", AnswerKind.NUMBER, "There are 199 steps.", "There are steps."),
        ("Who built it?", AnswerKind.NAME, "It was built by Ann Bell.", "it was built."),
        ("What is rain?", AnswerKind.OTHER, "anything", ""),
    ],
)
def test_an_answer_must_offer_what_is_asked(question: str, kind: AnswerKind, yes: str, no: str):
    assert expected_answer(question) is kind
    assert offers(kind, yes, frozenset())
    if no:
        assert not offers(kind, no, frozenset())


def test_a_comparison_searches_each_thing_at_once():
    tasks = plan("Is iron heavier than wood?")["tasks"]
    assert [task["depends_on"] for task in tasks[:3]] == [[], [], ["research-1", "research-2"]]
    assert [task["input_data"]["focus"] for task in tasks[:2]] == ["iron", "wood"]


def test_a_bridge_searches_in_sequence():
    tasks = plan("The director of the film that won in 1999 was born where?")["tasks"]
    assert tasks[1]["depends_on"] == ["research-first-hop"]


def test_a_check_is_checked_before_it_is_answered():
    tasks = plan("Is it true that salt burns?")["tasks"]
    assert [task["name"] for task in tasks] == ["research", "validation", "synthesis"]
    assert tasks[1]["input_data"]["claims"] == ["salt burns"]


def test_a_summary_reads_few_documents_side_by_side_and_many_together():
    few = plan("Summarize the documents", [("1", "A"), ("2", "B")])["tasks"]
    assert [task["input_data"]["document_ids"] for task in few[:2]] == [["1"], ["2"]]
    many = plan("Summarize the documents", [(str(n), f"T{n}") for n in range(20)])["tasks"]
    assert [task["name"] for task in many] == ["read", "synthesis", "validation"]


def test_a_summary_of_a_named_document_reads_only_that():
    tasks = plan("Summarize Skarholm Light", [("1", "Skarholm Light"), ("2", "Vessla Light")])["tasks"]
    assert tasks[0]["input_data"]["document_ids"] == ["1"]


def test_a_list_searches_each_aspect():
    tasks = plan("List the causes, costs and remedies")["tasks"]
    assert [task["input_data"].get("focus") for task in tasks[:4]] == [None, "causes", "costs", "remedies"]


@pytest.mark.parametrize("goal", ["Who built the bridge?", "Compare Alpha and Beta.", "Is it true that Alpha is red?"])
def test_a_plan_leaves_the_check_out_when_nobody_can_check(goal: str) -> None:
    made = plan(goal, capabilities={"research", "synthesis"})
    assert {capability for task in made["tasks"] for capability in task["required_capabilities"]} <= {
        "research",
        "synthesis",
    }
    known = {task["name"] for task in made["tasks"]}
    assert all(set(task["depends_on"]) <= known for task in made["tasks"])
    assert "checked" in made["reason"]
