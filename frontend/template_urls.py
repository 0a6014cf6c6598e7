"""Routes of the pages of templates."""

from django.urls import path

from frontend.views.templates import detail, editing, gallery, versions

ONE = "templates/<slug:slug>"

urlpatterns = [
    path("templates", gallery.gallery, name="templates"),
    path("templates/new", editing.new, name="template-new"),
    path("templates/import", editing.import_page, name="template-import"),
    path("templates/validate", editing.validate, name="template-check"),
    path(ONE, detail.template_page, name="template"),
    path(f"{ONE}/edit", editing.edit, name="template-edit"),
    path(f"{ONE}/export", detail.export, name="template-export"),
    path(f"{ONE}/copy", detail.copy, name="template-copy"),
    path(f"{ONE}/enabled", detail.enabled, name="template-enabled"),
    path(f"{ONE}/delete", detail.delete, name="template-delete"),
    path(f"{ONE}/upgrade", detail.upgrade, name="template-upgrade"),
    path(f"{ONE}/versions", versions.version_list, name="template-versions"),
    path(f"{ONE}/compare", versions.compare, name="template-compare"),
    path(f"{ONE}/restore/<int:version>", versions.restore, name="template-restore"),
]
