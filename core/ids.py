"""Primary keys: UUIDv7, so that rows made together lie together in every index."""

import uuid

import uuid_utils
import uuid_utils.compat


def new_id() -> uuid.UUID:
    """A time-ordered UUID (RFC 9562, version 7)."""
    return uuid_utils.compat.uuid7()


def new_text_id() -> str:
    """The same as text, without a `uuid.UUID` in between (the engine makes thousands a second)."""
    return str(uuid_utils.uuid7())
