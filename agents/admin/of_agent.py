"""What the admin's pages of an agent's things have in common."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from core.admin import ReadOnlyAdmin
from core.errors import OrchestratorError


class OfAgentAdmin(ReadOnlyAdmin):
    """Rows of agents whose actions go through the services, one by one: what is refused is told, the others are done.

    An action named `permissions=["act"]` asks for Django's change permission on the model.
    """

    list_select_related = ("agent__workspace",)
    search_fields = ("agent__name", "agent__workspace__name", "created_by")

    def has_act_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(f"agents.change_{self.opts.model_name}"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("agent__workspace").defer("agent__state")  # type: ignore[no-any-return]

    @admin.display(description="workspace", ordering="agent__workspace__name")
    def workspace(self, row: Any) -> str:
        return str(row.agent.workspace)

    def act_on_each(self, request: HttpRequest, rows: QuerySet[Any], act: Callable[[Any], str]) -> None:
        for row in rows:
            try:
                self.message_user(request, f"{row.agent}: {act(row)}", messages.SUCCESS)
            except OrchestratorError as error:
                self.message_user(request, f"{row.agent}: {error.message}", messages.ERROR)
