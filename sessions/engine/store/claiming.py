"""Which sessions are taken over next, as SQL: few rows are read, however many wait or are finished.

Candidates come from small partial indexes: of each workspace the first that are ready, then those whose timer is due,
those somebody asks something of, and those of workers that are gone. Only of them the order is worked out.
"""

from typing import Any

from sessions.states import LIVE_SESSION, SessionStatus

WINDOW = 4
"""How many times the wanted number is looked at: other hosts may be taking the first of them."""

_LIVE = ", ".join(f"'{status}'" for status in sorted(LIVE_SESSION))
_AWAKE = ", ".join(f"'{status}'" for status in sorted(LIVE_SESSION - {SessionStatus.PAUSED}))
_READY = ", ".join(f"'{status}'" for status in sorted(LIVE_SESSION - {SessionStatus.PAUSED, SessionStatus.WAITING}))
_COLUMNS = "s.id, s.workspace_id, s.priority, s.created_at"
_IS_READY = f"s.lease_owner IS NULL AND s.wake_at IS NULL AND s.status IN ({_READY})"


def runnable_sql(now: str) -> str:
    """Whether there is anything to take over: `SELECT 1 …`, without a lock."""
    kinds = (_IS_READY, _due(now), _asked(), _left(now))
    looks = (f"SELECT * FROM (SELECT 1 FROM agent_session s WHERE {kind} LIMIT 1) t{n}" for n, kind in enumerate(kinds))
    return " UNION ALL ".join(looks) + " LIMIT 1"


def claim_sql(now: str, *, per_workspace: str, lock: str, by_age: bool) -> str:
    """The ids and former owners of the sessions to take over. Parameters: see `claim_params`.

    By priority, then so that each workspace gets as many as the others (what it has at work counts), then by age;
    `by_age` leaves the priority out. `per_workspace` is the join that reads the first of each workspace.
    """
    first = "s.created_at" if by_age else "s.priority DESC, s.created_at"
    rank = "r.turn, r.created_at, r.id" if by_age else "r.priority DESC, r.turn, r.created_at, r.id"
    ready = per_workspace.format(columns=_COLUMNS, ready=_IS_READY, order=first)
    due = f"SELECT {_COLUMNS} FROM agent_session s WHERE {_due(now)} ORDER BY s.wake_at LIMIT %s"
    others = " ".join(f"UNION SELECT {_COLUMNS} FROM agent_session s WHERE {kind}" for kind in (_asked(), _left(now)))
    return (
        f"WITH candidates AS ({ready} UNION SELECT * FROM ({due}) d {others}), "
        "owned AS MATERIALIZED (SELECT workspace_id FROM agent_session WHERE lease_owner IS NOT NULL), "
        "busy AS (SELECT workspace_id, COUNT(*) AS at_work FROM owned GROUP BY workspace_id), "
        "ranked AS (SELECT c.id, c.priority, c.created_at, COALESCE(b.at_work, 0) + ROW_NUMBER() OVER "
        f"(PARTITION BY c.workspace_id ORDER BY {first.replace('s.', 'c.')}, c.id) AS turn "
        "FROM candidates c LEFT JOIN busy b ON b.workspace_id = c.workspace_id), "
        f"first AS (SELECT * FROM ranked r ORDER BY {rank} LIMIT %s) "
        "SELECT s.id, s.lease_owner FROM first r JOIN agent_session s ON s.id = r.id "
        f"WHERE s.status IN ({_LIVE}) AND (s.lease_owner IS NULL OR {_is_orphan(now)}) "
        f"AND EXISTS (SELECT 1 FROM engine_worker me WHERE me.id = %s AND me.expires_at > {now}) "
        f"ORDER BY {rank} LIMIT %s {lock}"
    )


def claim_params(worker: Any, limit: int) -> list[Any]:
    window = WINDOW * limit
    return [window, window, window, worker, limit]


def _due(now: str) -> str:
    return f"s.lease_owner IS NULL AND s.status IN ({_AWAKE}) AND s.wake_at <= {now}"


def _asked() -> str:
    unapplied = "SELECT c.session_id FROM session_command c WHERE c.applied_at IS NULL"
    return f"s.lease_owner IS NULL AND s.status IN ({_LIVE}) AND s.id IN ({unapplied})"


def _left(now: str) -> str:
    """Of a worker that is gone, and not asleep or paused."""
    is_awake = f"s.status IN ({_AWAKE}) AND s.wake_at <= {now} OR s.wake_at IS NULL AND s.status IN ({_READY})"
    is_asked = "EXISTS (SELECT 1 FROM session_command c WHERE c.session_id = s.id AND c.applied_at IS NULL)"
    return f"s.lease_owner IS NOT NULL AND s.status IN ({_LIVE}) AND {_is_orphan(now)} AND ({is_awake} OR {is_asked})"


def _is_orphan(now: str) -> str:
    return f"NOT EXISTS (SELECT 1 FROM engine_worker w WHERE w.id = s.lease_owner AND w.expires_at > {now})"
