"""Reading a request from JSON, and the rules that need no database."""

import time
from typing import Any

import pytest

from sessions import limits
from sessions.errors import InvalidSession
from sessions.request import SessionRequest, TaskRequest
from sessions.request_json import read_agent_task, read_reason, read_session_request, read_single_task
from sessions.request_rules import check_request


def faults(body: Any) -> dict[str, list[str]]:
    return check_request(read_session_request(body)).by_path


def faults_of(**fields: Any) -> dict[str, list[str]]:
    return faults({"task_description": "Compare the two", **fields})


def task(name: str = "a", **fields: Any) -> dict[str, Any]:
    return {"name": name, "agent": "scripted", **fields}


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


def test_a_goal_alone_is_a_whole_request() -> None:
    assert faults_of() == {}


@pytest.mark.parametrize(
    ("fields", "mode"),
    [({}, "planned"), ({"agents": ["a"]}, "parallel"), ({"tasks": [task()]}, "dag"), ({"agents": []}, "planned")],
)
def test_the_mode_follows_from_what_is_given(fields: dict[str, Any], mode: str) -> None:
    assert read_session_request({"task_description": "x", **fields}).mode == mode


BAD = {
    "no goal": ({"task_description": None}, "task_description", "must not be empty"),
    "blank goal": ({"task_description": " \n "}, "task_description", "must not be empty"),
    "long goal": ({"task_description": "x" * 20_001}, "task_description", "20,001 characters; at most 20,000"),
    "goal is a number": ({"task_description": 7}, "task_description", "must be a text, not a number"),
    "NUL in the goal": ({"task_description": "a\x00b"}, "task_description", "NUL character"),
    "half a character": ({"task_description": "a\ud800b"}, "task_description", "surrogate"),
    "unknown field": ({"timeout_seconds": 5}, "timeout_seconds", 'Did you mean "timeout"?'),
    "negative timeout": ({"timeout": -1}, "timeout", "more than 0"),
    "no time at all": ({"timeout": 0}, "timeout", "more than 0"),
    "a year": ({"timeout": 31_536_000}, "timeout", "at most 604,800 seconds"),
    "no number": ({"timeout": float("nan")}, "timeout", "more than 0"),
    "more than a float": ({"timeout": 10**400}, "timeout", "more than 0"),
    "timeout as text": ({"timeout": "60"}, "timeout", "must be a number, not a text"),
    "timeout as truth": ({"timeout": True}, "timeout", "must be a number, not true or false"),
    "mode unknown": ({"execution_mode": "paralel"}, "execution_mode", 'Did you mean "parallel"?'),
    "mode no text": ({"execution_mode": ["dag"]}, "execution_mode", "must be a text"),
    "dag without tasks": ({"execution_mode": "dag"}, "tasks", "needs at least one task"),
    "tasks in sequence": ({"execution_mode": "sequential", "tasks": [task()]}, "execution_mode", "in the mode dag"),
    "sequence of nobody": ({"execution_mode": "sequential"}, "agents", "needs at least one agent"),
    "planned by name": ({"execution_mode": "planned", "agents": ["x"]}, "agents", "the planner chooses"),
    "tasks and agents": ({"agents": ["x"], "tasks": [task()]}, "agents", "not both"),
    "agents no list": ({"agents": "research"}, "agents", "must be a list, not a text"),
    "agent no text": ({"agents": [5]}, "agents[0]", "must be a text"),
    "agent empty": ({"agents": [""]}, "agents[0]", "must not be empty"),
    "too many agents": ({"agents": ["x"] * 51}, "agents", "at most 50"),
    "priority half": ({"priority": 1.5}, "priority", "must be a whole number"),
    "priority wild": ({"priority": 101}, "priority", "from -100 to 100"),
    "none at once": ({"max_concurrent_tasks": 0}, "max_concurrent_tasks", "from 1 to 100"),
    "long title": ({"title": "t" * 201}, "title", "at most 200"),
    "project no id": ({"project_id": "mine"}, "project_id", "a UUID"),
    "context a list": ({"context": []}, "context", "must be a JSON object, not a list"),
    "context too big": ({"context": {"x": "y" * 300_000}}, "context", "bigger than 256 KiB"),
    "context too deep": ({"context": {"x": nested(60)}}, "context", "50 deep"),
    "context endless": ({"context": {"x": float("inf")}}, "context", "finite"),
    "context huge number": ({"context": {"x": 2**300}}, "context", "256 bits"),
    "NUL in a key": ({"context": {"a\x00": 1}}, "context", "NUL character"),
    "documents no list": ({"context": {"document_ids": "x"}}, "context.document_ids", "a list of document ids"),
    "document no id": ({"context": {"document_ids": ["x"]}}, "context.document_ids[0]", "id (a UUID)"),
    "collection no id": ({"context": {"collection_id": 5}}, "context.collection_id", "id (a UUID)"),
    "tasks no list": ({"tasks": {}}, "tasks", "must be a list"),
    "task no object": ({"tasks": ["x"]}, "tasks[0]", "must be a JSON object"),
    "task nameless": ({"tasks": [{"agent": "x"}]}, "tasks[0].name", "must not be empty"),
    "task of nobody": ({"tasks": [{"name": "a"}]}, "tasks[0].agent", "or give required_capabilities"),
    "task unknown field": ({"tasks": [task(depend_on=[])]}, "tasks[0].depend_on", 'Did you mean "depends_on"?'),
    "two of a name": ({"tasks": [task(), task()]}, "tasks[1].name", "tasks[0] has the name"),
    "unknown dependency": (
        {"tasks": [task("alpha"), task("b", depends_on=["alpa"])]},
        "tasks[1].depends_on",
        '"alpha"',
    ),
    "no attempt": ({"tasks": [task(max_attempts=0)]}, "tasks[0].max_attempts", "from 1 to 20"),
    "task in no time": ({"tasks": [task(timeout=-5)]}, "tasks[0].timeout", "more than 0"),
    "task wild": ({"tasks": [task(priority=-101)]}, "tasks[0].priority", "from -100 to 100"),
    "task input a text": ({"tasks": [task(input_data="x")]}, "tasks[0].input_data", "must be a JSON object"),
    "configuration a text": ({"agent_configuration": "x"}, "agent_configuration", "must be a JSON object"),
}


@pytest.mark.parametrize(("fields", "path", "sentence"), BAD.values(), ids=BAD)
def test_a_bad_field_is_named_with_a_sentence_that_says_how_to_mend_it(
    fields: dict[str, Any], path: str, sentence: str
) -> None:
    found = faults_of(**fields)
    assert list(found) == [path]
    assert sentence in found[path][0]


def test_a_cycle_is_told_with_its_tasks() -> None:
    found = faults_of(
        tasks=[task("a", depends_on=["c"]), task("b", depends_on=["a"]), task("c", depends_on=["b"]), task("d")]
    )
    assert len(found) == 1
    [(path, [sentence])] = found.items()
    assert path in {"tasks[0].depends_on", "tasks[1].depends_on", "tasks[2].depends_on"}
    assert {"a -> c -> b -> a", "c -> b -> a -> c", "b -> a -> c -> b"} & set(sentence.split(": ")[1].split(". "))


def test_one_more_task_than_the_limit_is_refused_and_the_limit_itself_is_not() -> None:
    most = [task(f"t{n}") for n in range(limits.MAX_TASKS)]
    assert faults_of(tasks=most) == {}
    assert faults_of(tasks=[*most, task("one more")])["tasks"] == [
        "There are 501 tasks; a session can have at most 500."
    ]


def test_all_problems_of_a_request_are_told_at_once() -> None:
    found = faults({"timeout": -1, "priority": "high", "tasks": [{"name": ""}, 5], "color": "red"})
    assert set(found) == {
        "color",
        "timeout",
        "priority",
        "task_description",
        "tasks[0].name",
        "tasks[0].agent",
        "tasks[1]",
    }


def test_a_hostile_body_costs_little_and_gets_the_first_hundred_problems() -> None:
    names = [f"name {number}" for number in range(500)]
    worst = {
        **{f"field {number}": 1 for number in range(50_000)},
        "task_description": "x",
        "tasks": [task(name, depends_on=[f"{name}?"] * 9) for name in names],
        "agent_configuration": {name: {} for name in names},
    }
    begun = time.perf_counter()
    assert len(faults(worst)) == 100
    del worst["tasks"], worst["agent_configuration"]
    assert len(faults({"task_description": "x", "tasks": [task(name, depends_on=["?"]) for name in names]})) == 100
    assert time.perf_counter() - begun < 5


def test_too_many_dependencies_are_refused_as_a_whole() -> None:
    names = [f"t{number}" for number in range(200)]
    tasks = [task(name, depends_on=names[:number]) for number, name in enumerate(names)]
    assert "19,900 dependencies; at most 5,000" in faults_of(tasks=tasks)["tasks"][0]


@pytest.mark.parametrize("body", [None, [], "x", 5, True])
def test_a_body_that_is_no_object_is_told_once(body: Any) -> None:
    assert list(faults(body)) == ["body"]


def test_null_means_absent() -> None:
    names = ["context", "agents", "execution_mode", "tasks", "timeout", "priority", "title", "project_id"]
    assert faults_of(**dict.fromkeys(names)) == {}


@pytest.mark.parametrize("key", ["", "k" * 201, "schlüssel", "a\nb"])
def test_an_idempotency_key_is_short_printable_ascii(key: str) -> None:
    assert list(check_request(SessionRequest("x", idempotency_key=key)).by_path) == ["Idempotency-Key"]


def test_a_request_made_by_a_page_is_held_to_the_same_rules() -> None:
    request = SessionRequest(" ", tasks=[TaskRequest("a", depends_on=["a"])], timeout=-1)
    assert set(check_request(request).by_path) == {
        "task_description",
        "timeout",
        "tasks[0].agent",
        "tasks[0].depends_on",
    }


def test_several_problems_make_one_error_with_the_first_as_its_message() -> None:
    problems = check_request(SessionRequest("x", timeout=-1, priority=5000))
    with pytest.raises(InvalidSession, match=r"^priority: This must be .* \(1 more: see details.\)$") as caught:
        problems.raise_if_any()
    assert set(caught.value.details) == {"timeout", "priority"}


def test_a_task_for_one_agent_is_a_session_of_one_task() -> None:
    request = read_agent_task(
        {"task_description": "Say it", "task_type": "speech", "input_data": {"say": 1}, "configuration": {"a": 1}},
        agent="some-id",
    )
    [only] = request.tasks
    assert (only.name, only.agent, only.input_data, request.mode) == ("speech", "some-id", {"say": 1}, "dag")
    assert request.agent_configuration == {"some-id": {"a": 1}}


def test_a_task_made_alone_may_be_called_by_its_type() -> None:
    request, starts = read_single_task(
        {"type": "document_analysis", "description": "Look", "required_capabilities": ["x"], "priority": 1}
    )
    assert (request.tasks[0].name, request.tasks[0].task_type, starts) == ("document_analysis",) * 2 + (False,)
    assert read_single_task({"description": "Look", "auto_execute": True})[1]


def test_auto_execute_is_true_or_false() -> None:
    request, _ = read_single_task({"description": "Look", "agent": "x", "auto_execute": "yes"})
    assert request.problems == {"auto_execute": ["This must be true or false, not a text."]}


def test_the_reason_of_a_command_is_a_text() -> None:
    assert read_reason({"reason": "too slow"}) == "too slow"
    with pytest.raises(InvalidSession, match="reason: This must be a text"):
        read_reason({"reason": 5})
