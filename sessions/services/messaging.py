"""Messages between agents outside of a session. Within one they are written by the session's runner alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from agents.models import Agent
from agents.selectors import agent_for, visible_agents, visible_in_project
from agents.states import AgentStateDetail
from core.clock import SYSTEM_CLOCK
from core.errors import Conflict, Invalid
from core.ids import new_id
from sessions.errors import MessageInSession
from sessions.models import AgentMessage
from sessions.request_json import as_uuid
from sessions.selectors.messaging import message_for
from sessions.states import MESSAGE_LIFECYCLE, DeliveryStatus, MessageType
from workspaces.access import Access
from workspaces.services import record_audit
from workspaces.states import Role


@dataclass(frozen=True, slots=True)
class Letter:
    """What is said, whoever gets it. It expires after `expires_in_seconds` if nobody has read it by then."""

    content: Any
    message_type: MessageType = MessageType.NOTIFICATION
    topic: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    in_reply_to: UUID | None = None
    expires_in_seconds: int | None = None


def send_message(*, access: Access, agent_id: UUID, to: str, letter: Letter) -> AgentMessage:
    """A message of the agent to another one of its workspace, by id or by name; PENDING.

    Raises: NotFound for the sender, Forbidden below MEMBER, Conflict for a terminated one, Invalid for a receiver or an
    earlier message that is none of theirs.
    """
    sender = _sender(access, agent_id)
    receiver = _receiver(access, sender, to)
    with transaction.atomic():
        message = _row(sender, receiver, letter, _answered(sender, letter.in_reply_to), SYSTEM_CLOCK.now())
        message.save(force_insert=True)
        _audit(access, sender, "message.sent", message.id, {"to": receiver.name, "type": letter.message_type})
    return message


def broadcast_message(*, access: Access, agent_id: UUID, letter: Letter) -> list[AgentMessage]:
    """The same message to every other agent of the sender's project: one row each, so that each has its own delivery.

    They share `metadata["broadcast_id"]`. Raises: as `send_message`; Invalid for a request, which needs one receiver.
    """
    sender = _sender(access, agent_id)
    if letter.message_type == MessageType.REQUEST:
        raise Invalid("A request needs one receiver.", details={"to_agent": ["Name an agent: a request needs one."]})
    receivers = _others_in_project(sender)
    if not receivers:
        raise Conflict("There is no other agent in the project of the sender that could hear this.")
    broadcast_id, now = new_id(), SYSTEM_CLOCK.now()
    answered = _answered(sender, letter.in_reply_to)
    shared = replace(letter, metadata={**letter.metadata, "broadcast_id": str(broadcast_id)})
    with transaction.atomic():
        rows = AgentMessage.objects.bulk_create(
            [_row(sender, receiver, shared, answered, now) for receiver in receivers]
        )
        _audit(access, sender, "message.broadcast", broadcast_id, {"receivers": len(rows)})
    return rows


def mark_delivered(*, access: Access, message_id: UUID) -> AgentMessage:
    """The receiver has it. Without effect when that is known already.

    Raises: MessageNotFound, Forbidden, MessageInSession, IllegalTransition for one that failed or expired.
    """
    return _move(access, message_id, ["deliver"])


def mark_read(*, access: Access, message_id: UUID) -> AgentMessage:
    """The receiver has looked at it; so it is delivered, too. Raises: as `mark_delivered`."""
    return _move(access, message_id, ["deliver", "read"])


REACHED = {
    "deliver": (DeliveryStatus.DELIVERED, DeliveryStatus.READ),
    "read": (DeliveryStatus.READ,),
}


@transaction.atomic
def _move(access: Access, message_id: UUID, verbs: Sequence[str]) -> AgentMessage:
    message = message_for(access, message_id, locked=True)
    access.require(message.workspace_id, Role.MEMBER)
    if message.session_id is not None:
        raise MessageInSession("This message belongs to a session, whose runner delivers it. Nothing is to be done.")
    for verb in verbs:
        if message.delivery_status not in REACHED[verb]:
            MESSAGE_LIFECYCLE.check(message.delivery_status, REACHED[verb][0])
            getattr(message, verb)()
            message.delivered_at = message.delivered_at or SYSTEM_CLOCK.now()
            message.save(update_fields=["delivery_status", "delivered_at", "updated_at"])
    return message


def _sender(access: Access, agent_id: UUID) -> Agent:
    agent = agent_for(access, agent_id)
    access.require(agent.workspace_id, Role.MEMBER)
    if agent.state_detail == AgentStateDetail.TERMINATED:
        raise Conflict(f"The agent {agent.name} was terminated for good and says nothing more.")
    return agent


def _receiver(access: Access, sender: Agent, word: str) -> Agent:
    """By id or by name."""
    rows = visible_agents(access).filter(workspace_id=sender.workspace_id).not_terminated()
    own_id = as_uuid(word)
    found = (rows.filter(id=own_id) if own_id else rows.filter(name=word)).first()
    if found is None:
        sentence = f"There is no agent {word[:100]!r} in this workspace that could get a message."
        raise Invalid(sentence, code="unknown_agent", details={"to_agent": [sentence]})
    if found.id == sender.id:
        raise Invalid("An agent writes to others.", details={"to_agent": ["Name another agent than the sender."]})
    return found


def _others_in_project(sender: Agent) -> list[Agent]:
    rows = visible_in_project(sender.project_id).not_terminated().filter(is_enabled=True).exclude(id=sender.id)
    return list(rows.order_by("name", "id"))


def _row(sender: Agent, receiver: Agent, letter: Letter, answered: AgentMessage | None, now: datetime) -> AgentMessage:
    seconds = letter.expires_in_seconds
    return AgentMessage(
        workspace_id=sender.workspace_id,
        from_agent=sender,
        to_agent=receiver,
        message_type=letter.message_type,
        topic=letter.topic,
        content=letter.content,
        metadata=dict(letter.metadata),
        in_reply_to=answered,
        expires_at=now + timedelta(seconds=seconds) if seconds else None,
    )


def _answered(sender: Agent, message_id: UUID | None) -> AgentMessage | None:
    if message_id is None:
        return None
    found = AgentMessage.objects.filter(id=message_id, to_agent=sender, session__isnull=True).first()
    if found is None:
        sentence = "There is no such message to this agent, outside of a session, that it could answer."
        raise Invalid(sentence, details={"in_reply_to": [sentence]})
    return found


def _audit(access: Access, sender: Agent, action: str, object_id: UUID, after: Mapping[str, Any]) -> None:
    record_audit(
        workspace=sender.workspace_id,
        actor=access.actor,
        action=action,
        object_type="message",
        object_id=object_id,
        after={"from": sender.name, **after},
        ip=access.ip,
    )
