"""Dockerfile and compose.yaml name only what exists."""

import re
from pathlib import Path
from typing import Any

import yaml

from orchestrator_site import env

ROOT = Path(__file__).resolve().parents[2]


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return loaded


def test_the_services_get_only_settings_that_exist() -> None:
    given = {name for service in compose()["services"].values() for name in service.get("environment", {})}
    assert {name for name in given if not name.startswith("POSTGRES_")} <= set(env.VARIABLES)


def test_every_setting_of_the_env_file_reaches_the_server() -> None:
    services = compose()["services"]
    own = {"DEBUG", "DATA_DIR", "SERVICE_HOST", "ENGINE_ENABLED"}  # the image's, or a service's
    at_the_door, once = {"SERVICE_PORT"}, {"ADMIN_PASSWORD", "DEMO"}
    for name in ("web", "worker", "placed", "beat"):
        assert set(env.VARIABLES) - own - at_the_door - once <= set(services[name]["environment"])
    assert once <= set(services["setup"]["environment"])


def test_every_process_of_the_server_runs_from_the_same_image_and_waits_for_set_up() -> None:
    services = compose()["services"]
    for name in ("web", "worker", "placed", "beat"):
        assert services[name]["image"] == services["setup"]["image"]
        assert services[name]["depends_on"]["setup"] == {"condition": "service_completed_successfully"}


def test_the_address_the_containers_use_is_one_the_settings_can_read() -> None:
    environment = compose()["services"]["web"]["environment"]
    url = re.sub(r"\$\{[^}]*\}", "secret", environment["DATABASE_URL"])
    assert env.database(url, ROOT)["HOST"] == "postgres"
    assert env.read("REDIS_URL", environment) == "redis://redis:6379/0"


def test_the_image_does_not_run_as_root_and_tells_whether_it_is_well() -> None:
    text = (ROOT / "Dockerfile").read_text()
    assert re.search(r"^USER (?!root)", text, re.MULTILINE)
    assert "HEALTHCHECK" in text
    assert "/health" in text


def test_every_file_the_image_copies_by_name_is_in_the_repository() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    names = [name for names in copied for name in names.split() if name != "package-lock.json"]
    assert [name for name in names if not (ROOT / name).exists()] == []
