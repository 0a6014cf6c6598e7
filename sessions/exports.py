"""The folder in which the bundles of pruned sessions lie. A file in it is whole, and safely on the disk."""

import hashlib
import os
import secrets
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any
from uuid import UUID

from sessions import conf

PARTIAL = ".partial"
PARTIAL_SECONDS = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Export:
    """A bundle in the folder: its path inside, and what it must be to be the one that was written."""

    path: str
    sha256: str
    bytes: int


def keep_export(
    *, session_id: UUID, workspace_slug: str, ended_at: datetime, write: Callable[[IO[bytes]], Any]
) -> Export:
    """What `write` writes, under a name nobody else uses; it is on the disk when this returns.

    Raises: OSError, with nothing left behind.
    """
    name = f"{workspace_slug}/{ended_at:%Y-%m}/{session_id}-{secrets.token_hex(4)}.zip"
    target = conf.export_folder() / name
    handle, partial = tempfile.mkstemp(suffix=".zip", dir=_made(conf.export_folder() / PARTIAL))
    try:
        with os.fdopen(handle, "w+b") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
            file.seek(0)
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            size = file.tell()
        os.replace(partial, _made(target.parent) / target.name)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
    _sync(target.parent)
    return Export(name, sha256, size)


def drop_export(export: Export) -> None:
    (conf.export_folder() / export.path).unlink(missing_ok=True)


def sweep_partial_exports() -> int:
    """Remove what writers that died left; how many files."""
    folder = conf.export_folder() / PARTIAL
    old = [path for path in folder.glob("*.zip") if _age_seconds(path) > PARTIAL_SECONDS]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def _age_seconds(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _made(folder: Path) -> Path:
    """The folder, made where it is missing, so that it is still there after a power cut."""
    missing = [folder, *folder.parents]
    missing = missing[: next(n for n, path in enumerate(missing) if path.is_dir())]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        _sync(path.parent)
    return folder


def _sync(folder: Path) -> None:
    """The names in the folder, too, have to be on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
