"""Libraries that load another one only because it is installed, kept from doing so."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


@contextmanager
def without(*packages: str) -> Iterator[None]:
    """Meanwhile these packages cannot be imported, unless they already are: as if they were not installed.

    For imports in the main thread at start, of libraries that ask `try: import …` and do well without.
    (Python refuses at once to import a name that stands for None.)
    """
    hidden = [package for package in packages if package not in sys.modules]
    for package in hidden:
        sys.modules[package] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        for package in hidden:
            del sys.modules[package]


@contextmanager
def stand_in(module: str, **names: Any) -> Iterator[None]:
    """Meanwhile whoever imports from this module gets these names and the module is not loaded, unless it already is.

    For the parts of a library that its package imports for everybody, and that we never call.
    """
    if module in sys.modules:
        yield
        return
    sys.modules[module] = ModuleType(module)
    vars(sys.modules[module]).update(names)
    try:
        yield
    finally:
        del sys.modules[module]
