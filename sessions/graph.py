"""Pure questions about a session's dependencies: is there a cycle, what comes first, how deep. No Django.

A graph is `{node: the nodes it depends on}`; dependencies that are not nodes of the graph are ignored.
"""

from collections import deque
from collections.abc import Mapping, Sequence

Graph = Mapping[str, Sequence[str]]


class CycleError(ValueError):
    """The graph has a cycle; `cycle` names it, each node depending on the next, the first repeated at the end."""

    def __init__(self, cycle: Sequence[str]) -> None:
        super().__init__(" -> ".join(cycle))
        self.cycle = list(cycle)


def topological_order(graph: Graph) -> list[str]:
    """Every node after all it depends on, else in the given order (Kahn 1962). Raises: CycleError."""
    missing = {node: len(_inside(graph, node)) for node in graph}
    dependents = dependents_of(graph)
    ready = deque(node for node, count in missing.items() if count == 0)
    order: list[str] = []
    while ready:
        node = ready.popleft()
        order.append(node)
        for dependent in dependents[node]:
            missing[dependent] -= 1
            if missing[dependent] == 0:
                ready.append(dependent)
    if len(order) < len(graph):
        raise CycleError(_walk_into_cycle(graph, {node for node, count in missing.items() if count > 0}))
    return order


def find_cycle(graph: Graph) -> list[str] | None:
    """One cycle, its first node repeated at the end (`["a", "b", "a"]`: a depends on b, b on a), or None."""
    try:
        topological_order(graph)
    except CycleError as error:
        return error.cycle
    return None


def depths(graph: Graph) -> dict[str, int]:
    """For each node the length of the longest way down to a node without dependencies (0). Raises: CycleError."""
    found: dict[str, int] = {}
    for node in topological_order(graph):
        found[node] = max((found[earlier] + 1 for earlier in _inside(graph, node)), default=0)
    return found


def dependents_of(graph: Graph) -> dict[str, list[str]]:
    """The graph turned round: for each node those that depend on it."""
    turned: dict[str, list[str]] = {node: [] for node in graph}
    for node in graph:
        for earlier in _inside(graph, node):
            turned[earlier].append(node)
    return turned


def _inside(graph: Graph, node: str) -> list[str]:
    return [earlier for earlier in dict.fromkeys(graph[node]) if earlier in graph]


def _walk_into_cycle(graph: Graph, stuck: set[str]) -> list[str]:
    """Follow dependencies among nodes that could not be ordered: each of them has one there, so a node comes twice."""
    node = next(node for node in graph if node in stuck)
    seen: dict[str, int] = {}
    path: list[str] = []
    while node not in seen:
        seen[node] = len(path)
        path.append(node)
        node = next(earlier for earlier in _inside(graph, node) if earlier in stuck)
    return [*path[seen[node] :], node]
