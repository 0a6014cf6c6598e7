"""Files to text: the kind is read from the bytes, and what cannot be read says why."""

import codecs
from pathlib import Path

import pytest

from documents.errors import ParseError
from documents.parsing import Kind, Limits, parse_file
from documents.parsing.cleaning import clean_text
from tests.unit.documents import files

PAGE = b"""<!doctype html><html><head><title>T</title><script>var hidden = 1</script></head><body>
<nav><a href="/">Menu entry</a></nav>
<h1>Skarholm Light</h1><p>The light was <b>first lit</b> in 1871 &amp; burned oil.</p>
<p>Closed in winter.</p><p>Closed in winter.</p><ul><li>red<li>green</ul>
<footer>Imprint</footer></body></html>"""
TABLE = b'name,built,height\nSkarholm,1871,"31,5 m"\nVessla,1868,28 m\n'
MARKDOWN = b"""---
author: Ann
---
# Two lights

The *first* was [lit](https://example.org) in `1868`.
It still stands.

- red
- green

| name | year |
|---|---|
| Vessla | 1868 |

```
raw code
```
"""


def refused(data: bytes, name: str = "", limits: Limits | None = None) -> ParseError:
    with pytest.raises(ParseError) as caught:
        parse_file(data, name=name, limits=limits)
    assert caught.value.message.endswith(".")
    assert ": " in caught.value.message, "the sentence says what to do"
    return caught.value


def test_a_pdf_gives_the_text_of_its_pages() -> None:
    parsed = parse_file(files.pdf("First page (one)", "Second page"))
    assert parsed.kind is Kind.PDF
    assert parsed.media_type == "application/pdf"
    assert parsed.text == "First page (one)\n\nSecond page"


def test_a_word_file_gives_paragraphs_and_table_rows_in_order() -> None:
    parsed = parse_file(files.word("First.", "Second.", table=[["name", "year"], ["Vessla", "1868"]]))
    assert parsed.kind is Kind.DOCX
    assert parsed.text == "First.\n\nSecond.\n\nname | year\n\nVessla | 1868"


def test_a_page_gives_its_main_text_with_repeated_paragraphs_and_whole_sentences() -> None:
    parsed = parse_file(PAGE)
    assert parsed.kind is Kind.HTML
    assert "The light was first lit in 1871 & burned oil." in parsed.text
    assert parsed.text.count("Closed in winter.") == 2
    assert "green" in parsed.text
    assert "hidden" not in parsed.text
    assert "Menu entry" not in parsed.text


def test_markdown_gives_what_a_reader_sees() -> None:
    parsed = parse_file(MARKDOWN)
    assert parsed.kind is Kind.MD
    assert "Two lights\n\nThe first was lit in 1868. It still stands." in parsed.text
    assert "- red\n- green" in parsed.text
    assert "| Vessla | 1868 |" in parsed.text
    assert "raw code" in parsed.text
    assert "author" not in parsed.text
    assert "#" not in parsed.text


def test_table_rows_become_paragraphs_that_name_their_columns() -> None:
    parsed = parse_file(TABLE)
    assert parsed.kind is Kind.CSV
    assert parsed.text == "name: Skarholm; built: 1871; height: 31,5 m\n\nname: Vessla; built: 1868; height: 28 m"


def test_a_table_without_a_header_numbers_its_columns() -> None:
    assert parse_file(b"1;2;3\n4;5;6\n7;8;\n").text.split("\n\n")[2] == "Column 1: 7; Column 2: 8"


@pytest.mark.parametrize(
    "data",
    [
        "Grüße aus Köln, wo die Brücken über den Rhein führen und alle Straßen schön sind.".encode(encoding)
        for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1", "cp1252")
    ],
)
def test_plain_text_is_read_in_whatever_encoding_it_came(data: bytes) -> None:
    parsed = parse_file(data, name="greeting.txt")
    assert parsed.kind is Kind.TXT
    assert parsed.text == "Grüße aus Köln, wo die Brücken über den Rhein führen und alle Straßen schön sind."


def test_the_encoding_a_page_declares_is_believed_when_it_is_not_utf_8() -> None:
    page = '<html><head><meta charset="windows-1251"></head><body><p>Маяк на острове</p></body></html>'
    assert parse_file(page.encode("cp1251")).text == "Маяк на острове"


@pytest.mark.parametrize("name", ["notes.txt", "picture.png", "", "x" * 1000, "../../etc/passwd", "a\0b.csv"])
def test_a_pdf_is_a_pdf_whatever_its_name(name: str) -> None:
    assert parse_file(files.pdf("Text"), name=name).kind is Kind.PDF


def test_a_name_decides_only_between_text_kinds() -> None:
    assert parse_file(TABLE, name="table.txt").kind is Kind.TXT
    assert parse_file(MARKDOWN, name="notes.txt").kind is Kind.TXT
    assert parse_file(b"a plain line", name="notes.md").kind is Kind.MD
    assert parse_file(b"year,light\n1868,Vessla", name="t.csv").text == "year: 1868; light: Vessla"
    assert parse_file(b"only words here", name="words.pdf").kind is Kind.TXT
    assert parse_file(PAGE, name="page.csv").kind is Kind.HTML


@pytest.mark.parametrize("data", [files.PNG, files.EXE, b"\x1f\x8b\x08" + bytes(range(256)), bytes(range(256)) * 9])
@pytest.mark.parametrize("name", ["report.pdf", "report.txt", "report.docx"])
def test_other_bytes_are_refused_whatever_their_name(data: bytes, name: str) -> None:
    assert refused(data, name).code == "unsupported"


@pytest.mark.parametrize("data", [b"", b"   \r\n\t ", b"\0\0\0\0", codecs.BOM_UTF8])
def test_a_file_without_content_is_refused(data: bytes) -> None:
    assert refused(data).code in ("empty", "no_text")


def test_a_pdf_of_pictures_is_refused_with_the_way_out() -> None:
    error = refused(files.pdf("", ""))
    assert error.code == "no_text"
    assert "OCR" in error.message


@pytest.mark.parametrize("cut", [9, 60, 400])
def test_a_pdf_cut_short_is_refused(cut: int) -> None:
    assert refused(files.pdf("Text " * 40)[:cut]).code in ("broken", "no_text")


def test_a_pdf_of_too_many_pages_is_refused() -> None:
    assert refused(files.pdf(*["page"] * 5), limits=Limits(max_pages=4)).code == "too_many_pages"


def test_a_pdf_that_takes_too_long_is_given_up() -> None:
    assert refused(files.pdf("one", "two"), limits=Limits(max_seconds=-1)).code == "too_slow"


def test_a_word_file_that_unpacks_to_too_much_is_refused_before_it_is_unpacked() -> None:
    assert refused(files.word_bomb(30), limits=Limits(max_unpacked_bytes=20 * 1024 * 1024)).code == "zip_bomb"


def test_a_damaged_word_file_is_refused() -> None:
    whole = files.word("text " * 500)
    assert refused(whole[: len(whole) // 2]).code == "broken"
    assert refused(whole.replace(b"document.xml", b"dokument.xml")).code in ("broken", "unsupported")


def test_office_files_we_do_not_read_say_what_to_save_them_as() -> None:
    assert refused(files.encrypted_office()).code == "encrypted"
    assert "DOCX" in refused(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 1000).message
    assert "DOCX" in refused(rb"{\rtf1 hello}").message
    assert "CSV" in refused(files.archive("xl/workbook.xml")).message
    assert "unpack" in refused(files.archive("readme.txt")).message


def test_a_file_over_the_limit_is_refused_unread() -> None:
    error = refused(b"x" * 2_000_000, limits=Limits(max_bytes=1024 * 1024))
    assert error.code == "too_large"
    assert "1 MiB" in error.message


def test_a_text_over_the_limit_is_refused_not_cut() -> None:
    assert refused(b"word " * 1000, limits=Limits(max_characters=100)).code == "too_long"


def test_a_few_stray_control_characters_are_dropped() -> None:
    parsed = parse_file(b"A long enough line of text with one stray character in it.\0 And the line goes on." * 3)
    assert "\0" not in parsed.text


def test_lone_surrogates_never_get_through() -> None:
    assert parse_file(b"half a pair: \xed\xa0\x80 and more words").text.isprintable()
    assert clean_text("a\ud800b\udfffc") == "a\ufffdb\ufffdc"
    assert "\ud800" not in parse_file(b"<html><body><p>x &#xD800; y</p></body></html>").text


def test_clean_text_has_one_kind_of_line_end_and_no_runs_of_blank_lines() -> None:
    assert clean_text("\ufeffa\r\nb\rc  \n\n\n\n\nd\x07\u2028e\x00") == "a\nb\nc\n\nd\ne"


def test_deep_nesting_breaks_nothing() -> None:
    assert "deep" in parse_file(b"<html><body>" + b"<div>" * 5000 + b"deep" + b"</div>" * 5000).text
    assert "deep" in parse_file(b"> " * 3000 + b"deep", name="a.md").text


def test_real_pdfs_are_read_or_refused_for_the_right_reason(data_sets: Path) -> None:
    folder = data_sets / "pdf"
    outcome: dict[str, str] = {}
    for path in sorted(folder.glob("*.pdf")):
        try:
            outcome[path.name] = parse_file(path.read_bytes()).text
        except ParseError as error:
            outcome[path.name] = error.code
    assert outcome["libreoffice-writer-password.pdf"] == "encrypted"
    assert outcome["imagemagick-images.pdf"] == "no_text"
    assert "takimata sanctus" in outcome["minimal-document.pdf"]
    assert "\x02" not in "".join(outcome.values())
    assert len(outcome["GeoTopo-komprimiert.pdf"]) > 100_000


def test_a_heading_of_a_page_is_not_the_beginning_of_the_sentence_below_it() -> None:
    page = b"<!doctype html><body><article><h1>Vessla Light</h1><p>It was lit in 1884.</p><p>It still is.</p></article>"
    assert "Vessla Light\n\nIt was lit in 1884.\n\nIt still is." in parse_file(page).text
