"""HTTP doors of sessions."""
