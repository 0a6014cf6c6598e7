"""Fixtures of the browser tests: one browser and one running program for all of them."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.browser import Complaints, Program, log_in, running_browser, running_program

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    with running_browser() as browser:
        yield browser


@pytest.fixture(scope="session")
def program(browser: "Browser", tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """Asks for the browser first: without one nothing is started."""
    with running_program(tmp_path_factory.mktemp("program"), AGENT_REGISTRY_MODULES="tests.e2e.slow_agent") as program:
        yield program


@pytest.fixture(scope="session")
def signed_in(browser: "Browser", program: Program) -> dict[str, object]:
    """The cookies of somebody who has logged in through the page."""
    context = browser.new_context()
    log_in(context, program.address)
    state = dict(context.storage_state())
    context.close()
    return state


@pytest.fixture
def context(browser: "Browser", program: Program, signed_in: dict[str, object]) -> "Iterator[BrowserContext]":
    context = browser.new_context(base_url=program.address, storage_state=signed_in)  # type: ignore[arg-type]
    context.set_default_timeout(15_000)
    yield context
    context.close()


@pytest.fixture
def page(context: "BrowserContext") -> "Iterator[Page]":
    """A page that must not raise an error in a script, nor try what the content security policy forbids."""
    complaints = Complaints()
    page = context.new_page()
    complaints.watch(page)
    yield page
    assert complaints.texts == []
