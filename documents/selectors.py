"""Reads of documents. `search_passages` and `list_passages` are what agents see; they may be called from any thread."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from documents.errors import CollectionNotFound, DocumentNotFound
from documents.models import Collection, Document, DocumentQuerySet, Passage
from documents.parsing import SUFFIXES
from documents.search import Scope, Scored, get_backend
from documents.states import DocumentStatus
from documents.types import PassageHit

Id = UUID | str
MAX_HITS = 200


def visible_collections(*, workspace_ids: Iterable[UUID]) -> QuerySet[Collection]:
    """Collections of these workspaces with `document_count`."""
    query = Collection.objects.filter(project__workspace_id__in=list(workspace_ids)).select_related("project")
    return query.annotate(document_count=Count("documents")).order_by("name", "id")


def visible_documents(*, workspace_ids: Iterable[UUID]) -> DocumentQuerySet:
    """Documents of these workspaces, newest first, without their texts."""
    query = Document.objects.filter(project__workspace_id__in=list(workspace_ids))
    return query.select_related("collection").without_text().order_by("-created_at", "-id")


def collection_for(*, workspace_ids: Iterable[UUID], collection_id: Id) -> Collection:
    """Raises: CollectionNotFound, also for one of another workspace."""
    collection = visible_collections(workspace_ids=workspace_ids).filter(id=collection_id).first()
    if collection is None:
        raise CollectionNotFound("There is no such collection.")
    return collection


def document_for(*, workspace_ids: Iterable[UUID], document_id: Id) -> Document:
    """Raises: DocumentNotFound, also for one of another workspace."""
    query = visible_documents(workspace_ids=workspace_ids).select_related("collection", "project")
    document = query.filter(id=document_id).first()
    if document is None:
        raise DocumentNotFound("There is no such document.")
    return document


def document_text_span(*, document_id: Id, start: int = 0, end: int | None = None) -> tuple[str, int]:
    """`text[start:end]` of a document and the whole text's length, in characters. Raises: DocumentNotFound."""
    text = Document.objects.filter(id=document_id).values_list("text", flat=True).first()
    if text is None:
        raise DocumentNotFound("There is no such document.")
    return text[start:end], len(text)


def document_file(*, document: Document) -> bytes:
    """The file as it was uploaded. Raises: DocumentNotFound when it is no longer (or never was) in the storage."""
    try:
        with document.file.open("rb") as file:
            data: bytes = file.read()
            return data
    except (OSError, ValueError) as error:
        raise DocumentNotFound("The file of this document is not kept: upload it again.") from error


def download_name(*, document: Document) -> str:
    """The title with the suffix of what the file is, not of what it was called."""
    return document.title + SUFFIXES.get(document.media_type, "")


def passages_of(*, document: Document) -> QuerySet[Passage]:
    return Passage.objects.filter(document=document).order_by("ordinal")


def search_passages(
    *,
    project_id: Id,
    query: str,
    limit: int = 10,
    document_ids: Sequence[Id] | None = None,
    collection_id: Id | None = None,
) -> list[PassageHit]:
    """The best passages for a question in plain words, best first; any text is a safe query.

    Looks in the whole project; with `document_ids` or `collection_id` in those documents and that collection's
    (both given: in either). A document of another project is not found. An empty list of documents is no documents.
    """
    scored = get_backend().search(_scope(project_id, document_ids, collection_id), query, min(limit, MAX_HITS))
    return _hits(scored)


def list_passages(
    *,
    project_id: Id,
    document_ids: Sequence[Id] | None = None,
    collection_id: Id | None = None,
    limit: int = 2000,
) -> list[PassageHit]:
    """All passages in the scope (see `search_passages`), document by document in order of upload."""
    query = Passage.objects.filter(_within(_scope(project_id, document_ids, collection_id), "document__"))
    rows = query.filter(document__status=DocumentStatus.READY).order_by("document_id", "ordinal")
    return [_hit(row, 0.0) for row in _with_titles(rows)[:limit]]


def document_titles(
    *, project_id: Id, document_ids: Sequence[Id] | None = None, collection_id: Id | None = None
) -> list[tuple[str, str]]:
    """(id, title) of each READY document in the scope, in order of upload."""
    scope = _within(_scope(project_id, document_ids, collection_id), "")
    rows = Document.objects.ready().filter(scope).order_by("id").values_list("id", "title")
    return [(str(document_id), title) for document_id, title in rows]


def _scope(project_id: Id, document_ids: Sequence[Id] | None, collection_id: Id | None) -> Scope:
    return Scope(
        project_id=_uuid(project_id),
        document_ids=None if document_ids is None else tuple(_uuid(document_id) for document_id in document_ids),
        collection_id=None if collection_id is None else _uuid(collection_id),
    )


def _uuid(value: Id) -> UUID:
    return value if isinstance(value, UUID) else UUID(value)


def _within(scope: Scope, path: str) -> Q:
    """The scope as a condition; `path` leads to the document."""
    project = Q(**{f"{path}project_id": scope.project_id})
    if scope.document_ids is None and scope.collection_id is None:
        return project
    wanted = Q(**{f"{path}id__in": scope.document_ids or ()})
    if scope.collection_id is not None:
        wanted |= Q(**{f"{path}collection_id": scope.collection_id})
    return project & wanted


def _with_titles(rows: QuerySet[Passage]) -> QuerySet[Passage]:
    fields = ("id", "document_id", "ordinal", "start", "end", "text", "document__title")
    return rows.select_related("document").only(*fields)


def _hits(scored: Sequence[Scored]) -> list[PassageHit]:
    """The rows of search results, in their order; an entry of a document that is not READY is left out."""
    rows = Passage.objects.filter(id__in=[hit.passage_id for hit in scored], document__status=DocumentStatus.READY)
    found = {row.pk: row for row in _with_titles(rows)}
    return [_hit(found[hit.passage_id], hit.score) for hit in scored if hit.passage_id in found]


def _hit(row: Passage, score: float) -> PassageHit:
    return PassageHit(
        passage_id=str(row.pk),
        document_id=str(row.document_id),
        title=row.document.title,
        ordinal=row.ordinal,
        start=row.start,
        end=row.end,
        text=row.text,
        score=score,
    )
