"""Prompts: which words are declared, and filling them in without evaluating anything."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates_app.policies import slug_of, slug_problem
from templates_app.prompts import (
    length_problems,
    prompt_problems,
    rendered,
    value_problems,
    variable_problems,
    words_of,
)


def declared(*names: str, **options: Any) -> list[dict[str, Any]]:
    return [{"name": name, **options} for name in names]


@pytest.mark.parametrize(
    ("prompt", "words"),
    [("", []), ("a {{b}} c {{ d }} {{b}}", ["b", "d"]), ("{b} {{}} { {c} }", [""]), ("{{a\nb}}", [])],
)
def test_the_words_of_a_prompt(prompt: str, words: list[str]) -> None:
    assert words_of(prompt) == words


@pytest.mark.parametrize(
    ("prompt", "start"),
    [
        ("{{b}}", "{{b}} is not declared"),
        ("{{a.b}}", "{{a.b}} is no name"),
        ("{{a|upper}}", "{{a|upper}} is no name"),
        ("{{7}}", "{{7}} is no name"),
        ("{{}}", "{{}} is no name"),
        ("a\n{{a", "Line 2"),
        ('{{"a": 1}}', '{{"a": 1}} is no name'),
        ("x" * 100_001, "The prompt has 100,001"),
    ],
)
def test_what_is_wrong_with_a_prompt_is_named(prompt: str, start: str) -> None:
    assert prompt_problems(prompt, declared("a"))[0].startswith(start)


def test_declarations_may_be_unused_and_single_braces_are_text() -> None:
    assert prompt_problems('Answer {"x": {"y": 1}} to {{ a }} or {{{a}}}.', declared("a", "unused")) == []


def test_at_most_fifty_variables() -> None:
    assert "51" in variable_problems(declared(*(f"v{number}" for number in range(51))))[0]


@pytest.mark.parametrize("value", [1, None, ["a"], {"b": 1}, "x" * 20_001])
def test_a_value_is_a_text(value: object) -> None:
    assert value_problems(declared("a"), {"a": value})[0].startswith("$.a: ")


def test_a_required_variable_may_rest_on_its_default_but_not_on_blanks() -> None:
    assert value_problems(declared("a", required=True, default="x"), {}) == []
    assert value_problems(declared("a", required=True), {"a": " "})


def test_a_prompt_that_would_swell_is_refused_before_it_is_filled_in() -> None:
    prompt, value = "{{a}}" * 20_000, "x" * 20_000
    assert "400,000,000" in length_problems(prompt, declared("a"), {"a": value})[0]
    assert length_problems(prompt, declared("a"), {"a": "12345"}) == []
    assert length_problems("{{a}}{{a}}", declared("a", default="x" * 50_001), {})


def test_an_empty_value_is_the_default() -> None:
    assert rendered("[{{a}}]", declared("a", default="x"), {"a": ""}) == "[x]"
    assert rendered("[{{a}}]", declared("a"), {}) == "[]"


@given(st.text(max_size=40), st.text(max_size=40))
def test_filling_in_is_plain_substitution(before: str, value: str) -> None:
    plain = before.replace("{", "").replace("}", "")
    assert rendered(plain + "{{a}}" + plain, declared("a"), {"a": value}) == plain + value + plain


@given(st.text(max_size=80))
def test_any_name_makes_an_id(name: str) -> None:
    assert slug_problem(slug_of(name)) == ""


@pytest.mark.parametrize(
    ("name", "slug"),
    [("Senior Reviewer!", "senior-reviewer"), ("Prüfer", "prufer"), ("審査", "template"), ("New", "new-1")],
)
def test_an_id_is_readable(name: str, slug: str) -> None:
    assert slug_of(name) == slug
