"""Agents on the workers of a queue: the engine's side, the worker's side, and the lines between them in Redis."""
