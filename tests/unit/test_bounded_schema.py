"""Schemas of strangers: what would hang the server is refused or ended in time."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from core import bounded_schema
from core.bounded_schema import is_linear
from core.json_bounds import json_problem
from core.json_schema import config_errors, object_schema_problem


@pytest.fixture(autouse=True)
def in_time() -> Iterator[None]:
    """Each of these took minutes, or all memory, with the libraries' own means."""
    began = time.thread_time()
    yield
    assert time.thread_time() - began < 5


def of(**rule: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": rule}}


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    "schema",
    [
        of(type="string", pattern="^(a+)+$"),
        of(type="string", pattern="^(a|a)*$"),
        {"type": "object", "patternProperties": {"^(a+)+$": {"type": "integer"}}, "additionalProperties": False},
    ],
)
def test_a_pattern_that_would_run_away_is_linear(schema: dict[str, Any]) -> None:
    assert object_schema_problem(schema) == ""
    text = "a" * 100_000 + "!"
    assert config_errors(schema, {"a": text, text: "x"})


@pytest.mark.parametrize("pattern", ["(?=a)b", r"(a)\1", "((((a{1000}){1000}){1000}){1000})", "a" * 501])
def test_a_pattern_that_cannot_be_bounded_is_refused(pattern: str) -> None:
    assert "cannot be used" in object_schema_problem(of(pattern=pattern))
    assert "cannot be used" in object_schema_problem({"type": "object", "patternProperties": {pattern: {}}})


def test_a_part_that_names_the_dialect_is_bounded_too() -> None:
    dialect = "https://json-schema.org/draft/2020-12/schema"
    schema = of(**{"$schema": dialect, "pattern": "^(a+)+$"})
    assert object_schema_problem(schema) == ""
    assert config_errors(schema, {"a": "a" * 100_000 + "!"})


def test_references_that_fan_out_are_ended() -> None:
    steps = {f"s{number}": {"allOf": [{"$ref": f"#/$defs/s{number + 1}"}] * 2} for number in range(40)}
    schema = {**of(**{"$ref": "#/$defs/s0"}), "$defs": {**steps, "s40": {"type": "integer"}}}
    assert object_schema_problem(schema) == ""
    assert "takes more than 1 s" in config_errors(schema, {"a": 1})[0]


@pytest.mark.parametrize("rest", [{}, {"additionalProperties": False}])
def test_many_patterns_for_many_keys_are_ended(rest: dict[str, Any]) -> None:
    schema = {"type": "object", "patternProperties": {f"a{number}.*z": {} for number in range(2000)}, **rest}
    assert "takes more than 1 s" in config_errors(schema, {f"k{number}": 1 for number in range(15_000)})[0]


@pytest.mark.parametrize(("anchor", "word"), [("$anchor", "$ref"), ("$dynamicAnchor", "$dynamicRef")])
def test_many_references_to_a_name_are_looked_up_in_time(
    anchor: str, word: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounded_schema, "CHECK_SECONDS", 5.0)  # a measured run of the tests is several times slower
    properties = {f"p{number}": {word: "#name"} for number in range(1800)}
    assert object_schema_problem({"type": "object", "$defs": {"x": {anchor: "name"}}, "properties": properties}) == ""


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (of(unevaluatedItems=False, allOf=[{"items": {}}]), {"a": list(range(60_000))}),
        (
            {"unevaluatedProperties": False, "allOf": [{"additionalProperties": True}]},
            dict.fromkeys(map(str, range(60_000))),
        ),
    ],
)
def test_what_is_unevaluated_among_many_is_ended(schema: dict[str, Any], value: Any) -> None:
    assert "takes more than 1 s" in config_errors(schema, value)[0]


def test_what_is_unevaluated_among_few_is_named() -> None:
    schema = of(unevaluatedItems=False, prefixItems=[{}])
    assert config_errors(schema, {"a": [1]}) == []
    assert "Unevaluated items" in config_errors(schema, {"a": [1, 2]})[0]


@pytest.mark.parametrize("there", [{"type": "foo"}, {"minimum": "a"}, {"enum": 5}, 5, "x"])
def test_a_reference_to_what_is_no_schema_is_a_problem_and_no_crash(there: Any) -> None:
    schema = {**of(**{"$ref": "#/const"}), "const": there}
    refused = object_schema_problem(schema)
    assert "no schema" in refused or isinstance(there, dict)
    assert "cannot be used" in config_errors(schema["properties"]["a"] | {"const": there}, 1)[0]


@pytest.mark.parametrize("schema", [of(**{"$ref": "#/properties/a"}), of(unevaluatedProperties=False, **{"$ref": "#"})])
def test_references_without_end_are_ended(schema: dict[str, Any]) -> None:
    assert isinstance(config_errors(schema, {"a": nested(20)}), list)


def test_many_different_objects_are_unique_in_time() -> None:
    schema = of(uniqueItems=True)
    assert config_errors(schema, {"a": [{"n": number} for number in range(20_000)]}) == []


@pytest.mark.parametrize(
    ("items", "unique"),
    [([1, 1.0], False), ([1, True], True), ([{"a": 1, "b": 2}, {"b": 2, "a": 1.0}], False), (["1", 1], True)],
)
def test_what_is_unique(items: list[Any], unique: bool) -> None:
    assert (config_errors(of(uniqueItems=True), {"a": items}) == []) is unique


@pytest.mark.parametrize("additional", [False, {"type": "integer"}])
def test_additional_properties_are_those_nobody_named(additional: Any) -> None:
    schema = {
        "type": "object",
        "properties": {"a": {}},
        "patternProperties": {"^b": {}},
        "additionalProperties": additional,
    }
    assert config_errors(schema, {"a": "x", "bee": "x"}) == []
    assert len(config_errors(schema, {"c": "x"})) == 1


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (True, "$: give an object"),
        ({"type": "string"}, "$.type"),
        ({"properties": {}}, "$.type"),
        (nested(40), "nested more than 32 deep"),
        ({"type": "object", "description": "x" * 70_000}, "65,536"),
        ({"type": "object", "$schema": "http://json-schema.org/draft-07/schema#"}, "$.$schema"),
        ({"type": "object", "$ref": "//example.org/x"}, "inside the schema"),
        (of(anyOf=[{"$dynamicRef": "https://example.org/x"}]), "inside the schema"),
        (of(**{"$ref": "#/$defs/none"}), "nothing there"),
        ({**of(**{"$ref": "#/required/x"}), "required": ["a"]}, "nothing there"),
        (of(**{"$ref": "#/type"}), "no schema"),
        ({"type": "object", "$id": "http://[x"}, "$.$id"),
        (of(pattern="("), "'(' cannot be read"),
        ({"type": "object", "patternProperties": {"[": {}}}, "'[' cannot be read"),
        ({"type": "object", "allOf": [{}] * 21_000}, "takes more than 1 s"),
        (of(minimum="1"), "$.properties.a.minimum"),
        ({"type": "object", "patternProperties": {}, "unevaluatedProperties": False}, "additionalProperties"),
    ],
)
def test_what_cannot_be_the_schema_of_a_configuration(schema: Any, words: str) -> None:
    assert words in object_schema_problem(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object", "$schema": "https://json-schema.org/draft/2020-12/schema"},
        {**of(**{"$ref": "#/$defs/x"}), "$defs": {"x": {"type": "integer"}}},
        of(const={"$comment": "x"}, pattern=r"^[\p{L}\d_-]{1,40}$"),
    ],
)
def test_what_can(schema: dict[str, Any]) -> None:
    assert object_schema_problem(schema) == ""


def test_a_class_may_use_all_of_pythons_patterns() -> None:
    assert not is_linear("(?=a)")
    assert config_errors(of(pattern="^(?=.*b)a"), {"a": "ac"})
    assert config_errors(of(pattern="^(?=.*b)a"), {"a": "ab"}) == []


def test_nothing_is_fetched() -> None:
    schema = {"type": "object", "$id": "http://127.0.0.1:9/a", "properties": {"a": {"$ref": "b"}}}
    assert "'b'" in object_schema_problem(schema)
    assert "does not hold" in config_errors(schema, {"a": 1})[0]


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": [1, "x\x00"]}, "$.a[1]"),
        ({"a": "\ud800"}, "$.a"),
        ({"a": {"b\x00": 1}}, "$.a"),
        ({1: 2}, "$"),
        ([float("nan")], "$[0]"),
        ({"a": {1}}, "$.a"),
        (nested(5000), "$.a"),
        ("x" * 1001, "$"),
    ],
)
def test_what_cannot_be_kept_is_named_by_its_path(value: Any, path: str) -> None:
    assert json_problem(value, max_bytes=1000).startswith(f"{path}: ") or path == "$.a"
    assert json_problem(value, max_bytes=1000)


def test_what_fits_is_kept() -> None:
    assert json_problem({"a": [1, 2.5, None, True, "ü"], "b": nested(30)}, max_bytes=1000) == ""
