"""Every route of the site, read from the URL resolver, so that a test over them also covers those of tomorrow."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

METHODS = ("get", "post", "put", "patch", "delete")
PARAMETER = re.compile(r"<(?:[^:>]+:)?([^>]+)>")


@dataclass(frozen=True)
class Route:
    """One address with its parameters still in angle brackets, as in `/api/v1/keys/<uuid:key_id>`."""

    path: str
    view: Callable[..., Any]

    @property
    def parameters(self) -> list[str]:
        return PARAMETER.findall(self.path)

    def fill(self, values: Mapping[str, object]) -> str:
        """Raises: AssertionError naming the parameters that nobody said how to fill."""
        unknown = [name for name in self.parameters if name not in values]
        assert not unknown, f"{self.path}: say how to fill {unknown} in the dict of this test"
        return PARAMETER.sub(lambda match: str(values[match[1]]), self.path)

    def __str__(self) -> str:
        return self.path


def all_routes() -> list[Route]:
    return list(_walk(get_resolver().url_patterns, "/"))


def api_routes() -> list[Route]:
    return [route for route in all_routes() if route.path.startswith("/api/v1/")]


def page_routes() -> list[Route]:
    """Everything that is neither API, nor admin, nor a file."""
    return [route for route in all_routes() if not route.path.startswith(("/api/", "/admin/", "/static/"))]


def is_async(route: Route) -> bool:
    return iscoroutinefunction(route.view)


def _walk(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[Route]:
    for pattern in patterns:
        path = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, path)
        else:
            yield Route(path, pattern.callback)
