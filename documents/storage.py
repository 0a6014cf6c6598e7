"""Uploaded files on their way to the storage: measured and hashed as they stream, never held in memory whole."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.core.files import File

from documents.models import Document
from documents.parsing.parse import too_large


@dataclass(frozen=True, slots=True)
class StoredFile:
    """`name` is the storage's name for it."""

    name: str
    size_bytes: int
    sha256: str


class _Measured(File):  # type: ignore[type-arg]
    """A file that counts and hashes what is read of it, and stops at a limit."""

    def __init__(self, file: File, max_bytes: int) -> None:  # type: ignore[type-arg]
        super().__init__(file.file, file.name)
        self.source = file
        self.max_bytes = max_bytes
        self.digest = hashlib.sha256()
        self.read_bytes = 0

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        for chunk in self.source.chunks(chunk_size):
            data = chunk.encode() if isinstance(chunk, str) else chunk
            self.read_bytes += len(data)
            if self.read_bytes > self.max_bytes:
                raise too_large(self.max_bytes)
            self.digest.update(data)
            yield data


def store_file(file: "File[Any]", *, max_bytes: int) -> StoredFile:
    """Keeps a copy under a generated name. Raises: ParseError when it is too large; then nothing is kept."""
    field: Any = Document._meta.get_field("file")
    name = field.generate_filename(None, "")
    measured = _Measured(file, max_bytes)
    try:
        name = field.storage.save(name, measured)
    except BaseException:
        field.storage.delete(name)
        raise
    return StoredFile(name, measured.read_bytes, measured.digest.hexdigest())


def delete_file(name: str) -> None:
    field: Any = Document._meta.get_field("file")
    if name:
        field.storage.delete(name)
