"""`/health/detailed` and `/status`: how the server fares, for those who run it."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from django.conf import settings
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.clock import SYSTEM_CLOCK
from core.health import Check, Finding, HealthStatus, check_all, overall
from workspaces import conf
from workspaces.models import ApiKey


def comes_from_allowed_address(request: Any) -> bool:
    """Whether the direct peer is in STATUS_ALLOWED_ADDRESSES. What a proxy says in headers is not asked."""
    try:
        peer = ip_address(request.META.get("REMOTE_ADDR") or "")
    except ValueError:
        return False
    peer = getattr(peer, "ipv4_mapped", None) or peer
    return any(peer in network for network in conf.status_allowed_addresses())


def sees_everything(request: Request) -> bool:
    """Whether the caller is one who runs the installation."""
    return comes_from_allowed_address(request) or (not isinstance(request.auth, ApiKey) and request.user.is_staff)


class MaySeeHealth(BasePermission):
    """Staff, any API key, or an allowed address."""

    message = "Only staff, an API key or an address named in STATUS_ALLOWED_ADDRESSES may see this."

    def has_permission(self, request: Request, view: APIView) -> bool:
        if comes_from_allowed_address(request):
            return True
        return isinstance(request.auth, ApiKey) or request.user.is_staff


class Health(APIView):
    """Runs all checks side by side; 503 when the server is down, 200 otherwise.

    An API key belongs to one workspace: its bearer gets the words, and not the figures and sentences, which tell of
    the machines and of what other workspaces have.
    """

    permission_classes = (MaySeeHealth,)
    checks: Mapping[str, Check] = {}
    schema = None

    def get_authenticators(self) -> list[Any]:
        """An allowed address is not asked who it is: that needs the database, which may be what is down."""
        return [] if comes_from_allowed_address(self.request) else super().get_authenticators()

    def get(self, request: Request) -> Response:
        findings = check_all(self.checks)
        shown = self.shown if sees_everything(request) else in_a_word
        status = overall(findings.values())
        body = {
            "status": str(status),
            "version": settings.VERSION,
            "checked_at": SYSTEM_CLOCK.now().isoformat().replace("+00:00", "Z"),
            "components": {name: shown(finding) for name, finding in findings.items()},
        }
        code = 503 if status == HealthStatus.DOWN else 200
        return Response(body, status=code, headers={"Cache-Control": "no-store"})

    def shown(self, finding: Finding) -> Any:
        return {
            "status": str(finding.status),
            "latency_ms": finding.latency_ms,
            "message": finding.message,
            "details": dict(finding.details),
        }


class Status(Health):
    """The same in one word a component."""

    def shown(self, finding: Finding) -> Any:
        return in_a_word(finding)


def in_a_word(finding: Finding) -> str:
    return str(finding.status)
