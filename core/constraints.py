"""Database constraints shared by the apps' models."""

from enum import StrEnum

from django.db import models


def one_of(field: str, values: type[StrEnum], *, name: str, null: bool = False) -> models.CheckConstraint:
    """The column holds one of the enum's words (or NULL where allowed), also for rows written by raw SQL."""
    condition = models.Q(**{f"{field}__in": [str(value) for value in values]})
    if null:
        condition |= models.Q(**{f"{field}__isnull": True})
    return models.CheckConstraint(condition=condition, name=name)
