"""Dependencies as a graph."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.graph import CycleError, dependents_of, depths, find_cycle, topological_order


def test_every_task_comes_after_those_it_waits_for_and_otherwise_in_the_given_order() -> None:
    assert topological_order({"d": ["b", "c"], "c": ["a"], "b": ["a"], "a": [], "e": []}) == ["a", "e", "c", "b", "d"]


def test_a_cycle_is_named_node_by_node_without_the_nodes_that_only_hang_on_it() -> None:
    graph = {"hanger-on": ["a"], "a": ["b"], "b": ["c"], "c": ["a"], "free": []}
    assert find_cycle(graph) == ["a", "b", "c", "a"]


def test_a_task_that_waits_for_itself_is_a_cycle() -> None:
    assert find_cycle({"a": ["a"]}) == ["a", "a"]


def test_a_graph_without_cycle_has_none() -> None:
    assert find_cycle({"a": [], "b": ["a"], "c": ["a", "b"]}) is None


def test_unknown_dependencies_do_not_matter_to_the_order() -> None:
    assert topological_order({"a": ["unknown"]}) == ["a"]


def test_the_depth_is_the_longest_way_down() -> None:
    assert depths({"a": [], "b": ["a"], "c": ["a", "b"], "d": []}) == {"a": 0, "d": 0, "b": 1, "c": 2}


def test_a_chain_of_thousands_is_no_trouble() -> None:
    chain = {str(n): [str(n - 1)] if n else [] for n in range(20_000)}
    assert depths(chain)["19999"] == 19_999


def test_the_depth_of_a_cycle_is_refused() -> None:
    with pytest.raises(CycleError, match="a -> b -> a"):
        depths({"a": ["b"], "b": ["a"]})


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    names = [str(number) for number in range(draw(st.integers(1, 12)))]
    return {name: draw(st.lists(st.sampled_from(names), max_size=4)) for name in names}


@given(graphs())
def test_either_the_order_is_right_or_the_cycle_is_real(graph: dict[str, list[str]]) -> None:
    cycle = find_cycle(graph)
    if cycle is None:
        place = {name: number for number, name in enumerate(topological_order(graph))}
        assert set(place) == set(graph)
        assert all(place[earlier] < place[name] for name in graph for earlier in graph[name])
    else:
        assert cycle[0] == cycle[-1]
        assert all(later in graph[name] for name, later in pairwise(cycle))


@given(graphs())
def test_turning_a_graph_round_keeps_its_edges(graph: dict[str, list[str]]) -> None:
    edges = {(name, earlier) for name in graph for earlier in graph[name]}
    assert {(name, earlier) for earlier, names in dependents_of(graph).items() for name in names} == edges
