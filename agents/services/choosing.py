"""Which definition is meant by what a caller says of a new agent."""

from agents.models import AgentDefinition
from agents.policies import TypeChoice, choose_definition
from agents.selectors import enabled_slugs
from core.enums import AgentType, agent_type
from core.errors import Invalid


def choose(definition: str, type_word: str, *, has_endpoint: bool) -> TypeChoice:
    """The definition named, or what the type word means. Raises: Invalid, with what is allowed."""
    slugs = enabled_slugs()
    if definition and not type_word:
        return TypeChoice(definition, None)
    if definition:
        known = agent_type(type_word)
        is_own_word = not known and type_word.strip().lower() not in slugs
        return TypeChoice(definition, known, type_word if is_own_word else "")
    choice = choose_definition(type_word, slugs=slugs, has_endpoint=has_endpoint)
    if choice is None:
        raise Invalid(
            f"No definition here stands for the type {type_word!r}.",
            code="unknown_type",
            details={
                "type": [
                    f"Give a definition instead: {', '.join(slugs) or 'none is registered'}; "
                    "or an endpoint, for a remote agent."
                ],
                "definitions": slugs,
                "types": [str(word) for word in AgentType],
            },
        )
    return choice


def definition_row(slug: str) -> AgentDefinition:
    """Raises: Invalid, with what there is."""
    row = AgentDefinition.objects.filter(slug=slug).first()
    if row is None:
        slugs = ", ".join(enabled_slugs()) or "none is registered"
        raise Invalid(
            f"There is no agent definition {slug!r}.",
            code="unknown_definition",
            details={"definition": [f"Give one of: {slugs}."]},
        )
    return row
