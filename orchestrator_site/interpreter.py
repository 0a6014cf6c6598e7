"""How the interpreter of a worker process behaves once everything is loaded."""

import gc
import sys

SWITCH_SECONDS = 0.0005


def settle() -> None:
    """The engine's loop and its journal take turns more often than Python's 5 ms, in which a commit could be done.

    What is loaded by now stays for good and is searched for garbage no more: a full collection took 170 ms, and
    nothing else ran meanwhile.
    """
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.collect()
    gc.freeze()
