"""Slugs that are free."""

from typing import Any

from django.db.models import QuerySet
from django.utils.text import slugify

MAX_LENGTH = 60


def free_slug(name: str, among: QuerySet[Any]) -> str:
    """A slug for `name` that no row of `among` has: `reports`, then `reports-2`, …"""
    stem = slugify(name)[: MAX_LENGTH - 6] or "unnamed"
    taken = set(among.filter(slug__startswith=stem).values_list("slug", flat=True))
    if stem not in taken:
        return stem
    return next(slug for number in range(2, len(taken) + 3) if (slug := f"{stem}-{number}") not in taken)
