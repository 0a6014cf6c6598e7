"""Runs a module as the main program, and ends with the process that started it.

`python -m orchestrator_site.leash FD MODULE ARGUMENTS…`: the supervisor holds the writing end of the pipe FD and never
writes; when it dies, by whatever signal, the pipe closes and this process stops itself.
"""

import os
import runpy
import signal
import sys
import threading
import time

_GRACE_SECONDS = 10.0


def _watch(descriptor: int) -> None:
    while os.read(descriptor, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_SECONDS)
    os._exit(1)


def main() -> None:
    descriptor, module = int(sys.argv[1]), sys.argv[2]
    sys.argv = [module, *sys.argv[3:]]
    os.set_inheritable(descriptor, False)
    threading.Thread(target=_watch, args=(descriptor,), name="leash", daemon=True).start()
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
