"""Answers, summaries and verdicts over passages."""

from itertools import pairwise

import pytest

from agents.local.answering import NOTHING_FOUND, answer, key_terms
from agents.local.checking import check, split_claims
from agents.local.evidence import all_sentences
from agents.local.polarity import direction, opposite_pair
from agents.local.questions import understand
from agents.local.summarising import summarise, tidy
from agents.local.synthesising import consolidate
from documents.types import PassageHit
from tests.unit.agents_local.corpus import TEXTS, TRANSCRIPT, passage


def hits(*titles: str) -> list[PassageHit]:
    return [passage(title, TEXTS[title], score=1.0) for title in titles]


def verdict(claim: str, *texts: str) -> tuple[str, str | None]:
    evidence = all_sentences(passage(f"T{n}", text) for n, text in enumerate(texts))
    checked = check(claim, evidence)
    return checked.verdict, checked.cue


def test_an_answer_keeps_to_its_length():
    assert len(answer("bridge river Senn", hits("Harlow Bridge", "Linden Bridge"), max_sentences=2).sentences) == 2


def test_the_same_statement_of_two_documents_is_said_once_and_cites_both():
    twice = [passage("A", "Salt melts ice on roads.", score=1.0), passage("B", "Salt melts ice on roads.", score=0.9)]
    found = answer("What melts ice?", twice)
    assert [sentence.text for sentence in found.sentences] == ["Salt melts ice on roads."]
    assert [source.title for source in found.sentences[0].sources] == ["A", "B"]


def test_each_compared_thing_is_heard():
    parts = ("Harlow Bridge", "Linden Bridge")
    found = answer("Which is longer, Harlow Bridge or Linden Bridge?", hits(*parts), max_sentences=2, parts=parts)
    assert {sentence.sources[0].title for sentence in found.sentences} == set(parts)


def test_taller_looks_for_heights():
    light = passage(
        "Light", "It was painted red in May. The tower is 31 metres high. Nobody lives there now.", score=1.0
    )
    assert "31 metres" in answer("Is the Light taller than a house?", [light], max_sentences=1).text


def test_off_topic_passages_answer_nothing():
    found = answer("Who won the chess olympiad?", hits("Salt", "Gardens"))
    assert (found.text, found.sentences) == (NOTHING_FOUND, ())
    assert answer("anything", []).sentences == ()


def test_a_name_no_passage_has_is_said_not_to_be_mentioned():
    found = answer("Who won the chess olympiad in Baku?", hits("Salt", "Gardens"))
    assert (found.text, found.sentences) == ("The documents do not mention Baku.", ())


def test_a_comparison_says_of_each_what_was_asked_and_keeps_each_text_in_its_order():
    lights = [
        passage(
            "Vessla Light", "Vessla Light is a lighthouse on Vessla. It was painted red. It was first lit in 1884."
        ),
        passage("Skarholm Light", "Skarholm Light is a lighthouse on Skarholm. It was first lit in 1871. It is tall."),
    ]
    question = "Which lighthouse was lit first, Skarholm Light or Vessla Light?"
    found = answer(question, lights, max_sentences=4, parts=["Skarholm Light", "Vessla Light"])
    assert {"It was first lit in 1884.", "It was first lit in 1871."} <= {item.text for item in found.sentences}
    places = [(item.sources[0].title, item.sources[0].start) for item in found.sentences]
    assert all(one[1] < other[1] for one, other in pairwise(places) if one[0] == other[0])


def test_key_terms_are_names_the_question_lacks():
    assert key_terms("Harlow Bridge", hits("Harlow Bridge", "Linden Bridge"))[:2] == ["Senn", "Linden Bridge"]


def test_tidying_drops_fillers_only():
    assert tidy("Um , so {vocalsound} we , uh , agreed on yellow .") == "so we, agreed on yellow."


def test_a_summary_answers_near_the_words_of_its_query():
    found = summarise("What about the colours?", [passage("M", TRANSCRIPT)], max_sentences=1)
    assert "yellow" in found.text


def test_a_summary_hears_several_documents():
    found = summarise("Summarize", hits("Harlow Bridge", "Linden Bridge", "Marta Oduya"), max_sentences=3)
    assert len({sentence.sources[0].title for sentence in found.sentences}) >= 2


def test_a_summary_of_very_short_sentences_still_says_something():
    assert summarise("Summarize", [passage("S", "It rains. We wait.")]).sentences


@pytest.mark.parametrize(
    ("claim", "text", "expected"),
    [
        ("Moss grows in shade.", "Moss grows in shade.", ("supported", None)),
        (
            "Aspirin reduces fever in children.",
            "Aspirin increases fever in children.",
            ("contradiction_suspected", "direction"),
        ),
        (
            "The drug helps patients sleep.",
            "The drug does not help patients sleep.",
            ("contradiction_suspected", "negation"),
        ),
        ("The harbour opened in 1900.", "The harbour opened in 1950.", ("contradiction_suspected", "number")),
        (
            "The shop is open on Sunday.",
            "The shop is closed on Sunday.",
            ("contradiction_suspected", "opposite: open / close"),
        ),
        ("Cats like milk.", "Trains run late.", ("not_found", None)),
    ],
)
def test_verdicts_name_their_cue(claim: str, text: str, expected: tuple[str, str | None]):
    assert verdict(claim, text) == expected


def test_no_evidence_is_not_found():
    assert verdict("Moss grows in shade.") == ("not_found", None)
    assert verdict("", "Moss grows.") == ("not_found", None)


def test_directions_are_counted_near_the_subject_only():
    text = "Prices never fell in spring, and long after that the very quiet town increased its harbour."
    assert direction(text).denials == 1
    assert direction(text, near=["harbour"]).denials == 0
    assert direction("costs decrease").is_reversed


def test_opposites_count_only_when_each_side_has_one():
    assert opposite_pair(frozenset({"open"}), frozenset({"close"})) == ("open", "close")
    assert opposite_pair(frozenset({"open", "close"}), frozenset({"close"})) is None


def test_claims_are_statements_only():
    assert split_claims("Moss grows slowly. Does it? Yes.") == ["Moss grows slowly."]


def test_a_claim_without_evidence_is_answered_honestly():
    claims = [{"text": "x is y", "verdict": "not_found", "evidence": []}]
    result = consolidate(understand("Is it true that x is y?"), [], claims=claims)
    assert result["sentences"] == []
    assert "neither support nor contradict this: “x is y”" in result["answer"]


def test_a_claim_that_stands_word_for_word_is_shown_by_that_sentence():
    texts = [
        "It was first lit on 14 October 1871 and is the oldest light that stands.",
        "It was first lit on 3 May 1884.",
    ]
    evidence = all_sentences(passage(f"T{n}", text) for n, text in enumerate(texts))
    checked = check("It was first lit on 3 May 1884.", evidence)
    assert [item.text for item in checked.evidence] == ["It was first lit on 3 May 1884."]


def test_a_comparison_is_answered_from_the_texts_on_what_is_compared():
    texts = [
        passage("Puffins", "A study compared Vessla Light with Skarholm Light. The puffins fell in number.", score=9.0),
        passage("Vessla Light", "Vessla Light stands on Vessla. It is red."),
        passage("Skarholm Light", "Skarholm Light stands on Skarholm. It is white."),
    ]
    found = answer("Compare Skarholm Light and Vessla Light.", texts, parts=["Skarholm Light", "Vessla Light"])
    assert {item.sources[0].title for item in found.sentences} == {"Vessla Light", "Skarholm Light"}
