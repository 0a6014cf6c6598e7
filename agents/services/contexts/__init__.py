"""Contexts: opened and written, gone back, reached by a running agent (`own`)."""

from agents.services.contexts.rollbacks import rollback_context, settle_rollback
from agents.services.contexts.writing import open_context, patch_context, prune_versions, read_context, write_context

__all__ = [
    "open_context",
    "patch_context",
    "prune_versions",
    "read_context",
    "rollback_context",
    "settle_rollback",
    "write_context",
]
