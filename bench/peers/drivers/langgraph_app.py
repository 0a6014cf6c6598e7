"""The graphs that the LangGraph dev server serves."""

import asyncio
import operator
import time
from collections.abc import Callable
from typing import Annotated, Any, TypedDict

from langgraph.config import get_stream_writer
from langgraph.graph import END, START, StateGraph

CHAIN_STEPS = 20
FAN_OUT = 100
DIAMOND = 5
EVENTS = 20


class State(TypedDict):
    done: Annotated[list[str], operator.add]


def _node(name: str) -> Callable[[State], Any]:
    async def work(state: State) -> State:
        return {"done": [name]}

    return work


async def _tell(state: State) -> State:
    write = get_stream_writer()
    for _ in range(EVENTS):
        await asyncio.sleep(0.05)
        write({"at": time.time()})
    return {"done": ["told"]}


def _graph(names: list[str], edges: list[tuple[Any, str]]) -> Any:
    builder = StateGraph(State)
    for name in names:
        builder.add_node(name, _node(name))
    for start, end in edges:
        builder.add_edge(start, end)
    return builder.compile()


_steps = [f"t{number}" for number in range(CHAIN_STEPS)]
_wide = [f"t{number}" for number in range(FAN_OUT)]
_few = _wide[:DIAMOND]

one = _graph(["only"], [(START, "only"), ("only", END)])
chain = _graph(_steps, list(zip([START, *_steps], [*_steps, END], strict=True)))
fan_out = _graph([*_wide, "join"], [*((START, name) for name in _wide), (_wide, "join"), ("join", END)])
diamond = _graph(
    ["first", *_few, "join"], [(START, "first"), *(("first", name) for name in _few), (_few, "join"), ("join", END)]
)
tell = StateGraph(State).add_node("tell", _tell).add_edge(START, "tell").add_edge("tell", END).compile()
