"""Without credentials every route of the API is a 401, and every page leads to the login, but for those listed."""

from uuid import uuid4

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


def test_an_anonymous_caller_gets_401_on_every_route_by_every_method(db: None) -> None:
    nobody, wrong = APIClient(), []
    for route in api_routes():
        path = route.fill(Anything())
        for method in METHODS:
            answer = getattr(nobody, method)(path)
            if answer.status_code not in expected(route, method) or set(answer.json()) != {
                "code",
                "message",
                "details",
            }:
                wrong.append(f"{method} {route.path}: {answer.status_code}")
    assert wrong == []


def expected(route: Route, method: str) -> tuple[int, ...]:
    if route.path in OPEN_ROUTES:
        return (400, 405)
    looks_at_the_method_first = method != "get" and is_async(route)  # no view of the REST framework
    return (405,) if looks_at_the_method_first else (401,)


def test_an_anonymous_visitor_is_led_to_the_login(db: None) -> None:
    nobody, wrong = Client(), []
    for route in page_routes():
        answer = nobody.get(route.fill(Anything()))
        led = answer.status_code == 302 and answer["Location"].startswith("/login")
        if not (answer.status_code == 200 if route.path in OPEN_PAGES else led or answer.status_code == 405):
            wrong.append(f"{route.path}: {answer.status_code}")
    assert wrong == []


def test_the_routes_without_a_version_are_the_same() -> None:
    latest = {route.path for route in all_routes() if route.path.startswith("/api/")}
    versioned = {route.path for route in api_routes()}
    assert {path.replace("/api/v1/", "/api/") for path in versioned} | versioned | {"/api/schema"} == latest
