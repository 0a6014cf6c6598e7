"""The version of this program, from the one place that says it."""

import tomllib

from orchestrator_site.env import BASE_DIR


def version() -> str:
    with (BASE_DIR / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])
