"""Routes that hand out tokens and tickets."""

from typing import Any

from django.contrib.auth.models import User
from drf_spectacular.utils import extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework_simplejwt.exceptions import TokenError
from rest_framework_simplejwt.serializers import TokenRefreshSerializer
from rest_framework_simplejwt.tokens import RefreshToken

from core.errors import Unauthenticated
from workspaces import conf, services
from workspaces.api.serializers import AccessToken, RefreshRequest, TicketShape, TokenPair, TokenRequest
from workspaces.models import ApiKey

NO_STORE = {"Cache-Control": "no-store"}


class Token(GenericAPIView[Any]):
    serializer_class = TokenRequest
    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(operation_id="auth_token", responses=TokenPair, auth=[])
    def post(self, request: Request) -> Response:
        """An access and a refresh token for a user name and password."""
        given = TokenRequest(data=request.data)
        given.is_valid(raise_exception=True)
        user = services.log_in(**given.validated_data, ip=request.META.get("REMOTE_ADDR") or None)
        refresh = RefreshToken.for_user(user)
        return Response({"access": str(refresh.access_token), "refresh": str(refresh)}, headers=NO_STORE)


class Refresh(GenericAPIView[Any]):
    serializer_class = RefreshRequest
    authentication_classes = ()
    permission_classes = (AllowAny,)

    @extend_schema(operation_id="auth_refresh", responses=AccessToken, auth=[])
    def post(self, request: Request) -> Response:
        """A new access token for a refresh token."""
        given = TokenRefreshSerializer(data=request.data)
        try:
            given.is_valid(raise_exception=True)
        except TokenError as error:
            raise Unauthenticated("The refresh token is invalid or expired. Log in again.") from error
        return Response({"access": given.validated_data["access"]}, headers=NO_STORE)


class NewTicket(GenericAPIView[Any]):
    serializer_class = TicketShape

    @extend_schema(operation_id="auth_ticket", request=None, responses={201: TicketShape})
    def post(self, request: Request) -> Response:
        """A one-time ticket, to open a WebSocket from where no headers can be sent."""
        holder = request.auth if isinstance(request.auth, ApiKey) else request.user
        assert isinstance(holder, ApiKey | User)
        body = {
            "ticket": services.issue_ticket(holder=holder),
            "expires_in_seconds": int(conf.TICKET_LIFETIME.total_seconds()),
        }
        return Response(body, status=201, headers=NO_STORE)
