"""What the docs say about names, numbers and pictures is what the code says."""

import re
from pathlib import Path

import pytest
from django.core.management import get_commands

from orchestrator_site.reference import doors, markdown, pages

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")])


@pytest.mark.parametrize("file", sorted({file for file, _render in pages.BLOCKS.values()}))
def test_a_generated_reference_page_is_up_to_date(file: str) -> None:
    assert (pages.PAGES / file).read_text() == pages.present_page(file), "run: manage.py write_reference"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_link_in_the_docs_leads_somewhere(path: Path) -> None:
    targets = re.findall(r"\]\((?!https?://|mailto:|#)([^)#\s]+)(?:#[^)]*)?\)", path.read_text())
    assert [target for target in targets if not (path.parent / target).exists()] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_make_target_named_in_the_docs_exists(path: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`make ([a-z]+)", path.read_text())) <= targets


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_command_named_in_the_docs_exists(path: Path) -> None:
    named = set(re.findall(r"manage\.py ([a-z_]+)", path.read_text()))
    assert named <= set(get_commands())


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_route_named_in_the_docs_exists(path: Path) -> None:
    routes = [re.sub(r"\{[^}]*\}", "[^/]+", route) for route in doors.routes()]
    named = set(re.findall(r"/api/v1/[a-z][a-zA-Z0-9/{}$_-]*", path.read_text()))
    assert [name for name in named if not any(re.fullmatch(route, name) for route in routes)] == []


def test_every_page_of_the_docs_can_be_reached_from_the_index() -> None:
    seen: set[Path] = set()
    ahead = [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        seen.add(page)
        links = re.findall(r"\]\((?!https?://)([^)#\s]+\.md)", page.read_text())
        ahead += [path for link in links if (path := (page.parent / link).resolve()) not in seen]
    assert set(PAGES) - seen == set()


def test_a_block_without_its_markers_is_refused() -> None:
    with pytest.raises(ValueError, match="no block"):
        markdown.with_block("a page", "events", "text")


def test_every_lifecycle_verb_is_in_its_diagram_or_in_the_notes_below() -> None:
    for lifecycle in pages.LIFECYCLES:
        drawn = pages.lifecycle_diagram(lifecycle)
        for verb, move in lifecycle.moves.items():
            assert f"--> {move.target}: {verb}\n" in drawn or f"`{verb}` leads" in drawn


def test_no_route_is_described_by_its_class() -> None:
    """A view that serves two routes needs a sentence on each method, or the schema shows the class's own."""
    assert "A view of" not in (pages.PAGES / "api.md").read_text()
