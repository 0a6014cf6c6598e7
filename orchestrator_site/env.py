"""The only reader of the environment: each variable typed, documented in `.env.example`, failing loudly by name."""

import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable: how it is read, and its value when absent."""

    name: str
    parse: Callable[[str], Any]
    default: Any


def _text(value: str) -> str:
    return value


def _flag(value: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if value.strip().lower() not in words:
        raise ValueError("give true or false")
    return words[value.strip().lower()]


def _positive(value: str) -> int:
    if not value.strip().isdecimal() or int(value) < 1:
        raise ValueError("give a whole number of at least 1")
    return int(value)


def _port(value: str) -> int:
    if not value.strip().isdecimal() or not 1 <= int(value) <= 65535:
        raise ValueError("give a port between 1 and 65535")
    return int(value)


def _level(value: str) -> str:
    level = value.strip().upper()
    if level not in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"):
        raise ValueError("give DEBUG, INFO, WARNING, ERROR or CRITICAL")
    return level


def _address(*schemes: str) -> Callable[[str], str]:
    """Reads a URL whose scheme (before any `+driver`) is one of `schemes`."""

    def read_address(value: str) -> str:
        if urlsplit(value).scheme.partition("+")[0] not in schemes:
            raise ValueError(f"start it with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return value

    return read_address


def _words(value: str) -> list[str]:
    return [word.strip() for word in value.split(",") if word.strip()]


def _networks(value: str) -> list[IPv4Network | IPv6Network]:
    try:
        return [ip_network(word) for word in _words(value)]
    except ValueError as error:
        raise ValueError(f"{error}; give addresses or networks such as 10.0.0.0/8, separated by commas") from error


def _folder(value: str) -> Path:
    return Path(value).expanduser().resolve()


VARIABLES = {
    variable.name: variable
    for variable in (
        Variable("DEBUG", _flag, False),
        Variable("SECRET_KEY", _text, ""),
        Variable("JWT_SECRET", _text, ""),
        Variable("DATA_DIR", _folder, BASE_DIR / "var"),
        Variable("DATABASE_URL", _address("sqlite", "postgresql", "postgres"), ""),
        Variable("WEB_DATABASE_CONNECTIONS", _positive, 20),
        Variable("REDIS_URL", _address("redis", "rediss", "unix"), ""),
        Variable("SERVICE_HOST", _text, "127.0.0.1"),
        Variable("SERVICE_PORT", _port, 8000),
        Variable("ALLOWED_HOSTS", _words, ["localhost", "127.0.0.1", "[::1]"]),
        Variable("CSRF_TRUSTED_ORIGINS", _words, []),
        Variable("SECURE_COOKIES", _flag, False),
        Variable("STATUS_ALLOWED_ADDRESSES", _networks, []),
        Variable("LOG_LEVEL", _level, "INFO"),
        Variable("ADMIN_PASSWORD", _text, ""),
        Variable("DEMO", _flag, True),
        Variable("MAX_UPLOAD_BYTES", _positive, 20 * 1024 * 1024),
        Variable("AGENTS_ENABLED", _flag, True),
        Variable("AGENT_REGISTRY_MODULES", _words, []),
        Variable("AGENT_MAX_CONCURRENCY", _positive, 20),
        Variable("AGENT_CONTEXT_HISTORY_LIMIT", _positive, 50),
        Variable("AGENT_CHECKPOINT_LIMIT", _positive, 20),
        Variable("AGENT_HOOK_TIMEOUT_SECONDS", _positive, 10),
        Variable("AGENT_HEARTBEAT_TIMEOUT_SECONDS", _positive, 60),
        Variable("ENGINE_ENABLED", _flag, True),
        Variable("ENGINE_MAX_SESSIONS", _positive, 200),
        Variable("ENGINE_MAX_EXECUTIONS", _positive, 200),
        Variable("ENGINE_LEASE_SECONDS", _positive, 7),
        Variable("QUEUE_LIMIT", _positive, 10_000),
        Variable("ENGINE_GRACE_SECONDS", _positive, 5),
        Variable("PLACEMENT_PROCESSES", _positive, 2),
        Variable("RETENTION_EXPORT_DIR", _folder, None),
    )
}


def read(name: str, environ: Mapping[str, str] | None = None) -> Any:
    """The value of one declared variable; an empty one counts as absent.

    Raises: ImproperlyConfigured, naming the variable, when the text cannot be read as its type.
    """
    variable = VARIABLES[name]
    text = (os.environ if environ is None else environ).get(name, "")
    if not text:
        return variable.default
    try:
        return variable.parse(text)
    except ValueError as error:
        shown = "an address" if "://" in text else repr(text)  # an address may hold a password
        raise ImproperlyConfigured(f"The environment variable {name} is {shown}: {error}.") from error


def with_defaults(defaults: Mapping[str, str]) -> dict[str, str]:
    """The environment of a child process: ours, and these values where it says nothing."""
    return {**defaults, **os.environ}


def writable_folder(name: str) -> Path:
    """The folder of this variable, made when missing.

    Raises: ImproperlyConfigured when nothing can be written in it.
    """
    folder: Path = read(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise ImproperlyConfigured(
            f"The environment variable {name} is {str(folder)!r}, where nothing can be written ({why}): "
            "give a folder that is yours, on a disk with free space."
        ) from error


def allowed_hosts(given: list[str], service_host: str) -> list[str]:
    """Names a browser may use: those given, the address we listen on, and always this machine's own (health checks)."""
    own = [] if service_host in ("", "0.0.0.0", "::") else [service_host]  # noqa: S104
    return list(dict.fromkeys([*given, *own, "localhost", "127.0.0.1", "[::1]"]))


def database(url: str, data_dir: Path) -> dict[str, Any]:
    """Django's DATABASES entry for a URL (`sqlite:///path`, `postgresql://…`, also `postgresql+asyncpg://…`)."""
    if not url:
        return _sqlite(data_dir / "orchestrator.sqlite3")
    parts = urlsplit(url)
    if parts.scheme.partition("+")[0] == "sqlite":
        return _sqlite(Path(unquote(parts.path[1:]) or data_dir / "orchestrator.sqlite3"))
    return {
        "ENGINE": "orchestrator_site.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,  # for the connections that long-lived threads keep
        "OPTIONS": {**_POSTGRES_PATIENCE, **dict(parse_qsl(parts.query))},
    }


_POSTGRES_PATIENCE: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""A server that vanished without a word is noticed within seconds (15 s, milliseconds here), not after a quarter of an
hour. Whatever the address itself says counts."""


def _sqlite(path: Path) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "TEST": {"NAME": str(path.with_name("test.sqlite3"))},
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-16000;",
        },
    }


def stored_secret(path: Path) -> str:
    """The secret kept in `path`, made there (readable by its owner only) on first use."""
    if path.exists():
        return path.read_text().strip()
    path.parent.mkdir(parents=True, exist_ok=True)
    secret = secrets.token_urlsafe(64)
    try:
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(secret)
    except FileExistsError:
        return path.read_text().strip()
    return secret
