"""Routes of `templates_app`, relative to the API's root. `template_id` is a slug or a UUID."""

from django.urls import path

from templates_app.api import exchange, views

urlpatterns = [
    path("templates", views.TemplateList.as_view()),
    path("templates/validate", views.DraftValidation.as_view()),
    path("templates/import", exchange.TemplateImport.as_view()),
    path("templates/<slug:template_id>", views.TemplateDetail.as_view()),
    path("templates/<slug:template_id>/versions", views.TemplateVersions.as_view()),
    path("templates/<slug:template_id>/versions/<int:version>", views.TemplateVersion.as_view()),
    path("templates/<slug:template_id>/diff", views.TemplateDiff.as_view()),
    path("templates/<slug:template_id>/restore", views.TemplateRestore.as_view()),
    path("templates/<slug:template_id>/enable", views.TemplateSwitch.as_view(enabled=True)),
    path("templates/<slug:template_id>/disable", views.TemplateSwitch.as_view(enabled=False)),
    path("templates/<slug:template_id>/copy", views.TemplateCopy.as_view()),
    path("templates/<slug:template_id>/validate", views.TemplateValidation.as_view()),
    path("templates/<slug:template_id>/export", exchange.TemplateExport.as_view()),
]
