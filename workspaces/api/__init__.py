"""HTTP doors of `workspaces`."""
