"""A session leaves the house as a file, and a script with nothing but Python tells whether it is as it was written."""

import json
import subprocess
import sys
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from core.clock import SYSTEM_CLOCK
from sessions.models import AgentSession, SessionEvent
from sessions.selectors import bundle
from sessions.selectors import bundle as bundles
from sessions.selectors.bundle import write_bundle
from sessions.selectors.reading import PAGE_EVENTS
from tests.make import Make
from tests.past import Past, append_events

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "verify_bundle.py"


@pytest.fixture
def past(make: Make) -> Past:
    return Past(make)


def bundle_of(session: AgentSession, folder: Path) -> Path:
    path = folder / "bundle.zip"
    with path.open("wb") as file:
        write_bundle(session, file, now=SYSTEM_CLOCK.now())
    return path


def check(path: Path, *arguments: str) -> tuple[int, str]:
    """The script's exit code and what it printed."""
    done = subprocess.run(
        [sys.executable, "-I", str(SCRIPT), str(path), *arguments], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def rewrite(path: Path, name: str, change: Any, *, new_name: str = "") -> None:
    """The same archive with one file changed."""
    with zipfile.ZipFile(path) as archive:
        files = {entry: archive.read(entry) for entry in archive.namelist()}
    changed = change(files[name].decode()).encode()
    assert changed != files[name] or new_name
    files[new_name or name] = changed
    with zipfile.ZipFile(path, "w") as archive:
        for entry, data in files.items():
            archive.writestr(entry, data)


def files_of(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as archive:
        return {name: json.loads(archive.read(name)) for name in archive.namelist() if name.endswith(".json")}


def test_a_bundle_holds_the_log_word_for_word_and_all_rows(past: Past, tmp_path: Path) -> None:
    session = past.session()
    path = bundle_of(session, tmp_path)
    files = files_of(path)
    stored = SessionEvent.objects.filter(session=session).order_by("seq").values_list("payload", "hash")
    text = "".join(f'{{"hash":"{hash_}","event":{payload}}}\n' for payload, hash_ in stored)
    with zipfile.ZipFile(path) as archive:
        assert archive.read("events.jsonl").decode() == text
    assert [task["result"] for task in files["tasks.json"]] == [{"found": 1}, "é\u2028✓"]
    assert {row["state"] for row in files["executions.json"]} == {"COMPLETED"}
    assert [row["content"] for row in files["messages.json"] if row["topic"] == "news"] == [
        {"of": "first"}, {"of": "last"}
    ]  # fmt: skip
    assert files["session.json"]["result"] == session.result
    counts = files["manifest.json"]["counts"]
    assert counts["events"] == files["manifest.json"]["last_seq"] == session.last_seq
    assert {name: len(files[f"{name}.json"]) for name in counts if name not in ("events", "session")} == {
        name: count for name, count in counts.items() if name not in ("events", "session")
    }


@pytest.mark.parametrize("steps", [1, 100])
def test_the_script_finds_a_good_bundle_whole(past: Past, tmp_path: Path, steps: int) -> None:
    session = past.session(steps=steps)
    path = bundle_of(session, tmp_path)
    assert check(path) == (0, "whole: every file and every event is as it was written\n")
    assert check(path, session.last_hash)[0] == 0
    assert check(path, "0" * 64)[0] == 1


FILES = ["events.jsonl", "session.json", *bundles.ARRAYS]


@pytest.mark.parametrize("name", FILES)
def test_the_script_finds_a_change_in_any_file(past: Past, tmp_path: Path, name: str) -> None:
    path = bundle_of(past.session(), tmp_path)
    rewrite(path, name, lambda text: f"{text} ")
    code, printed = check(path)
    assert code == 1
    assert f"{name} was changed" in printed


def test_the_script_finds_a_file_that_was_added(past: Past, tmp_path: Path) -> None:
    path = bundle_of(past.session(), tmp_path)
    rewrite(path, "session.json", str, new_name="extra.json")
    assert check(path) == (1, "extra.json is not in the manifest\n")


@pytest.mark.parametrize("field", ["session_id", "last_hash", "last_seq"])
def test_the_script_finds_a_change_in_the_manifest(past: Past, tmp_path: Path, field: str) -> None:
    path = bundle_of(past.session(), tmp_path)
    rewrite(path, "manifest.json", lambda text: json.dumps({**json.loads(text), field: "another"}))
    code, printed = check(path)
    assert code == 1
    assert "is not what the" in printed


def test_the_script_finds_counts_that_were_changed(past: Past, tmp_path: Path) -> None:
    path = bundle_of(past.session(), tmp_path)
    rewrite(path, "manifest.json", lambda text: text.replace('"tasks": 2', '"tasks": 3'))
    assert "tasks.json does not hold the 3 rows" in check(path)[1]


def with_new_checksums(path: Path) -> None:
    """What somebody would do who wants to hide a change."""
    import hashlib

    with zipfile.ZipFile(path) as archive:
        sums = {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}

    def change(text: str) -> str:
        manifest = json.loads(text)
        for name, file in manifest["files"].items():
            file["sha256"] = sums[name]
        return json.dumps(manifest)

    rewrite(path, "manifest.json", change)


@pytest.mark.parametrize(
    ("change", "at"),
    [
        (lambda text: text.replace('"found":1', '"found":2'), None),
        (lambda text: "\n".join(line for n, line in enumerate(text.split("\n")) if n != 3), 4),
        (lambda text: "\n".join(text.split("\n")[:-2]) + "\n", None),
    ],
    ids=["text", "lost in the middle", "lost at the end"],
)
def test_new_checksums_do_not_hide_a_change_of_the_log(past: Past, tmp_path: Path, change: Any, at: int | None) -> None:
    path = bundle_of(past.session(), tmp_path)
    rewrite(path, "events.jsonl", change)
    with_new_checksums(path)
    code, printed = check(path)
    assert code == 1
    assert "was changed" not in printed
    assert f"the chain breaks at event {at or ''}" in printed or "the log ends at event" in printed


def test_what_is_no_bundle_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_text("no zip")
    assert check(tmp_path / "x.zip")[0] == 2
    assert check(tmp_path / "missing.zip")[0] == 2


def test_a_long_log_is_written_in_pages(past: Past, django_assert_max_num_queries: Any) -> None:
    session = append_events(past.session(steps=1), 3 * PAGE_EVENTS)
    with django_assert_max_num_queries(20):
        manifest = write_bundle(session, BytesIO(), now=SYSTEM_CLOCK.now())
    assert manifest["counts"]["events"] == session.last_seq


def test_a_session_is_exported_from_the_command_line(past: Past, tmp_path: Path, capsys: Any) -> None:
    session, path = past.session(), tmp_path / "out.zip"
    call_command("export_session", str(session.id), output=path)
    assert check(path, session.last_hash)[0] == 0
    assert f"{session.last_seq} events" in capsys.readouterr().out
    with pytest.raises(CommandError, match="is there already"):
        call_command("export_session", str(session.id), output=path)
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("export_session", str(session.id), output=tmp_path / "no" / "folder.zip")
    with pytest.raises(CommandError, match="There is no session"):
        call_command("export_session", str(past.user.pk).rjust(32, "0"), output=tmp_path / "y.zip")


def test_an_export_that_fails_leaves_nothing_behind(
    past: Past, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(bundle, "_manifest", full)
    with pytest.raises(CommandError, match="No space left"):
        call_command("export_session", str(past.session().id), output=tmp_path / "out.zip")
    assert list(tmp_path.iterdir()) == []


def verify(*arguments: str, **options: Any) -> int:
    with pytest.raises(SystemExit) as exit_:
        call_command("verify_session", *arguments, **options)
    return int(str(exit_.value.code))


def test_the_command_says_whether_histories_are_whole(past: Past, capsys: Any) -> None:
    good, bad = past.session(), past.session()
    assert verify(str(good.id)) == 0
    assert f"whole   {good.id}  {good.last_seq} events, last hash {good.last_hash}" in capsys.readouterr().out
    SessionEvent.objects.filter(session=bad, seq=3).update(hash="0" * 64)
    assert verify(all=True) == 1
    printed = capsys.readouterr().out
    assert f"BROKEN  {bad.id}  at event 3: The hash of event 3" in printed
    assert "1 of 2 whole" in printed


def test_the_command_chooses_by_workspace_and_by_date(past: Past, make: Make, capsys: Any) -> None:
    past.session(), Past(make).session()
    assert verify(workspace=past.project.workspace.slug) == 0
    assert "1 of 1 whole" in capsys.readouterr().out
    assert verify("--since", "2020-01-01") == 0
    assert "2 of 2 whole" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [(), ("--workspace", "nowhere"), ("--since", "2100-01-01T00:00:00+01:00")])
def test_the_command_with_nothing_to_check_is_no_success(past: Past, arguments: tuple[str, ...]) -> None:
    with pytest.raises(CommandError, match="No session matches") as caught:
        call_command("verify_session", *arguments)
    assert caught.value.returncode == 2


def test_the_command_says_when_there_is_no_such_session(past: Past) -> None:
    with pytest.raises(CommandError, match="There is no such session"):
        call_command("verify_session", "0" * 32)
