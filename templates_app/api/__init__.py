"""HTTP doors of `templates_app`."""
