"""Doors to a session's history: is it whole?"""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from sessions import selectors
from workspaces.api.access import AccessMixin


class ProblemShape(serializers.Serializer[Any]):
    """One thing that is wrong, and the event at which it shows."""

    seq = serializers.IntegerField()
    code = serializers.CharField()
    message = serializers.CharField()


class VerificationShape(serializers.Serializer[Any]):
    """The verdict; docs/explanation/verifiable-history.md says what it proves."""

    session_id = serializers.UUIDField()
    is_whole = serializers.BooleanField(help_text="No problem was found.")
    is_compared = serializers.BooleanField(
        help_text="The rows were held against the log: not after a broken chain, nor while it moves on too fast."
    )
    events = serializers.IntegerField(help_text="Events that were checked.")
    last_seq = serializers.IntegerField(help_text="The last event that is in order.")
    last_hash = serializers.CharField(help_text="Its hash. Keep it elsewhere to prove later what the log was.")
    problems = ProblemShape(many=True, help_text="In the order of the log, the first break first; at most 100.")


class VerifySession(AccessMixin, GenericAPIView[Any]):
    serializer_class = VerificationShape

    @extend_schema(operation_id="session_verify")
    def get(self, request: Request, session_id: UUID) -> Response:
        """Reads the whole log: whether its hashes are a chain without a gap, and the rows say what it says."""
        return Response(VerificationShape(asdict(selectors.verification(self.access, session_id))).data)
