"""Files become documents: stored, read, cut into passages, indexed. One bad file never costs another."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import structlog
from django.core.files import File
from django.db import DatabaseError, transaction

from documents.conf import parse_limits
from documents.errors import NoFiles, ParseError
from documents.models import Collection, Document
from documents.parsing import Parsed, parse_file
from documents.passages import split_passages
from documents.services.audit import audit
from documents.services.indexing import write_passages
from documents.states import DocumentStatus
from documents.storage import StoredFile, delete_file, store_file
from documents.titles import title_of_file
from workspaces.models import Project

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Uploader:
    """For the audit log."""

    actor: str
    ip: str | None


def upload_documents(
    *,
    project: Project,
    files: Iterable["File[Any]"],
    actor: str,
    collection: Collection | None = None,
    ip: str | None = None,
) -> list[Document]:
    """One document a file, in order: READY, or FAILED with a sentence in `error`.

    A file whose very bytes the project already has READY in the same collection (or in none) gives that document back
    instead of a second one, so that repeating an upload is harmless and no passage is found twice.
    Must not be called inside a transaction: reading a large file takes seconds.

    Raises: NoFiles.
    """
    uploader = Uploader(actor, ip)
    documents = [_upload(project, collection, file, uploader) for file in files]
    if not documents:
        raise NoFiles("No file was sent: send at least one in the form field `files[]`.")
    return documents


def parse_document(*, document: Document, actor: str, ip: str | None = None) -> Document:
    """Reads the stored file again, after a failure or with a better parser; offsets of old citations may move."""
    with transaction.atomic():
        audit(document, "parsed_again", actor=actor, ip=ip)
    return _read(document)


def _upload(project: Project, collection: Collection | None, file: "File[Any]", by: Uploader) -> Document:
    document = Document(project=project, collection=collection, title=title_of_file(file.name or ""))
    document.source_name = (file.name or "")[-255:]
    try:
        stored = store_file(file, max_bytes=parse_limits().max_bytes)
    except ParseError as error:
        document.size_bytes = file.size
        _insert(document, by)
        return _fail(document, error)
    if twin := _twin(document, stored):
        delete_file(stored.name)
        return twin
    document.file, document.size_bytes, document.sha256 = stored.name, stored.size_bytes, stored.sha256
    _insert(document, by)
    try:
        return _read(document)
    except DatabaseError:
        if Document.objects.filter(pk=document.pk).exists():
            raise
        return _gone(document)


def _gone(document: Document) -> Document:
    """Somebody deleted it while it was being read; there is no row to save any more."""
    document.status, document.error_code = DocumentStatus.FAILED, "deleted"
    document.error = "The document was deleted while it was being read: upload it again if that was a mistake."
    return document


def _insert(document: Document, by: Uploader) -> None:
    after = {"title": document.title, "size_bytes": document.size_bytes, "sha256": document.sha256}
    with transaction.atomic():
        document.save(force_insert=True)
        audit(document, "uploaded", actor=by.actor, ip=by.ip, after=after)


def _twin(document: Document, stored: StoredFile) -> Document | None:
    same = Document.objects.ready().filter(
        project=document.project, collection=document.collection, sha256=stored.sha256
    )
    return same.order_by("id").first()


def _read(document: Document) -> Document:
    try:
        parsed = _parse(document)
    except ParseError as error:
        write_passages(document, [])
        return _fail(document, error)
    write_passages(document, split_passages(parsed.text))
    document.text, document.media_type = parsed.text, parsed.media_type
    document.status, document.error_code, document.error = DocumentStatus.READY, "", ""
    document.save(force_update=True)
    return document


def _parse(document: Document) -> Parsed:
    """Raises: ParseError, whatever the file does to the library that reads it."""
    try:
        with document.file.open("rb") as file:
            data = file.read()
    except (OSError, ValueError) as error:
        raise ParseError("The stored file is missing: upload it again.", code="missing") from error
    try:
        return parse_file(data, name=document.source_name, limits=parse_limits())
    except ParseError:
        raise
    except Exception as error:
        log.exception("document_parser_failed", document=str(document.pk))
        raise ParseError(
            "The file could not be read: save it again in the program it comes from, or upload it as PDF or text.",
            code="broken",
        ) from error


def _fail(document: Document, error: ParseError) -> Document:
    document.status, document.error_code, document.error = DocumentStatus.FAILED, error.code, error.message
    document.text = ""
    document.save(force_update=True)
    return document
