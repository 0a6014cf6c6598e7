"""Without credentials every route of the API is a 401, and every page leads to the login, but for those listed."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import AsyncClient, Client
from rest_framework.test import APIClient

from tests.routes import METHODS, Route, all_routes, api_routes, is_async, page_routes

OPEN_ROUTES = {"/api/v1/auth/token", "/api/v1/auth/refresh"}
OPEN_PAGES = {"/login", "/health", "/health/ready", "/docs"}
FOR_OPERATORS = {"/health/detailed", "/status"}


WORDS = {
    "kind": "cancel",
    "verb": "pause",
    "slug": "research",
    "sequence_number": "1",
    "version": 1,
    "number": 1,
}  # parameters that are no ids


class Anything(dict[str, object]):
    """Some value for every parameter: nobody gets far enough to look."""

    def __contains__(self, name: object) -> bool:
        return True

    def __missing__(self, name: str) -> object:
        return WORDS.get(name) or uuid4()


def test_an_anonymous_caller_gets_401_on_every_route_by_every_method(db: None) -> None:
    nobody, wrong = APIClient(), []
    for route in api_routes():
        if not is_async(route):
            path = route.fill(Anything())
            expected = (400, 405) if route.path in OPEN_ROUTES else (401,)
            answers = [(method, getattr(nobody, method)(path)) for method in METHODS]
            wrong += [line for method, answer in answers for line in unexpected(method, route, answer, expected)]
    assert wrong == []


@pytest.mark.usefixtures("tidy_loop")
@pytest.mark.django_db(transaction=True)
async def test_an_anonymous_caller_gets_401_on_every_live_route() -> None:
    """Those are no views of the REST framework: they look at the method first."""
    nobody, wrong = AsyncClient(), []
    for route in api_routes():
        if is_async(route):
            path = route.fill(Anything())
            for method in METHODS:
                answer = await getattr(nobody, method)(path)
                wrong += unexpected(method, route, answer, (401,) if method == "get" else (405,))
    assert wrong == []


def unexpected(method: str, route: Route, answer: Any, expected: tuple[int, ...]) -> list[str]:
    in_shape = set(answer.json()) == {"code", "message", "details"}
    fine = answer.status_code in expected and in_shape
    return [] if fine else [f"{method} {route.path}: {answer.status_code} {answer.content[:200]!r}"]


def test_an_anonymous_visitor_is_led_to_the_login(db: None) -> None:
    nobody, wrong = Client(), []
    for route in page_routes():
        answer = nobody.get(route.fill(Anything()))
        led = answer.status_code == 302 and answer["Location"].startswith("/login")
        if route.path in FOR_OPERATORS:
            fine = answer.status_code == 401
        else:
            fine = answer.status_code == 200 if route.path in OPEN_PAGES else led or answer.status_code == 405
        if not fine:
            wrong.append(f"{route.path}: {answer.status_code}")
    assert wrong == []


def test_the_routes_without_a_version_are_the_same() -> None:
    latest = {route.path for route in all_routes() if route.path.startswith("/api/")}
    versioned = {route.path for route in api_routes()}
    assert {path.replace("/api/v1/", "/api/") for path in versioned} | versioned | {"/api/schema"} == latest
