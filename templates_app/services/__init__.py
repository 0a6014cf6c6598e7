"""Verbs of templates, one file a noun."""

from templates_app.services.exchange import export_template, import_template
from templates_app.services.gallery import GalleryReport, sync_gallery
from templates_app.services.templates import (
    copy_template,
    create_template,
    delete_template,
    lock_for_use,
    restore_version,
    set_enabled,
    update_template,
)

__all__ = [
    "GalleryReport",
    "copy_template",
    "create_template",
    "delete_template",
    "export_template",
    "import_template",
    "lock_for_use",
    "restore_version",
    "set_enabled",
    "sync_gallery",
    "update_template",
]
