"""Sentences, headings, turns and names keep their place in the text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.local.evidence import all_sentences, hit_from_json, passage_json, sentences_of
from agents.local.layout import statements
from agents.local.names import core_title, mentions, names
from agents.local.text import phrase, sentences, shorten, stems, words
from tests.unit.agents_local.corpus import TRANSCRIPT, passage


@given(st.text(max_size=300))
def test_every_sentence_of_any_text_stands_where_it_says(text: str):
    for span in sentences(text):
        assert text[span.start : span.end] == span.text
    for spoken in statements(text):
        assert text[spoken.span.start : spoken.span.end] == spoken.span.text


def test_offsets_hold_behind_accents_and_emoji():
    text = "Ça va 👍🏽. Straße & Füße! Third one."
    assert [text[s.start : s.end] for s in sentences(text)] == ["Ça va 👍🏽.", "Straße & Füße!", "Third one."]


def test_abbreviations_do_not_end_a_sentence():
    assert len(sentences("Dr. Smith went to Washington. He met J. R. Tolkien.")) == 2


def test_words_are_folded_and_decimal_numbers_stay_whole():
    assert words("Café cost 35,124 or 0.05") == ["cafe", "cost", "35,124", "or", "0.05"]
    assert stems("The universities increased") == ["universiti", "increas"]


def test_a_long_label_is_cut_at_a_word():
    assert shorten("one two three", 9) == "one two…"
    assert shorten("one", 9) == "one"


def test_headings_are_no_statements():
    text = "THE HARBOUR\n\nThe harbour was built in 1900.\n\nTides\nThe tide rises twice a day at the old harbour wall."
    assert [s.span.text for s in statements(text)] == [
        "The harbour was built in 1900.",
        "The tide rises twice a day at the old harbour wall.",
    ]


def test_a_wrapped_paragraph_is_not_cut_at_its_lines():
    text = "The engineer watched the iron beacon on Little\nSkar fail, and he stood his tower on piles. It held."
    assert len(statements(text)) == 2


def test_rows_of_a_table_are_statements_of_their_own():
    text = "Ferry: Maren; built: 1989; cars: 0\nFerry: Adelheid; built: 2023; cars: 12"
    assert [s.span.text for s in statements(text)] == text.split("\n")
    assert {s.speaker for s in statements(text)} == {""}


def test_a_transcript_names_its_speakers_and_leaves_their_labels_out():
    spoken = statements(TRANSCRIPT)
    assert {s.speaker for s in spoken} == {"Chair", "Engineer", "Designer"}
    assert not any(s.span.text.startswith(s.speaker) for s in spoken)


def test_a_sentence_counts_from_the_start_of_its_document():
    hit = passage("Deep", "First one. Second one.", start=1000)
    assert [(s.start, s.end) for s in sentences_of(hit)] == [(1000, 1010), (1011, 1022)]


def test_a_sentence_of_two_overlapping_passages_is_listed_once():
    one, two = passage("D", "First one. Second one."), passage("D", "Second one. Third one.", start=11)
    assert [s.text for s in all_sentences([one, two])] == ["First one.", "Second one.", "Third one."]


def test_a_passage_survives_the_way_through_json():
    hit = passage("D", "Some text.", start=5)
    assert hit_from_json(passage_json(hit, score=0.0, why="x")) == hit
    assert hit_from_json({"quote": "x"}) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('Who sang "Blue Moon" in Port Kessel?', ["Blue Moon", "Port Kessel"]),
        ("Were Ann Bell and Bob Lee of the same age?", ["Ann Bell and Bob Lee"]),
        ("What is rain?", []),
        ("In 1999 the Bank of England rose.", ["Bank of England"]),
    ],
)
def test_names_are_found_by_capitals_and_quotes(text: str, found: list[str]):
    assert [name for name in names(text) if not name[0].isdigit()] == found


def test_a_title_is_mentioned_as_whole_words_without_its_brackets():
    assert mentions(phrase("He saw Ed Wood twice."), "Ed Wood (film)")
    assert not mentions(phrase("He is a Redwood fan"), "Ed Wood")
    assert not mentions(phrase("it was so"), "It")
    assert core_title("(2009)") == "(2009)"
