"""Admin of templates: every change goes through the services and is a new version."""

from templates_app.admin import templates, versions

__all__ = ["templates", "versions"]
