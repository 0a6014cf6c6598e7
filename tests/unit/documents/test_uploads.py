"""Uploads: each file its own outcome."""

import threading
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection

from documents import services
from documents.errors import DocumentNotFound, NameTaken, NoFiles
from documents.models import Collection, Document, Passage
from documents.parsing import parse_file
from documents.selectors import (
    collection_for,
    document_for,
    document_text_span,
    document_titles,
    list_passages,
    search_passages,
    visible_documents,
)
from documents.states import DocumentStatus
from tests.make import Make
from tests.unit.documents import files
from workspaces.models import Project

WHALES = b"Whales sing at night. Their songs travel far under water."


@pytest.fixture(autouse=True)
def own_files(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


def upload(project: Project, *pairs: tuple[str, bytes], collection: Collection | None = None) -> list[Document]:
    sent = [ContentFile(data, name=name) for name, data in pairs]
    return services.upload_documents(project=project, collection=collection, files=sent, actor="ann")


def kept(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_failing_file_says_why_and_the_others_succeed(project: Project) -> None:
    pairs = [("a.txt", WHALES), ("b.pdf", files.PNG), ("c.docx", files.word("A krill.")), ("d.txt", b"")]
    good, picture, word, empty = upload(project, *pairs)
    assert [row.status for row in (good, picture, word, empty)] == ["READY", "FAILED", "READY", "FAILED"]
    assert (picture.error_code, empty.error_code) == ("unsupported", "empty")
    assert "PNG" in picture.error
    assert good.error == ""
    assert Document.objects.count() == 4


def test_a_ready_document_has_its_text_its_passages_and_its_measures(project: Project) -> None:
    text = "\n\n".join(f"Paragraph {number} tells of whales. " + "More words follow. " * 20 for number in range(20))
    (document,) = upload(project, ("a.txt", text.encode()))
    stored = Document.objects.get(pk=document.pk)
    assert stored.media_type == "text/plain"
    assert stored.size_bytes == len(text)
    assert len(stored.sha256) == 64
    passages = list(Passage.objects.filter(document=document).order_by("ordinal"))
    assert len(passages) > 5
    assert all(stored.text[row.start : row.end] == row.text for row in passages)


def test_the_stored_file_carries_nothing_of_its_name(project: Project, own_files: Path) -> None:
    (document,) = upload(project, ("../../evil.php", WHALES))
    (path,) = kept(own_files)
    assert path.name.isalnum()
    assert path.suffix == ""
    assert path.read_bytes() == WHALES
    assert document.title == "evil.php"


def test_a_file_over_the_limit_fails_and_is_not_kept(project: Project, settings: Any, own_files: Path) -> None:
    settings.MAX_UPLOAD_BYTES = 100
    big, small = upload(project, ("big.txt", b"x" * 101), ("small.txt", WHALES))
    assert (big.status, big.error_code, small.status) == ("FAILED", "too_large", "READY")
    assert len(kept(own_files)) == 1


def test_the_same_bytes_again_are_the_same_document(project: Project, own_files: Path) -> None:
    (first,) = upload(project, ("a.txt", WHALES))
    (again,) = upload(project, ("copy.txt", WHALES))
    assert again.pk == first.pk
    assert Document.objects.count() == 1
    assert len(kept(own_files)) == 1


def test_the_same_bytes_in_another_collection_or_project_are_another_document(project: Project, make: Make) -> None:
    shelf = services.create_collection(project=project, name="Shelf", actor="ann")
    rows = [
        *upload(project, ("a.txt", WHALES)),
        *upload(project, ("a.txt", WHALES), collection=shelf),
        *upload(make.project(), ("a.txt", WHALES)),
    ]
    assert len({row.pk for row in rows}) == 3


def test_a_failed_file_may_be_tried_again(project: Project) -> None:
    (first,) = upload(project, ("a.pdf", files.PNG))
    (second,) = upload(project, ("a.pdf", files.PNG))
    assert first.pk != second.pk


def test_an_upload_without_files_is_refused(project: Project) -> None:
    with pytest.raises(NoFiles):
        upload(project)


def test_a_parser_that_breaks_fails_its_file_only(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*args: Any, **kwargs: Any) -> None:
        raise RecursionError

    monkeypatch.setattr("documents.services.uploads.parse_file", breaks)
    (document,) = upload(project, ("a.txt", WHALES))
    assert (document.status, document.error_code) == ("FAILED", "broken")


@pytest.mark.django_db(transaction=True)
def test_a_document_deleted_while_it_is_read_fails_alone(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    read = parse_file

    def delete_then_read(data: bytes, **kwargs: Any) -> Any:
        Document.objects.filter(title="gone").delete()
        return read(data, **kwargs)

    monkeypatch.setattr("documents.services.uploads.parse_file", delete_then_read)
    gone, kept = upload(make.project(), ("gone.txt", WHALES), ("kept.txt", b"Bread."))
    assert (gone.status, gone.error_code, kept.status) == ("FAILED", "deleted", "READY")
    assert [row.title for row in Document.objects.all()] == ["kept"]
    assert Passage.objects.count() == 1


def test_parsing_again_mends_a_document_whose_parser_was_at_fault(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("documents.services.uploads.parse_file", lambda *args, **kwargs: 1 / 0)
        (document,) = upload(project, ("a.txt", WHALES))
    services.parse_document(document=document, actor="ann")
    assert Document.objects.get(pk=document.pk).status == DocumentStatus.READY
    assert len(search_passages(project_id=project.pk, query="whales")) == 1


def test_parsing_again_doubles_nothing(project: Project) -> None:
    (document,) = upload(project, ("a.txt", WHALES))
    services.parse_document(document=document, actor="ann")
    assert len(search_passages(project_id=project.pk, query="whales")) == 1
    assert Passage.objects.count() == 1


def test_a_document_whose_file_is_gone_says_so(project: Project, own_files: Path) -> None:
    (document,) = upload(project, ("a.txt", WHALES))
    kept(own_files)[0].unlink()
    assert services.parse_document(document=document, actor="ann").error_code == "missing"


@pytest.mark.django_db(transaction=True)
def test_deleting_takes_passages_index_and_file_along(make: Make, own_files: Path) -> None:
    project = make.project()
    gone, stays = upload(project, ("a.txt", WHALES), ("b.txt", b"Other whales."))
    services.delete_document(document=gone, actor="ann")
    assert {hit.document_id for hit in search_passages(project_id=project.pk, query="whales")} == {str(stays.pk)}
    assert len(kept(own_files)) == 1


@pytest.mark.django_db(transaction=True)
def test_deleting_a_whole_workspace_leaves_no_file_and_no_index_entry(make: Make, own_files: Path) -> None:
    project = make.project()
    upload(project, ("a.txt", WHALES), ("b.txt", b"Other whales."))
    project.workspace.delete()
    assert kept(own_files) == []
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM passage_search WHERE passage_search MATCH %s", [f"p{project.pk.hex}0"])
            assert cursor.fetchone() == (0,)


def test_a_renamed_document_is_found_by_its_new_title(project: Project) -> None:
    (document,) = upload(project, ("a.txt", WHALES))
    services.change_document(document=document, title="Skarholm", actor="ann")
    (hit,) = search_passages(project_id=project.pk, query="skarholm")
    assert hit.title == "Skarholm"


def test_a_moved_document_is_found_in_its_new_collection_only(project: Project) -> None:
    shelf = services.create_collection(project=project, name="Shelf", actor="ann")
    (document,) = upload(project, ("a.txt", WHALES))
    services.change_document(document=document, collection=shelf, actor="ann")
    assert len(search_passages(project_id=project.pk, query="whales", collection_id=shelf.pk)) == 1
    services.change_document(document=document, collection=None, actor="ann")
    assert search_passages(project_id=project.pk, query="whales", collection_id=shelf.pk) == []


def test_a_deleted_collection_leaves_its_documents(project: Project) -> None:
    shelf = services.create_collection(project=project, name="Shelf", actor="ann")
    (document,) = upload(project, ("a.txt", WHALES), collection=shelf)
    services.delete_collection(collection=shelf, actor="ann")
    assert Document.objects.get(pk=document.pk).collection is None
    assert len(search_passages(project_id=project.pk, query="whales")) == 1


def test_a_collection_name_is_taken_once_a_project(project: Project, make: Make) -> None:
    services.create_collection(project=project, name="Shelf", actor="ann")
    services.create_collection(project=make.project(), name="Shelf", actor="ann")
    other = services.create_collection(project=project, name="Other", actor="ann")
    with pytest.raises(NameTaken):
        services.create_collection(project=project, name="Shelf", actor="ann")
    with pytest.raises(NameTaken):
        services.rename_collection(collection=other, name="Shelf", actor="ann")


def test_listed_passages_come_document_by_document_within_the_scope(project: Project, make: Make) -> None:
    shelf = services.create_collection(project=project, name="Shelf", actor="ann")
    long = b"A sentence about whales is here. " * 100
    first, second, _ = upload(project, ("a.txt", long), ("b.txt", WHALES), ("c.pdf", files.PNG))
    (third,) = upload(project, ("d.txt", b"Bread."), collection=shelf)
    upload(make.project(), ("e.txt", WHALES))
    hits = list_passages(project_id=project.pk)
    places = [(hit.document_id, hit.ordinal) for hit in hits]
    count = Passage.objects.filter(document=first).count()
    assert places == [(str(first.pk), n) for n in range(count)] + [(str(second.pk), 0), (str(third.pk), 0)]
    assert {hit.score for hit in hits} == {0.0}
    scope: dict[str, Any] = {"document_ids": [str(second.pk)], "collection_id": str(shelf.pk)}
    both = [str(second.pk), str(third.pk)]
    assert [hit.document_id for hit in list_passages(project_id=str(project.pk), **scope)] == both
    assert [id for id, _ in document_titles(project_id=project.pk, **scope)] == both
    assert len(list_passages(project_id=project.pk, limit=2)) == 2
    assert list_passages(project_id=project.pk, document_ids=[]) == []


def test_a_hit_is_the_span_of_its_document(project: Project) -> None:
    (document,) = upload(project, ("a.txt", b"Filler words here. " * 120 + WHALES))
    hit = search_passages(project_id=project.pk, query="Do whales sing?")[0]
    assert hit.document_id == str(document.pk)
    assert "Whales sing" in hit.text
    assert document_text_span(document_id=document.pk, start=hit.start, end=hit.end)[0] == hit.text


def test_passages_of_a_document_that_is_not_ready_are_not_found(project: Project) -> None:
    (document,) = upload(project, ("a.txt", WHALES))
    Document.objects.filter(pk=document.pk).update(status=DocumentStatus.FAILED)
    assert search_passages(project_id=project.pk, query="whales") == []
    assert list_passages(project_id=project.pk) == []


def test_what_another_workspace_has_is_not_found(project: Project, make: Make) -> None:
    (document,) = upload(project, ("a.txt", WHALES))
    shelf = services.create_collection(project=project, name="Shelf", actor="ann")
    foreign = [make.workspace().pk]
    with pytest.raises(DocumentNotFound):
        document_for(workspace_ids=foreign, document_id=document.pk)
    with pytest.raises(Exception, match="no such collection"):
        collection_for(workspace_ids=foreign, collection_id=shelf.pk)
    assert not visible_documents(workspace_ids=foreign).exists()


def test_a_search_costs_two_queries(project: Project, django_assert_num_queries: Any) -> None:
    upload(project, *((f"{number}.txt", WHALES + str(number).encode()) for number in range(10)))
    limit = 2 if connection.vendor == "sqlite" else 4
    with django_assert_num_queries(limit):
        assert len(search_passages(project_id=project.pk, query="whales", limit=10)) == 10


def test_pdfs_are_read_from_many_threads_at_once() -> None:
    data = files.pdf(*[f"Page {number} of whales" for number in range(20)])
    texts: list[str] = []
    threads = [threading.Thread(target=lambda: texts.append(parse_file(data).text)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(texts) == 8
    assert len(set(texts)) == 1


def test_storage_is_the_data_folder(own_files: Path) -> None:
    assert Path(default_storage.location) == own_files  # type: ignore[attr-defined]
