"""Passages know their place in the text."""

import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.ids import new_id
from documents.passages import PASSAGE_CHARACTERS, split_passages
from documents.search.bm25 import Candidate, score_candidates
from documents.search.postgresql import telling_terms
from documents.titles import title_of_file

TEXTS = st.text(st.sampled_from("ab é🐋漢.\n \t"), max_size=6000) | st.text(max_size=500).map(lambda text: text * 20)


@settings(max_examples=60, deadline=None)
@given(TEXTS)
def test_every_passage_stands_at_its_offsets_in_order_without_overlap(text: str) -> None:
    spans = split_passages(text)
    assert all(text[span.start : span.end] == span.text for span in spans)
    assert [span.ordinal for span in spans] == list(range(len(spans)))
    assert all(before.end <= after.start for before, after in pairwise(spans))
    assert all(0 < len(span.text) <= PASSAGE_CHARACTERS for span in spans)


@settings(max_examples=60, deadline=None)
@given(TEXTS)
def test_no_word_is_lost_between_passages(text: str) -> None:
    assert "".join("".join(span.text for span in split_passages(text)).split()) == "".join(text.split())


def test_a_passage_ends_where_a_sentence_does() -> None:
    text = " ".join(f"Sentence number {number} has exactly these words in it." for number in range(200))
    assert all(span.text.endswith(".") for span in split_passages(text))


def test_the_time_grows_with_the_text_not_faster() -> None:
    started = time.perf_counter()
    spans = split_passages("word word. " * 200_000)
    assert len(spans) > 1000
    assert time.perf_counter() - started < 10


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("Report 2026.pdf", "Report 2026"),
        ("C:\\Users\\ann\\notes.v2.md", "notes.v2"),
        ("../../etc/passwd", "passwd"),
        ("a\0b\u202egnp.txt", "abgnp"),
        (".pdf", ".pdf"),
        ("", "Untitled"),
        ("\n\t", "Untitled"),
        ("x" * 500, "x" * 300),
        ("archive.tar.gz", "archive.tar.gz"),
    ],
)
def test_a_title_is_the_visible_part_of_the_file_name(name: str, title: str) -> None:
    assert title_of_file(name) == title


def test_common_words_choose_no_candidates_once_rare_ones_give_enough() -> None:
    holding = {"light": 9000, "keeper": 150, "theodolite": 60}
    assert telling_terms(holding, enough=200) == ["theodolite", "keeper"]
    assert telling_terms(holding, enough=1000) == ["theodolite", "keeper", "light"]
    assert telling_terms({"light": 9000}, enough=200) == ["light"]


def test_bm25_prefers_rare_words_and_short_passages() -> None:
    first, second, third = sorted(new_id() for _ in range(3))
    candidates = [
        Candidate(first, {"common": 1.0}, 100),
        Candidate(second, {"rare": 1.0}, 200),
        Candidate(third, {"rare": 1.0}, 100),
    ]
    ranked = score_candidates(candidates, passage_count=100, passages_with={"common": 60, "rare": 2})
    assert [passage_id for passage_id, _ in ranked] == [third, second, first]
    assert all(score > 0 for _, score in ranked)
    assert score_candidates([], passage_count=0, passages_with={}) == []
