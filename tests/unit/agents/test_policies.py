"""Decisions about agents: values in, values out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.policies import (
    OPERATOR_VERBS,
    TypeChoice,
    asked_status,
    choose_definition,
    endpoint_problem,
    past_tense,
    steps_between,
)
from agents.states import AGENT_LIFECYCLE, AgentStateDetail
from core.enums import AgentType
from core.json_schema import config_errors, schema_problem

D = AgentStateDetail
SLUGS = ["research", "synthesis", "validation", "planning", "word_count"]
SCHEMA = {
    "type": "object",
    "properties": {"limit": {"type": "integer", "minimum": 1}, "tags": {"type": "array", "items": {"type": "string"}}},
    "required": ["limit"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("present", "wanted", "steps"),
    [
        (D.CREATED, {D.ACTIVE}, ["initialize", "activate"]),
        (D.ERROR, {D.ACTIVE}, ["recover", "activate"]),
        (D.PAUSED, {D.ACTIVE}, ["resume"]),
        (D.ACTIVE, {D.READY}, ["deactivate"]),
        (D.ACTIVE, {D.ACTIVE}, []),
        (D.ERROR, {D.TERMINATED}, ["terminate"]),
        (D.TERMINATED, {D.TERMINATED}, []),
        (D.TERMINATED, {D.ACTIVE}, None),
        (D.ACTIVE, {D.CREATED}, None),
        (D.INITIALIZING, {D.ACTIVE}, None),
        (D.ACTIVE, set(), None),
    ],
)
def test_the_fewest_steps_lead_to_a_state(
    present: AgentStateDetail, wanted: set[AgentStateDetail], steps: list[str] | None
) -> None:
    assert steps_between(present, wanted) == steps


@given(st.sampled_from(list(D)), st.sets(st.sampled_from(list(D))))
def test_each_step_is_a_verb_the_lifecycle_allows_there(
    present: AgentStateDetail, wanted: set[AgentStateDetail]
) -> None:
    state = present
    for verb in steps_between(present, wanted) or []:
        assert verb in OPERATOR_VERBS
        assert state in AGENT_LIFECYCLE.moves[verb].sources
        state = D(AGENT_LIFECYCLE.moves[verb].target)
        state = D.READY if state == D.INITIALIZING else state
    assert steps_between(present, wanted) is None or state in wanted


@pytest.mark.parametrize(
    ("word", "states", "maintenance"),
    [
        ("active", {D.ACTIVE}, False),
        ("ACTIVE", {D.ACTIVE}, False),
        ("idle", {D.CREATED, D.READY, D.PAUSED}, False),
        ("INACTIVE", {D.CREATED, D.READY, D.PAUSED}, False),
        (" paused ", {D.PAUSED}, False),
        ("terminated", {D.TERMINATED}, None),
        ("maintenance", None, True),
        ("busy", set(), None),
        ("ERROR", set(), None),
        ("offline", set(), None),
    ],
)
def test_a_status_word_of_any_vocabulary_is_understood(
    word: str, states: set[AgentStateDetail] | None, maintenance: bool | None
) -> None:
    asked = asked_status(word)
    assert asked is not None
    assert (asked.states, asked.maintenance) == (states, maintenance)


def test_another_word_is_no_status() -> None:
    assert asked_status("asleep") is None


@pytest.mark.parametrize(
    ("word", "has_endpoint", "choice"),
    [
        ("research", False, TypeChoice("research", None)),
        ("SYNTHESIS", False, TypeChoice("synthesis", None)),
        ("word_count", False, TypeChoice("word_count", None)),
        ("planner", False, TypeChoice("planning", AgentType.COORDINATOR)),
        ("Manager", False, TypeChoice("planning", AgentType.COORDINATOR)),
        ("REVIEWER", False, TypeChoice("validation", AgentType.AUDITOR)),
        ("RESEARCHER", False, TypeChoice("research", AgentType.RESEARCHER)),
        ("tool_curator", False, TypeChoice("synthesis", AgentType.SPECIALIST)),
        ("DEVELOPER", False, TypeChoice("synthesis", AgentType.DEVELOPER)),
        ("CUSTOM", False, None),
        ("rag_agent", False, None),
        ("rag_agent", True, TypeChoice("remote", AgentType.CUSTOM, "rag_agent")),
        ("developer", True, TypeChoice("remote", AgentType.DEVELOPER)),
    ],
)
def test_a_type_word_means_a_definition(word: str, has_endpoint: bool, choice: TypeChoice | None) -> None:
    assert choose_definition(word, slugs=SLUGS, has_endpoint=has_endpoint) == choice


def test_a_type_means_nothing_where_its_definition_is_not_enabled() -> None:
    assert choose_definition("researcher", slugs=["planning"], has_endpoint=False) is None


def test_what_a_configuration_breaks_is_named_by_its_path() -> None:
    errors = config_errors(SCHEMA, {"limit": 0, "tags": ["a", 7], "colour": "red"})
    assert [error.partition(":")[0] for error in errors] == ["$", "$.limit", "$.tags[1]"]
    assert "minimum of 1" in errors[1]
    assert config_errors(SCHEMA, {"limit": 3}) == []


def test_a_thousand_errors_are_not_all_shown() -> None:
    assert len(config_errors(SCHEMA, {"limit": 1, "tags": list(range(1000))})) == 20


def test_a_schema_with_a_hole_says_so() -> None:
    errors = config_errors({"properties": {"a": {"$ref": "#/$defs/missing"}}}, {"a": 1})
    assert "/$defs/missing" in errors[0]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "objekt"},
        {"properties": []},
        {"properties": {"a": {"$ref": "https://example.org/schema.json"}}},
        {"allOf": [{"$ref": "file:///etc/passwd"}]},
    ],
)
def test_what_is_no_schema_or_points_elsewhere_is_refused(schema: object) -> None:
    assert schema_problem(schema)


@pytest.mark.parametrize("schema", [{}, {"type": "object"}, {"$defs": {"a": {}}, "$ref": "#/$defs/a"}, True])
def test_a_schema_of_its_own_is_accepted(schema: object) -> None:
    assert schema_problem(schema) == ""


def test_the_audit_word_of_each_verb() -> None:
    assert [past_tense(verb) for verb in OPERATOR_VERBS] == [
        "initialized",
        "activated",
        "paused",
        "resumed",
        "deactivated",
        "recovered",
        "terminated",
    ]


@pytest.mark.parametrize("url", ["http://rag-service:8000", "https://[::1]/a?b=c", "http://example.org"])
def test_an_address_of_a_remote_agent(url: str) -> None:
    assert endpoint_problem(url) == ""


@pytest.mark.parametrize(
    "url",
    [
        "rag:8000",
        "file:///etc/passwd",
        "http://",
        "http://x:99999",
        "http://a b",
        "http://[",
        "http://u:p@x",
        "ftp://x",
    ],
)
def test_what_is_no_address_of_a_remote_agent(url: str) -> None:
    assert endpoint_problem(url)
