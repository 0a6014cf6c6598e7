"""The OpenAPI schema: generated without a warning, of the canonical routes only, and complete."""

import io
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator

from tests.routes import PARAMETER, api_routes


@pytest.fixture(scope="module")
def schema() -> Any:
    return SchemaGenerator().get_schema(request=None, public=True)


def test_the_schema_is_valid_and_generated_without_a_warning() -> None:
    GENERATOR_STATS.reset()
    call_command("spectacular", validate=True, fail_on_warn=True, stdout=io.StringIO())


def test_every_route_is_in_the_schema_once_and_nothing_else_is(schema: Any) -> None:
    routes = {PARAMETER.sub(r"{\1}", route.path) for route in api_routes()}
    assert set(schema["paths"]) == routes


def test_every_operation_says_how_it_refuses(schema: Any) -> None:
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            assert "default" in operation["responses"], f"{method} {path}"


def test_every_list_is_described_as_a_page_of_results(schema: Any) -> None:
    lists = {
        operation["operationId"]: operation["responses"]["200"]["content"]["application/json"]["schema"]
        for operations in schema["paths"].values()
        for method, operation in operations.items()
        if method == "get" and operation["operationId"].endswith(("_list", "_discover"))
    }
    assert {"agents_list", "agents_discover", "documents_list"} <= set(lists)
    for name, shape in lists.items():
        assert "/Paginated" in shape["$ref"], name


def test_the_schema_and_the_docs_are_public_and_the_docs_load_nothing_from_elsewhere(db: None) -> None:
    assert Client().get("/api/schema").status_code == 200
    page = Client().get("/docs").content.decode()
    assert "/api/schema" in page
    assert "//cdn" not in page
