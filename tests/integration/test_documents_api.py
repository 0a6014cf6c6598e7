"""Collections, documents and search over HTTP."""

from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from core.ids import new_id
from documents.models import Collection, Document
from tests.make import Make
from tests.unit.documents import files
from workspaces.models import AuditEntry, Project, Workspace
from workspaces.states import Role

WHALES = b"Whales sing at night. Their songs travel far under water."


@pytest.fixture(autouse=True)
def own_files(settings: Any, tmp_path: Path) -> Path:
    settings.MEDIA_ROOT = tmp_path
    return tmp_path


@pytest.fixture
def workspace(make: Make) -> Workspace:
    return make.workspace()


@pytest.fixture
def client(make: Make, workspace: Workspace) -> APIClient:
    return client_of(make.member(workspace))


def client_of(user: User) -> APIClient:
    client = APIClient()
    client.force_login(user)
    return client


def send(client: APIClient, *pairs: tuple[str, bytes], field: str = "files[]", **form: Any) -> Any:
    """Files claim to be PDF throughout: nobody believes it."""
    sent = [SimpleUploadedFile(name, data, content_type="application/pdf") for name, data in pairs]
    return client.post("/api/v1/documents", {field: sent, **form}, format="multipart")


def uploaded(client: APIClient, *pairs: tuple[str, bytes], **form: Any) -> list[dict[str, Any]]:
    answer = send(client, *(pairs or (("a.txt", WHALES),)), **form)
    assert answer.status_code == 201, answer.content
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def test_each_file_of_an_upload_has_a_result_in_order(client: APIClient, workspace: Workspace) -> None:
    good, bad, pdf = uploaded(client, ("a.txt", WHALES), ("b.pdf", files.PNG), ("c.txt", files.pdf("A krill")))
    assert (good["title"], good["status"], good["error"]) == ("a", "READY", None)
    assert (bad["title"], bad["status"]) == ("b", "FAILED")
    assert "PNG" in bad["error"]
    assert pdf["media_type"] == "application/pdf"
    assert {row["project_id"] for row in (good, bad, pdf)} == {str(workspace.projects.get().pk)}


@pytest.mark.parametrize("field", ["files[]", "files", "file"])
def test_files_may_be_sent_in_any_of_the_usual_fields(client: APIClient, field: str) -> None:
    assert send(client, ("a.txt", WHALES), field=field).json()["results"][0]["status"] == "READY"


def test_an_upload_without_files_says_what_is_missing(client: APIClient) -> None:
    answer = client.post("/api/v1/documents", {"collection_id": ""}, format="multipart")
    assert (answer.status_code, answer.json()["code"]) == (400, "no_files")


def test_an_upload_that_is_not_a_form_is_refused(client: APIClient) -> None:
    answer = client.post("/api/v1/documents", {"files": []}, format="json")
    assert answer.status_code == 415
    assert set(answer.json()) == {"code", "message", "details"}


def test_a_file_over_the_limit_fails_alone(client: APIClient, settings: Any) -> None:
    settings.MAX_UPLOAD_BYTES = 100
    big, small = uploaded(client, ("big.txt", b"x" * 101), ("small.txt", WHALES))
    assert (big["error_code"], small["status"]) == ("too_large", "READY")


def test_documents_go_into_the_named_collection_and_its_project(client: APIClient, workspace: Workspace) -> None:
    project = Project.objects.create(workspace=workspace, name="Other", slug="other")
    shelf = Collection.objects.create(project=project, name="Shelf")
    (row,) = uploaded(client, collection_id=str(shelf.pk))
    assert (row["collection_id"], row["project_id"]) == (str(shelf.pk), str(project.pk))


def test_a_collection_of_another_project_than_the_named_one_is_refused(client: APIClient, workspace: Workspace) -> None:
    project = Project.objects.create(workspace=workspace, name="Other", slug="other")
    shelf = Collection.objects.create(project=project, name="Shelf")
    form = {"collection_id": str(shelf.pk), "project_id": str(workspace.projects.get(is_default=True).pk)}
    answer = send(client, ("a.txt", WHALES), **form)
    assert answer.status_code == 400
    assert "collection_id" in answer.json()["details"]
    assert not Document.objects.exists()


@pytest.mark.parametrize("form", [{"collection_id": "x"}, {"project_id": "1"}])
def test_an_id_that_is_none_is_refused_by_field(client: APIClient, form: dict[str, str]) -> None:
    answer = send(client, ("a.txt", WHALES), **form)
    assert answer.status_code == 400
    assert list(answer.json()["details"]) == list(form)


def test_a_document_is_read_renamed_moved_and_deleted(client: APIClient) -> None:
    (row,) = uploaded(client)
    path = f"/api/v1/documents/{row['id']}"
    assert client.get(path).json()["title"] == "a"
    shelf = client.post("/api/v1/collections", {"name": "Shelf"}).json()
    changed = client.patch(path, {"title": "  Songs \u202e of\nwhales ", "collection_id": shelf["id"]}).json()
    assert (changed["title"], changed["collection_id"]) == ("Songs of whales", shelf["id"])
    assert client.get(f"/api/v1/collections/{shelf['id']}").json()["document_count"] == 1
    assert client.patch(path, {"collection_id": None}).json()["collection_id"] is None
    assert client.patch(path, {"title": "\u202e"}).status_code == 400
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


def test_changes_are_in_the_audit_log(client: APIClient) -> None:
    (row,) = uploaded(client)
    client.patch(f"/api/v1/documents/{row['id']}", {"title": "New"})
    client.delete(f"/api/v1/documents/{row['id']}")
    actions = list(AuditEntry.objects.order_by("id").values_list("action", "object_id"))
    assert actions == [(f"document.{verb}", row["id"]) for verb in ("uploaded", "changed", "deleted")]


def test_a_text_is_given_whole_or_by_its_offsets(client: APIClient) -> None:
    (row,) = uploaded(client)
    path = f"/api/v1/documents/{row['id']}/text"
    whole = client.get(path).json()
    assert (whole["text"], whole["start"], whole["end"], whole["length"]) == (WHALES.decode(), 0, 57, 57)
    part = client.get(path, {"start": 7, "end": 11}).json()
    assert (part["text"], part["end"], part["length"]) == ("sing", 11, 57)
    assert client.get(path, {"start": 100}).json()["text"] == ""
    assert client.get(path, {"start": -1}).status_code == 400
    assert client.get(path, {"end": "x"}).status_code == 400


def test_passages_are_paged_in_order_and_are_spans_of_the_text(client: APIClient) -> None:
    (row,) = uploaded(client, ("a.txt", b"A sentence about whales and songs. " * 200))
    text = client.get(f"/api/v1/documents/{row['id']}/text").json()["text"]
    page = client.get(f"/api/v1/documents/{row['id']}/passages", {"page_size": 3}).json()
    assert page["count"] > 3
    assert [passage["ordinal"] for passage in page["results"]] == [0, 1, 2]
    assert all(text[passage["start"] : passage["end"]] == passage["text"] for passage in page["results"])


def test_a_file_is_only_ever_a_download(client: APIClient) -> None:
    page = b"<!doctype html><html><body><p>Words</p><script>alert(1)</script></body></html>"
    (row,) = uploaded(client, ('evil"\r\nX-Header: 1 \u00e9.html', page))
    answer = client.get(f"/api/v1/documents/{row['id']}/file")
    assert answer.content == page
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment; filename")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert "X-Header" not in answer


def test_a_file_that_was_not_kept_is_a_404(client: APIClient, settings: Any) -> None:
    settings.MAX_UPLOAD_BYTES = 10
    (row,) = uploaded(client)
    assert client.get(f"/api/v1/documents/{row['id']}/file").status_code == 404


def test_a_collection_is_made_renamed_and_deleted_and_its_documents_stay(client: APIClient) -> None:
    made = client.post("/api/v1/collections", {"name": "Shelf"})
    assert (made.status_code, made.json()["document_count"]) == (201, 0)
    path = f"/api/v1/collections/{made.json()['id']}"
    (row,) = uploaded(client, collection_id=made.json()["id"])
    assert client.patch(path, {"name": "Board"}).json()["name"] == "Board"
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404
    assert client.get(f"/api/v1/documents/{row['id']}").json()["collection_id"] is None


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "\u200b"}, {"name": "x" * 201}, {"name": ["x"]}, []])
def test_a_collection_needs_a_name(client: APIClient, body: Any) -> None:
    assert client.post("/api/v1/collections", body).status_code == 400


def test_a_collection_name_is_taken_once(client: APIClient) -> None:
    client.post("/api/v1/collections", {"name": "Shelf"})
    answer = client.post("/api/v1/collections", {"name": "Shelf"})
    assert (answer.status_code, answer.json()["code"]) == (409, "name_taken")


def test_lists_are_filtered_and_ordered(client: APIClient) -> None:
    shelf = client.post("/api/v1/collections", {"name": "Shelf"}).json()
    client.post("/api/v1/collections", {"name": "Board"})
    uploaded(client, ("b.txt", WHALES), ("c.pdf", files.PNG))
    uploaded(client, ("a.md", b"# Krill\n\ntext"), collection_id=shelf["id"])

    def titles(**query: Any) -> list[str]:
        answer = client.get("/api/v1/documents", query)
        assert answer.status_code == 200, answer.content
        return [row["title"] for row in answer.json()["results"]]

    assert titles() == ["a", "c", "b"]
    assert titles(ordering="title") == ["a", "b", "c"]
    assert titles(status="FAILED") == ["c"]
    assert titles(collection=shelf["id"]) == ["a"]
    assert titles(in_collection="false", ordering="title") == ["b", "c"]
    assert titles(media_type="text/markdown") == ["a"]
    assert titles(search="B") == ["b"]
    assert titles(project=str(new_id())) == []
    assert client.get("/api/v1/documents", {"status": "x"}).status_code == 400
    names = [row["name"] for row in client.get("/api/v1/collections", {"ordering": "-name"}).json()["results"]]
    assert names == ["Shelf", "Board"]


def test_a_search_gives_the_passages_with_their_places(client: APIClient) -> None:
    (row, _) = uploaded(client, ("whales.txt", WHALES), ("bread.txt", b"Bread needs flour."))
    answer = client.get("/api/v1/search", {"q": "Which animals sing?"}).json()
    assert answer["count"] == 1
    (hit,) = answer["results"]
    assert (hit["document_id"], hit["title"], hit["ordinal"]) == (row["id"], "whales", 0)
    assert WHALES.decode()[hit["start"] : hit["end"]] == hit["text"]
    assert hit["score"] > 0


def test_a_search_stays_in_its_scope(client: APIClient) -> None:
    shelf = client.post("/api/v1/collections", {"name": "Shelf"}).json()
    (first, second) = uploaded(client, ("a.txt", WHALES), ("b.txt", b"whales"))
    (third,) = uploaded(client, ("c.txt", b"whales too"), collection_id=shelf["id"])

    def found(**query: Any) -> set[str]:
        rows = client.get("/api/v1/search", {"q": "whales", **query}).json()["results"]
        return {row["document_id"] for row in rows}

    assert found() == {first["id"], second["id"], third["id"]}
    assert found(collection=shelf["id"]) == {third["id"]}
    assert found(documents=f"{first['id']}, {second['id']}") == {first["id"], second["id"]}
    assert len(found(limit=1)) == 1


@pytest.mark.parametrize(
    "query",
    [{}, {"q": ""}, {"q": "x", "limit": 0}, {"q": "x", "limit": 1000}, {"q": "x", "documents": "1"}, {"q": "\0"}],
)
def test_a_search_that_makes_no_sense_is_a_400(client: APIClient, query: dict[str, Any]) -> None:
    assert client.get("/api/v1/search", query).status_code == 400


def test_operators_in_a_search_are_words(client: APIClient) -> None:
    uploaded(client)
    assert client.get("/api/v1/search", {"q": 'NOT "whales* OR ('}).json()["count"] == 1


def test_a_viewer_reads_and_writes_nothing(make: Make, client: APIClient, workspace: Workspace) -> None:
    (row,) = uploaded(client)
    shelf = client.post("/api/v1/collections", {"name": "Shelf"}).json()
    viewer = client_of(make.member(workspace, Role.VIEWER))
    document, collection = f"/api/v1/documents/{row['id']}", f"/api/v1/collections/{shelf['id']}"
    for path in (document, collection, f"{document}/text", f"{document}/file", "/api/v1/search?q=whales"):
        assert viewer.get(path).status_code == 200, path
    refused = [
        send(viewer, ("b.txt", b"x")),
        viewer.post("/api/v1/collections", {"name": "Other"}),
        viewer.patch(document, {"title": "New"}),
        viewer.delete(document),
        viewer.patch(collection, {"name": "New"}),
        viewer.delete(collection),
    ]
    assert [answer.status_code for answer in refused] == [403] * len(refused)
    assert Document.objects.get().title == "a"


def test_another_workspace_sees_nothing(make: Make, client: APIClient, workspace: Workspace) -> None:
    shelf = client.post("/api/v1/collections", {"name": "Shelf"}).json()
    (row,) = uploaded(client, collection_id=shelf["id"])
    stranger = client_of(make.member(make.workspace(), Role.OWNER))
    project = str(workspace.projects.get().pk)
    document, collection = f"/api/v1/documents/{row['id']}", f"/api/v1/collections/{shelf['id']}"
    answers = [
        *(stranger.get(path) for path in (document, f"{document}/text", f"{document}/passages", f"{document}/file")),
        stranger.patch(document, {"title": "Mine"}),
        stranger.delete(document),
        stranger.get(collection),
        stranger.patch(collection, {"name": "Mine"}),
        stranger.delete(collection),
        stranger.post("/api/v1/collections", {"name": "Mine", "project_id": project}),
        send(stranger, ("b.txt", b"x"), collection_id=shelf["id"]),
        send(stranger, ("b.txt", b"x"), project_id=project),
        stranger.get("/api/v1/search", {"q": "whales", "project": project}),
        stranger.get("/api/v1/search", {"q": "whales", "collection": shelf["id"]}),
    ]
    assert [answer.status_code for answer in answers] == [404] * len(answers)
    assert stranger.get("/api/v1/documents").json()["count"] == 0
    assert stranger.get("/api/v1/collections").json()["count"] == 0
    assert stranger.get("/api/v1/search", {"q": "whales"}).json()["count"] == 0
    assert stranger.get("/api/v1/search", {"q": "whales", "documents": row["id"]}).json()["count"] == 0
    (own,) = uploaded(stranger, ("own.txt", WHALES))
    assert stranger.patch(f"/api/v1/documents/{own['id']}", {"collection_id": shelf["id"]}).status_code == 404


def test_nobody_is_let_in_without_credentials(db: None) -> None:
    for path in ("documents", "collections", "search?q=x"):
        assert APIClient().get(f"/api/v1/{path}").status_code == 401
    assert send(APIClient(), ("a.txt", WHALES)).status_code == 401


@pytest.mark.parametrize("path", ["/api/v1/documents", "/api/v1/collections"])
def test_a_list_costs_as_many_queries_for_thirty_rows_as_for_three(
    client: APIClient, workspace: Workspace, path: str, django_assert_max_num_queries: Any
) -> None:
    project = workspace.projects.get()

    def fill(count: int) -> None:
        for _ in range(count):
            shelf = Collection.objects.create(project=project, name=new_id().hex)
            Document.objects.create(project=project, collection=shelf, title="t", status="READY", text="x" * 1000)

    fill(3)
    with django_assert_max_num_queries(10) as few:
        assert len(client.get(path).json()["results"]) == 3
    fill(27)
    with django_assert_max_num_queries(10) as many:
        assert len(client.get(path).json()["results"]) == 30
    assert len(many.captured_queries) == len(few.captured_queries)
    assert not any('"document"."text"' in query["sql"] for query in many.captured_queries)
