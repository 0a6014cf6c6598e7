"""Which agent classes this process knows. Filled from the built-in ones and the modules the settings name."""

import importlib
import logging
import re
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from agents.base import BaseAgent
from agents.states import agent_type
from core.json_schema import schema_problem

logger = logging.getLogger(__name__)

BUILTIN_MODULES = ("agents.builtin",)
SLUG = re.compile(r"[a-zA-Z0-9_-]{1,60}")
PLACEMENT = re.compile(r"(celery:[a-zA-Z0-9_.-]{1,60})?")


class UnknownDefinition(LookupError):
    """No class is registered under this slug in this process."""


@dataclass(frozen=True, slots=True)
class RegisteredAgent:
    """One agent class under its slug."""

    slug: str
    agent_class: type[BaseAgent]
    description: str
    source_module: str

    def to_dict(self) -> dict[str, Any]:
        """The definition as JSON, as it is synced to its row."""
        return {
            "slug": self.slug,
            "name": self.slug.replace("_", " ").replace("-", " ").capitalize(),
            "agent_type": str(agent_type(self.agent_class.agent_type)),
            "description": self.description,
            "capabilities": list(self.agent_class.capabilities),
            "config_schema": dict(self.agent_class.config_schema),
            "placement": self.agent_class.placement,
            "source_module": self.source_module,
        }


def _check_class(agent_class: type[BaseAgent], slug: str) -> None:
    if not SLUG.fullmatch(slug):
        raise ValueError(f"the slug {slug!r} must be 1 to 60 letters, digits, '-' or '_'")
    if agent_type(agent_class.agent_type) is None:
        raise ValueError(f"{agent_class.__qualname__}.agent_type is {agent_class.agent_type!r}: no type of agents")
    words: object = agent_class.capabilities
    if not isinstance(words, list | tuple) or not all(isinstance(word, str) and word for word in words):
        raise ValueError(f"{agent_class.__qualname__}.capabilities must be a list of words")
    if not PLACEMENT.fullmatch(agent_class.placement):
        text = "must be `celery:` and the name of a queue (letters, digits, '.', '_' or '-')"
        raise ValueError(f"{agent_class.__qualname__}.placement is {agent_class.placement!r}; it {text}")
    if agent_class.__module__.startswith(BUILTIN_MODULES):
        return  # ours are checked by the tests, not again at each start: the checker weighs 4 MiB
    if problem := schema_problem(agent_class.config_schema):
        raise ValueError(f"{agent_class.__qualname__}.config_schema is no JSON Schema: {problem}")


@dataclass(slots=True)
class AgentRegistry:
    """Classes by slug. A module that fails to import is kept in `failures` and does not stop the others."""

    entries: dict[str, RegisteredAgent] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    _module: str = ""

    def register(self, agent_class: type[BaseAgent], slug: str, description: str = "") -> None:
        """Raises: TypeError when it is no BaseAgent; ValueError when the slug is taken by another class, or when slug,
        `agent_type`, `capabilities` or `config_schema` are not what a definition can hold.
        """
        given: object = agent_class
        if not (isinstance(given, type) and issubclass(given, BaseAgent)):
            raise TypeError(f"{agent_class!r} must be a subclass of agents.base.BaseAgent")
        _check_class(agent_class, slug)
        taken = self.entries.get(slug)
        if taken is not None and taken.agent_class is not agent_class:
            raise ValueError(f"the slug {slug!r} is already registered for {taken.agent_class.__qualname__}")
        self.entries[slug] = RegisteredAgent(slug, agent_class, description, self._module or agent_class.__module__)

    def load(self, modules: Iterable[str]) -> None:
        """Import each module and call its `register_agents(registry)`."""
        for module in modules:
            self._load_one(module)

    def _load_one(self, module: str) -> None:
        self._module = module
        try:
            importlib.import_module(module).register_agents(self)
        except (Exception, SystemExit) as error:
            self.failures[module] = f"{type(error).__name__}: {error}"
            logger.error("agent module %s could not be loaded; the server goes on without it", module, exc_info=True)
        finally:
            self._module = ""

    def get(self, slug: str) -> RegisteredAgent:
        """Raises: UnknownDefinition."""
        try:
            return self.entries[slug]
        except KeyError:
            raise UnknownDefinition(f"no agent class is registered as {slug!r} in this process") from None

    def create(self, slug: str, configuration: Mapping[str, Any], *, name: str = "") -> BaseAgent:
        """A fresh agent of a definition. Raises: UnknownDefinition, and whatever the class raises."""
        return self.get(slug).agent_class(configuration, name=name)


_registry: AgentRegistry | None = None
_filling = threading.Lock()


def build_registry(extra_modules: Iterable[str] = ()) -> AgentRegistry:
    """A registry of the built-in agents and those of `extra_modules`."""
    registry = AgentRegistry()
    registry.load([*BUILTIN_MODULES, *extra_modules])
    return registry


def get_registry() -> AgentRegistry:
    """This process's registry, filled on first use from the settings."""
    global _registry
    with _filling:
        if _registry is None:
            from agents.conf import registry_modules  # a process of its own for one agent needs no Django

            _registry = build_registry(registry_modules())
        return _registry
