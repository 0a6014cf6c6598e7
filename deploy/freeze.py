"""`make constraints`: pin what the required libraries bring along, at the versions a fresh environment gets today."""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
REQUIREMENTS = ("requirements.txt", "requirements-dev.txt")
HEAD = (
    "# What the libraries of requirements.txt and requirements-dev.txt bring along, as they were tested together.\n"
    "# Written by `make constraints` from a fresh environment.\n"
)


def plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def named() -> set[str]:
    """What the requirements name themselves; pip's own tools are left out as well."""
    lines = [line for file in REQUIREMENTS for line in (ROOT / file).read_text().splitlines()]
    found = {plain(match[0]) for line in lines if (match := re.match(r"[A-Za-z0-9][\w.-]*", line))}
    return found | {"pip", "setuptools", "wheel"}


def fresh_versions() -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = Path(folder) / "bin" / "python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", ROOT / REQUIREMENTS[1]], check=True)
        listed = subprocess.run([python, "-m", "pip", "freeze"], check=True, capture_output=True, text=True).stdout
    return [line.partition("+")[0] for line in listed.splitlines() if "==" in line]


def main() -> None:
    direct = named()
    pins = [pin for pin in fresh_versions() if plain(pin.partition("==")[0]) not in direct]
    (ROOT / "constraints.txt").write_text(HEAD + "\n".join(sorted(pins, key=str.lower)) + "\n")


if __name__ == "__main__":
    main()
