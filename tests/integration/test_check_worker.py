"""`manage.py check_worker`: what a container's health check asks."""

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command

from core.clock import SYSTEM_CLOCK
from core.machine import this_machine
from sessions.models import EngineWorker

pytestmark = pytest.mark.django_db


def worker(*, host: str, seconds: float) -> None:
    now = SYSTEM_CLOCK.now()
    EngineWorker.objects.create(host=host, pid=1, started_at=now, expires_at=now + timedelta(seconds=seconds))


def test_an_engine_that_holds_its_lease_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    worker(host=this_machine(), seconds=5)
    call_command("check_worker")
    assert "is alive" in capsys.readouterr().out


def test_no_engine_or_one_that_fell_silent_or_one_elsewhere_is_not() -> None:
    worker(host=this_machine(), seconds=-5)
    worker(host="elsewhere", seconds=5)
    with pytest.raises(CommandError, match="holds a lease"):
        call_command("check_worker")
