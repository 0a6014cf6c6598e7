"""What agents say to each other."""

from django.db import models
from django_fsm import FSMField

from core.constraints import one_of
from core.lifecycle import plain_transition
from core.models import TimestampedRow
from sessions.states import MESSAGE_LIFECYCLE, DeliveryStatus, MessageType


class AgentMessage(TimestampedRow):
    """One message. Without a receiver it is a broadcast to the agents of its session. A reply names what it answers."""

    workspace = models.ForeignKey("workspaces.Workspace", on_delete=models.CASCADE, related_name="+")
    session = models.ForeignKey(
        "agent_sessions.AgentSession",
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="messages",
        db_index=False,
    )
    from_agent = models.ForeignKey("agents.Agent", on_delete=models.PROTECT, related_name="sent_messages")
    to_agent = models.ForeignKey(
        "agents.Agent", on_delete=models.PROTECT, null=True, blank=True, related_name="received_messages"
    )
    topic = models.CharField(max_length=200, blank=True)
    message_type = models.CharField(
        max_length=20, choices=[(kind, kind.title()) for kind in MessageType], default=MessageType.NOTIFICATION
    )
    content = models.JSONField()
    metadata = models.JSONField(default=dict, blank=True)
    in_reply_to = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="replies")
    delivery_status = FSMField(max_length=20, default=DeliveryStatus.PENDING, protected=True, editable=False)
    attempts = models.PositiveIntegerField(default=0)
    delivered_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "agent_message"
        ordering = ["created_at", "id"]
        constraints = [
            one_of("message_type", MessageType, name="agent_message_type_check"),
            one_of("delivery_status", DeliveryStatus, name="agent_message_delivery_check"),
            models.CheckConstraint(
                condition=~models.Q(delivery_status__in=["DELIVERED", "READ"]) | models.Q(delivered_at__isnull=False),
                name="agent_message_delivered_has_time",
            ),
            models.CheckConstraint(
                condition=~models.Q(message_type="REQUEST") | models.Q(to_agent__isnull=False),
                name="agent_message_request_has_receiver",
            ),
        ]
        indexes = [models.Index(fields=["session"], name="idx_agent_messages_session_id")]

    def __str__(self) -> str:
        return f"{self.message_type} {self.id}"

    deliver = plain_transition(delivery_status, MESSAGE_LIFECYCLE, "deliver")
    read = plain_transition(delivery_status, MESSAGE_LIFECYCLE, "read")
    fail = plain_transition(delivery_status, MESSAGE_LIFECYCLE, "fail")
    expire = plain_transition(delivery_status, MESSAGE_LIFECYCLE, "expire")
