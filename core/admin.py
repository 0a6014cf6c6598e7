"""Bases of the apps' admin pages."""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from unfold.admin import ModelAdmin

from core.errors import OrchestratorError


def add_errors(form: forms.BaseForm, error: OrchestratorError, names: Mapping[str, str] | None = None) -> None:
    """Each sentence to the field it is about (`names` says where a field is called otherwise), else above the form."""
    before = len(form.errors)
    for name, sentences in error.by_field.items():
        field = (names or {}).get(name, name)
        if field in form.fields:
            form.add_error(field, sentences)
    if len(form.errors) == before:
        form.add_error(None, error.message)


class CountedDeletion:
    """A page that asks before deleting without reading all that would go."""

    model: type[Model]

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, Any, set[str], list[Any]]:
        """What would go with it, counted and not loaded: there may be millions. Whether it may go, the service says."""
        counts = {
            str(relation.related_model._meta.verbose_name_plural): relation.related_model._base_manager.filter(
                **{f"{relation.field.name}__in": objs}
            ).count()
            for relation in self.model._meta.related_objects
        }
        counts = {name: count for name, count in counts.items() if count}
        return [str(obj) for obj in objs] + [f"{count} {name}" for name, count in counts.items()], counts, set(), []


class ServiceAdmin(CountedDeletion, ModelAdmin):
    """Changes go through services: what a service refuses is shown as a message, and nothing is changed."""

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._or_message(request, lambda: super(ServiceAdmin, self).changeform_view(request, *args, **kwargs))

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._or_message(request, lambda: super(ServiceAdmin, self).delete_view(request, *args, **kwargs))

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._or_message(request, lambda: super(ServiceAdmin, self).changelist_view(request, *args, **kwargs))

    def _or_message(self, request: HttpRequest, view: Callable[[], HttpResponse]) -> HttpResponse:
        try:
            return view()
        except OrchestratorError as error:
            self.message_user(request, error.message, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())


class ReadOnlyAdmin(ModelAdmin):
    """Rows that are looked at here and written elsewhere."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
