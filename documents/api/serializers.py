"""What the API reads and writes about collections, documents, passages and searches."""

from typing import Any
from uuid import UUID

from rest_framework import serializers

from documents.conf import TITLE_CHARACTERS
from documents.models import Collection, Document, Passage
from documents.selectors import MAX_HITS
from documents.states import DocumentStatus
from documents.titles import clean_title

TEXT_PART_CHARACTERS = 200_000


class TitleField(serializers.CharField):
    """One line of visible characters."""

    def to_internal_value(self, data: Any) -> str:
        title = clean_title(super().to_internal_value(data))
        if not title:
            raise serializers.ValidationError("Give at least one visible character.")
        return title


class CollectionShape(serializers.ModelSerializer[Collection]):
    project_id = serializers.UUIDField(read_only=True)
    document_count = serializers.IntegerField(read_only=True)

    class Meta:
        model = Collection
        fields = ["id", "project_id", "name", "document_count", "created_at", "updated_at"]
        read_only_fields = fields


class CollectionChange(serializers.Serializer[Any]):
    name = TitleField(max_length=200)


class CollectionRequest(CollectionChange):
    project_id = serializers.UUIDField(required=False, help_text="Without it: the default project.")


class DocumentShape(serializers.ModelSerializer[Document]):
    """`status` READY: it can be searched. FAILED: `error` says why and what to do, `error_code` in a word."""

    project_id = serializers.UUIDField(read_only=True)
    collection_id = serializers.UUIDField(read_only=True, allow_null=True)
    status = serializers.ChoiceField(choices=[str(status) for status in DocumentStatus], read_only=True)
    error = serializers.SerializerMethodField()

    class Meta:
        model = Document
        fields = [
            "id",
            "project_id",
            "collection_id",
            "title",
            "status",
            "error",
            "error_code",
            "media_type",
            "size_bytes",
            "sha256",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields

    def get_error(self, document: Document) -> str | None:
        return document.error or None


class UploadRequest(serializers.Serializer[Any]):
    """The form beside the files."""

    project_id = serializers.UUIDField(required=False, help_text="Without it: the collection's, else the default one.")
    collection_id = serializers.UUIDField(required=False, help_text="Without it: in no collection.")


class UploadForm(UploadRequest):
    """The whole form, for the schema: DRF has no field whose name ends in brackets."""

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        files = serializers.ListField(child=serializers.FileField(), help_text="pdf, docx, html, md, txt or csv")
        return {"files[]": files, **super().get_fields()}


class UploadResults(serializers.Serializer[Any]):
    results = DocumentShape(many=True)


class DocumentChange(serializers.Serializer[Any]):
    title = TitleField(max_length=TITLE_CHARACTERS, required=False)
    collection_id = serializers.UUIDField(required=False, allow_null=True, help_text="null: out of any collection")


class TextQuery(serializers.Serializer[Any]):
    start = serializers.IntegerField(min_value=0, default=0)
    end = serializers.IntegerField(
        min_value=0, required=False, help_text=f"at most {TEXT_PART_CHARACTERS} after start; without it: as far as that"
    )


class TextShape(serializers.Serializer[Any]):
    """Offsets count characters from 0; `end` is the offset after the last one given, `length` that of the whole."""

    id = serializers.UUIDField()
    title = serializers.CharField()
    start = serializers.IntegerField()
    end = serializers.IntegerField()
    length = serializers.IntegerField()
    text = serializers.CharField()


class PassageShape(serializers.ModelSerializer[Passage]):
    class Meta:
        model = Passage
        fields = ["id", "ordinal", "start", "end", "text"]
        read_only_fields = fields


class SearchQuery(serializers.Serializer[Any]):
    q = serializers.CharField(max_length=20_000, help_text="a question in plain words; no operators")
    limit = serializers.IntegerField(min_value=1, max_value=MAX_HITS, default=10)
    project = serializers.UUIDField(required=False, help_text="without it: the collection's, else the default one")
    collection = serializers.UUIDField(required=False, help_text="only documents of this collection")
    documents = serializers.CharField(required=False, help_text="only these documents: ids with commas")

    def validate_documents(self, text: str) -> list[UUID]:
        field = serializers.ListField(child=serializers.UUIDField(), max_length=1000)
        return list(field.run_validation([word.strip() for word in text.split(",") if word.strip()]))


class HitShape(serializers.Serializer[Any]):
    passage_id = serializers.UUIDField()
    document_id = serializers.UUIDField()
    title = serializers.CharField()
    ordinal = serializers.IntegerField()
    start = serializers.IntegerField()
    end = serializers.IntegerField()
    text = serializers.CharField()
    score = serializers.FloatField(help_text="BM25: compare within one answer only")
