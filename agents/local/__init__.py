"""The local engines of the built-in agents: deterministic, without Django, key or network."""
