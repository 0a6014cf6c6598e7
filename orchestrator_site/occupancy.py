"""One server at a time on one DATA_DIR: two would share a database, a set of sockets and a log of what they did."""

import fcntl
import os
from pathlib import Path
from typing import IO

NAME = "serve.lock"


class Occupied(Exception):
    """Another server runs on this folder; the text says which, and what to do."""


def occupy(data_dir: Path) -> IO[str]:
    """The folder is ours while the returned file is open; the kernel gives it back when this process ends, however.

    Raises: Occupied.
    """
    file = (data_dir / NAME).open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip()
        file.close()
        who = f"process {holder}" if holder else "another process"
        raise Occupied(
            f"The folder {data_dir} is in use by a running server ({who}). Stop that one, or give this one a folder "
            "of its own: DATA_DIR=/another/folder (and another --port)."
        ) from None
    except OSError:
        return file  # a file system without locks: nobody can be kept out
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    return file
