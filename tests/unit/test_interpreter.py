"""A started worker lets its threads take turns often, and keeps what is loaded out of the collector."""

import gc
import sys
from collections.abc import Iterator

import pytest

from orchestrator_site import interpreter


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    interval = sys.getswitchinterval()
    yield
    sys.setswitchinterval(interval)
    gc.unfreeze()


def test_a_settled_interpreter_switches_threads_often_and_has_frozen_what_is_loaded() -> None:
    interpreter.settle()
    assert sys.getswitchinterval() == pytest.approx(interpreter.SWITCH_SECONDS)
    assert gc.get_freeze_count() > 1000
