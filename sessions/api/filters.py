"""How lists of sessions and tasks are narrowed and ordered."""

from datetime import UTC
from typing import Any

import django_filters
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django_filters.fields import IsoDateTimeField

from sessions.models import AgentSession, AgentTask
from sessions.states import ExecutionMode, SessionOrigin, SessionStatus, TaskStatus


def choices(words: Any) -> list[tuple[str, str]]:
    return [(str(word), str(word)) for word in words]


class WordsFilter(django_filters.BaseInFilter, django_filters.ChoiceFilter):
    """One or more of the words, with commas between them."""


class StableOrdering(django_filters.OrderingFilter):
    """Rows that are equal by the wanted order keep one order, so that no page repeats or misses one."""

    def filter(self, rows: Any, value: Any) -> Any:
        ordered = super().filter(rows, value)
        return ordered.order_by(*ordered.query.order_by, "id") if value else ordered


class InstantField(IsoDateTimeField):
    """Refuses what no calendar of the databases holds: the year 1 with an offset lies before it."""

    def clean(self, value: Any) -> Any:
        instant = super().clean(value)
        try:
            return instant and instant.astimezone(UTC)
        except OverflowError as error:
            raise ValidationError("Give a later year.") from error


class InstantFilter(django_filters.IsoDateTimeFilter):
    field_class = InstantField


class SessionFilter(django_filters.FilterSet):
    """`?status=RUNNING,PAUSED&mode=planned&origin=retry,fork&project=…&children=true&created_after=…&search=…&ordering=-priority`"""

    status = WordsFilter(field_name="status", choices=choices(SessionStatus))
    mode = WordsFilter(field_name="execution_mode", choices=choices(ExecutionMode))
    execution_mode = WordsFilter(field_name="execution_mode", choices=choices(ExecutionMode))
    origin = WordsFilter(field_name="origin", choices=choices(SessionOrigin))
    project = django_filters.UUIDFilter(field_name="project_id")
    created_after = InstantFilter(field_name="created_at", lookup_expr="gte")
    created_before = InstantFilter(field_name="created_at", lookup_expr="lt")
    parent_session = django_filters.UUIDFilter(field_name="parent_session_id")
    children = django_filters.BooleanFilter(method="with_children", label="also those that agents have started")
    search = django_filters.CharFilter(method="matching", max_length=200)
    ordering = StableOrdering(fields=["created_at", "started_at", "completed_at", "priority", "status", "title"])

    class Meta:
        model = AgentSession
        fields: list[str] = []

    def filter_queryset(self, rows: QuerySet[AgentSession]) -> QuerySet[AgentSession]:
        """Sessions that agents have started are left out unless they are asked for."""
        asked = self.form.cleaned_data
        hides = not asked["parent_session"] and not asked["children"]
        found: QuerySet[AgentSession] = super().filter_queryset(rows)
        return found.filter(parent_session__isnull=True) if hides else found

    def with_children(self, rows: QuerySet[AgentSession], name: str, wanted: bool) -> QuerySet[AgentSession]:
        """`filter_queryset` looks at it."""
        return rows

    def matching(self, rows: QuerySet[AgentSession], name: str, text: str) -> QuerySet[AgentSession]:
        """The text in the title or the goal."""
        return rows.filter(Q(title__icontains=text) | Q(task_description__icontains=text))


class TaskFilter(django_filters.FilterSet):
    """`?status=FAILED&session=…&agent=…&task_type=…&search=…&ordering=-started_at`"""

    status = WordsFilter(field_name="status", choices=choices(TaskStatus))
    session = django_filters.UUIDFilter(field_name="session_id")
    agent = django_filters.UUIDFilter(field_name="agent_id")
    task_type = django_filters.CharFilter(max_length=100)
    search = django_filters.CharFilter(method="matching", max_length=200)
    ordering = StableOrdering(fields=["created_at", "started_at", "completed_at", "priority", "status"])

    class Meta:
        model = AgentTask
        fields: list[str] = []

    def matching(self, rows: QuerySet[AgentTask], name: str, text: str) -> QuerySet[AgentTask]:
        """The text in the name or the description."""
        return rows.filter(Q(name__icontains=text) | Q(description__icontains=text))
