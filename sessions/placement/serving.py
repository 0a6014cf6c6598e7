"""The worker's side of a run: claims it, gives the agent a process of its own, and carries its lines."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

import structlog
from redis import Redis
from redis.backoff import ExponentialBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from sessions.placement.run import ALIVE_SECONDS, BEAT_SECONDS, KEPT_SECONDS, RunKeys

log = structlog.get_logger(__name__)

LONGEST_LINE = 4 * 1024 * 1024
RETRIES = 30  # about a minute
LAST_WORD_SECONDS = 5.0


def serve_run(run_id: str, *, redis_url: str, folder: Path) -> bool:
    """Run the agent of a run to its end, in this thread; False when another worker has it, or nobody wants it."""
    keys, claim = RunKeys(run_id), f"{socket.gethostname()}:{os.getpid()}:{uuid4()}"
    with closing(connect(redis_url)) as redis:
        start = redis.get(keys.start)
        if start is None or redis.exists(keys.cancelled) or not redis.set(keys.claim, claim, nx=True, ex=KEPT_SECONDS):
            return False
        redis.delete(keys.start)  # it may hold what an agent was configured with; nobody else needs it now
        _Serving(redis, keys, claim).serve(str(start), folder)
        return True


def connect(redis_url: str) -> "Redis":
    """A client that waits a little for a Redis that is being restarted."""
    return Redis.from_url(
        redis_url,
        decode_responses=True,
        retry=Retry(ExponentialBackoff(cap=2.0, base=0.1), RETRIES),
        retry_on_error=[RedisConnectionError, RedisTimeoutError],
    )


class _Serving:
    """One run on this worker: the agent's process, a thread that carries its calls, and this one for all else."""

    def __init__(self, redis: "Redis", keys: RunKeys, claim: str) -> None:
        self._redis, self._keys, self._claim = redis, keys, claim
        self._beat_at = 0.0
        self._has_ended = threading.Event()

    def serve(self, start: str, folder: Path) -> None:
        self._beat()
        self._say({"hello": f"{socket.gethostname()} (process {os.getpid()})"})
        process = subprocess.Popen(
            [sys.executable, "-m", "agents.isolated"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=folder,
            text=True,
            start_new_session=True,
        )
        carrier = threading.Thread(target=self._carry_calls, args=[process], name="placed-calls", daemon=True)
        carrier.start()
        try:
            self._answer(process, start)
            while not self._has_ended.is_set() and self._beat():
                self._carry_reply(process)
        except RedisError as error:
            log.warning("placement.redis_away", run=self._keys.run_id, error=str(error))
        finally:
            self._has_ended.set()
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            carrier.join(timeout=LAST_WORD_SECONDS)
            for pipe in (process.stdin, process.stdout):
                with suppress(OSError):
                    pipe.close() if pipe else None

    def _beat(self) -> bool:
        """Whether the run is still wanted from this worker; says every two seconds that it lives."""
        if time.monotonic() < self._beat_at:
            return True
        self._beat_at = time.monotonic() + BEAT_SECONDS
        with self._redis.pipeline() as pipe:
            pipe.set(self._keys.alive, self._claim, ex=ALIVE_SECONDS)
            pipe.get(self._keys.claim)
            pipe.exists(self._keys.cancelled)
            _, owner, is_cancelled = pipe.execute()
        return owner == self._claim and not is_cancelled

    def _carry_calls(self, process: "subprocess.Popen[str]") -> None:
        """From the agent's process to the engine, until it has said its last word."""
        try:
            while line := process.stdout.readline(LONGEST_LINE) if process.stdout else "":
                if not line.endswith("\n"):
                    text = "the agent said more in one line than its worker carries; return less"
                    self._say({"error": text, "code": "bad_output", "permanent": True})
                    return
                self._push(line)
                if '"call"' not in line[:20]:
                    return
            code = process.wait()
            if self._has_ended.is_set():
                return
            text = f"the agent's process ended with code {code} and no result"
            self._say({"error": text, "code": "process_died", "permanent": False})
        except RedisError as error:
            log.warning("placement.redis_away", run=self._keys.run_id, error=str(error))
        finally:
            self._has_ended.set()

    def _carry_reply(self, process: "subprocess.Popen[str]") -> None:
        """A reply stays in Redis until the agent has it: a connection that breaks may have taken it from the list."""
        reply: Any = self._redis.blmove(self._keys.replies, self._keys.delivered, 1)
        for line in [reply] if reply is not None else self._undelivered():
            self._answer(process, line)
        if reply is not None:
            self._redis.lrem(self._keys.delivered, 1, reply)

    def _undelivered(self) -> list[str]:
        """Replies taken from the list by a call whose answer was lost; the agent's process knows one it has had."""
        found: Any = self._redis.lrange(self._keys.delivered, 0, -1)
        if found:
            self._redis.delete(self._keys.delivered)
        return list(found)

    def _answer(self, process: "subprocess.Popen[str]", line: str) -> None:
        with suppress(OSError):
            if process.stdin is not None:
                process.stdin.write(f"{line}\n")
                process.stdin.flush()

    def _say(self, said: dict[str, object]) -> None:
        self._push(json.dumps(said))

    def _push(self, line: str) -> None:
        with self._redis.pipeline() as pipe:
            pipe.rpush(self._keys.calls, line)
            pipe.expire(self._keys.calls, KEPT_SECONDS)
            pipe.execute()
