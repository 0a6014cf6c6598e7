"""A process that starts fast and small: libraries kept from loading others, and no search for garbage meanwhile."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


@contextmanager
def loading() -> Iterator[None]:
    """While a program loads, nothing is garbage: looking for it again and again is a third of the time to start.

    What was loaded is never looked at afterwards either.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()


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
