"""Words of sessions, and the lifecycle tables behind both the models' transitions and the engine's check."""

from enum import StrEnum

from core.lifecycle import Lifecycle, State, moves


class SessionStatus(State):
    PENDING = "PENDING"
    PLANNING = "PLANNING"
    RUNNING = "RUNNING"
    WAITING = "WAITING"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class TaskStatus(State):
    PENDING = "PENDING"
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    WAITING = "WAITING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    SKIPPED = "SKIPPED"


class ExecutionState(State):
    QUEUED = "QUEUED"
    PREPARING = "PREPARING"
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class ExecutionMode(StrEnum):
    SEQUENTIAL = "sequential"
    PARALLEL = "parallel"
    DAG = "dag"
    PLANNED = "planned"


class MessageType(StrEnum):
    REQUEST = "REQUEST"
    RESPONSE = "RESPONSE"
    NOTIFICATION = "NOTIFICATION"


class DeliveryStatus(StrEnum):
    PENDING = "PENDING"
    DELIVERED = "DELIVERED"
    READ = "READ"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"


class CommandKind(StrEnum):
    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"
    ANSWER = "answer"  # what a durable await of an agent waited for: a child session's result, placed work, a person


PEOPLES_COMMANDS = (CommandKind.CANCEL, CommandKind.PAUSE, CommandKind.RESUME)
"""What somebody outside may ask for; the other kinds are for the engine's own answers."""


class StepKind(StrEnum):
    CALL = "call"  # ctx.step: a paid-for call
    SLEEP = "sleep"
    SESSION = "session"  # ctx.spawn_session: waits for a child session
    TASKS = "tasks"  # ctx.spawn_tasks: new tasks of the session, and with `join` the end of them all


class StepStatus(StrEnum):
    STARTED = "STARTED"
    WAITING = "WAITING"
    ANSWERED = "ANSWERED"
    COMPLETED = "COMPLETED"


class SessionOrigin(StrEnum):
    """How a session came to be: by itself, from an earlier one, or by an agent of a parent session."""

    NEW = "new"
    RETRY = "retry"
    RERUN = "rerun"
    FORK = "fork"
    CHILD = "child"


_S, _T, _E, _D = SessionStatus, TaskStatus, ExecutionState, DeliveryStatus
_S_LIVE = frozenset({_S.PENDING, _S.PLANNING, _S.RUNNING, _S.WAITING, _S.PAUSED})
_T_LIVE = frozenset({_T.PENDING, _T.QUEUED, _T.RUNNING, _T.WAITING})
_E_LIVE = frozenset({_E.QUEUED, _E.PREPARING, _E.RUNNING, _E.PAUSED})

SESSION_LIFECYCLE = Lifecycle(
    name="session",
    states=SessionStatus,
    initial=_S.PENDING,
    moves=moves(
        plan=(_S.PENDING, _S.PLANNING),
        start=({_S.PENDING, _S.PLANNING}, _S.RUNNING),
        wait=(_S.RUNNING, _S.WAITING),
        wake=(_S.WAITING, _S.RUNNING),
        pause=(_S_LIVE - {_S.PAUSED}, _S.PAUSED),
        resume_pending=(_S.PAUSED, _S.PENDING),
        resume_planning=(_S.PAUSED, _S.PLANNING),
        resume=(_S.PAUSED, _S.RUNNING),
        resume_waiting=(_S.PAUSED, _S.WAITING),
        complete=(_S_LIVE, _S.COMPLETED),
        fail=(_S_LIVE, _S.FAILED),
        cancel=(_S_LIVE, _S.CANCELLED),
    ),
)

TASK_LIFECYCLE = Lifecycle(
    name="task",
    states=TaskStatus,
    initial=_T.PENDING,
    moves=moves(
        queue=(_T.PENDING, _T.QUEUED),
        start=(_T.QUEUED, _T.RUNNING),
        requeue=(_T.RUNNING, _T.QUEUED),
        park=(_T.RUNNING, _T.WAITING),
        unpark=(_T.WAITING, _T.RUNNING),
        complete=(_T.RUNNING, _T.COMPLETED),
        fail=(_T_LIVE, _T.FAILED),
        cancel=(_T_LIVE, _T.CANCELLED),
        skip=(_T_LIVE, _T.SKIPPED),
    ),
)

EXECUTION_LIFECYCLE = Lifecycle(
    name="execution",
    states=ExecutionState,
    initial=_E.QUEUED,
    moves=moves(
        prepare=(_E.QUEUED, _E.PREPARING),
        start=(_E.PREPARING, _E.RUNNING),
        pause=(_E.RUNNING, _E.PAUSED),
        resume=(_E.PAUSED, _E.RUNNING),
        complete=(_E_LIVE, _E.COMPLETED),
        fail=(_E_LIVE, _E.FAILED),
        cancel=(_E_LIVE, _E.CANCELLED),
    ),
)

MESSAGE_LIFECYCLE = Lifecycle(
    name="message",
    states=DeliveryStatus,
    initial=_D.PENDING,
    moves=moves(
        deliver=(_D.PENDING, _D.DELIVERED),
        read=(_D.DELIVERED, _D.READ),
        fail=(_D.PENDING, _D.FAILED),
        expire=({_D.PENDING, _D.DELIVERED}, _D.EXPIRED),
    ),
)

LIVE_SESSION = frozenset(str(status) for status in _S_LIVE)
FINISHED_SESSION = frozenset(str(status) for status in SessionStatus) - LIVE_SESSION
LIVE_TASK = frozenset(str(status) for status in _T_LIVE)
LIVE_EXECUTION = frozenset(str(state) for state in _E_LIVE)
