"""What breaks a schema, put at the inputs of its form. Pure."""

from collections.abc import Sequence
from dataclasses import replace

from core.json_schema import split_problem
from frontend.presenters.schemas import Field


def with_errors(fields: Sequence[Field], problems: Sequence[str]) -> tuple[list[Field], list[str]]:
    """The fields, each with the problems of its path or below it, and the sentences that belong to none of them."""
    shown, rest = list(fields), []
    for sentence in problems:
        path, message = split_problem(sentence)
        placed = _place(shown, path, message)
        if placed is None:
            rest.append(message if path == "$" else f"{path}: {message}")
        else:
            shown = placed
    return shown, rest


def _place(fields: list[Field], path: str, message: str) -> list[Field] | None:
    for number, field in enumerate(fields):
        if not (path == field.path or path.startswith((f"{field.path}.", f"{field.path}["))):
            continue
        inner = _place(list(field.fields), path, message)
        if inner is not None:
            return [*fields[:number], replace(field, fields=inner), *fields[number + 1 :]]
        where = path[len(field.path) :]
        said = f"{where.lstrip('.')}: {message}" if where else message
        error = f"{field.error.rstrip('.')}; {said}" if field.error else said
        return [*fields[:number], replace(field, error=error), *fields[number + 1 :]]
    return None
