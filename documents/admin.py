"""Admin of documents: texts and states are looked at; what changes them are services."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from core.admin import CountedDeletion
from documents import services
from documents.models import Collection, Document, Passage
from documents.states import DocumentStatus

PREVIEW_CHARACTERS = 5000


def actor_of(request: HttpRequest) -> dict[str, Any]:
    return {"actor": request.user.get_username(), "ip": request.META.get("REMOTE_ADDR") or None}


class ReadOnlyRows:
    """Rows that only a service makes or changes."""

    def has_add_permission(self, request: HttpRequest, *args: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class CollectionForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = Collection
        fields = ["name"]

    def clean_name(self) -> str:
        name = str(self.cleaned_data["name"])
        others = Collection.objects.filter(project_id=self.instance.project_id, name=name).exclude(pk=self.instance.pk)
        if others.exists():
            raise forms.ValidationError("The project already has a collection of this name.")
        return name


@admin.register(Collection)
class CollectionAdmin(CountedDeletion, ModelAdmin):  # type: ignore[misc]
    form = CollectionForm
    list_display = ("name", "project", "document_count", "created_at")
    list_select_related = ("project", "project__workspace")
    list_filter = ("project__workspace",)
    search_fields = ("name", "project__name")
    readonly_fields = ("id", "project", "created_at", "updated_at")
    fields = ("id", "project", "name", "created_at", "updated_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Collection]:
        rows: QuerySet[Collection] = super().get_queryset(request)
        return rows.annotate(document_count=Count("documents"))

    @admin.display(description="Documents", ordering="document_count")
    def document_count(self, collection: Any) -> int:
        return int(collection.document_count)

    def save_model(self, request: HttpRequest, obj: Collection, form: Any, change: bool) -> None:
        stored = Collection.objects.select_related("project").get(pk=obj.pk)
        services.rename_collection(collection=stored, name=obj.name, **actor_of(request))

    def delete_model(self, request: HttpRequest, obj: Collection) -> None:
        services.delete_collection(collection=obj, **actor_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Collection]) -> None:
        for collection in queryset:
            services.delete_collection(collection=collection, **actor_of(request))


class PassageInline(ReadOnlyRows, TabularInline):  # type: ignore[misc]
    model = Passage
    fields = ("ordinal", "start", "end", "text")
    readonly_fields = fields
    ordering = ("ordinal",)
    extra = 0
    per_page = 20
    can_delete = False
    show_change_link = True


@admin.register(Document)
class DocumentAdmin(CountedDeletion, ModelAdmin):  # type: ignore[misc]
    """A title may be changed here; the text, the state and the file come from the upload alone."""

    list_display = ("title", "status", "project", "collection", "media_type", "size_bytes", "created_at")
    list_select_related = ("project", "project__workspace", "collection")
    list_filter = ("status", "media_type", "project__workspace")
    search_fields = ("title", "sha256")
    date_hierarchy = "created_at"
    actions = ("parse_again",)
    inlines = (PassageInline,)
    readonly_fields = (
        "id",
        "project",
        "collection",
        "status",
        "error_code",
        "error",
        "media_type",
        "size_bytes",
        "sha256",
        "source_name",
        "beginning",
        "created_at",
        "updated_at",
    )
    fields = ("title", *readonly_fields)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Document]:
        rows: QuerySet[Document] = super().get_queryset(request)
        return rows.defer("text")

    @admin.display(description="Beginning of the text")
    def beginning(self, document: Document) -> str:
        return document.text[:PREVIEW_CHARACTERS]

    def save_model(self, request: HttpRequest, obj: Document, form: Any, change: bool) -> None:
        stored = Document.objects.select_related("project", "collection").get(pk=obj.pk)
        services.change_document(document=stored, title=obj.title, **actor_of(request))

    def delete_model(self, request: HttpRequest, obj: Document) -> None:
        services.delete_document(document=obj, **actor_of(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        for document in queryset.select_related("project"):
            services.delete_document(document=document, **actor_of(request))

    @admin.action(description="Parse again", permissions=["change"])
    def parse_again(self, request: HttpRequest, queryset: QuerySet[Document]) -> None:
        """Reads the stored files anew, with the parsers of today."""
        rows = [
            services.parse_document(document=document, **actor_of(request))
            for document in queryset.select_related("project")
        ]
        failed = [row.title for row in rows if row.status == DocumentStatus.FAILED]
        self.message_user(request, f"{len(rows) - len(failed)} of {len(rows)} documents read.", messages.SUCCESS)
        if failed:
            self.message_user(request, f"Failed: {', '.join(failed[:10])}.", messages.WARNING)


@admin.register(Passage)
class PassageAdmin(ReadOnlyRows, ModelAdmin):  # type: ignore[misc]
    list_display = ("document", "ordinal", "start", "end", "beginning")
    list_select_related = ("document",)
    search_fields = ("document__title",)
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Passage]:
        """Without the documents' whole texts, which would be read (and sorted along) once for each passage."""
        rows: QuerySet[Passage] = super().get_queryset(request)
        return rows.select_related("document").defer("document__text")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A passage goes with its document (or project, or workspace), never alone."""
        route = request.resolver_match.url_name if request.resolver_match else ""
        return not (route or "").startswith("documents_passage_") and bool(super().has_delete_permission(request, obj))

    @admin.display(description="Text")
    def beginning(self, passage: Passage) -> str:
        return passage.text[:120]
