"""Documents, the collections they stand in, and the passages they are searched by."""

from django.db import models

from core.constraints import one_of
from core.ids import new_id
from core.models import Row, TimestampedRow
from documents.states import DocumentStatus


class Collection(TimestampedRow):
    """A named set of documents of a project."""

    project = models.ForeignKey(
        "workspaces.Project", on_delete=models.CASCADE, related_name="collections", db_index=False
    )
    name = models.CharField(max_length=200)

    class Meta:
        db_table = "collection"
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="collection_name_unique")]

    def __str__(self) -> str:
        return self.name


def generated_name(document: "Document", file_name: str) -> str:
    """Where an uploaded file is kept: nothing of the name it came with."""
    key = new_id().hex
    return f"documents/{key[-2:]}/{key}"


class DocumentQuerySet(models.QuerySet["Document"]):
    def ready(self) -> "DocumentQuerySet":
        return self.filter(status=DocumentStatus.READY)

    def without_text(self) -> "DocumentQuerySet":
        """For lists: a text can be megabytes."""
        return self.defer("text")


class Document(TimestampedRow):
    """One uploaded file and the text found in it; FAILED rows say why in `error`."""

    project = models.ForeignKey(
        "workspaces.Project", on_delete=models.CASCADE, related_name="documents", db_index=False
    )
    collection = models.ForeignKey(
        Collection, on_delete=models.SET_NULL, null=True, blank=True, related_name="documents"
    )
    title = models.CharField(max_length=300)
    source_name = models.CharField(max_length=255, blank=True)
    file = models.FileField(upload_to=generated_name, max_length=300, blank=True)
    media_type = models.CharField(max_length=100, blank=True)
    size_bytes = models.PositiveBigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True, db_index=True)
    text = models.TextField(blank=True)
    status = models.CharField(
        max_length=20, choices=[(status, status.title()) for status in DocumentStatus], default=DocumentStatus.PENDING
    )
    error_code = models.CharField(max_length=50, blank=True)
    error = models.TextField(blank=True)

    objects = DocumentQuerySet.as_manager()

    class Meta:
        db_table = "document"
        ordering = ["-created_at", "-id"]
        constraints = [one_of("status", DocumentStatus, name="document_status_check")]
        indexes = [
            models.Index(fields=["project", "-created_at"], name="document_project_idx"),
            models.Index(fields=["project", "status"], name="document_status_idx"),
        ]

    def __str__(self) -> str:
        return self.title


class Passage(Row):
    """A stretch of a document's text: `document.text[start:end] == text`."""

    document = models.ForeignKey(Document, on_delete=models.CASCADE, related_name="passages", db_index=False)
    ordinal = models.PositiveIntegerField()
    start = models.PositiveIntegerField()
    end = models.PositiveIntegerField()
    text = models.TextField()

    class Meta:
        db_table = "passage"
        ordering = ["document", "ordinal"]
        constraints = [models.UniqueConstraint(fields=["document", "ordinal"], name="passage_ordinal_unique")]

    def __str__(self) -> str:
        return f"{self.document_id}#{self.ordinal}"
