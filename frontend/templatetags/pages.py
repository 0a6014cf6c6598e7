"""Words and figures for the templates."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from frontend.presenters.lineage import ORIGIN_ICONS, ORIGIN_WORDS
from frontend.presenters.words import AGENT_ICONS, gist, kind_of_media, pretty_json, seconds_in_words, unwrapped

register = template.Library()


@register.simple_tag
def once() -> SafeString:
    """A hidden field by which a form that is sent twice counts once."""
    return format_html('<input type="hidden" name="once" value="{}">', uuid4().hex)


@register.filter
def duration(seconds: object) -> str:
    return seconds_in_words(seconds)


@register.filter
def took(session: Any) -> float | None:
    """Seconds from start to end; None while it runs."""
    if session.started_at is None or session.completed_at is None:
        return None
    return float((session.completed_at - session.started_at).total_seconds())


@register.filter
def pretty(value: Any) -> str:
    return pretty_json(value)


@register.filter
def prose(text: str) -> str:
    return unwrapped(text)


@register.filter(name="gist")
def gist_filter(value: Any) -> str:
    return gist(value)


@register.filter
def agent_icon(slug: str) -> str:
    return AGENT_ICONS.get(str(slug), "cpu")


@register.filter
def origin_word(origin: str) -> str:
    """How a session came to be, in a word; "" for one that was simply started."""
    return ORIGIN_WORDS.get(origin, "")


@register.filter
def origin_icon(origin: str) -> str:
    return ORIGIN_ICONS.get(origin, "diagram-2")


@register.filter
def status_class(status: str) -> str:
    """The class that carries a state's colour; READY documents and agents are as good as completed."""
    return f"st-{status}"


@register.filter
def kind(media_type: str) -> str:
    return kind_of_media(media_type)


@register.filter
def of(values: Mapping[Any, Any], key: Any) -> Any:
    """What a mapping holds for a key; None when nothing."""
    return values.get(key)


@register.simple_tag(takes_context=True)
def query(context: template.Context, **changes: Any) -> str:
    """The present query string with some values changed."""
    values = {**context["request"].GET.dict(), **changes}
    return urlencode({name: value for name, value in values.items() if value not in ("", None)})


@register.simple_tag(takes_context=True)
def navigation_item(context: template.Context, name: str, words: str, icon: str) -> SafeString:
    """One entry of the navigation, marked when the present page is under it."""
    try:
        address = reverse(name)
    except NoReverseMatch:
        return SafeString("")
    path = context["request"].path
    here = path == address if address == "/" else path == address or path.startswith(f"{address}/")
    return format_html(
        '<a class="item" href="{}"{}><i class="bi bi-{}" aria-hidden="true"></i>{}</a>',
        address,
        SafeString(' aria-current="page"') if here else "",
        icon,
        words,
    )
