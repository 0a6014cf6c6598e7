"""Unix datagram sockets in DATA_DIR: how processes of the embedded runtime ring each other.

Losing a datagram is allowed: whoever waits for one also looks by itself from time to time.
"""

import atexit
import hashlib
import os
import socket
import stat
import tempfile
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from itertools import count
from pathlib import Path

LONGEST_PATH = 100  # bytes; the kernel's limit is 108 (104 on macOS) with the closing NUL
LARGEST_DATAGRAM = 256 * 1024
_SEND_SECONDS = 0.05
_numbers = count(1)


def folder(data_dir: Path) -> Path:
    """Where the sockets of this installation live; made, for its owner only, when it is not there.

    A DATA_DIR whose path is too long for a socket address is replaced by a short folder of its own beside it in /tmp.
    Raises: PermissionError when somebody else owns that folder.
    """
    place = data_dir / "run"
    if len(os.fsencode(place)) + len("engine-4194304-99999.sock") + 1 > LONGEST_PATH:
        digest = hashlib.sha256(os.fsencode(data_dir.resolve())).hexdigest()[:16]
        place = Path(tempfile.gettempdir()) / f"orchestrator-{os.getuid()}-{digest}"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = place.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise PermissionError(f"{place} belongs to somebody else: remove it, or give a shorter DATA_DIR")
    if stat.S_IMODE(found.st_mode) != 0o700:
        place.chmod(0o700)
    return place


def open_socket(place: Path, role: str) -> tuple[socket.socket, Path]:
    """A bound, non-blocking receiving socket `<role>-<pid>-<number>.sock`; its owner closes it and unlinks the path."""
    path = place / f"{role}-{os.getpid()}-{next(_numbers)}.sock"
    path.unlink(missing_ok=True)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(str(path))
    sock.setblocking(False)
    return sock, path


def receive_all(sock: socket.socket) -> list[bytes]:
    """All datagrams that are waiting now (at most 100)."""
    found: list[bytes] = []
    with suppress(BlockingIOError):
        while len(found) < 100:
            found.append(sock.recv(LARGEST_DATAGRAM))
    return found


class Caller:
    """Sends datagrams to every living socket of a role. For one thread; a dead receiver's socket is removed."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sock.settimeout(_SEND_SECONDS)
        atexit.register(self._sock.close)

    def send(self, role: str, messages: Iterable[bytes]) -> int:
        """How many receivers there were. A receiver whose queue stays full misses messages."""
        receivers = sorted(self._place.glob(f"{role}-*.sock"))
        for message in messages:
            receivers = [path for path in receivers if self._send_one(path, message)]
        return len(receivers)

    def _send_one(self, path: Path, message: bytes) -> bool:
        try:
            self._sock.sendto(message, str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return False
        except FileNotFoundError:
            return False
        except OSError:  # its queue is full
            return True
        return True


class Listener:
    """A thread that hands every datagram sent to a role to `on_message`, until `stop`."""

    def __init__(self, place: Path, role: str, on_message: Callable[[bytes], None]) -> None:
        self._on_message = on_message
        self._stopping = threading.Event()
        self._sock, self._path = open_socket(place, role)
        self._sock.settimeout(0.5)
        self._thread = threading.Thread(target=self._run, name=f"{role}-listener", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(2)
        self._path.unlink(missing_ok=True)
        self._sock.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            with suppress(TimeoutError, OSError):
                self._on_message(self._sock.recv(LARGEST_DATAGRAM))
