"""Asking something of a session's runner: durable commands."""

from uuid import UUID

from django.db import IntegrityError, transaction

from sessions.dispatch import ring_session
from sessions.errors import CommandRefused, SessionFinished
from sessions.limits import MAX_REASON_CHARACTERS
from sessions.lineage import allowed_on
from sessions.models import AgentSession, SessionCommand
from sessions.problems import Problems
from sessions.request_rules import check_text
from sessions.selectors.reading import session_for
from sessions.states import CommandKind, SessionStatus
from workspaces.access import Access
from workspaces.services import record_audit
from workspaces.states import Role


def request_command(
    *, access: Access, session_id: UUID, kind: CommandKind, reason: str = "", dedupe_key: str | None = None
) -> SessionCommand:
    """Put a command into the session's inbox and ring its runner; it is applied soon after, not yet on return.

    A cancel counts once, however often it is asked for. Raises: SessionNotFound; Forbidden below MEMBER;
    SessionFinished; CommandRefused for a resume of what is not paused and a pause of what is.
    """
    session = session_for(access, session_id)
    access.require(session.workspace_id, Role.MEMBER)
    _check_reason(reason)
    key = dedupe_key or (str(kind) if kind == CommandKind.CANCEL else None)
    if key is not None and (earlier := _command_of_key(session, key)):
        return earlier
    _check_state(session, kind)
    return _insert(access, session, kind, reason.strip(), key)


def _check_reason(reason: str) -> None:
    problems = Problems()
    check_text(problems, "reason", reason, MAX_REASON_CHARACTERS)
    problems.raise_if_any()


def _check_state(session: AgentSession, kind: CommandKind) -> None:
    if not session.is_live:
        raise SessionFinished(
            f"The session is {session.status}; a finished session never reopens. Make a new one of it: "
            f"{', '.join(allowed_on(session.status))}.",
            details={"status": session.status, "allowed": allowed_on(session.status)},
        )
    if kind == CommandKind.CANCEL:
        return
    paused = _will_be_paused(session)
    if kind == CommandKind.PAUSE and paused:
        raise CommandRefused("The session is paused already.", details={"allowed": ["cancel", "resume"]})
    if kind == CommandKind.RESUME and not paused:
        resumes = session.status == SessionStatus.PAUSED
        raise CommandRefused(
            "The session is being resumed already."
            if resumes
            else f"The session is {session.status}; only a paused session can be resumed.",
            details={"status": session.status, "allowed": ["cancel", "pause"]},
        )


def _will_be_paused(session: AgentSession) -> bool:
    """Whether it is paused once the commands that wait in its inbox are applied."""
    waiting = session.commands.filter(applied_at__isnull=True, kind__in=[CommandKind.PAUSE, CommandKind.RESUME])
    last = waiting.order_by("-id").first()
    return last.kind == CommandKind.PAUSE if last else session.status == SessionStatus.PAUSED


def _insert(
    access: Access, session: AgentSession, kind: CommandKind, reason: str, dedupe_key: str | None
) -> SessionCommand:
    try:
        with transaction.atomic():
            command = SessionCommand.objects.create(
                session=session, kind=kind, payload={"reason": reason}, actor=access.actor, dedupe_key=dedupe_key
            )
            record_audit(
                workspace=session.workspace_id,
                actor=access.actor,
                action=f"session.{kind}",
                object_type="session",
                object_id=session.id,
                before={"status": session.status},
                after={"command": command.pk, "reason": reason},
                ip=access.ip,
            )
            transaction.on_commit(lambda: ring_session(session.id))
    except IntegrityError:
        earlier = _command_of_key(session, dedupe_key) if dedupe_key else None
        if earlier is None:
            raise
        return earlier
    return command


def _command_of_key(session: AgentSession, dedupe_key: str) -> SessionCommand | None:
    return session.commands.filter(dedupe_key=dedupe_key).first()
