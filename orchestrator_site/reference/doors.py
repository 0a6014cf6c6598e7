"""The commands and routes of this site, as Markdown."""

import re
from argparse import Action
from functools import cache
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.management import get_commands, load_command_class
from django.core.management.base import BaseCommand
from drf_spectacular.generators import SchemaGenerator

from orchestrator_site.env import BASE_DIR
from orchestrator_site.reference.markdown import table


def own_commands() -> dict[str, BaseCommand]:
    """The management commands that come from this repository, by name."""
    ours = {config.name for config in apps.get_app_configs() if Path(config.path).parent == BASE_DIR}
    found = {name: app for name, app in get_commands().items() if app in ours}
    return {name: load_command_class(found[name], name) for name in sorted(found)}


def commands_tables() -> str:
    return "\n\n".join(_command(name, command) for name, command in own_commands().items())


def _command(name: str, command: BaseCommand) -> str:
    usual = {action.dest for action in BaseCommand().create_parser("manage.py", name)._actions}
    actions = [action for action in command.create_parser("manage.py", name)._actions if action.dest not in usual]
    lines = [f"### {name}", "", f"{command.help.strip().rstrip('.')}."]
    if actions:
        rows = [(f"`{_spelling(action)}`", action.help or "–") for action in actions]
        lines += ["", table(("argument", "meaning"), rows)]
    return "\n".join(lines)


def _spelling(action: Action) -> str:
    name = " ".join(action.option_strings) or (action.metavar if isinstance(action.metavar, str) else action.dest)
    if not action.option_strings or action.nargs == 0:
        return name
    value = action.metavar if isinstance(action.metavar, str) else action.dest.upper()
    return f"{name} {value}{'…' if action.nargs in ('*', '+') else ''}"


@cache
def routes() -> dict[str, dict[str, Any]]:
    """The operations of the API by path, as the schema has them."""
    schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    paths: dict[str, dict[str, Any]] = schema["paths"]
    return paths


def routes_table() -> str:
    rows = [
        (f"`{method.upper()}`", f"`{path}`", _summary(operation))
        for path, operations in sorted(routes().items())
        for method, operation in operations.items()
    ]
    return table(("method", "route", "what it does"), rows)


def _summary(operation: dict[str, Any]) -> str:
    """Its own line where one was written; the first paragraph of its description where the line is only its start."""
    line, text = operation.get("summary") or "", operation.get("description") or ""
    text = text if " ".join(text.split()).startswith(line) else line
    return re.split(r"\n\s*\n", text.strip())[0].replace("\n", " ") or "–"
