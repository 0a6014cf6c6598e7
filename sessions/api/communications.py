"""Routes of messages between agents."""

from typing import Any
from uuid import UUID

from django.urls import path
from drf_spectacular.utils import OpenApiResponse, PolymorphicProxySerializer, extend_schema
from rest_framework import serializers, status
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from agents.selectors import agent_for
from core.api.schema import shown_with
from core.errors import PayloadTooLarge
from sessions.api.serializers import MessageShape
from sessions.selectors.messaging import MessageQuery, message_for, messages_of_agent
from sessions.services.messaging import Letter, broadcast_message, mark_delivered, mark_read, send_message
from sessions.states import DeliveryStatus, MessageType
from workspaces.api.access import AccessMixin

MAX_MESSAGE_BYTES = 256 * 1024
LONGEST_WAIT_SECONDS = 30 * 24 * 3600


@shown_with({"to_agent": "bob", "message_type": "REQUEST", "topic": "stock", "content": {"item": "lamp"}})
class SendRequest(serializers.Serializer[Any]):
    """To one agent (`to_agent`), or with `broadcast` to every other agent of the sender's project."""

    to_agent = serializers.CharField(required=False, max_length=100, help_text="its id, or its name")
    broadcast = serializers.BooleanField(default=False)
    content = serializers.JSONField(help_text="any JSON but null")
    message_type = serializers.ChoiceField(choices=list(MessageType), default=MessageType.NOTIFICATION)
    topic = serializers.CharField(required=False, allow_blank=True, max_length=200, default="")
    metadata = serializers.DictField(default=dict)
    in_reply_to = serializers.UUIDField(required=False, help_text="a message that the sender got")
    expires_in_seconds = serializers.IntegerField(required=False, min_value=1, max_value=LONGEST_WAIT_SECONDS)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if bool(attrs.get("to_agent")) == attrs["broadcast"]:
            raise serializers.ValidationError({"to_agent": "Give either to_agent or broadcast: true."})
        return attrs


class BroadcastShape(serializers.Serializer[Any]):
    """One message for each receiver, each with a delivery of its own."""

    broadcast_id = serializers.UUIDField()
    count = serializers.IntegerField()
    message_ids = serializers.ListField(child=serializers.UUIDField())


class MessageQueryShape(serializers.Serializer[Any]):
    direction = serializers.ChoiceField(choices=["sent", "received"], required=False)
    delivery_status = serializers.ChoiceField(choices=list(DeliveryStatus), required=False)
    message_type = serializers.ChoiceField(choices=list(MessageType), required=False)
    topic = serializers.CharField(required=False, max_length=200)
    outside_sessions = serializers.BooleanField(
        required=False, default=False, help_text="true: leave out what was said within sessions"
    )


class MessageDoor(AccessMixin, GenericAPIView[Any]):
    serializer_class = MessageShape
    filter_backends = ()


class Send(MessageDoor):
    @extend_schema(
        operation_id="communications_send",
        request=SendRequest,
        responses={
            201: OpenApiResponse(
                PolymorphicProxySerializer("Sent", [MessageShape, BroadcastShape], resource_type_field_name=None),
                description="The message, or what came of the broadcast.",
            )
        },
        tags=["communications"],
    )
    def post(self, request: Request, agent_id: UUID) -> Response:
        """Let an agent say something to another, or to all of its project, outside of a session."""
        agent_for(self.access, agent_id)
        values = self.given(SendRequest, request.data)
        if int(request.META.get("CONTENT_LENGTH") or 0) > MAX_MESSAGE_BYTES:
            raise PayloadTooLarge(f"A message has at most {MAX_MESSAGE_BYTES:,} bytes. Upload long texts as documents.")
        to, is_broadcast = values.pop("to_agent", ""), values.pop("broadcast")
        letter = Letter(**values)
        if is_broadcast:
            sent = broadcast_message(access=self.access, agent_id=agent_id, letter=letter)
            body = {
                "broadcast_id": sent[0].metadata["broadcast_id"],
                "count": len(sent),
                "message_ids": [str(message.id) for message in sent],
            }
            return Response(body, status=status.HTTP_201_CREATED)
        message = send_message(access=self.access, agent_id=agent_id, to=to, letter=letter)
        return Response(MessageShape(message).data, status=status.HTTP_201_CREATED)


class AgentCommunications(MessageDoor):
    @extend_schema(
        operation_id="agent_communications_list",
        parameters=[MessageQueryShape],
        responses=MessageShape(many=True),
        tags=["communications"],
    )
    def get(self, request: Request, agent_id: UUID) -> Response:
        """What an agent said and what was said to it, newest first."""
        query = MessageQuery(**self.given(MessageQueryShape, request.query_params.dict()))
        page = self.paginate_queryset(messages_of_agent(self.access, agent_id, query))
        return self.get_paginated_response(MessageShape(page, many=True).data)


class OneCommunication(MessageDoor):
    @extend_schema(operation_id="communications_retrieve", responses=MessageShape, tags=["communications"])
    def get(self, request: Request, communication_id: UUID) -> Response:
        """One message, with how far its delivery is."""
        return Response(MessageShape(message_for(self.access, communication_id)).data)


class Delivered(MessageDoor):
    @extend_schema(
        operation_id="communications_delivered", request=None, responses=MessageShape, tags=["communications"]
    )
    def post(self, request: Request, communication_id: UUID) -> Response:
        """Say that the receiver has the message. Said twice it counts once."""
        return Response(MessageShape(mark_delivered(access=self.access, message_id=communication_id)).data)


class Read(MessageDoor):
    @extend_schema(operation_id="communications_read", request=None, responses=MessageShape, tags=["communications"])
    def post(self, request: Request, communication_id: UUID) -> Response:
        """Say that the receiver has looked at the message, which is delivered then, too."""
        return Response(MessageShape(mark_read(access=self.access, message_id=communication_id)).data)


urlpatterns = [
    path("agents/<uuid:agent_id>/send", Send.as_view(), name="agent-send"),
    path("agents/<uuid:agent_id>/communications", AgentCommunications.as_view(), name="agent-communications"),
    path("communications/<uuid:communication_id>", OneCommunication.as_view(), name="communication"),
    path("communications/<uuid:communication_id>/delivered", Delivered.as_view(), name="communication-delivered"),
    path("communications/<uuid:communication_id>/read", Read.as_view(), name="communication-read"),
]
