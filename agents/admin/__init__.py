"""Admin of agents, by noun. States are read-only: what changes them are actions, and these call the services."""

from agents.admin import agents, checkpoints, commands, contexts

__all__ = ["agents", "checkpoints", "commands", "contexts"]
