"""`/health/detailed`: every component in a sentence, within two seconds, for those who run the server only."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any

import pytest
from channels.layers import channel_layers
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from agents import registry as registry_module
from agents.registry import build_registry
from core import checks as core_checks
from core import health
from core.health import Check, Finding, HealthStatus, check_all, overall
from core.redaction import without_passwords
from orchestrator_site import health as site_health
from sessions.models import EngineWorker
from sessions.selectors.health import check_queue, check_workers
from sessions.streaming.health import check_channel_layer, check_redis
from tests.conftest import need_service
from tests.make import Make
from tests.running import free_port
from tests.unit.agents.worlds import error_of
from workspaces.models import Workspace
from workspaces.selectors import access_of_user
from workspaces.services import create_key
from workspaces.states import Role

PAGE = "/health/detailed"
COMPONENTS = {"database", "redis", "channel_layer", "workers", "queue", "registry", "agents", "disk"}


@pytest.fixture
def allowed(settings: Any) -> None:
    settings.STATUS_ALLOWED_ADDRESSES = [ip_network("127.0.0.0/8")]


@pytest.fixture
def all_found_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The checks run in the test's own thread, so that they see its rows."""

    def run_at_once(attempt: Any) -> Any:
        return SimpleNamespace(start=attempt.__self__.run)

    monkeypatch.setattr("core.health.threading.Thread", lambda target, **_: run_at_once(target))
    monkeypatch.setattr("core.health.connections.close_all", lambda: None)


def answer_of(client: Any = None, path: str = PAGE) -> Any:
    return (client or Client()).get(path)


def component(name: str) -> dict[str, Any]:
    found: dict[str, Any] = answer_of().json()["components"][name]
    return found


# Who may see it


def test_a_stranger_is_asked_who_they_are(db: None) -> None:
    assert error_of(answer_of(), 401)["code"] == "not_authenticated"
    assert error_of(answer_of(path="/status"), 401)["code"] == "not_authenticated"


def test_a_user_who_is_not_staff_is_refused(make: Make) -> None:
    client = Client()
    client.force_login(make.user())
    assert "STATUS_ALLOWED_ADDRESSES" in error_of(answer_of(client), 403)["message"]


@pytest.mark.usefixtures("all_found_here")
def test_staff_see_every_component_with_a_sentence_and_a_time(make: Make) -> None:
    client = Client()
    client.force_login(make.user(is_staff=True))
    answer = answer_of(client)
    body = answer.json()
    assert answer.status_code == 200
    assert set(body) == {"status", "version", "checked_at", "components"}
    assert set(body["components"]) == COMPONENTS
    for found in body["components"].values():
        assert set(found) == {"status", "latency_ms", "message", "details"}
        assert found["message"].endswith(".")
        assert found["latency_ms"] >= 0
    assert body["version"] == "0.1.0"
    assert answer["Cache-Control"] == "no-store"


@pytest.mark.usefixtures("all_found_here")
def test_a_program_with_an_api_key_sees_words_and_no_figures_of_other_workspaces(make: Make) -> None:
    access = access_of_user(make.member(make.workspace(), Role.OWNER))
    _, secret = create_key(access=access, name="probe", role=Role.ADMIN)
    answer = answer_of(APIClient(headers={"X-API-Key": secret}))
    assert answer.status_code == 200
    assert set(answer.json()["components"].values()) <= {"ok", "degraded", "down"}
    error_of(answer_of(APIClient(headers={"X-API-Key": "ao_wrong"})), 401)


@pytest.mark.parametrize(
    ("network", "peer", "status"),
    [
        ("10.0.0.0/8", "10.1.2.3", 200),
        ("10.0.0.0/8", "::ffff:10.1.2.3", 200),
        ("fd00::/8", "fd00::1", 200),
        ("10.0.0.0/8", "11.1.2.3", 401),
        ("10.0.0.0/8", "", 401),
        ("10.0.0.0/8", "fd00::1", 401),
    ],
)
@pytest.mark.usefixtures("all_found_here", "db")
def test_an_allowed_address_needs_no_credentials(settings: Any, network: str, peer: str, status: int) -> None:
    settings.STATUS_ALLOWED_ADDRESSES = [ip_network(network)]
    assert Client().get(PAGE, REMOTE_ADDR=peer).status_code == status


@pytest.mark.usefixtures("db")
def test_what_a_header_says_of_the_address_is_not_believed(settings: Any) -> None:
    settings.STATUS_ALLOWED_ADDRESSES = [ip_network("10.0.0.0/8")]
    assert Client().get(PAGE, headers={"X-Forwarded-For": "10.1.2.3"}).status_code == 401


@pytest.mark.usefixtures("all_found_here", "allowed", "db")
def test_the_short_form_has_one_word_a_component() -> None:
    body = answer_of(path="/status").json()
    assert set(body["components"]) == COMPONENTS
    assert set(body["components"].values()) <= set(HealthStatus)


# What it says


@pytest.mark.usefixtures("all_found_here", "allowed", "db")
def test_without_a_worker_the_server_is_degraded_and_still_answers_200() -> None:
    answer = answer_of()
    assert (answer.status_code, answer.json()["status"]) == (200, "degraded")
    assert "No worker is up" in component("workers")["message"]


def test_live_workers_are_listed_with_their_heartbeat_and_sessions(make: Make) -> None:
    now = timezone.now()
    row = {"host": "h", "started_at": now}
    live = EngineWorker.objects.create(**row, pid=1, expires_at=now + timedelta(seconds=6))
    EngineWorker.objects.create(**row, pid=2, expires_at=now - timedelta(seconds=1))
    make.session(lease_owner=live.pk, status="RUNNING")
    found = check_workers()
    assert found.status == HealthStatus.OK
    (worker,) = found.details["workers"]
    assert (worker["pid"], worker["sessions"]) == (1, 1)
    assert worker["last_heartbeat_at"] < now.isoformat()


def test_switched_off_agents_need_no_worker(settings: Any, db: None) -> None:
    settings.AGENTS_ENABLED = False
    assert check_workers().status == HealthStatus.OK


def test_the_queue_is_told_with_its_oldest_session(make: Make, settings: Any) -> None:
    settings.QUEUE_LIMIT = 2
    assert check_queue().details == {"waiting_sessions": 0, "limit": 2, "oldest_waits_seconds": None}
    make.session()
    assert check_queue().status == HealthStatus.OK
    make.session()
    found = check_queue()
    assert (found.status, found.details["waiting_sessions"]) == (HealthStatus.DEGRADED, 2)
    assert found.details["oldest_waits_seconds"] >= 0


@pytest.mark.usefixtures("all_found_here", "allowed", "db")
def test_a_module_that_could_not_be_loaded_is_named_without_its_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = build_registry(["no.such.module"])
    registry.failures["shop.agents"] = "OSError: cannot reach postgres://ann:hunter2@db/x\nline two"
    monkeypatch.setattr(registry_module, "_registry", registry)
    found = component("registry")
    assert found["status"] == "degraded"
    assert "no.such.module" in found["message"]
    assert found["details"]["failures"]["shop.agents"] == "OSError: cannot reach postgres://ann:***@db/x"
    assert "scripted" in found["details"]["definitions"]


@pytest.mark.usefixtures("all_found_here", "allowed")
def test_agents_are_counted_by_their_status(make: Make) -> None:
    workspace: Workspace = make.workspace()
    for status, detail in (("ACTIVE", "ACTIVE"), ("ERROR", "ERROR"), ("INACTIVE", "TERMINATED")):
        make.agent(make.project(workspace), status=status, state_detail=detail)
    assert component("agents")["details"] == {"enabled": True, "by_status": {"ACTIVE": 1, "ERROR": 1}}


@pytest.mark.usefixtures("all_found_here", "allowed", "db")
def test_the_database_is_told_with_its_version_and_missing_migrations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(core_checks, "_all_applied", set())
    found = component("database")
    assert (found["status"], found["details"]["pending_migrations"]) == ("ok", [])
    assert found["details"]["version"][0].isdigit()
    monkeypatch.setattr(core_checks, "_all_applied", set())
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'workspaces' AND name LIKE '0003%%'")
    found = component("database")
    assert found["status"] == "degraded"
    assert found["details"]["pending_migrations"] == ["workspaces.0003_idempotent_request"]


@pytest.mark.usefixtures("all_found_here", "allowed")
def test_a_database_that_is_gone_is_503_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("connection to server at db.example, password secret")

    monkeypatch.setattr(core_checks, "_server_version", away)
    checks = {"database": site_health.CHECKS["database"]}
    found = check_all(checks)["database"]
    assert found.status == HealthStatus.DOWN
    assert found.message == "The database does not answer (OperationalError)."


@pytest.mark.parametrize(
    ("free", "status"), [(10**6, HealthStatus.DOWN), (10**8, HealthStatus.DEGRADED), (10**12, HealthStatus.OK)]
)
def test_a_disk_that_fills_up_is_told_in_time(
    free: int, status: HealthStatus, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr("core.checks.shutil.disk_usage", lambda _: SimpleNamespace(free=free, total=10**12))
    assert core_checks.check_disk(tmp_path).status == status


# Redis


def test_without_redis_nothing_is_missing() -> None:
    assert check_redis().status == check_channel_layer().status == HealthStatus.OK


def use_redis(settings: Any, url: str) -> None:
    settings.REDIS_URL = url
    config = {"hosts": [{"address": url, "socket_connect_timeout": 2}]}
    settings.CHANNEL_LAYERS = {
        "default": {"BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer", "CONFIG": config}
    }
    channel_layers.backends.clear()


@pytest.fixture
def own_layer() -> Iterator[None]:
    yield
    channel_layers.backends.clear()


@pytest.mark.usefixtures("own_layer")
def test_redis_that_answers_is_told_with_its_version(settings: Any) -> None:
    need_service("Redis", 6379)
    use_redis(settings, "redis://127.0.0.1:6379/11")
    assert "version" in check_redis().details
    assert check_channel_layer().message == "The channel layer carries messages."


@pytest.mark.usefixtures("own_layer")
def test_redis_that_refuses_is_told_without_its_password(settings: Any) -> None:
    use_redis(settings, f"redis://:hunter2@127.0.0.1:{free_port()}/0")
    for found in (check_redis(), check_channel_layer()):
        assert found.status == HealthStatus.DEGRADED
        assert "hunter2" not in found.message


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """Accepts connections and never says a word, as a hung Redis does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.usefixtures("own_layer", "allowed")
@pytest.mark.django_db(transaction=True)
def test_a_hung_redis_does_not_hold_up_the_answer(settings: Any, deaf_port: int) -> None:
    use_redis(settings, f"redis://:hunter2@127.0.0.1:{deaf_port}/0")
    started = time.monotonic()
    answer = answer_of()
    assert time.monotonic() - started < 5, "two seconds, and what a busy machine adds"
    body = answer.json()
    assert body["components"]["redis"]["status"] == body["components"]["channel_layer"]["status"] == "degraded"
    assert body["components"]["database"]["status"] == "ok"
    assert b"hunter2" not in answer.content
    settle()


def settle() -> None:
    """The threads of the checks end before the database of the test does."""
    for thread in threading.enumerate():
        if thread.name.startswith("health-"):
            thread.join(10)


# Checks side by side


@pytest.fixture
def release() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()
    settle()


def hang(event: threading.Event) -> Callable[[], Finding]:
    def look() -> Finding:
        event.wait(30)
        return Finding(HealthStatus.OK, "At last.")

    return look


def fine() -> Finding:
    return Finding(HealthStatus.OK, "Fine.")


def test_a_check_that_hangs_costs_the_limit_once_and_the_others_nothing(release: threading.Event) -> None:
    checks = {"slow": Check(hang(release)), "slower": Check(hang(release)), "fine": Check(fine)}
    started = time.monotonic()
    found = check_all(checks, seconds=0.2)
    assert time.monotonic() - started < 5, "not the 30 s of the slow ones"
    assert [finding.status for finding in found.values()] == ["degraded", "degraded", "ok"]
    assert found["slow"].message.startswith("No answer for ")


def test_silence_of_what_all_depends_on_means_down(release: threading.Event) -> None:
    check = Check(hang(release), on_silence=HealthStatus.DOWN)
    assert check_all({"deep": check}, seconds=0.05)["deep"].status == HealthStatus.DOWN


def test_a_check_that_hangs_does_not_pile_up_threads(release: threading.Event) -> None:
    checks = {"piled": Check(hang(release))}
    for _ in range(6):
        check_all(checks, seconds=0.01)
    assert sum(thread.name == "health-piled" for thread in threading.enumerate()) == health.MOST_HANGING
    release.set()
    settle()
    assert check_all({"piled": Check(fine)})["piled"].message == "Fine."


def test_a_check_that_breaks_tells_its_kind_and_not_its_text() -> None:
    def broken() -> Finding:
        raise ValueError("password=hunter2")

    found = check_all({"odd": Check(broken)})["odd"]
    assert found.status == HealthStatus.DEGRADED
    assert "ValueError" in found.message
    assert "hunter2" not in found.message


def test_the_worst_component_is_the_state_of_the_whole() -> None:
    words = [HealthStatus.OK, HealthStatus.DOWN, HealthStatus.DEGRADED]
    assert overall(Finding(word, "") for word in words) == HealthStatus.DOWN
    assert overall([]) == HealthStatus.OK


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://:pw@h/0", "redis://:***@h/0"),
        ("a postgres://u:p:w@h and amqp://x:y@z", "a postgres://u:***@h and amqp://x:***@z"),
        ("http://h:80/a@b", "http://h:80/a@b"),
        ("two\nlines", "two"),
    ],
)
def test_passwords_of_addresses_are_taken_out(text: str, shown: str) -> None:
    assert without_passwords(text) == shown
