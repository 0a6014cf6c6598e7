"""Both search backends under one contract."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import psycopg2
import pytest
from django.core.management import call_command
from django.db import connections, transaction

from core.ids import new_id
from documents.models import Collection, Document, Passage
from documents.search import Entry, Scope, SearchBackend, get_backend
from documents.search.words import MAX_WORDS, query_words
from orchestrator_site import env
from orchestrator_site.pool import empty_pools
from tests.conftest import need_service
from workspaces.models import Project, Workspace

POSTGRES_URL = os.environ.get("TEST_POSTGRES_URL", "postgresql://root@127.0.0.1:5432/test")
HOSTILE = [
    "",
    "   ",
    "\0",
    "whale\0song",
    '"',
    "'",
    "\\",
    "'; DROP TABLE passage; --",
    'whale" OR "1"="1',
    "whale AND NOT",
    "NEAR(whale song, 3)",
    "title:whale* ^song -krill",
    "(whale & (song | !krill)) <-> x:*AB",
    "{title body} : whale",
    "p" + "0" * 33,
    "\ud800 lone",
    "🐋 " * 50,
    "%s %(name)s {}",
    "word " * 10_000,
    " ".join(f"word{number}" for number in range(10_000)),
    "x" * 100_000,
]


class World:
    """A project in one database, and the means to fill its index."""

    def __init__(self, using: str) -> None:
        self.using = using
        self.backend: SearchBackend = get_backend(using)
        self.workspace = self.project().workspace

    def project(self) -> Project:
        key = new_id().hex
        workspace = Workspace.objects.using(self.using).create(name=key, slug=key[-20:])
        return Project.objects.using(self.using).create(workspace=workspace, name="p", slug="p")

    def collection(self, project: Project) -> Collection:
        return Collection.objects.using(self.using).create(project=project, name=new_id().hex)

    def document(
        self, project: Project, *texts: str, title: str = "Untitled", collection: Collection | None = None
    ) -> Document:
        """A document with one passage a text, indexed."""
        document = Document.objects.using(self.using).create(project=project, title=title, collection=collection)
        passages = [
            Passage(document=document, ordinal=ordinal, start=0, end=len(text), text=text)
            for ordinal, text in enumerate(texts)
        ]
        Passage.objects.using(self.using).bulk_create(passages)
        collection_id = collection.pk if collection else None
        self.backend.index(
            Entry(passage.pk, document.pk, collection_id, project.pk, title, passage.text) for passage in passages
        )
        return document

    def found(self, query: str, project: Project, limit: int = 10, **scope: Any) -> list[UUID]:
        """Documents of the hits, best first."""
        hits = self.backend.search(Scope(project.pk, **scope), query, limit)
        owners = dict(Passage.objects.using(self.using).values_list("id", "document_id"))
        return [owners[hit.passage_id] for hit in hits]


@pytest.fixture(scope="module")
def open_database(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], str]]:
    """Gives the alias of a migrated database of a vendor: the default one's, or one made for this module."""
    opened: list[str] = []

    def open_one(vendor: str) -> str:
        if connections["default"].vendor == vendor:
            return "default"
        if vendor not in opened:
            with django_db_blocker.unblock():
                _create(vendor, tmp_path_factory.mktemp("search"))
            opened.append(vendor)
        return vendor

    yield open_one
    with django_db_blocker.unblock():
        for vendor in opened:
            _drop(vendor)


def _create(vendor: str, folder: Path) -> None:
    url = f"sqlite:///{folder}/search.sqlite3"
    if vendor == "postgresql":
        name = f"test_documents_search_{os.getpid()}"
        with _maintenance() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {name}")
            cursor.execute(f"CREATE DATABASE {name}")
        url = urlsplit(POSTGRES_URL)._replace(path=f"/{name}").geturl()
    settings = env.database(url, folder)
    connections.settings[vendor] = connections.configure_settings({**connections.settings, vendor: settings})[vendor]
    for app in ("workspaces", "documents"):
        call_command("migrate", app, database=vendor, verbosity=0)


def _drop(vendor: str) -> None:
    name = connections.settings[vendor]["NAME"]
    connections[vendor].close()
    del connections[vendor]
    del connections.settings[vendor]
    if vendor == "postgresql":
        empty_pools()  # a test that needed the web process's application lets this one keep connections
        with _maintenance() as cursor:
            cursor.execute(f"DROP DATABASE {name}")


@contextmanager
def _maintenance() -> Iterator[Any]:
    connection = psycopg2.connect(POSTGRES_URL)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def _vendor(vendor: str) -> Any:
    """The default database is pytest-django's to set up and roll back; the other one is ours."""
    own = connections["default"].vendor == vendor
    return pytest.param(vendor, marks=pytest.mark.django_db if own else ())


@pytest.fixture(params=[_vendor("sqlite"), _vendor("postgresql")])
def world(
    request: pytest.FixtureRequest, open_database: Callable[[str], str], django_db_blocker: Any
) -> Iterator[World]:
    if request.param == "postgresql":
        need_service("PostgreSQL", 5432)
    using = open_database(request.param)
    if using == "default":
        yield World(using)
        return
    with django_db_blocker.unblock(), transaction.atomic(using=using):
        yield World(using)
        transaction.set_rollback(True, using=using)


def test_a_passage_is_found_by_any_word_of_the_question(world: World) -> None:
    project = world.project()
    whales = world.document(project, "The whale sings at night.")
    world.document(project, "Bread needs flour, water and salt.")
    assert world.found("Which animals sing, and why do whales do it?", project) == [whales.pk]


def test_inflected_words_match_their_stem(world: World) -> None:
    project = world.project()
    document = world.document(project, "Lighthouses were guiding the sailors.")
    assert world.found("lighthouse guide sailor", project) == [document.pk]


def test_rare_words_weigh_more_than_common_ones(world: World) -> None:
    project = world.project()
    common = [world.document(project, f"The keeper of the light number {number} kept a log.") for number in range(8)]
    rare = world.document(project, "The keeper bought a theodolite.")
    found = world.found("keeper light log theodolite", project, limit=20)
    assert set(found) == {rare.pk, *(document.pk for document in common)}
    assert world.found("keeper theodolite", project)[0] == rare.pk


def test_the_title_counts_and_counts_more_than_the_text(world: World) -> None:
    project = world.project()
    for number in range(5):
        world.document(project, f"Filler text about gardens, part {number}, with soil in it.", title=f"Garden {number}")
    in_text = world.document(project, "A short note that mentions Skarholm once in it.", title="A note of sorts")
    in_title = world.document(project, "A short note that mentions nothing much in it.", title="Skarholm of sorts")
    assert world.found("Skarholm", project) == [in_title.pk, in_text.pk]


def test_scores_are_positive_and_fall(world: World) -> None:
    project = world.project()
    for number in range(6):
        world.document(project, "tide " * (number + 1) + "and other words to fill the passage up " * 3)
    world.document(project, "nothing of it here")
    hits = world.backend.search(Scope(project.pk), "tide", 10)
    scores = [hit.score for hit in hits]
    assert len(scores) == 6
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] > 0


def test_another_project_is_never_searched(world: World) -> None:
    mine, theirs = world.project(), world.project()
    document = world.document(mine, "whale song")
    world.document(theirs, "whale song and whale song again", title="Whale song")
    assert world.found("whale song", mine) == [document.pk]


def test_the_scope_narrows_to_documents_and_collections(world: World) -> None:
    project = world.project()
    shelf = world.collection(project)
    alone, shelved, other = (
        world.document(project, "a whale"),
        world.document(project, "a whale", collection=shelf),
        world.document(project, "a whale"),
    )
    assert world.found("whale", project, document_ids=(alone.pk,)) == [alone.pk]
    assert world.found("whale", project, collection_id=shelf.pk) == [shelved.pk]
    assert set(world.found("whale", project, document_ids=(alone.pk,), collection_id=shelf.pk)) == {
        alone.pk,
        shelved.pk,
    }
    assert world.found("whale", project, document_ids=()) == []
    assert set(world.found("whale", project)) == {alone.pk, shelved.pk, other.pk}


def test_a_scope_of_documents_cannot_leave_the_project(world: World) -> None:
    mine, theirs = world.project(), world.project()
    foreign = world.document(theirs, "a whale")
    assert world.found("whale", mine, document_ids=(foreign.pk,)) == []


def test_a_small_scope_finds_what_many_better_hits_elsewhere_would_crowd_out(world: World) -> None:
    project = world.project()
    for _ in range(5):
        world.document(project, *["whale whale whale song"] * 60)
    wanted = world.document(project, "one whale among many other and unrelated words in a long passage")
    assert world.found("whale song", project, document_ids=(wanted.pk,)) == [wanted.pk]


def test_a_scope_of_a_thousand_documents_is_searched(world: World) -> None:
    project = world.project()
    document = world.document(project, "a whale")
    ids = tuple(new_id() for _ in range(1000))
    assert world.found("whale", project, document_ids=(*ids, document.pk)) == [document.pk]


def test_a_removed_document_is_not_found(world: World) -> None:
    project = world.project()
    gone, kept = world.document(project, "whale", "whale"), world.document(project, "whale")
    world.backend.remove(gone.pk)
    world.backend.remove(gone.pk)
    assert world.found("whale", project) == [kept.pk]


def test_a_deleted_document_leaves_nothing_in_the_index(world: World) -> None:
    project = world.project()
    world.document(project, "whale", "whale").delete()
    assert world.backend.search(Scope(project.pk), "whale", 10) == []


def test_the_limit_holds(world: World) -> None:
    project = world.project()
    world.document(project, *["whale"] * 30)
    assert len(world.found("whale", project, limit=7)) == 7
    assert world.found("whale", project, limit=0) == []


def test_equal_hits_come_in_the_same_order_every_time(world: World) -> None:
    project = world.project()
    world.document(project, *["whale"] * 20)
    first = world.backend.search(Scope(project.pk), "whale", 20)
    assert world.backend.search(Scope(project.pk), "whale", 20) == first


@pytest.mark.parametrize("query", HOSTILE, ids=range(len(HOSTILE)))
def test_any_text_is_a_safe_query(world: World, query: str) -> None:
    project = world.project()
    document = world.document(project, "whale song", title="Krill")
    assert set(world.found(query, project)) <= {document.pk}


def test_a_question_in_operators_still_finds_its_words(world: World) -> None:
    project = world.project()
    document = world.document(project, "whale song")
    assert world.found('NOT "whale* (AND', project) == [document.pk]


def test_words_of_other_scripts_are_found(world: World) -> None:
    project = world.project()
    russian = world.document(project, "Маяк был построен на острове")
    german = world.document(project, "Die Straße führt über Brücken")
    assert world.found("маяк", project) == [russian.pk]
    assert world.found("Brücken", project) == [german.pk]


def test_query_words_are_distinct_and_bounded() -> None:
    assert query_words("The Whale, the whale AND the_song?") == ["whale", "song"]
    assert query_words("who is it") == ["who", "is", "it"]
    assert len(query_words(" ".join(f"word{number}" for number in range(10_000)))) == MAX_WORDS
