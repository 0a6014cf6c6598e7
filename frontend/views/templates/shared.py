"""What the pages of templates share."""

from django.http import HttpRequest

from frontend.place import Place, place_of
from templates_app.models import AgentTemplate
from templates_app.selectors import template_for
from workspaces.states import Role

WRITERS = Role.OPERATOR  # who may make, change and use templates


def template_here(request: HttpRequest, slug: str) -> AgentTemplate:
    """The template of this name in the present workspace, or the one that is built in. Raises: NotFound."""
    place = place_of(request)
    return template_for(place.access, slug, workspace_id=place.here.workspace_id)


def template_to_write(request: HttpRequest, slug: str) -> AgentTemplate:
    """The same, for those who may make and change templates. Raises: NotFound, Forbidden."""
    template = template_here(request, slug)
    place = place_of(request)
    place.access.require(place.here.workspace_id, WRITERS)
    return template


def rights(place: Place, template: AgentTemplate) -> dict[str, bool]:
    """What the buttons of a page depend on: built-in templates are used and copied, but not changed."""
    may_write = place.may(WRITERS)
    return {"may_write": may_write, "may_change": may_write and not template.is_built_in}
