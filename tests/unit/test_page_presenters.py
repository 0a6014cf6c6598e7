"""What the pages work out from values: spans, numbers of citations, forms from schemas, words for figures."""

from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.json_schema import config_errors
from frontend.presenters.answers import present_answer
from frontend.presenters.schema_errors import with_errors
from frontend.presenters.schema_words import settings_of
from frontend.presenters.schemas import any_error, fields_of, read_fields
from frontend.presenters.spans import mark_span
from frontend.presenters.words import gist, pretty_json, seconds_in_words

SCHEMA = {
    "type": "object",
    "properties": {
        "depth": {"type": "integer", "default": 3, "minimum": 1, "maximum": 9, "title": "How deep"},
        "share": {"type": "number"},
        "loud": {"type": "boolean", "default": True},
        "tone": {"enum": ["calm", "brisk"]},
        "words": {"type": "array", "items": {"type": "string"}, "default": ["a"]},
        "rules": {"type": "object"},
        "name": {"type": "string"},
    },
}
DOCUMENT = str(uuid4())


def cite(start: int, end: int, document: str = DOCUMENT) -> dict[str, Any]:
    return {"document_id": document, "title": "T", "start": start, "end": end, "quote": "q"}


@given(text=st.text(max_size=300), start=st.integers(-5, 400), end=st.integers(-5, 400))
def test_a_marked_text_is_the_whole_text(text: str, start: int, end: int) -> None:
    span = mark_span(text, start, end)
    assert span.before + span.marked + span.after == text
    assert text[span.start : span.end] == span.marked


@given(text=st.text(alphabet="ab ", min_size=50, max_size=300), start=st.integers(0, 300), length=st.integers(0, 40))
def test_a_passage_is_a_stretch_of_the_text_around_its_span(text: str, start: int, length: int) -> None:
    span = mark_span(text, start, start + length, around=20)
    shown = span.before + span.marked + span.after
    assert shown in text
    assert len(shown) <= len(span.marked) + 40
    assert span.cut_before or text.startswith(shown)
    assert span.cut_after or text.endswith(shown)


def test_without_a_span_nothing_is_marked() -> None:
    assert mark_span("a lamp", None, None).marked == ""


def test_a_span_has_one_number_wherever_it_is_cited() -> None:
    answer = present_answer(
        {
            "sentences": [
                {"text": "One.", "citations": [cite(5, 9), cite(0, 4)]},
                {"text": "Two.", "citations": [cite(5, 9), cite(5, 9)]},
            ],
            "claims": [{"text": "c", "verdict": "supported", "evidence": [cite(70, 80)]}],
        }
    )
    assert [[entry.number for entry in sentence.cites] for sentence in answer.sentences] == [[1, 2], [1]]
    assert [source.number for source in answer.sources] == [1, 2], "evidence alone is no source of the answer"
    assert answer.claims[0].cites[0].number == 3
    assert answer.sources[0].url == f"/documents/{DOCUMENT}?start=5&end=9#span"


@pytest.mark.parametrize("bad", [cite(0, 4, "../../admin"), {"start": 1}, None, 4, {**cite(0, 1), "start": "x"}])
def test_a_citation_that_leads_nowhere_is_left_out(bad: Any) -> None:
    answer = present_answer({"sentences": [{"text": "One.", "citations": [bad, cite(0, 4)]}]})
    assert [entry.number for entry in answer.sentences[0].cites] == [1]


def test_an_unknown_verdict_never_looks_like_support() -> None:
    claims = present_answer({"claims": [{"text": "c", "verdict": "certainly"}]}).claims
    assert [claim.verdict for claim in claims] == ["not_found"]


def test_each_kind_of_property_gets_its_input() -> None:
    fields = fields_of(SCHEMA, {"share": 0.5}, prefix="x-")
    assert [field.kind for field in fields] == ["integer", "number", "boolean", "choice", "list", "json", "text"]
    assert fields[0].label == "How deep"
    assert fields[0].placeholder == "1 to 9"
    assert [field.value for field in fields[:3]] == ["3", "0.5", True]


def test_only_what_was_changed_is_handed_on() -> None:
    fields = fields_of(SCHEMA, {}, prefix="x-")
    _, unchanged = read_fields(fields, {"x-depth": "3", "x-loud": "true", "x-words": "a", "x-tone": ""})
    assert unchanged == {}
    posted = {"x-depth": "5", "x-share": "0.25", "x-tone": "brisk", "x-words": "b\r\nc", "x-rules": '{"k": 1}'}
    _, changed = read_fields(fields, posted)
    assert changed == {
        "depth": 5,
        "share": 0.25,
        "loud": False,
        "tone": "brisk",
        "words": ["b", "c"],
        "rules": {"k": 1},
    }


def test_what_cannot_be_read_is_kept_and_told() -> None:
    fields = fields_of(SCHEMA, {}, prefix="x-")
    shown, changed = read_fields(fields, {"x-depth": "deep", "x-rules": "{", "x-loud": "true"})
    wrong = {field.name: field.value for field in shown if field.error}
    assert wrong == {"depth": "deep", "rules": "{"}
    assert changed == {}


@pytest.mark.parametrize(
    "schema", [{}, {"properties": 4}, {"properties": {"a": True, "b": {"type": ["string", "null"]}}}]
)
def test_an_odd_schema_gives_a_form_all_the_same(schema: dict[str, Any]) -> None:
    read_fields(fields_of(schema, {}, prefix=""), {})


NESTED: dict[str, Any] = {
    "type": "object",
    "required": ["depth"],
    "properties": {
        "depth": {"type": "integer", "minimum": 1},
        "level": {"enum": [1, 2, None]},
        "marks": {"type": "array", "items": {"type": "number"}},
        "tools": {"type": "array", "items": {"enum": ["lint", "build"]}},
        "limits": {
            "type": "object",
            "required": ["seconds"],
            "properties": {
                "seconds": {"type": "integer", "default": 30},
                "deeper": {"type": "object", "properties": {"x": {"type": "string"}}},
            },
        },
        "prompt": {"type": "string", "maxLength": 4000},
    },
}


def test_a_nested_object_is_a_group_one_level_deep() -> None:
    fields = fields_of(NESTED, {"limits": {"seconds": 5}}, prefix="c-", nested=True)
    assert [field.kind for field in fields] == ["integer", "choice", "list", "several", "group", "long"]
    assert [(inner.input, inner.path, inner.kind, inner.value) for inner in fields[4].fields] == [
        ("c-limits.seconds", "$.limits.seconds", "integer", "5"),
        ("c-limits.deeper", "$.limits.deeper", "json", ""),
    ]
    assert [field.required for field in fields[:2]] == [True, False]
    assert fields_of(NESTED, {}, prefix="c-")[4].kind == "json", "whoever takes whole values gets whole values"


def test_values_of_a_nested_form_are_a_merge_patch_of_what_was_changed() -> None:
    before = {"depth": 3, "level": 1, "marks": [1.5], "tools": ["lint"], "limits": {"seconds": 5}, "prompt": "p"}
    fields = fields_of(NESTED, before, prefix="c-", nested=True)
    same = {"c-depth": "3", "c-level": "1", "c-tools:0": "true"}
    assert read_fields(fields, same, clearing=True)[1] == {}
    posted = {
        "c-depth": "",
        "c-level": "null",
        "c-marks": "2\n-0.5",
        "c-tools:1": "true",
        "c-limits.seconds": "7",
        "c-limits.deeper": '{"x": "y"}',
    }
    assert read_fields(fields, posted, clearing=True)[1] == {
        "depth": None,
        "level": None,
        "marks": [2, -0.5],
        "tools": ["build"],
        "limits": {"seconds": 7, "deeper": {"x": "y"}},
    }


@pytest.mark.parametrize("posted", [{"c-marks": "x"}, {"c-marks": "NaN"}, {"c-level": "3"}, {"c-limits.seconds": "no"}])
def test_what_cannot_be_read_in_a_nested_form_is_told_at_its_field(posted: dict[str, str]) -> None:
    fields, changed = read_fields(fields_of(NESTED, {}, prefix="c-", nested=True), posted)
    assert any_error(fields)
    assert changed == {}


def test_what_breaks_the_schema_is_told_at_the_field_of_its_path() -> None:
    value = {"level": 7, "marks": [1, "x"], "limits": {"seconds": "y"}, "unknown": 1, "prompt": 3}
    problems = config_errors({**NESTED, "additionalProperties": False}, value)
    fields, rest = with_errors(fields_of(NESTED, {}, prefix="", nested=True), problems)
    errors = {field.name: field.error for field in [*fields, *fields[4].fields] if field.error}
    assert errors == {
        "depth": "This is needed: give a value.",
        "level": "7 is not one of [1, 2, None]",
        "marks": "[1]: 'x' is not of type 'number'",
        "seconds": "'y' is not of type 'integer'",
        "prompt": "3 is not of type 'string'",
    }
    assert rest == ["Additional properties are not allowed ('unknown' was unexpected)"]


def test_a_schema_is_shown_as_a_table_of_settings() -> None:
    rows = settings_of(NESTED, {"limits": {"seconds": 5}, "tools": ["lint"]})
    assert [(row.path, row.depth, row.type, row.limits, row.value) for row in rows] == [
        ("$.depth", 0, "integer", "at least 1", ""),
        ("$.level", 0, "choice", "1, 2, null", ""),
        ("$.marks", 0, "list of number", "", ""),
        ("$.tools", 0, "list", "lint, build", '["lint"]'),
        ("$.limits", 0, "object", "", ""),
        ("$.limits.seconds", 1, "integer", "", "5"),
        ("$.limits.deeper", 1, "object", "", ""),
        ("$.limits.deeper.x", 2, "text", "", ""),
        ("$.prompt", 0, "text", "at most 4000 characters", ""),
    ]
    assert [row.name for row in rows if row.required] == ["depth", "seconds"]


REFERRING: dict[str, Any] = {
    "type": "object",
    "properties": {
        "level": {"$ref": "#/$defs/level", "title": "How loud"},
        "inner": {"anyOf": [{"$ref": "#/$defs/inner"}, {"type": "null"}], "default": None},
        "words": {"type": "array", "items": {"$ref": "#/$defs/word"}},
        "note": {"type": ["string", "null"]},
        "lost": {"$ref": "#/$defs/nothing"},
        "round": {"$ref": "#/$defs/round"},
    },
    "$defs": {
        "level": {"type": "integer", "maximum": 3, "title": "Level"},
        "inner": {"type": "object", "properties": {"x~y": {"$ref": "#/$defs/level"}}},
        "word": {"enum": ["a", "b"]},
        "round": {"$ref": "#/$defs/round"},
    },
}


def test_references_and_what_may_be_empty_become_fields() -> None:
    fields = fields_of(REFERRING, {}, prefix="", nested=True)
    assert [(field.label, field.kind) for field in fields] == [
        ("How loud", "integer"),
        ("Inner", "group"),
        ("Words", "several"),
        ("Note", "text"),
        ("Lost", "json"),
        ("Round", "json"),
    ]
    assert fields[1].fields[0].kind == "integer"
    assert [row.type for row in settings_of(REFERRING, {})][:2] == ["integer", "object"]


def test_references_that_fan_out_are_filled_in_within_bounds() -> None:
    names = [f"d{number}" for number in range(40)]
    wide = {"type": "object", "properties": {name: {"$ref": f"#/$defs/{name}"} for name in names}}
    schema = {**wide, "$defs": dict.fromkeys(names, wide)}
    assert len(settings_of(schema, {})) < 20_000


@pytest.mark.parametrize("schema", [True, None, [], {"properties": {"a": True, "b": {"items": 3, "type": "array"}}}])
def test_an_odd_schema_gives_a_table_all_the_same(schema: Any) -> None:
    settings_of(schema, schema)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, ""), (0.0421, "42 ms"), (4.26, "4.3 s"), (185, "3 m 5 s"), (7500, "2 h 5 m"), ("x", ""), (-1, "0 ms")],
)
def test_durations_are_said_in_words(seconds: Any, words: str) -> None:
    assert seconds_in_words(seconds) == words


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("plain", "plain"),
        ({"task": "t", "output": {"summary": "Found it"}}, "Found it"),
        ({"said": {"answer": "Yes"}}, "Yes"),
        ({"bytes": 14000, "truncated": True}, "14 KB"),
        ({"claims": [1, 2], "supported": 2}, "2 claims · supported: 2"),
        ([1, 2, 3], "3 entries"),
        (None, "None"),
    ],
)
def test_a_message_is_told_in_a_few_words(content: Any, words: str) -> None:
    assert gist(content) == words


def test_an_output_of_a_megabyte_does_not_become_a_page_of_a_megabyte() -> None:
    shown = pretty_json({"text": "x" * 1_000_000})
    assert len(shown) < 21_000
    assert "more characters" in shown
