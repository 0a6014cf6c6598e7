"""The one error shape of the API: `{"code", "message", "details"}`."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.db import InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions as drf
from rest_framework.response import Response
from rest_framework.views import set_rollback

from core import errors

STATUS: Mapping[type[errors.OrchestratorError], int] = {
    errors.Invalid: 400,
    errors.Unauthenticated: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Gone: 410,
    errors.PreconditionFailed: 412,
    errors.PayloadTooLarge: 413,
    errors.LimitExceeded: 429,
    errors.Unavailable: 503,
}
CODES: Mapping[type[drf.APIException], str] = {
    drf.ParseError: "unreadable",
    drf.NotAuthenticated: "not_authenticated",
    drf.AuthenticationFailed: "authentication_failed",
    drf.PermissionDenied: "forbidden",
    drf.NotFound: "not_found",
    drf.MethodNotAllowed: "method_not_allowed",
    drf.NotAcceptable: "not_acceptable",
    drf.UnsupportedMediaType: "unsupported_media_type",
    drf.Throttled: "limit_exceeded",
}
DATABASE_AWAY = (OperationalError, InterfaceError)
"""What a database that is gone, restarting or locked for too long raises."""


def error_body(code: str, message: str, details: Mapping[str, Any] | None = None) -> dict[str, Any]:
    return {"code": code, "message": message, "details": dict(details or {})}


def handle_exception(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """The response to an error; None lets an unforeseen one go on to Django, which logs it and answers 500."""
    response = _response(error)
    if response is not None:
        set_rollback()
    return response


def _response(error: Exception) -> Response | None:
    if isinstance(error, errors.OrchestratorError):
        return _own(error)
    if isinstance(error, Http404):
        return _plain(404, "not_found", "There is no such object.")
    if isinstance(error, PermissionDenied):
        return _plain(403, "forbidden", str(error) or "You may not do this.")
    if isinstance(error, RequestDataTooBig | TooManyFilesSent | TooManyFieldsSent):
        return _plain(413, "payload_too_large", _too_much(error))
    if isinstance(error, DATABASE_AWAY):
        return _own(database_away())
    if isinstance(error, drf.ValidationError):
        return _validation(error)
    if isinstance(error, drf.APIException):
        return _framework(error)
    return None


def database_away() -> errors.Unavailable:
    """What a caller is told while the database does not answer."""
    return errors.Unavailable("The database did not answer in time. Try again in a few seconds.")


def _too_much(error: Exception) -> str:
    if isinstance(error, TooManyFilesSent):
        return f"Too many files: at most {settings.DATA_UPLOAD_MAX_NUMBER_FILES} in one request. Send them in parts."
    if isinstance(error, TooManyFieldsSent):
        return f"Too many fields: at most {settings.DATA_UPLOAD_MAX_NUMBER_FIELDS} in one request."
    return f"The body is larger than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE:,} bytes, files not counted. Send less."


def status_of(error: errors.OrchestratorError) -> int:
    """The HTTP status of an error class or its nearest base; 500 for one that has none."""
    return next((STATUS[base] for base in type(error).__mro__ if base in STATUS), 500)


def _own(error: errors.OrchestratorError) -> Response:
    response = _plain(status_of(error), error.code, error.message, error.details)
    for name, value in headers_of(error).items():
        response[name] = value
    return response


def headers_of(error: errors.OrchestratorError) -> dict[str, str]:
    """When to come back, or how to say who one is."""
    if isinstance(error, errors.LimitExceeded):
        return {"Retry-After": str(error.retry_after_seconds)}
    if isinstance(error, errors.Unavailable) and error.retryable:
        return {"Retry-After": str(error.retry_after_seconds)}
    return {"WWW-Authenticate": 'Bearer realm="api"'} if isinstance(error, errors.Unauthenticated) else {}


def _plain(status: int, code: str, message: str, details: Mapping[str, Any] | None = None) -> Response:
    return Response(error_body(code, message, details), status=status)


def _validation(error: drf.ValidationError) -> Response:
    detail = error.detail
    details = {"non_field_errors": detail} if isinstance(detail, list) else detail
    field, sentence = _first_sentence(details)
    message = sentence if field in ("", "non_field_errors") else f"{field}: {sentence}"
    return _plain(400, "invalid", message, details)


def _first_sentence(detail: Any, path: str = "") -> tuple[str, str]:
    """The first leaf of DRF's nested error detail, with the dotted path to it."""
    if isinstance(detail, Mapping) and detail:
        key, value = next(((key, value) for key, value in detail.items() if value), ("", ""))
        return _first_sentence(value, f"{path}.{key}" if path else str(key))
    if isinstance(detail, list) and detail:
        index, value = next(((index, value) for index, value in enumerate(detail) if value), (0, ""))
        return _first_sentence(value, path if isinstance(value, str) else f"{path}[{index}]")
    return path, str(detail)


def _framework(error: drf.APIException) -> Response:
    code = next((CODES[base] for base in type(error).__mro__ if base in CODES), "error")
    detail = error.detail
    message = str(detail.get("detail", detail)) if isinstance(detail, dict) else str(detail)
    response = _plain(error.status_code, code, message)
    if header := getattr(error, "auth_header", None):
        response["WWW-Authenticate"] = header
    if wait := getattr(error, "wait", None):
        response["Retry-After"] = str(int(wait) + 1)
    return response
