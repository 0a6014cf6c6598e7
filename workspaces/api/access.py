"""What every API view of every app builds on."""

from typing import Any

from rest_framework.response import Response

from workspaces.access import Access
from workspaces.api.authentication import access_of_request
from workspaces.api.idempotency import IdempotentMixin


class AccessMixin(IdempotentMixin):
    """`self.access`: what the caller of this request may do; looked up once. POST heeds `Idempotency-Key`."""

    request: Any
    _access: Access | None = None

    @property
    def access(self) -> Access:
        if self._access is None:
            self._access = access_of_request(self.request)
        return self._access


class PagedMixin(AccessMixin):
    """`self.paged(queryset)`: one page of it, filtered and in the shape of `serializer_class`."""

    def paged(self: Any, queryset: Any) -> Response:
        rows = self.paginate_queryset(self.filter_queryset(queryset))
        return self.get_paginated_response(self.get_serializer(rows, many=True).data)  # type: ignore[no-any-return]
