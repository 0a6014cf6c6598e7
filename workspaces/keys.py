"""Secrets that are shown once: how they are made and what is kept of them. Pure."""

import hashlib
import secrets

KEY_MARK = "ao_"
PREFIX_LENGTH = len(KEY_MARK) + 8


def new_secret() -> str:
    """An API key: `ao_` and 43 random characters (256 bits)."""
    return KEY_MARK + secrets.token_urlsafe(32)


def prefix_of(secret: str) -> str:
    """The part that may be shown again, so that people can tell their keys apart."""
    return secret[:PREFIX_LENGTH]


def hash_secret(secret: str) -> str:
    """SHA-256 in hex. A fast hash is right here: the secret is random, so there is nothing to guess it from."""
    return hashlib.sha256(secret.encode()).hexdigest()
