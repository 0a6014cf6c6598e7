"""How lists of collections and documents are narrowed and ordered."""

import django_filters

from documents.models import Collection, Document
from documents.states import DocumentStatus

STATUSES = [(str(status), status.title()) for status in DocumentStatus]


class CollectionFilter(django_filters.FilterSet):
    project = django_filters.UUIDFilter(field_name="project_id")
    search = django_filters.CharFilter(field_name="name", lookup_expr="icontains")
    ordering = django_filters.OrderingFilter(fields=["name", "created_at", "updated_at", "document_count"])

    class Meta:
        model = Collection
        fields: list[str] = []


class DocumentFilter(django_filters.FilterSet):
    project = django_filters.UUIDFilter(field_name="project_id")
    collection = django_filters.UUIDFilter(field_name="collection_id")
    in_collection = django_filters.BooleanFilter(field_name="collection_id", lookup_expr="isnull", exclude=True)
    status = django_filters.ChoiceFilter(choices=STATUSES)
    media_type = django_filters.CharFilter()
    search = django_filters.CharFilter(field_name="title", lookup_expr="icontains")
    ordering = django_filters.OrderingFilter(fields=["title", "status", "size_bytes", "created_at", "updated_at"])

    class Meta:
        model = Document
        fields: list[str] = []
