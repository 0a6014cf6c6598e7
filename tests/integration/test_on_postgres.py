"""Tests whose subject is the database, once more with PostgreSQL as the default one, area by area."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import need_service

ROOT = Path(__file__).resolve().parents[2]
SERVER = os.environ.get("TEST_POSTGRES_URL", "postgresql://root@127.0.0.1:5432/test")
SUITES = {
    "engine": [
        "tests/unit/engine/test_store_contract.py",
        "tests/unit/engine/test_store_places.py",
    ],
    "sessions": [
        "tests/e2e/test_retry_and_fork.py",
        "tests/integration/test_bundles.py",
        "tests/integration/test_child_sessions.py",
        "tests/integration/test_history_api.py",
        "tests/integration/test_limits.py",
        "tests/integration/test_limits_across_workers.py",
        "tests/integration/test_repeating_api.py",
        "tests/integration/test_why.py",
        "tests/unit/sessions/test_admission.py",
        "tests/unit/sessions/test_child_rules.py",
        "tests/unit/sessions/test_pruning.py",
        "tests/unit/sessions/test_forking.py",
        "tests/unit/sessions/test_repeating.py",
        "tests/unit/sessions/test_verifying.py",
    ],
    "agents": [
        "tests/unit/agents/test_agent_worker.py",
        "tests/integration/pages/test_agent_state_pages.py",
        "tests/e2e/test_resuming_agents.py",
        "tests/integration/test_agent_api.py",
        "tests/integration/test_agent_commands_api.py",
        "tests/integration/test_agent_history_api.py",
        "tests/integration/test_agents_bad_input.py",
        "tests/integration/test_communications.py",
        "tests/integration/test_idempotency.py",
        "tests/integration/test_maintenance_drains.py",
        "tests/integration/test_spec_orchestrator_service.py",
        "tests/integration/test_state_api.py",
        "tests/unit/agents/test_checkpoints.py",
        "tests/unit/agents/test_checkpoints_at_once.py",
        "tests/unit/agents/test_commands.py",
        "tests/unit/agents/test_heartbeats.py",
        "tests/unit/agents/test_lifecycle.py",
        "tests/unit/agents/test_scheduled_checkpoints.py",
        "tests/unit/agents/test_state.py",
    ],
    "contexts": [
        "tests/integration/pages/test_context_pages.py",
        "tests/integration/test_contexts_api.py",
        "tests/integration/test_contexts_in_sessions.py",
        "tests/integration/test_contexts_races.py",
        "tests/integration/test_spec_core_services.py",
        "tests/unit/agents/test_contexts.py",
        "tests/unit/agents/test_contexts_against_model.py",
    ],
    "templates": [
        "tests/integration/pages/test_templates.py",
        "tests/integration/pages/test_new_agent_of_template.py",
        "tests/integration/pages/test_writing_templates.py",
        "tests/integration/test_agents_of_templates_api.py",
        "tests/integration/test_template_files_api.py",
        "tests/integration/test_templates_api.py",
        "tests/unit/agents/test_templating.py",
        "tests/unit/templates/test_files.py",
        "tests/unit/templates/test_templates.py",
        "tests/unit/templates/test_templates_at_once.py",
    ],
    "schema": [
        "tests/atomic/test_database_rules.py",
        "tests/atomic/test_enum_columns.py",
        "tests/atomic/test_indexes.py",
        "tests/integration/test_schema_upgrade.py",
        "tests/integration/test_verify_schema.py",
    ],
}


@pytest.mark.parametrize("area", SUITES)
def test_the_same_holds_on_postgresql(area: str) -> None:
    need_service("PostgreSQL", 5432)
    database = f"{SERVER.rpartition('/')[0]}/orchestrator_{area}_{os.getpid()}"
    quiet = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "COV_"))}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "0", *SUITES[area]],
        cwd=ROOT,
        env={**quiet, "DATABASE_URL": database},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
