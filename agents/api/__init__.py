"""HTTP doors of `agents`."""
