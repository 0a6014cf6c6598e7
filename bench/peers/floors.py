"""What this machine needs at least: one commit, one round trip. Nothing can be faster that does as much."""

import base64
import hashlib
import multiprocessing
import os
import socket
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg2
import redis

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
FRAME = bytes([0x81, 0x85, 0, 0, 0, 0]) + b"hello"  # a client's text frame, masked with zeros


def floors(*, postgres: str, redis_url: str, count: int = 300) -> dict[str, list[float]]:
    """Milliseconds of each; one that cannot be reached is left out."""
    measured: dict[str, Callable[[], list[float]]] = {
        "sqlite_commit": lambda: sqlite_commits(count),
        "postgres_commit": lambda: postgres_commits(postgres, count),
        "redis_ping": lambda: redis_pings(redis_url, count),
        "websocket_echo": lambda: websocket_echoes(count),
    }
    found = {}
    for name, work in measured.items():
        try:
            found[name] = work()
        except (OSError, psycopg2.Error, redis.RedisError) as error:
            print(f"{name}: {error}")
    return found


def timed(work: Callable[[], object], count: int) -> list[float]:
    times = []
    for _ in range(count):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1000)
    return times


def sqlite_commits(count: int) -> list[float]:
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(sqlite3.connect(Path(folder) / "floor.sqlite3", isolation_level=None)) as connection,
    ):
        for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "CREATE TABLE t (x)"):
            connection.execute(statement)
        return timed(lambda: connection.execute("INSERT INTO t VALUES (1)"), count)


def postgres_commits(address: str, count: int) -> list[float]:
    """Single-row inserts into a table that lives as long as the connection's schema does: dropped at the end."""
    with closing(psycopg2.connect(address)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        name = f"bench_floor_{os.getpid()}"
        cursor.execute(f"CREATE TABLE {name} (x int)")
        try:
            return timed(lambda: cursor.execute(f"INSERT INTO {name} VALUES (1)"), count)
        finally:
            cursor.execute(f"DROP TABLE {name}")


def redis_pings(url: str, count: int) -> list[float]:
    with closing(redis.Redis.from_url(url)) as client:
        client.ping()
        return timed(client.ping, count)


def websocket_echoes(count: int) -> list[float]:
    """Text frames of five letters to a bare server in another process and back."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = multiprocessing.get_context("fork").Process(target=_echo, args=(listening,), daemon=True)
        server.start()
        try:
            with socket.create_connection(listening.getsockname()) as sock:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.sendall(b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nSec-WebSocket-Key: " + b"x" * 24 + b"\r\n\r\n")
                sock.recv(4096)
                return timed(lambda: (sock.sendall(FRAME), sock.recv(4096)), count)
        finally:
            server.terminate()
            server.join()


def _echo(listening: socket.socket) -> None:
    sock = listening.accept()[0]
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    asked = sock.recv(4096)
    key = asked.partition(b"Sec-WebSocket-Key: ")[2][:24]
    accept = base64.b64encode(hashlib.sha1(key + GUID).digest())
    head = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
    sock.sendall(head + accept + b"\r\n\r\n")
    while frame := sock.recv(4096):
        length, mask = frame[1] & 0x7F, frame[2:6]
        text = bytes(byte ^ mask[place % 4] for place, byte in enumerate(frame[6 : 6 + length]))
        sock.sendall(bytes([0x81, length]) + text)
