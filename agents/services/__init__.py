"""Verbs of agents, one file a noun."""

from agents.services.agents import AgentFields, create_agent, delete_agent, update_agent
from agents.services.builtin import ensure_builtin_agents, ensure_builtin_agents_everywhere
from agents.services.checkpoints import (
    create_checkpoint,
    delete_checkpoint,
    restore_checkpoint,
    schedule_checkpoints,
    state_to_resume_from,
    take_due_checkpoints,
    unschedule_checkpoints,
)
from agents.services.contexts import (
    open_context,
    patch_context,
    prune_versions,
    read_context,
    rollback_context,
    settle_rollback,
    write_context,
)
from agents.services.definitions import SyncReport, set_definition_enabled, sync_definitions
from agents.services.heartbeats import mark_offline_agents, record_heartbeat
from agents.services.lifecycle import (
    SHOWN_WAIT_SECONDS,
    request_transition,
    require_walked,
    seen_through,
    set_maintenance,
    set_status,
    start_agent,
    wait_for_agent,
)
from agents.services.registration import register_agent, spawn_agent
from agents.services.state import patch_state, replace_state
from agents.services.templating import TemplateUse, apply_template, upgrade_agent, upgrade_lagging

__all__ = [
    "SHOWN_WAIT_SECONDS",
    "AgentFields",
    "SyncReport",
    "TemplateUse",
    "apply_template",
    "create_agent",
    "create_checkpoint",
    "delete_agent",
    "delete_checkpoint",
    "ensure_builtin_agents",
    "ensure_builtin_agents_everywhere",
    "mark_offline_agents",
    "open_context",
    "patch_context",
    "patch_state",
    "prune_versions",
    "read_context",
    "record_heartbeat",
    "register_agent",
    "replace_state",
    "request_transition",
    "require_walked",
    "restore_checkpoint",
    "rollback_context",
    "schedule_checkpoints",
    "seen_through",
    "set_definition_enabled",
    "set_maintenance",
    "set_status",
    "settle_rollback",
    "spawn_agent",
    "start_agent",
    "state_to_resume_from",
    "sync_definitions",
    "take_due_checkpoints",
    "unschedule_checkpoints",
    "update_agent",
    "upgrade_agent",
    "upgrade_lagging",
    "wait_for_agent",
    "write_context",
]
