"""What can go wrong with a session, classed by what the caller can do next."""

from core.errors import Conflict, Gone, Invalid, LimitExceeded, NotFound, Unavailable


class InvalidSession(Invalid):
    """The request breaks rules; `details` maps field paths (`tasks[2].depends_on`) to lists of sentences."""

    code = "invalid_session"


class SessionNotFound(NotFound):
    code = "session_not_found"


class SessionGone(Gone):
    """Deleted by the retention of its workspace; `details` is the snapshot that is left, with its export."""

    code = "session_gone"


class TaskNotFound(NotFound):
    code = "task_not_found"


class MessageNotFound(NotFound):
    code = "message_not_found"


class MessageInSession(Conflict):
    """A message of a session is delivered by its runner and by nobody else."""

    code = "message_in_session"


class SessionFinished(Conflict):
    """A finished session never reopens."""

    code = "session_finished"


class CommandRefused(Conflict):
    """The session is not in a state in which this command means something."""

    code = "command_refused"


class TooManySessions(Conflict):
    """A session has as many descendants as it may have."""

    code = "too_many_sessions"


class IdempotencyConflict(Conflict):
    """The key was used for another request."""

    code = "idempotency_conflict"


class TooManyNewSessions(LimitExceeded):
    """The workspace starts more sessions a minute than it may."""

    code = "too_many_new_sessions"


class WorkspaceQueueFull(LimitExceeded):
    """Too many sessions of the workspace wait already."""

    code = "workspace_queue_full"


class ServerQueueFull(Unavailable):
    """Too many sessions wait on this server already."""

    code = "queue_full"
