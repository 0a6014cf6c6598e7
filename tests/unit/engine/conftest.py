"""The stores a contract is held against."""

from collections.abc import Iterator

import pytest
from django.db import connections

from tests.unit.engine.beds import Bed, DatabaseBed, MemoryBed


@pytest.fixture(params=["memory", pytest.param("database", marks=pytest.mark.django_db(transaction=True))])
def bed(request: pytest.FixtureRequest) -> Iterator[Bed]:
    if request.param == "memory":
        yield MemoryBed()
        return
    yield DatabaseBed()
    connections["default"].close() if connections["default"].vendor == "postgresql" else None
