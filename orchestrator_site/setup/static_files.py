"""Static files, collected again only when one of them changed."""

import hashlib
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.checks import Tags, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command


def build_static_files() -> bool:
    """Whether there was anything to do. An interrupted build leaves no fingerprint, so the next one starts anew.

    Raises: ImproperlyConfigured when files that the pages need are not there to be collected.
    """
    stamp = Path(settings.STATIC_ROOT) / ".fingerprint"
    fingerprint = static_fingerprint()
    if stamp.exists() and stamp.read_text() == fingerprint:
        return False
    for missing in run_checks(tags=[Tags.staticfiles]):
        raise ImproperlyConfigured(f"{missing.msg} {missing.hint or ''}")
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    stamp.write_text(fingerprint)
    return True


def static_fingerprint() -> str:
    """Changes with the name, size or time of any static file of any app, and with the storage that serves them."""
    digest = hashlib.sha256(str(settings.STORAGES["staticfiles"]["BACKEND"]).encode())
    for finder in get_finders():
        for path, storage in finder.list([]):
            facts = Path(storage.path(path)).stat()
            digest.update(f"{path}\0{facts.st_size}\0{int(facts.st_mtime)}\n".encode())  # image layers keep seconds
    return digest.hexdigest()
