"""The engine host as this site runs it: on Django's database, with this process's agents."""

import os
from collections.abc import Callable

from django.conf import settings
from django.db import connections

from agents.conf import registry_modules
from agents.registry import get_registry
from core.ids import new_text_id
from core.machine import this_machine
from sessions import conf
from sessions.engine.agent_host import LocalAgentHost
from sessions.engine.contexts import StoredContexts
from sessions.engine.documents import ScopedDocuments
from sessions.engine.host import ChildMaker, EngineHost, HostOptions, no_children
from sessions.engine.isolation import LocalPlacer, Placer
from sessions.engine.journal import Publisher
from sessions.engine.state import Session
from sessions.engine.store.base import WorkerIdentity
from sessions.engine.store.sql import SqlStore
from sessions.engine.threads import ReaderPool
from sessions.routing_policy import AgentInfo


def build_host(
    publisher: Publisher,
    *,
    ring: Callable[[str], None] = lambda session_id: None,
    make_placer: Callable[[], Placer] | None = None,
    make_child: ChildMaker = no_children,
    alias: str = "default",
) -> EngineHost:
    """A host for this process, not yet started. `ring(session_id)` wakes whoever runs another session; placed agents
    run in processes of this machine unless `make_placer` (called on the host's loop) says otherwise.
    """
    return EngineHost(
        SqlStore(alias),
        publisher,
        lambda: build_agents(publisher, (make_placer or local_placer)()),
        identify=lambda: WorkerIdentity(new_text_id(), this_machine(), os.getpid()),
        new_id=new_text_id,
        options=HostOptions(conf.max_sessions(), conf.max_executions(), conf.lease_seconds()),
        close_connections=connections.close_all,
        ring=ring,
        make_child=make_child,
    )


def local_placer() -> LocalPlacer:
    """Processes of this machine instead of the workers of queues."""
    return LocalPlacer(conf.placement_processes(), modules=registry_modules(), folder=settings.BASE_DIR)


def build_agents(publisher: Publisher, placer: Placer) -> LocalAgentHost:
    """The agents of this process's registry; their documents and contexts are reached in threads of their own."""
    readers = ReaderPool("engine-documents", 4, connections.close_all)
    writers = ReaderPool("engine-contexts", 4, connections.close_all)

    def documents_of(session: Session) -> ScopedDocuments:
        return ScopedDocuments(project_id=session.project_id, context=session.context, readers=readers)

    def contexts_of(session: Session, agent: AgentInfo) -> StoredContexts:
        return StoredContexts(
            workspace_id=session.workspace_id,
            project_id=session.project_id,
            session_id=session.id,
            agent=agent,
            threads=writers,
        )

    def close() -> None:
        readers.close()
        writers.close()

    return LocalAgentHost(
        registry=get_registry(),
        documents_of=documents_of,
        emit_frame=publisher.publish_token,
        new_id=new_text_id,
        contexts_of=contexts_of,
        close_threads=close,
        modules=tuple(registry_modules()),
        folder=settings.BASE_DIR,
        placer=placer,
    )
