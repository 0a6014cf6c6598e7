"""Runs agents in this process, without engine, database or session: to try one out, in tests and in benchmarks."""

import asyncio
import inspect
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from agents.local.text import stem_set, stems
from agents.memory_contexts import MemoryContexts
from agents.registry import AgentRegistry, build_registry
from agents.runtime import (
    ContextStore,
    DocumentReader,
    ReceivedMessage,
    SessionInfo,
    StepCall,
    TaskInfo,
    UpstreamOutput,
)
from documents.types import PassageHit

T = TypeVar("T")

_SATURATION, _LENGTH_SHARE = 1.2, 0.75


@dataclass(slots=True)
class ListedDocuments:
    """A document reader over passages in memory, ranked by BM25 over stems."""

    hits: Sequence[PassageHit]
    bags: list[Counter[str]] = field(default_factory=list)
    seen: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.bags = [Counter(stems(f"{hit.title} {hit.text}")) for hit in self.hits]
        self.seen = Counter(value for bag in self.bags for value in bag)

    async def search(self, query: str, *, limit: int = 10) -> list[PassageHit]:
        asked = stem_set(query)
        ranked = [replace(hit, score=self._score(bag, asked)) for hit, bag in zip(self.hits, self.bags, strict=True)]
        return sorted((hit for hit in ranked if hit.score > 0), key=lambda hit: -hit.score)[:limit]

    async def passages(self, *, limit: int = 2000) -> list[PassageHit]:
        return list(self.hits)[:limit]

    async def titles(self) -> list[tuple[str, str]]:
        return list(dict.fromkeys((hit.document_id, hit.title) for hit in self.hits))

    def _score(self, bag: Counter[str], asked: frozenset[str]) -> float:
        mean = sum(sum(other.values()) for other in self.bags) / max(1, len(self.bags)) or 1.0
        length = _SATURATION * (1 - _LENGTH_SHARE + _LENGTH_SHARE * sum(bag.values()) / mean)
        return sum(
            math.log(1 + (len(self.bags) - self.seen[value] + 0.5) / (self.seen[value] + 0.5))
            * bag[value]
            * (_SATURATION + 1)
            / (bag[value] + length)
            for value in asked
            if value in bag
        )


@dataclass(slots=True)
class RehearsalContext:
    """What an agent did is kept in `shown`, `logged`, `sent` and `spawned`."""

    task: TaskInfo
    session: SessionInfo
    documents: DocumentReader
    configuration: Mapping[str, Any] = field(default_factory=dict)
    upstream: Sequence[UpstreamOutput] = ()
    capabilities: frozenset[str] = frozenset({"planning", "research", "synthesis", "validation"})
    shown: list[tuple[float, str]] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)
    sent: list[Any] = field(default_factory=list)
    spawned: list[Mapping[str, Any]] = field(default_factory=list)
    used: Counter[str] = field(default_factory=Counter)
    contexts: ContextStore = field(default_factory=MemoryContexts)

    async def progress(self, percentage: float, text: str = "") -> None:
        self.shown.append((percentage, text))

    async def log(self, text: str, *, level: str = "info", data: Mapping[str, Any] | None = None) -> None:
        self.logged.append(text)

    async def emit_token(self, text: str) -> None:
        await asyncio.sleep(0)

    async def send(
        self, content: Any, *, to: str | None = None, message_type: str = "NOTIFICATION", topic: str = ""
    ) -> None:
        self.sent.append(content)

    async def inbox(self) -> list[ReceivedMessage]:
        return []

    async def run_in_thread(self, function: Callable[..., T], *args: Any) -> T:
        return await asyncio.to_thread(function, *args)

    async def add_usage(self, **amounts: float) -> None:
        for name, amount in amounts.items():
            self.used[name] += int(amount)

    async def step(
        self, key: str, function: Callable[[StepCall], Any], *, inputs: Any = None, once: bool = False
    ) -> Any:
        call = StepCall(key, key)
        value = function(call)
        self.used.update({name: int(amount) for name, amount in call.usage.items()})
        return await value if inspect.isawaitable(value) else value

    async def sleep(self, seconds: float, *, key: str = "") -> None:
        """Nobody waits in a rehearsal."""

    async def spawn_tasks(self, specs: Sequence[Mapping[str, Any]], *, key: str = "", join: bool = False) -> Any:
        """Nothing runs; what was asked for is in `spawned`."""
        self.spawned.extend(specs)
        return {spec["name"]: None for spec in specs} if join else [spec["name"] for spec in specs]

    async def spawn_session(self, goal: str, *, key: str, wait: bool = True, **options: Any) -> Any:
        """Nothing runs; what was asked for is in `spawned`."""
        self.spawned.append({"goal": goal, "key": key, **options})
        return {"session_id": key, "status": "COMPLETED", "result": None} if wait else key


async def rehearse(
    slug: str,
    context: RehearsalContext,
    registry: AgentRegistry | None = None,
) -> Any:
    """The output of one agent run on a context."""
    agent = (registry or build_registry()).create(slug, context.configuration)
    result = agent.run(context)
    return await result if asyncio.iscoroutine(result) else result


async def rehearse_goal(goal: str, documents: DocumentReader, *, without: Sequence[str] = ()) -> dict[str, Any]:
    """Plan a goal and run its tasks one after the other: `{task name: output}`, the plan under `"plan"`.

    Tasks named in `without` are left out, and what depends on them does without.
    """
    registry = build_registry()
    session = SessionInfo("rehearsal", goal, {})
    task = TaskInfo("plan", "plan", "planning", goal, {}, 1)
    outputs: dict[str, Any] = {"plan": await rehearse("planning", RehearsalContext(task, session, documents), registry)}
    for spec in [task for task in outputs["plan"]["tasks"] if task["name"] not in without]:
        slug = spec["required_capabilities"][0]
        task = TaskInfo(spec["name"], spec["name"], spec["task_type"], spec["description"], spec["input_data"], 1)
        upstream = [
            UpstreamOutput(name, name, name, name, outputs[name]) for name in spec["depends_on"] if name in outputs
        ]
        context = RehearsalContext(task, session, documents, upstream=upstream)
        outputs[spec["name"]] = await rehearse(slug, context, registry)
    return outputs
