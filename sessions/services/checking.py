"""The rules of a request that need the database: its agents, capabilities, configuration and documents exist here."""

from collections.abc import Mapping, Sequence
from itertools import chain, islice
from uuid import UUID

from core.json_schema import config_errors
from documents.models import Document
from documents.states import DocumentStatus
from sessions.agent_pool import AgentPool
from sessions.modes import PLANNING
from sessions.problems import Problems, listed
from sessions.request import SessionRequest, TaskRequest
from sessions.selectors.requesting import documents_by_id, has_collection
from sessions.states import ExecutionMode

MAX_WORDS = 1_200  # more than a request that keeps its limits can hold


def words_of(request: SessionRequest) -> list[str]:
    """Every word of the request that should name an agent, each once."""
    of_tasks = (task.agent for task in request.tasks if task.agent is not None)
    words = chain(request.agents, of_tasks, request.agent_configuration)
    return list(islice(dict.fromkeys(words), MAX_WORDS))


def check_agents(request: SessionRequest, pool: AgentPool, problems: Problems) -> None:
    if not problems.has("agents"):
        for number, word in enumerate(request.agents):
            _check_word(f"agents[{number}]", word, pool, problems)
    if not problems.has("tasks"):
        for number, task in enumerate(request.tasks):
            _check_task(f"tasks[{number}]", task, pool, problems)
    if request.mode == ExecutionMode.PLANNED and not request.problems:
        fault = pool.fault_of(PLANNING)
        if fault:
            problems.add("execution_mode", f"The mode planned needs a planning agent. {fault}")


def _check_task(path: str, task: TaskRequest, pool: AgentPool, problems: Problems) -> None:
    capabilities = f"{path}.required_capabilities"
    if problems.is_full:
        return
    if task.agent is not None:
        _check_word(f"{path}.agent", task.agent, pool, problems)
        _check_own_capabilities(task.agent, task.required_capabilities, f"{path}.agent", pool, problems)
    elif task.required_capabilities and not problems.has(capabilities):
        fault = pool.fault_of_capabilities(task.required_capabilities)
        if fault:
            problems.add(capabilities, fault)


def check_configuration(request: SessionRequest, pool: AgentPool, problems: Problems) -> None:
    """Each key names an agent, and its values over the agent's own fit what its definition allows."""
    if problems.has("agent_configuration"):
        return
    for word, values in request.agent_configuration.items():
        if problems.is_full:
            return
        path = f"agent_configuration.{word[:100]}"
        agent = pool.find(word)
        if agent is None:
            problems.add(path, pool.fault_of(word) or "")
        elif not isinstance(values, Mapping):
            problems.add(path, "This must be a JSON object of settings.")
        else:
            for sentence in config_errors(agent.config_schema, {**agent.configuration, **values}):
                problems.add(path, sentence)


def check_documents(request: SessionRequest, project_id: UUID, problems: Problems) -> None:
    """Foreign ids get the same answer as unknown ones."""
    if any(path.startswith("context") for path in problems.by_path):
        return
    named = request.context.get("collection_id")
    collection_id = None if named is None else UUID(named)
    if collection_id is not None and not has_collection(project_id, collection_id):
        problems.add("context.collection_id", "There is no such collection in this project; list them at /collections.")
        collection_id = None
    ids = [UUID(text) for text in request.context.get("document_ids") or []]
    known = documents_by_id(project_id, ids) if ids else {}
    for number, document_id in enumerate(ids):
        fault = _fault_of_document(known.get(document_id), collection_id)
        if fault:
            problems.add(f"context.document_ids[{number}]", fault)


def _check_word(path: str, word: str, pool: AgentPool, problems: Problems) -> None:
    fault = None if problems.is_full or problems.has(path) else pool.fault_of(word)
    if fault:
        problems.add(path, fault)


def _check_own_capabilities(word: str, wanted: Sequence[str], path: str, pool: AgentPool, problems: Problems) -> None:
    agent = pool.find(word)
    lacking = [] if agent is None else [capability for capability in wanted if capability not in agent.capabilities]
    if agent is not None and lacking:
        problems.add(path, f'The agent "{agent.name}" cannot do {listed(lacking)}; name another, or none.')


def _fault_of_document(document: Document | None, collection_id: UUID | None) -> str | None:
    if document is None:
        return "There is no such document in this project; list them at /documents."
    if document.status == DocumentStatus.FAILED:
        return f'The document "{document.title}" could not be read: {document.error} Leave it out or upload it again.'
    if document.status != DocumentStatus.READY:
        return f'The document "{document.title}" is still being read; try again in a moment.'
    if collection_id is not None and document.collection_id != collection_id:
        return f'The document "{document.title}" is not in the collection named beside it; leave one of the two out.'
    return None
