"""Primary keys: UUIDv7, so that rows made together lie together in every index."""

import uuid

import uuid_utils.compat


def new_id() -> uuid.UUID:
    """A time-ordered UUID (RFC 9562, version 7)."""
    return uuid_utils.compat.uuid7()
