"""The manifests are what Kubernetes accepts, and agree with the program and with each other. No cluster is asked."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from django.urls import resolve

from orchestrator_site import env

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "k8s"
VERSIONS = ("1.29", "1.33")


def manifests() -> Iterator[dict[str, Any]]:
    for path in sorted(FOLDER.glob("*.yaml")):
        if path.name != "kustomization.yaml":
            yield from yaml.safe_load_all(path.read_text())


def of_kind(*kinds: str) -> list[dict[str, Any]]:
    return [found for found in manifests() if found["kind"] in kinds]


def pods() -> dict[str, dict[str, Any]]:
    return {found["metadata"]["name"]: found["spec"]["template"]["spec"] for found in of_kind("Deployment", "Job")}


def container(name: str) -> dict[str, Any]:
    only: dict[str, Any] = pods()[name]["containers"][0]
    return only


@pytest.mark.parametrize("version", VERSIONS)
def test_every_manifest_follows_the_schema_of_its_kind(version: str) -> None:
    for manifest in manifests():
        kubernetes_validate.validate(manifest, version, strict=True)


def test_a_manifest_with_a_misspelt_field_is_noticed() -> None:
    wrong = of_kind("Deployment")[0]
    wrong["spec"]["replica"] = 3
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)


def test_the_kustomization_lists_every_manifest() -> None:
    text = (FOLDER / "kustomization.yaml").read_text()
    names = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}
    assert {name for name in names if f"- {name}" not in text} == set()


def test_settings_are_ones_the_program_reads_and_no_secret_is_written_down() -> None:
    [settings] = of_kind("ConfigMap")
    assert set(settings["data"]) <= set(env.VARIABLES)
    assert not {"SECRET_KEY", "DATABASE_URL", "REDIS_URL", "ADMIN_PASSWORD"} & set(settings["data"])
    assert of_kind("Secret") == []
    for name in pods():
        assert {"secretRef": {"name": "orchestrator"}} in container(name)["envFrom"]


def test_no_process_runs_as_root_or_writes_outside_its_volumes() -> None:
    for name, pod in pods().items():
        assert pod["securityContext"]["runAsNonRoot"], name
        assert container(name)["securityContext"]["readOnlyRootFilesystem"], name


def test_probes_ask_addresses_that_exist() -> None:
    web = container("orchestrator-web")
    asked = {web[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert asked == {"/health", "/health/ready"}
    assert all(resolve(path).func for path in asked)


def test_a_worker_has_time_to_hand_its_sessions_over() -> None:
    [settings] = of_kind("ConfigMap")
    grace = int(settings["data"]["ENGINE_GRACE_SECONDS"])
    assert pods()["orchestrator-worker"]["terminationGracePeriodSeconds"] >= grace + 30


def test_disruption_budgets_and_services_choose_pods_that_exist() -> None:
    labels = [found["spec"]["template"]["metadata"]["labels"] for found in of_kind("Deployment")]
    for budget in of_kind("PodDisruptionBudget"):
        assert budget["spec"]["selector"]["matchLabels"] in labels
    for service in of_kind("Service"):
        assert service["spec"]["selector"] in labels


def test_a_worker_of_a_queue_hosts_no_engine_of_its_own() -> None:
    placed = container("orchestrator-placed-gpu")
    assert {"name": "ENGINE_ENABLED", "value": "false"} in placed["env"]
    assert placed["command"][placed["command"].index("-Q") + 1] == "gpu"
