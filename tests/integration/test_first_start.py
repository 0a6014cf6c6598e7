"""What `manage.py setup_site` leaves behind, once, twice, and after it was cut short."""

import io
import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from documents.models import Document
from orchestrator_site.setup import administrator, sample_data, static_files
from sessions.models import AgentSession
from workspaces.models import Membership, Workspace

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def static_root(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own, with one static file to collect, so that no test waits for all of them."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "page.css").write_text("body { color: black }")
    settings.STATIC_ROOT = tmp_path / "static"
    settings.MEDIA_ROOT = tmp_path / "files"
    settings.STATICFILES_DIRS = [source]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    for name in ("ADMIN_PASSWORD", "DEMO"):
        monkeypatch.delenv(name, raising=False)
    return Path(settings.STATIC_ROOT)


def set_up(**options: Any) -> str:
    said = io.StringIO()
    call_command("setup_site", stdout=said, **options)
    return said.getvalue()


def test_the_first_start_makes_an_administrator_whose_printed_password_works() -> None:
    password = re.search(r"password (\S+)", set_up())
    assert password is not None
    user = User.objects.get(username="admin")
    assert user.check_password(password[1])
    assert user.is_superuser


def test_the_password_is_printed_only_once() -> None:
    set_up()
    assert "password" not in set_up()


def test_a_given_password_is_used_and_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMIN_PASSWORD", "lamp-oil-1871")
    assert "lamp-oil-1871" not in set_up()
    assert User.objects.get(username="admin").check_password("lamp-oil-1871")


def test_a_password_given_later_changes_nothing_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    set_up()
    monkeypatch.setenv("ADMIN_PASSWORD", "lamp-oil-1871")
    assert administrator.TAKEN in set_up()
    assert not User.objects.get(username="admin").check_password("lamp-oil-1871")


def test_a_start_that_dies_before_the_password_was_shown_leaves_no_administrator() -> None:
    def die(sentence: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        administrator.ensure_administrator(password="", say=die)
    assert not User.objects.exists()


def test_the_administrator_owns_the_default_workspace() -> None:
    set_up()
    assert Membership.objects.get().role == "OWNER"
    assert Workspace.objects.get().projects.get().is_default


def test_the_sample_documents_can_be_read_and_a_session_asks_about_them() -> None:
    set_up()
    assert {document.status for document in Document.objects.all()} == {"READY"}
    assert Document.objects.count() == len(sample_data.sample_files())
    assert AgentSession.objects.get().task_description == sample_data.QUESTION


def test_a_second_start_adds_nothing() -> None:
    set_up()
    set_up()
    assert Document.objects.count() == len(sample_data.sample_files())
    assert AgentSession.objects.count() == User.objects.count() == Workspace.objects.count() == 1


def test_sample_data_that_was_deleted_does_not_come_back() -> None:
    set_up()
    AgentSession.objects.all().delete()
    Document.objects.all().delete()
    set_up()
    assert not Document.objects.exists()
    assert not AgentSession.objects.exists()


@pytest.mark.parametrize("step", ["_upload", "_ask", "record_audit"])
def test_sample_data_that_was_cut_short_is_completed_by_the_next_start(
    step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(sample_data, step, lambda *args, **kwargs: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            set_up()
    set_up()
    assert Document.objects.count() == len(sample_data.sample_files())
    assert AgentSession.objects.count() == 1


def test_without_the_demo_there_is_no_sample_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO", "0")
    set_up()
    assert not Document.objects.exists()
    assert not AgentSession.objects.exists()


def test_where_agents_are_switched_off_the_start_goes_on_and_says_why_there_is_no_example(settings: Any) -> None:
    settings.AGENTS_ENABLED = False
    assert "The sample data was not added" in set_up()


def test_static_files_are_collected_only_when_one_has_changed(static_root: Path, settings: Any) -> None:
    assert static_files.build_static_files() is True
    assert static_files.build_static_files() is False
    (settings.STATICFILES_DIRS[0] / "page.css").write_text("body { color: navy }")
    assert static_files.build_static_files() is True
    assert "navy" in (static_root / "page.css").read_text()


def test_static_files_that_were_half_written_are_written_anew(static_root: Path) -> None:
    static_files.build_static_files()
    (static_root / ".fingerprint").unlink()
    (static_root / "page.css").write_text("bo")
    static_files.build_static_files()
    assert (static_root / "page.css").read_text() == "body { color: black }"


def test_missing_browser_libraries_stop_the_start_with_a_sentence(settings: Any, monkeypatch: Any) -> None:
    settings.STATICFILES_FINDERS = ["frontend.finders.VendorFinder"]
    settings.BASE_DIR = settings.STATIC_ROOT
    with pytest.raises(CommandError, match="npm ci"):
        set_up(static=True)
