"""The marked block of a page that a tool writes."""

from pathlib import Path

START = "<!-- measured: written by `python -m bench peers`, not by hand -->"
END = "<!-- end of measured -->"


def with_block(page: str, block: str) -> str:
    """The page with this text between the marks. Raises: ValueError when the page has not exactly one pair of them."""
    before, start, rest = page.partition(START)
    _, end, after = rest.partition(END)
    if not start or not end or START in rest or END in after:
        raise ValueError(f"the page needs one line {START} and, below it, one line {END}")
    return f"{before}{START}\n\n{block.strip()}\n\n{END}{after}"


def write_block(path: Path, block: str) -> None:
    path.write_text(with_block(path.read_text(), block))
