"""What every API view of every app builds on."""

from typing import Any, TypeVar

from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from workspaces.access import Access
from workspaces.api.authentication import access_of_request
from workspaces.api.idempotency import IdempotentMixin

Shape = TypeVar("Shape", bound=BaseSerializer[Any])


class AccessMixin(IdempotentMixin):
    """`self.access`: what the caller of this request may do; looked up once. POST heeds `Idempotency-Key`."""

    request: Any
    _access: Access | None = None

    @property
    def access(self) -> Access:
        if self._access is None:
            self._access = access_of_request(self.request)
        return self._access

    def read(self, shape: type[Shape], data: Any, **options: Any) -> Shape:
        """What was sent, checked. Raises: ValidationError, by field."""
        asked = shape(data=data, **options)
        asked.is_valid(raise_exception=True)
        return asked

    def given(self, shape: type[BaseSerializer[Any]], data: Any, **options: Any) -> dict[str, Any]:
        """The values of what was sent. Raises: ValidationError, by field."""
        return dict(self.read(shape, data, **options).validated_data)


class PagedMixin(AccessMixin):
    """`self.paged(queryset)`: one page of it, filtered and in the shape of `serializer_class`."""

    def paged(self: Any, queryset: Any) -> Response:
        rows = self.paginate_queryset(self.filter_queryset(queryset))
        return self.get_paginated_response(self.get_serializer(rows, many=True).data)  # type: ignore[no-any-return]
