"""How much one request for a session may ask for. Units are in the names."""

MAX_GOAL_CHARACTERS = 20_000
MAX_TITLE_CHARACTERS = 200
MAX_NAME_CHARACTERS = 100
MAX_DESCRIPTION_CHARACTERS = 20_000
MAX_TASKS = 500
MAX_DEPENDENCIES = 5_000
MAX_AGENTS = 50
MAX_CAPABILITIES = 50
MAX_DOCUMENTS = 1_000
MAX_JSON_BYTES = 256 * 1024
MAX_TIMEOUT_SECONDS = 7 * 24 * 3600.0
MAX_ATTEMPTS = 20
MAX_PRIORITY = 100
MAX_CONCURRENT_TASKS = 100
MAX_IDEMPOTENCY_KEY_CHARACTERS = 200
MAX_REASON_CHARACTERS = 500
MAX_DEPTH = 5
"""Generations of child sessions below a session that somebody asked for."""
MAX_DESCENDANTS = 1_000
"""Child sessions below such a session, of all generations together."""
MAX_TASK_DEPTH = 10
"""Generations of tasks spawned by tasks."""
