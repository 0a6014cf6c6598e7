"""Routes of `documents`, relative to the API's root."""

from django.urls import path

from documents.api import views

urlpatterns = [
    path("collections", views.Collections.as_view(), name="collections"),
    path("collections/<uuid:collection_id>", views.OneCollection.as_view(), name="collection"),
    path("documents", views.Documents.as_view(), name="documents"),
    path("documents/<uuid:document_id>", views.OneDocument.as_view(), name="document"),
    path("documents/<uuid:document_id>/text", views.DocumentText.as_view(), name="document-text"),
    path("documents/<uuid:document_id>/passages", views.DocumentPassages.as_view(), name="document-passages"),
    path("documents/<uuid:document_id>/file", views.DocumentFile.as_view(), name="document-file"),
    path("search", views.Search.as_view(), name="search"),
]
