"""Documents: list, upload, one document, and a passage for the side panel."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.errors import Forbidden, OrchestratorError
from documents.models import Collection, Document
from documents.selectors import (
    collection_for,
    document_for,
    document_text_span,
    visible_collections,
    visible_documents,
)
from documents.services import create_collection, delete_document, upload_documents
from documents.states import DocumentStatus
from frontend.place import Place, access_of, place_of
from frontend.presenters.spans import AROUND, mark_span
from frontend.views.doors import attempt, page, paginate
from frontend.views.forms import optional_uuid
from workspaces.states import Role


@require_http_methods(["GET", "HEAD", "POST"])
@page
def document_list(request: HttpRequest) -> HttpResponse:
    place = place_of(request)
    results = [upload_result(row) for row in _upload(request, place)] if request.method == "POST" else []
    return render(request, "frontend/documents.html", _list_context(request, place, results))


@require_POST
@page
def upload(request: HttpRequest) -> HttpResponse:
    """For the drop zone: `{"results": [{id, title, status, error}]}`, in the order of the files."""
    try:
        rows = _upload(request, place_of(request))
    except OrchestratorError as error:
        status = 403 if isinstance(error, Forbidden) else 400
        return JsonResponse({"code": error.code, "message": error.message, "details": error.details}, status=status)
    return JsonResponse({"results": [upload_result(row) for row in rows]})


@require_POST
@page
def new_collection(request: HttpRequest) -> HttpResponse:
    place = place_of(request)
    place.access.require(place.here.workspace_id, Role.MEMBER)
    name = request.POST.get("name", "").strip()[:200] or "Collection"
    attempt(
        request,
        lambda: create_collection(project=place.here, name=name, actor=place.access.actor),
        done=f"The collection “{name}” is there.",
    )
    return redirect("documents")


@require_safe
@page
def document_page(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """The whole text; `?start=&end=` marks a span."""
    document = _visible(request, document_id)
    text, _ = document_text_span(document_id=document.id)
    context = {
        "document": document,
        "span": mark_span(text, *_span_asked(request)),
        "may_change": access_of(request).may(document.project.workspace_id, Role.MEMBER),
    }
    return render(request, "frontend/document.html", context)


@require_safe
@page
def passage(request: HttpRequest, document_id: UUID) -> HttpResponse:
    """The span of `?start=&end=` with the text around it, as a piece of HTML."""
    document = _visible(request, document_id)
    text, _ = document_text_span(document_id=document.id)
    context = {"document": document, "span": mark_span(text, *_span_asked(request), around=AROUND)}
    return render(request, "frontend/_passage.html", context)


@require_POST
@page
def delete(request: HttpRequest, document_id: UUID) -> HttpResponse:
    document = _visible(request, document_id)
    access = access_of(request)
    access.require(document.project.workspace_id, Role.MEMBER)
    attempt(
        request,
        lambda: delete_document(document=document, actor=access.actor),
        done=f"“{document.title}” is deleted.",
    )
    return redirect("documents")


def upload_result(document: Document) -> dict[str, str]:
    return {
        "id": str(document.id),
        "title": document.title,
        "status": str(document.status),
        "error": document.error,
    }


def upload_files(request: HttpRequest, place: Place, collection: Collection | None = None) -> list[Document]:
    """Raises: NoFiles, Forbidden below MEMBER."""
    place.access.require(place.here.workspace_id, Role.MEMBER)
    files = [*request.FILES.getlist("files"), *request.FILES.getlist("files[]")]
    return upload_documents(project=place.here, files=files, actor=place.access.actor, collection=collection)


def _upload(request: HttpRequest, place: Place) -> list[Document]:
    collection_id = optional_uuid(request.POST.get("collection_id") or request.POST.get("collection"))
    collection = (
        collection_for(workspace_ids=[place.here.workspace_id], collection_id=collection_id) if collection_id else None
    )
    return upload_files(request, place, collection)


def _visible(request: HttpRequest, document_id: UUID) -> Document:
    return document_for(workspace_ids=access_of(request).workspace_ids, document_id=document_id)


def _span_asked(request: HttpRequest) -> tuple[int | None, int | None]:
    return _offset(request.GET.get("start")), _offset(request.GET.get("end"))


def _offset(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 12 else None


def _list_context(request: HttpRequest, place: Place, results: list[dict[str, str]]) -> dict[str, Any]:
    filters = {name: request.GET.get(name, "").strip() for name in ("q", "collection", "status")}
    workspace_ids = [place.here.workspace_id]
    rows = visible_documents(workspace_ids=workspace_ids).filter(project=place.here)
    collection_id = optional_uuid(filters["collection"])
    if collection_id:
        rows = rows.filter(collection_id=collection_id)
    if filters["status"] in set(DocumentStatus):
        rows = rows.filter(status=filters["status"])
    if filters["q"]:
        rows = rows.filter(title__icontains=filters["q"])
    return {
        "listed": paginate(request, rows),
        "collections": list(visible_collections(workspace_ids=workspace_ids).filter(project=place.here)),
        "filters": {**filters, "any": any(filters.values())},
        "statuses": list(DocumentStatus),
        "may_change": place.may(Role.MEMBER),
        "upload_results": results,
        "max_upload_bytes": settings.MAX_UPLOAD_BYTES,
    }
