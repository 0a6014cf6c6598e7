"""Documents: uploaded, opened at a span, found."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.integration.pages.worlds import HOSTILE, World

pytestmark = pytest.mark.django_db


def test_good_files_stay_when_others_of_the_same_upload_are_bad(world: World) -> None:
    files = [
        SimpleUploadedFile("good.txt", b"The ferry leaves at nine."),
        SimpleUploadedFile("bad.pdf", b"%PDF-1.7 broken"),
        SimpleUploadedFile("empty.txt", b""),
    ]
    answer = world.client.post("/documents/upload", {"files": files})
    results = answer.json()["results"]
    assert [result["status"] for result in results] == ["READY", "FAILED", "FAILED"]
    assert all(result["error"] for result in results[1:])
    page = world.client.get("/documents").content.decode()
    assert "good" in page
    assert results[1]["error"][:30] in page


def test_an_upload_without_files_says_so(world: World) -> None:
    answer = world.client.post("/documents/upload", {})
    assert answer.status_code == 400
    assert "file" in answer.json()["message"]


def test_a_document_opens_at_its_marked_span(world: World) -> None:
    document = world.document("Before. The lamp was lit in 1871. After.")
    page = world.client.get(f"/documents/{document.id}?start=8&end=32").content.decode()
    assert ">The lamp was lit in 1871</mark>" in page
    piece = world.client.get(f"/documents/{document.id}/passage?start=8&end=32").content.decode()
    assert ">The lamp was lit in 1871</mark>" in piece
    assert "<html" not in piece


@pytest.mark.parametrize(
    "span", ["start=-4&end=9", "start=90000&end=90001", "start=9&end=2", "start=x&end=", "start=٣"]
)
def test_an_impossible_span_still_opens_the_document(world: World, span: str) -> None:
    document = world.document("A short text about a lamp.")
    assert world.client.get(f"/documents/{document.id}?{span}").status_code == 200
    assert world.client.get(f"/documents/{document.id}/passage?{span}").status_code == 200


def test_what_a_document_says_is_text_never_markup(world: World) -> None:
    document = world.document(f"Look: {HOSTILE} and more.", name="<b>x</b>.txt")
    for path in (f"/documents/{document.id}", f"/documents/{document.id}/passage?start=0&end=20", "/documents"):
        page = world.client.get(path).content.decode()
        assert HOSTILE not in page
        assert "<b>x</b>" not in page


def test_documents_are_found_by_title_state_and_collection(world: World) -> None:
    world.client.post("/documents/collections", {"name": "Ferries"})
    world.document("The ferry leaves at nine.", name="ferry.txt")
    world.document("", name="empty.txt")
    assert "empty" not in _rows(world.client.get("/documents?q=ferry"))
    assert "ferry" not in _rows(world.client.get("/documents?status=FAILED"))
    collection = world.project.collections.get()
    assert "ferry" not in _rows(world.client.get(f"/documents?collection={collection.id}"))


def _rows(answer: Any) -> str:
    page = answer.content.decode()
    return page[page.index('id="document-list"') :]
