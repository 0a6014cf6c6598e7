"""Abstract bases of the apps' models; the ground floor has no tables of its own."""

from django.db import models

from core.ids import new_id


class Row(models.Model):
    """A row with a time-ordered UUID key."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)

    class Meta:
        abstract = True


class TimestampedRow(Row):
    """A row that knows when it was made and last saved (UTC)."""

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True
