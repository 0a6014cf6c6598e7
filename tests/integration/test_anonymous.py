"""Without credentials every route of the API is a 401, and every page leads to the login, but for those listed."""

from uuid import uuid4

import pytest
from django.test import Client
from rest_framework.test import APIClient

from tests.routes import METHODS, Route, all_routes, api_routes, is_async, page_routes

OPEN_ROUTES = {"/api/v1/auth/token", "/api/v1/auth/refresh"}
OPEN_PAGES = {"/login", "/health", "/health/ready", "/docs"}


WORDS = {"kind": "cancel", "verb": "pause", "slug": "research"}  # parameters that are no ids


class Anything(dict[str, object]):
    """Some value for every parameter: nobody gets far enough to look."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> object:
        return WORDS.get(name) or uuid4()


@pytest.mark.parametrize("route", api_routes(), ids=str)
def test_an_anonymous_caller_gets_401(db: None, route: Route) -> None:
    path = route.fill(Anything())
    for method in METHODS:
        answer = getattr(APIClient(), method)(path)
        if route.path in OPEN_ROUTES:
            assert answer.status_code in (400, 405), method
        else:
            plain = method != "get" and is_async(route)  # no view of the REST framework: it looks at the method first
            assert answer.status_code == (405 if plain else 401), f"{method} {answer.status_code}"
            assert set(answer.json()) == {"code", "message", "details"}


@pytest.mark.parametrize("route", page_routes(), ids=str)
def test_an_anonymous_visitor_is_led_to_the_login(db: None, route: Route) -> None:
    answer = Client().get(route.fill(Anything()))
    if route.path in OPEN_PAGES:
        assert answer.status_code == 200
    else:
        assert answer.status_code in (302, 405), answer.status_code
        assert answer.status_code == 405 or answer["Location"].startswith("/login")


def test_the_routes_without_a_version_are_the_same() -> None:
    latest = {route.path for route in all_routes() if route.path.startswith("/api/")}
    versioned = {route.path for route in api_routes()}
    assert {path.replace("/api/v1/", "/api/") for path in versioned} | versioned | {"/api/schema"} == latest
