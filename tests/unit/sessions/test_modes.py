"""Who is meant by a word, and what each mode makes of agents and tasks."""

from typing import Any

import pytest

from sessions.agent_pool import AgentPool, PoolAgent
from sessions.modes import plan_tasks
from sessions.request import SessionRequest, TaskRequest


def agent(name: str, definition: str = "scripted", *capabilities: str, **fields: Any) -> PoolAgent:
    values: dict[str, Any] = {"configuration": {}, "config_schema": {}, **fields}
    return PoolAgent(f"id-of-{name.lower()}", name, definition, frozenset(capabilities or [definition]), **values)


FOUR = AgentPool([agent(f"The {kind}", kind) for kind in ("research", "synthesis", "validation", "planning")])


def edges(pool: AgentPool = FOUR, **fields: Any) -> dict[str, list[str]]:
    return {task.name: list(task.depends_on) for task in plan_tasks(SessionRequest("Goal", **fields), pool)}


def test_an_agent_is_found_by_id_before_name_before_definition() -> None:
    tricky = AgentPool([agent("research", "scripted"), agent("x", "research"), agent("id-of-x", "y")])
    found = [tricky.find(word) for word in ("id-of-x", "research", "scripted", "nobody")]
    assert [one.name if one else None for one in found] == ["x", "research", "research", None]


def test_an_unknown_agent_is_told_with_near_matches_and_those_available() -> None:
    fault = FOUR.fault_of("reserch")
    assert fault is not None
    assert 'There is no agent "reserch"' in fault
    assert 'Did you mean "research"' in fault
    assert "The planning, planning" in fault


def test_an_agent_that_cannot_work_now_is_told_with_the_way_out_and_not_offered() -> None:
    pool = AgentPool([agent("Ready", "scripted"), agent("Tired", "other", obstacle="is paused: resume it.")])
    assert pool.fault_of("Tired") == 'The agent "Tired" is paused: resume it. Available agents: Ready, scripted.'
    assert pool.fault_of("Ready") is None


def test_a_capability_nobody_has_is_told_with_those_there_are() -> None:
    fault = FOUR.fault_of_capabilities(["research", "planing"])
    assert fault is not None
    assert "No usable agent can do planing" in fault
    assert 'Did you mean "planning"' in fault


def test_capabilities_that_no_single_agent_unites_are_refused() -> None:
    assert "Split the task" in (FOUR.fault_of_capabilities(["research", "synthesis"]) or "")
    assert FOUR.fault_of_capabilities(["research"]) is None


def test_in_sequence_each_waits_for_the_one_before() -> None:
    assert edges(agents=["research", "validation", "synthesis"], execution_mode="sequential") == {
        "The research": [],
        "The validation": ["The research"],
        "The synthesis": ["The validation"],
    }


def test_an_agent_named_again_gets_a_number() -> None:
    assert edges(agents=["research", "The research", "id-of-The research"], execution_mode="sequential") == {
        "The research": [],
        "The research 2": ["The research"],
        "The research 3": ["The research 2"],
    }


def test_a_number_never_takes_the_name_of_another_agent() -> None:
    pool = AgentPool([agent("a"), agent("a 2")])
    assert list(edges(pool, agents=["a", "a", "a 2"])) == ["a", "a 3", "a 2"]


def test_in_parallel_synthesis_joins_all_the_others_and_validation_follows_it() -> None:
    assert edges(agents=["validation", "synthesis", "research", "planning"]) == {
        "The validation": ["The synthesis"],
        "The synthesis": ["The research", "The planning"],
        "The research": [],
        "The planning": [],
    }


def test_in_parallel_without_synthesis_nobody_waits() -> None:
    assert set(map(tuple, edges(agents=["research", "validation", "planning"]).values())) == {()}


def test_synthesis_alone_waits_for_nobody() -> None:
    assert edges(agents=["synthesis"]) == {"The synthesis": []}


def test_a_plan_starts_with_the_planning_agent_who_is_told_the_goal_and_the_scope() -> None:
    [plan] = plan_tasks(SessionRequest("Goal", context={"document_ids": ["d"], "tone": "dry"}), FOUR)
    assert (plan.name, plan.task_type, plan.agent and plan.agent.name) == ("plan", "planning", "The planning")
    assert plan.input_data == {"goal": "Goal", "document_ids": ["d"]}


def test_a_given_task_keeps_all_it_was_given() -> None:
    given = TaskRequest(
        "t", agent="research", depends_on=["u", "u"], priority=3, timeout=5.0, max_attempts=1, input_data={"a": 1}
    )
    by_capability = TaskRequest("u", required_capabilities=["synthesis", "synthesis"])
    first, second = plan_tasks(SessionRequest("Goal", tasks=[given, by_capability]), FOUR)
    assert (first.depends_on, first.priority, first.timeout_seconds, first.max_attempts) == (["u"], 3, 5.0, 1)
    assert (first.task_type, first.assignment["by"], first.assignment["asked_for"]) == ("research", "name", "research")
    assert (second.agent, second.required_capabilities, second.task_type) == (None, ["synthesis"], "synthesis")
    assert second.assignment == {}


def test_an_unchecked_word_is_not_passed_over() -> None:
    with pytest.raises(LookupError):
        plan_tasks(SessionRequest("Goal", agents=["nobody"]), FOUR)
