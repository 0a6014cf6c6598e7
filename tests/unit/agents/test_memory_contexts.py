"""Contexts in memory and on the database do the same, and the example of the how-to page works on both."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import connections

from agents.memory_contexts import MemoryContexts
from agents.registry import build_registry
from agents.rehearsal import ListedDocuments, RehearsalContext, rehearse
from agents.runtime import AgentError, ContextStore, SessionInfo, TaskInfo
from sessions.engine.contexts import StoredContexts
from sessions.engine.threads import ReaderPool
from sessions.routing_policy import AgentInfo
from tests.make import Make

pytestmark = pytest.mark.django_db(transaction=True)
HOW_TO = Path(__file__).parents[3] / "docs" / "how-to" / "contexts.md"


@contextmanager
def on_the_database(make: Make) -> Iterator[ContextStore]:
    agent = make.agent(name="writer")
    threads = ReaderPool("contexts", 1, connections.close_all)
    yield StoredContexts(
        workspace_id=str(agent.workspace_id),
        project_id=str(agent.project_id),
        session_id=str(uuid4()),
        agent=AgentInfo(str(agent.id), agent.name, "scripted", frozenset(), {}, 1, 1, True, "ACTIVE"),
        threads=threads,
    )
    threads.close()


@contextmanager
def in_memory(make: Make) -> Iterator[ContextStore]:
    yield MemoryContexts("writer", str(uuid4()))


async def all_of_it(store: ContextStore) -> list[Any]:
    """What each call comes to, numbers and codes."""

    async def code_of(call: Any) -> Any:
        try:
            return await call
        except AgentError as error:
            return error.code, error.permanent

    first = await store.read("notes")
    return [
        (first.version, first.data, first.written_at),
        await store.history("notes"),
        await store.names(),
        await store.diff("notes", 0, 0),
        await code_of(store.read("notes", version=1)),
        await code_of(store.rollback("notes", 1)),
        await code_of(store.diff("notes", 0, 1)),
        await store.write("notes", {"n": 1}, description="first", key="k"),
        await store.write("notes", {"n": 2}, expected_version=1),
        await store.write("notes", {"n": 9}, key="k"),
        await code_of(store.write("notes", {"n": 3}, expected_version=1)),
        await store.rollback("notes", 1),
        (await store.read("notes")).data,
        await store.write("notes", {"n": 3}),
        await code_of(store.read("notes", version=4)),
        await code_of(store.write("notes", [1])),  # type: ignore[arg-type]
        await code_of(store.write("notes", {"n": float("nan")})),
        await code_of(store.write(" notes", {})),
        [(head.version, head.description, head.author) for head in await store.history("notes", limit=2)],
        [(change.path, change.before, change.after) for change in await store.diff("notes", 1, 3)],
        await store.names(),
    ]


def test_memory_and_database_answer_alike(make: Make) -> None:
    answers = []
    for place in (on_the_database, in_memory):
        with place(make) as store:
            answers.append(asyncio.run(all_of_it(store)))
    assert answers[0] == answers[1]


def test_what_is_read_is_the_reader_s_own() -> None:
    store = MemoryContexts()

    async def change_what_was_read() -> Any:
        await store.write("notes", {"list": [1]})
        (await store.read("notes")).data["list"].append(2)
        return (await store.read("notes")).data

    assert asyncio.run(change_what_was_read()) == {"list": [1]}


def rehearsed(**input_data: Any) -> RehearsalContext:
    task = TaskInfo("1", "meet", "remember", "", input_data, 1)
    return RehearsalContext(task, SessionInfo("1", "Meet", {}), ListedDocuments([]))


def test_the_example_is_rehearsed_with_contexts_in_memory() -> None:
    context = rehearsed(name="Ada")
    registry = build_registry(["examples.notebook_agent"])
    answers = [asyncio.run(rehearse("notebook", context, registry)) for _ in range(2)]
    assert answers == [{"met": 1, "version": 1}, {"met": 2, "version": 2}]


def test_the_calls_of_the_how_to_page_are_those_of_the_context(make: Make) -> None:
    blocks = re.findall(r"```python\n(.*?)```", HOW_TO.read_text(), re.DOTALL)
    scope: dict[str, Any] = {"AgentError": AgentError}
    exec(blocks[0], scope)
    loop = "".join(f"    {line}\n" for line in blocks[1].splitlines())
    exec(f"async def count(ctx, name):\n{loop}    return page.version\n", scope)
    context = rehearsed()
    librarian = context.contexts.of("librarian")  # type: ignore[attr-defined]
    asyncio.run(librarian.write("shelf", {"books": []}))
    asyncio.run(scope["run"](None, context))
    assert asyncio.run(scope["count"](context, "Ada")) == 1
    assert asyncio.run(context.contexts.read("people")).data == {"Ada": 2}
