"""Fixtures of all tests: a file-based database of its own, one world in one line, services that may be absent."""

import os
import socket
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

os.environ.setdefault("DATA_DIR", tempfile.mkdtemp(prefix="orchestrator-test-"))
os.environ.setdefault("LOG_LEVEL", "WARNING")

import pytest
from asgiref.sync import sync_to_async
from django.db import connections

from sessions.streaming.hub import running_hub
from tests.make import Make
from workspaces.models import Project

REQUIRE_SERVICES = os.environ.get("REQUIRE_SERVICES") == "1"


def port_answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.5):
            return True
    except OSError:
        return False


def need_service(name: str, port: int) -> None:
    """Skip where a service is absent, fail where it is required."""
    if port_answers(port):
        return
    reason = f"{name} does not answer on 127.0.0.1:{port}"
    if REQUIRE_SERVICES:
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow kinds run last, each in one process: what they share is set up once, and two of them run side by side.

    Browser tests come at the very end: Playwright leaves a running event loop in the thread of the tests, for good.
    """
    for item in items:
        if kind := slow_kind(item):
            item.add_marker(pytest.mark.xdist_group(kind))
    items.sort(key=lambda item: SLOW_KINDS.index(slow_kind(item)))


SLOW_KINDS = ("", "processes", "browser")
PROCESS_TESTS = ("test_production_processes", "test_placed_agent", "test_killed_in_a_hook", "test_bad_modules")


def slow_kind(item: pytest.Item) -> str:
    """`browser`, `processes` (the program itself is run and killed), or "" for all others."""
    if "browser" in getattr(item, "fixturenames", ()):
        return "browser"
    return "processes" if item.path.parent.name == "chaos" or item.path.stem in PROCESS_TESTS else ""


@pytest.fixture
def make(db: None) -> Make:
    return Make()


@pytest.fixture
def project(make: Make) -> Project:
    return make.project()


@pytest.fixture(scope="session")
def data_sets() -> Path:
    """The folder of public data sets named by ORCHESTRATOR_DATA."""
    folder = os.environ.get("ORCHESTRATOR_DATA", "")
    if not folder or not Path(folder).is_dir():
        pytest.skip("ORCHESTRATOR_DATA does not name the folder of the public data sets")
    return Path(folder)


@pytest.fixture(autouse=True)
def fast_passwords(settings: object) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def plain_static_files(settings: object) -> None:
    """Pages render without `collectstatic` having run."""
    plain = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    settings.STORAGES = {**settings.STORAGES, "staticfiles": plain}  # type: ignore[attr-defined]
    settings.WHITENOISE_AUTOREFRESH = True  # type: ignore[attr-defined]  # else each client reads all collected files


@pytest.fixture
async def tidy_loop() -> AsyncIterator[None]:
    """For asynchronous tests of live routes: ends the hub, and the connections of the thread that served the loop."""
    yield
    await running_hub().close()
    await sync_to_async(connections.close_all)()
