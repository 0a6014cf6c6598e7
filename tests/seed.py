"""Rows for an installation under test: `python -m tests.seed '{"sessions": 3, "sleep": 0.2}'` prints their ids as JSON.

Each session has seven scripted tasks: one first, three at once, one that joins them, then two in a row.
"""

import json
import os
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "orchestrator_site.settings")
django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.core.files import File  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from agents.models import Agent  # noqa: E402
from agents.services import sync_definitions  # noqa: E402
from documents.services import upload_documents  # noqa: E402
from sessions.dispatch import flush, ring_session  # noqa: E402
from sessions.models import AgentSession  # noqa: E402
from tests.make import Make  # noqa: E402
from workspaces.models import Workspace  # noqa: E402
from workspaces.selectors import access_of_user  # noqa: E402
from workspaces.services import create_key, create_workspace  # noqa: E402
from workspaces.states import Role  # noqa: E402

SHAPE = {"first": [], "left": ["first"], "middle": ["first"], "right": ["first"], "join": ["left", "middle", "right"]}
SHAPE |= {"check": ["join"], "last": ["check"]}


def seven_tasks(make: Make, session: AgentSession, agent: Agent, order: dict[str, Any]) -> None:
    rows: dict[str, Any] = {}
    for ordinal, (name, before) in enumerate(SHAPE.items()):
        rows[name] = make.task(
            session,
            name=name,
            agent=agent,
            ordinal=ordinal,
            input_data={"say": name, **order},
            after=[rows[earlier] for earlier in before],
        )


def scripted_agent(make: Make) -> Agent:
    """The one agent of all seeded tasks, in a workspace with the built-in agents and no limits to speak of."""
    found = Agent.objects.filter(name="seeded").first()
    if found:
        return found
    sync_definitions()
    workspace = create_workspace(name="Seeded", owner=make.user(), max_concurrent_executions=10_000)
    return make.agent(make.project(workspace), name="seeded", max_concurrent_tasks=10_000)


def uploaded(agent: Agent, paths: list[str]) -> list[str]:
    with ExitStack() as opened:
        files = [File(opened.enter_context(Path(path).open("rb")), name=Path(path).name) for path in paths]
        documents = upload_documents(project=agent.project, files=files, actor="seed") if files else []
    return [str(document.pk) for document in documents]


def main() -> None:
    order = json.loads(sys.argv[1])
    if "agent_session" not in connection.introspection.table_names():
        call_command("migrate", verbosity=0)
    make = Make()
    agent = scripted_agent(make)
    for name in order.pop("helpers", []):
        make.agent(agent.project, name=name, max_concurrent_tasks=10_000)
    documents = uploaded(agent, order.pop("documents", []))
    owner = User.objects.get(memberships__workspace=agent.workspace)
    with transaction.atomic():
        sessions = [make.session(agent=agent) for _ in range(order.pop("sessions", 1))]
        for session in sessions:
            seven_tasks(make, session, agent, order)
    for session in sessions:
        ring_session(session.id)
    flush(5)
    answer = {"sessions": [str(session.id) for session in sessions], "documents": documents}
    print(json.dumps({**answer, "key": key_of(owner, agent.workspace)}))  # noqa: T201


def key_of(owner: User, workspace: Workspace) -> str:
    return create_key(access=access_of_user(owner), workspace_id=workspace.id, name="seeded", role=Role.OPERATOR)[1]


if __name__ == "__main__":
    main()
