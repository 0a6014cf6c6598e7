"""A lifecycle as data: one table from which the model transitions, the engine's check and the docs diagram are made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from core.errors import Conflict


class IllegalTransition(Conflict):
    """The lifecycle has no such move from the present state."""

    code = "illegal_transition"


class State(StrEnum):
    """A word of a lifecycle. Hashed as the text it is: Enum's own hash is Python code, and the engine asks often."""

    __hash__ = str.__hash__


@dataclass(frozen=True, slots=True)
class Move:
    """One verb: from any of `sources` to `target`."""

    sources: frozenset[str]
    target: str


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """All states of a thing, its first state, and its moves by verb. A state no move leaves is final."""

    name: str
    states: type[StrEnum]
    initial: str
    moves: Mapping[str, Move]
    _steps: frozenset[tuple[str, str]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        steps = frozenset((source, move.target) for move in self.moves.values() for source in move.sources)
        object.__setattr__(self, "_steps", steps)

    @property
    def final(self) -> frozenset[str]:
        left = {source for move in self.moves.values() for source in move.sources}
        return frozenset(state for state in self.states if state not in left)

    @property
    def live(self) -> frozenset[str]:
        return frozenset(self.states) - self.final

    def permits(self, previous: str, new: str) -> bool:
        return (previous, new) in self._steps

    def verbs_from(self, state: str) -> list[str]:
        """The verbs allowed in `state`, in table order."""
        return [verb for verb, move in self.moves.items() if state in move.sources]

    def check(self, previous: str, new: str) -> None:
        """Raises: IllegalTransition when no verb leads from `previous` to `new`."""
        if not self.permits(previous, new):
            allowed = sorted({self.moves[verb].target for verb in self.verbs_from(previous)})
            ways = ", ".join(allowed) or "nothing"
            raise IllegalTransition(
                f"A {self.name} that is {previous} cannot become {new}; it can become {ways}.",
                details={"state": previous, "allowed": allowed},
            )


def moves(**verbs: tuple[Any, str]) -> dict[str, Move]:
    """`moves(start=({A, B}, C))`: a table of verbs, each with its sources and its target."""
    return {
        verb: Move(frozenset([sources] if isinstance(sources, str) else sources), target)
        for verb, (sources, target) in verbs.items()
    }


def fsm_transition(field: Any, lifecycle: Lifecycle, verb: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The django-fsm decorator for one verb of a lifecycle table."""
    from django_fsm import transition

    move = lifecycle.moves[verb]
    decorate: Callable[[Callable[..., None]], Callable[..., None]] = transition(
        field=field, source=sorted(move.sources), target=str(move.target)
    )
    return decorate


def plain_transition(field: Any, lifecycle: Lifecycle, verb: str) -> Callable[[Any], None]:
    """The model's method for a verb that sets the state and nothing else."""

    def method(self: Any) -> None:
        """django-fsm sets the state."""

    method.__name__ = method.__qualname__ = verb
    return fsm_transition(field, lifecycle, verb)(method)
