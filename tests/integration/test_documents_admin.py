"""The admin of documents goes through the services."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from documents import services
from documents.models import Collection, Document
from documents.selectors import search_passages
from workspaces.models import AuditEntry, Project


@pytest.fixture(autouse=True)
def own_files(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def client(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def document(project: Project) -> Document:
    shelf = services.create_collection(project=project, name="Shelf", actor="ann")
    sent = [ContentFile(b"Whales sing at night.", name="a.txt")]
    return services.upload_documents(project=project, collection=shelf, files=sent, actor="ann")[0]


@pytest.mark.parametrize("model", ["collection", "document", "passage"])
def test_every_list_and_page_opens(client: Client, document: Document, model: str) -> None:
    rows = {"collection": document.collection, "document": document, "passage": document.passages.get()}
    assert client.get(reverse(f"admin:documents_{model}_changelist")).status_code == 200
    page = client.get(reverse(f"admin:documents_{model}_change", args=[rows[model].pk]))
    assert page.status_code == 200


def test_the_state_and_the_text_cannot_be_edited(client: Client, document: Document) -> None:
    page = client.get(reverse("admin:documents_document_change", args=[document.pk])).content.decode()
    assert 'name="title"' in page
    for field in ("status", "error", "text", "project", "sha256"):
        assert f'name="{field}"' not in page


def test_a_title_changed_in_the_admin_is_found_by_search_and_audited(client: Client, document: Document) -> None:
    page = reverse("admin:documents_document_change", args=[document.pk])
    form = {"title": "Skarholm", "passages-TOTAL_FORMS": 0, "passages-INITIAL_FORMS": 0}
    assert client.post(page, form).status_code == 302
    assert [hit.title for hit in search_passages(project_id=document.project_id, query="skarholm")] == ["Skarholm"]
    assert AuditEntry.objects.filter(action="document.changed", actor="root").count() == 1


def test_parse_again_reads_the_chosen_documents(client: Client, document: Document) -> None:
    Document.objects.filter(pk=document.pk).update(status="FAILED", text="")
    form = {"action": "parse_again", "_selected_action": [str(document.pk)]}
    answer = client.post(reverse("admin:documents_document_changelist"), form, follow=True)
    assert "1 of 1 documents read" in answer.content.decode()
    assert Document.objects.get(pk=document.pk).status == "READY"


def test_a_collection_is_renamed_unless_the_name_is_taken(client: Client, document: Document, project: Project) -> None:
    services.create_collection(project=project, name="Board", actor="ann")
    page = reverse("admin:documents_collection_change", args=[document.collection_id])
    assert "already has a collection" in client.post(page, {"name": "Board"}).content.decode()
    assert client.post(page, {"name": "Desk"}).status_code == 302
    entry = AuditEntry.objects.get(action="collection.renamed")
    assert (entry.before, entry.after) == ({"name": "Shelf"}, {"name": "Desk"})


def test_a_passage_is_never_deleted_alone(client: Client, document: Document) -> None:
    page = reverse("admin:documents_passage_delete", args=[document.passages.get().pk])
    assert client.post(page, {"post": "yes"}).status_code == 403


@pytest.mark.parametrize("model", ["collection", "document"])
def test_deleting_goes_through_the_service(client: Client, document: Document, model: str) -> None:
    row: Any = document if model == "document" else document.collection
    answer = client.post(reverse(f"admin:documents_{model}_delete", args=[row.pk]), {"post": "yes"})
    assert answer.status_code == 302
    assert AuditEntry.objects.filter(action=f"{model}.deleted", actor="root").count() == 1
    assert not {"document": Document, "collection": Collection}[model].objects.filter(pk=row.pk).exists()


def test_deleting_names_the_document_and_only_counts_its_passages(client: Client, document: Document) -> None:
    with CaptureQueriesContext(connection) as queries:
        page = client.get(reverse("admin:documents_document_delete", args=[document.pk])).content.decode()
    assert document.title in page
    assert "Passages" in page
    assert not any('"passage"."text"' in query["sql"] for query in queries)
    client.post(reverse("admin:documents_document_delete", args=[document.pk]), {"post": "yes"})
    assert not Document.objects.exists()


def test_the_list_of_passages_does_not_read_the_texts_of_their_documents(client: Client, document: Document) -> None:
    with CaptureQueriesContext(connection) as queries:
        client.get(reverse("admin:documents_passage_changelist"), {"o": "1"})
    assert any('"passage"."text"' in query["sql"] for query in queries)
    assert not any('"document"."text"' in query["sql"] for query in queries)
