"""Routes of collections, documents and the search in them."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.generics import GenericAPIView
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from core.errors import Invalid
from documents import selectors, services
from documents.api import serializers as shapes
from documents.api.filters import CollectionFilter, DocumentFilter
from documents.models import Collection, Document
from workspaces.access import Access
from workspaces.api.access import PagedMixin
from workspaces.models import Project
from workspaces.selectors import project_for
from workspaces.states import Role

FILE_FIELDS = ("files[]", "files", "file")


class Door(PagedMixin, GenericAPIView[Any]):
    """A view of documents."""

    def collection(self, collection_id: UUID, role: Role = Role.VIEWER) -> Collection:
        """Raises: CollectionNotFound, Forbidden."""
        row = selectors.collection_for(workspace_ids=self.access.workspace_ids, collection_id=collection_id)
        self.access.require(row.project.workspace_id, role)
        return row

    def document(self, document_id: UUID, role: Role = Role.VIEWER) -> Document:
        """Raises: DocumentNotFound, Forbidden."""
        row = selectors.document_for(workspace_ids=self.access.workspace_ids, document_id=document_id)
        self.access.require(row.project.workspace_id, role)
        return row

    def shelf(
        self, project_id: UUID | None, collection_id: UUID | None, role: Role
    ) -> tuple[Project, Collection | None]:
        """The project meant, and the collection in it.

        Raises: NotFound, Forbidden, Invalid when the collection is of another project.
        """
        if collection_id is None:
            return project_for(access=self.access, project_id=project_id, role=role), None
        collection = self.collection(collection_id, role)
        if project_id not in (None, collection.project_id):
            sentence = "This collection is in another project: leave project_id out or name that one."
            raise Invalid(sentence, details={"collection_id": [sentence]})
        return collection.project, collection


def actor_of(access: Access) -> dict[str, Any]:
    return {"actor": access.actor, "ip": access.ip}


class Collections(Door):
    queryset = Collection.objects.none()  # only for the description of the filters
    serializer_class = shapes.CollectionShape
    filterset_class = CollectionFilter

    @extend_schema(operation_id="collections_list", responses=shapes.CollectionShape(many=True), tags=["documents"])
    def get(self, request: Request) -> Response:
        """The collections of your workspaces, by name."""
        return self.paged(selectors.visible_collections(workspace_ids=self.access.workspace_ids))

    @extend_schema(
        operation_id="collections_create",
        request=shapes.CollectionRequest,
        responses={201: shapes.CollectionShape},
        tags=["documents"],
    )
    def post(self, request: Request) -> Response:
        """Make a collection: a named set of documents of a project."""
        values = self.given(shapes.CollectionRequest, request.data)
        project = project_for(access=self.access, project_id=values.get("project_id"), role=Role.MEMBER)
        row = services.create_collection(project=project, name=values["name"], **actor_of(self.access))
        row = self.collection(row.pk)
        return Response(shapes.CollectionShape(row).data, status=status.HTTP_201_CREATED)


class OneCollection(Door):
    serializer_class = shapes.CollectionShape

    @extend_schema(operation_id="collections_retrieve", tags=["documents"])
    def get(self, request: Request, collection_id: UUID) -> Response:
        """One collection."""
        return Response(shapes.CollectionShape(self.collection(collection_id)).data)

    @extend_schema(operation_id="collections_rename", request=shapes.CollectionChange, tags=["documents"])
    def patch(self, request: Request, collection_id: UUID) -> Response:
        """Rename a collection."""
        row = self.collection(collection_id, Role.MEMBER)
        name = self.given(shapes.CollectionChange, request.data)["name"]
        services.rename_collection(collection=row, name=name, **actor_of(self.access))
        return Response(shapes.CollectionShape(row).data)

    @extend_schema(operation_id="collections_delete", responses={204: None}, tags=["documents"])
    def delete(self, request: Request, collection_id: UUID) -> Response:
        """Delete a collection. Its documents stay, in no collection."""
        row = self.collection(collection_id, Role.MEMBER)
        services.delete_collection(collection=row, **actor_of(self.access))
        return Response(status=status.HTTP_204_NO_CONTENT)


class Documents(Door):
    queryset = Document.objects.none()  # only for the description of the filters
    serializer_class = shapes.DocumentShape
    filterset_class = DocumentFilter
    parser_classes = (MultiPartParser,)

    @extend_schema(operation_id="documents_list", responses=shapes.DocumentShape(many=True), tags=["documents"])
    def get(self, request: Request) -> Response:
        """The documents of your workspaces, newest first, without their texts."""
        return self.paged(selectors.visible_documents(workspace_ids=self.access.workspace_ids))

    @extend_schema(
        operation_id="documents_upload",
        request={"multipart/form-data": shapes.UploadForm},
        responses={201: shapes.UploadResults},
        tags=["documents"],
    )
    def post(self, request: Request) -> Response:
        """Upload files. Each has a result of its own, in order: READY, or FAILED with a sentence in `error`.

        What a file is, is read from its bytes. Bytes that the project has already in the same collection give the
        document there is.
        """
        form = self.given(shapes.UploadRequest, {key: value for key, value in request.POST.items() if value})
        project, collection = self.shelf(form.get("project_id"), form.get("collection_id"), Role.MEMBER)
        files = [file for field in FILE_FIELDS for file in request.FILES.getlist(field)]
        rows = services.upload_documents(project=project, collection=collection, files=files, **actor_of(self.access))
        return Response(shapes.UploadResults({"results": rows}).data, status=status.HTTP_201_CREATED)


class OneDocument(Door):
    serializer_class = shapes.DocumentShape

    @extend_schema(operation_id="documents_retrieve", tags=["documents"])
    def get(self, request: Request, document_id: UUID) -> Response:
        """One document, without its text."""
        return Response(shapes.DocumentShape(self.document(document_id)).data)

    @extend_schema(operation_id="documents_change", request=shapes.DocumentChange, tags=["documents"])
    def patch(self, request: Request, document_id: UUID) -> Response:
        """Rename a document, or put it into a collection of its project, or into none."""
        row = self.document(document_id, Role.MEMBER)
        changes = self.given(shapes.DocumentChange, request.data)
        if "collection_id" in changes:
            collection_id = changes.pop("collection_id")
            changes["collection"] = self.shelf(row.project_id, collection_id, Role.MEMBER)[1]
        services.change_document(document=row, **changes, **actor_of(self.access))
        return Response(shapes.DocumentShape(row).data)

    @extend_schema(operation_id="documents_delete", responses={204: None}, tags=["documents"])
    def delete(self, request: Request, document_id: UUID) -> Response:
        """Delete a document with its file and passages. Answers that cite it keep the words they quoted."""
        row = self.document(document_id, Role.MEMBER)
        services.delete_document(document=row, **actor_of(self.access))
        return Response(status=status.HTTP_204_NO_CONTENT)


class DocumentText(Door):
    serializer_class = shapes.TextShape

    @extend_schema(operation_id="documents_text", parameters=[shapes.TextQuery], tags=["documents"])
    def get(self, request: Request, document_id: UUID) -> Response:
        """The text found in a document, or the stretch of it that a citation names."""
        row = self.document(document_id)
        query = self.given(shapes.TextQuery, request.query_params.dict())
        start, furthest = query["start"], query["start"] + shapes.TEXT_PART_CHARACTERS
        end = min(query.get("end", furthest), furthest)
        text, length = selectors.document_text_span(document_id=row.pk, start=start, end=end)
        values = {"id": row.pk, "title": row.title, "start": start, "end": start + len(text), "length": length}
        return Response(shapes.TextShape({**values, "text": text}).data)


class DocumentPassages(Door):
    serializer_class = shapes.PassageShape
    filter_backends = ()

    @extend_schema(operation_id="documents_passages", responses=shapes.PassageShape(many=True), tags=["documents"])
    def get(self, request: Request, document_id: UUID) -> Response:
        """The passages a document is searched by, in order."""
        return self.paged(selectors.passages_of(document=self.document(document_id)))


class DocumentFile(Door):
    @extend_schema(
        operation_id="documents_file",
        responses={(200, "application/octet-stream"): OpenApiResponse(OpenApiTypes.BINARY, "The file.")},
        tags=["documents"],
    )
    def get(self, request: Request, document_id: UUID) -> HttpResponse:
        """The file as it was uploaded, always as a download: a browser never shows what a stranger wrote as ours."""
        row = self.document(document_id)
        response = HttpResponse(selectors.document_file(document=row), content_type="application/octet-stream")
        name = selectors.download_name(document=row)
        response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
        response["X-Content-Type-Options"] = "nosniff"
        response["Content-Security-Policy"] = "sandbox; default-src 'none'"
        response["Cache-Control"] = "private, no-store"
        return response


class Search(Door):
    serializer_class = shapes.HitShape
    filter_backends = ()

    @extend_schema(
        operation_id="search", parameters=[shapes.SearchQuery], responses=shapes.HitShape(many=True), tags=["documents"]
    )
    def get(self, request: Request) -> Response:
        """The passages that answer a question best, best first."""
        query = self.given(shapes.SearchQuery, request.query_params.dict())
        project, collection = self.shelf(query.get("project"), query.get("collection"), Role.VIEWER)
        hits = selectors.search_passages(
            project_id=project.pk,
            query=query["q"],
            limit=query["limit"],
            document_ids=query.get("documents"),
            collection_id=collection.pk if collection else None,
        )
        results = shapes.HitShape([asdict(hit) for hit in hits], many=True).data
        return Response({"count": len(results), "next": None, "previous": None, "results": results})
