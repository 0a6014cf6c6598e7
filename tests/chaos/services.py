"""A PostgreSQL cluster and a Redis of a test's own: made in a temporary folder, on free ports, killed at will."""

import os
import pwd
import shutil
import signal
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import psycopg2
import pytest

from tests.running import free_port, wait_for

DATABASE = "orchestrator"
POSTGRES_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql*/bin")


def program(name: str) -> str | None:
    """Where a program is: on the PATH, or where distributions put the servers of PostgreSQL."""
    if found := shutil.which(name):
        return found
    places = (path for place in POSTGRES_PLACES for path in Path("/").glob(f"{place[1:]}/{name}"))
    return next((str(path) for path in sorted(places, reverse=True)), None)


def need_programs(*names: str) -> None:
    """Skip where one is not installed, fail where services are required."""
    missing = [name for name in names if program(name) is None]
    if not missing:
        return
    reason = f"{', '.join(missing)} not found (on the PATH, or in /usr/lib/postgresql/*/bin)"
    if os.environ.get("REQUIRE_SERVICES") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def server_user() -> str | None:
    """Whom a PostgreSQL server runs as: it refuses root. None: as ourselves."""
    if os.getuid():
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in known)


class Server(ABC):
    """A child process that is started, stopped by any signal, and started again."""

    def __init__(self, folder: Path, *, user: str | None = None) -> None:
        self.folder, self.user = folder, user
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]: ...

    @abstractmethod
    def answers(self) -> bool: ...

    def run(self, *command: str) -> None:
        """A program of this server's, to its end."""
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=self.folder, **self._owner())
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self) -> None:
        with (self.folder / "printed").open("ab") as output:
            self.process = subprocess.Popen(
                self.command(), cwd=self.folder, stdout=output, stderr=subprocess.STDOUT, **self._owner()
            )
        wait_for(self.answers, 30, f"{type(self).__name__} answers")

    def stop(self, number: signal.Signals) -> None:
        """Send the signal and wait for the end of the process."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def restart(self, number: signal.Signals) -> None:
        self.stop(number)
        self.start()

    def _owner(self) -> dict[str, Any]:
        return {"user": self.user, "group": self._group(), "extra_groups": []} if self.user else {}

    def _group(self) -> int:
        return pwd.getpwnam(self.user or "").pw_gid


class Postgres(Server):
    """A new cluster with fsync. SIGQUIT is `pg_ctl stop -m immediate`, SIGINT `-m fast`."""

    def create(self) -> None:
        self.run(str(program("initdb")), "-D", str(self.folder / "data"), "-U", "root", "-A", "trust", "-N")
        self.start()
        with self.connect("postgres") as connection:
            connection.cursor().execute(f"CREATE DATABASE {DATABASE}")

    def command(self) -> list[str]:
        options = {
            "port": str(self.port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": str(self.folder),
            "fsync": "on",
            "max_connections": "200",
        }
        words = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        server = Path(str(program("initdb"))).resolve().with_name("postgres")
        return [str(server), "-D", str(self.folder / "data"), *words]

    @property
    def url(self) -> str:
        return f"postgresql://root@127.0.0.1:{self.port}/{DATABASE}"

    @contextmanager
    def connect(self, database: str = DATABASE) -> Iterator[Any]:
        """An autocommit connection."""
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, user="root", dbname=database, connect_timeout=3)
        connection.autocommit = True
        try:
            yield connection
        finally:
            connection.close()

    def query(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.connect() as connection, connection.cursor() as cursor:
            cursor.execute(sql, values)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows

    def answers(self) -> bool:
        try:
            with self.connect("postgres"):
                return True
        except psycopg2.OperationalError:
            assert self.process is not None
            assert self.process.poll() is None, (self.folder / "printed").read_text()
            return False


class Redis(Server):
    """Keeps nothing on disk: a restart forgets every group, queue and subscription."""

    def command(self) -> list[str]:
        return [str(program("redis-server")), "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""]

    def answers(self) -> bool:
        done = subprocess.run(
            [str(program("redis-cli")), "-p", str(self.port), "ping"], capture_output=True, text=True, check=False
        )
        return "PONG" in done.stdout

    def shut_down(self) -> None:
        """The polite way."""
        cli = [str(program("redis-cli")), "-p", str(self.port), "shutdown", "nosave"]
        subprocess.run(cli, capture_output=True, check=False)
        assert self.process is not None
        self.process.wait(20)


@contextmanager
def own_folder() -> Iterator[Path]:
    """A temporary folder that the user of the servers may enter."""
    folder = Path(mkdtemp(prefix="orchestrator-chaos-"))
    user = server_user()
    if user is not None:
        folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def own_servers(folder: Path) -> Iterator[tuple[Postgres, Redis]]:
    """Both, running; gone at the end."""
    postgres = Postgres(_place(folder, "postgres"), user=server_user())
    redis = Redis(_place(folder, "redis"), user=server_user())
    ends: list[Callable[[], None]] = [
        lambda: postgres.stop(signal.SIGQUIT),
        lambda: redis.stop(signal.SIGKILL),
    ]
    try:
        postgres.create()
        redis.start()
        yield postgres, redis
    finally:
        for end in ends:
            end()


def _place(folder: Path, name: str) -> Path:
    place = folder / name
    place.mkdir()
    if user := server_user():
        entry = pwd.getpwnam(user)
        os.chown(place, entry.pw_uid, entry.pw_gid)
    return place
