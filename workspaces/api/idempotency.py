"""`Idempotency-Key` on every call that creates: sent twice, it is carried out once."""

import hashlib
import json
import logging
import re
from typing import Any, ClassVar

from django.core.files.uploadedfile import UploadedFile
from django.db import DatabaseError
from django.http import QueryDict
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from core.errors import Invalid
from workspaces import conf, services
from workspaces.errors import RequestInProgress
from workspaces.models import ApiKey

logger = logging.getLogger(__name__)

HEADER = "Idempotency-Key"
REPLAYED = {"Idempotency-Replayed": "true"}
KEPT_HEADERS = ("Location", "ETag", "Preference-Applied", "Cache-Control")
API_ROOT = re.compile(r"^/api(/v1)?(?=/)")


class Replayed(Exception):
    """Ends a request before it is carried out: it was answered before."""

    def __init__(self, answer: services.Answer) -> None:
        super().__init__(answer.status_code)
        self.answer = answer


class IdempotentMixin:
    """Answers a POST that comes again with its `Idempotency-Key` as the first time, without doing anything.

    What was refused or failed is not kept: nothing was made, so it may be tried again with the same key.
    """

    has_own_keys: ClassVar[bool] = False
    """True for a view that remembers its keys itself."""

    secret_fields: ClassVar[tuple[str, ...]] = ()
    """Fields of the answer that are shown once and never kept: null when the answer is given again."""

    _claim: services.Claim | None = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """After the caller is known and allowed. Raises: Replayed, Invalid, IdempotencyConflict, RequestInProgress."""
        super().initial(request, *args, **kwargs)  # type: ignore[misc]
        if request.method != "POST" or self.has_own_keys or HEADER not in request.headers:
            return
        found = services.claim_request(
            caller=_caller(request),
            operation=f"{request.method} {API_ROOT.sub('', request.path)}",
            key=_key(request),
            request_hash=_fingerprint(request),
        )
        if isinstance(found, services.Answer):
            raise Replayed(found)
        self._claim = found

    def handle_exception(self, exc: Exception) -> Response:
        if isinstance(exc, Replayed):
            answer = exc.answer
            body = json.loads(answer.body) if answer.body else None
            return Response(body, status=answer.status_code, headers={**answer.headers, **REPLAYED})
        try:
            response: Response = super().handle_exception(exc)  # type: ignore[misc]
        except Exception:
            self._settle(None)
            raise
        if isinstance(exc, RequestInProgress):
            response["Retry-After"] = str(exc.details["retry_after_seconds"])
        return response

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        final = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]
        self._settle(final)
        return final

    def _settle(self, response: Any) -> None:
        """Keep a good answer, or give the key back. The caller's answer does not depend on it."""
        claim, self._claim = self._claim, None
        if claim is None:
            return
        try:
            if isinstance(response, Response) and 200 <= response.status_code < 300:
                services.keep_answer(claim=claim, answer=self._answer(response))
            else:
                services.release_request(claim=claim)
        except DatabaseError:
            logger.exception("the answer to a call with an Idempotency-Key could not be kept")

    def _answer(self, response: Response) -> services.Answer:
        data = response.data
        if self.secret_fields and isinstance(data, dict):
            data = {**data, **{name: None for name in self.secret_fields if name in data}}
        body = "" if data is None else JSONRenderer().render(data).decode()
        headers = {name: response[name] for name in KEPT_HEADERS if name in response}
        return services.Answer(response.status_code, headers, body)


def _caller(request: Request) -> str:
    return f"key:{request.auth.pk}" if isinstance(request.auth, ApiKey) else f"user:{request.user.pk}"


def _key(request: Request) -> str:
    key: str = request.headers[HEADER]
    longest = conf.MAX_IDEMPOTENCY_KEY_CHARACTERS
    if not key or len(key) > longest or not key.isascii() or not key.isprintable():
        sentence = f"This header must be 1 to {longest} printable ASCII characters."
        raise Invalid(f"{HEADER}: {sentence}", details={HEADER: [sentence]})
    return key


def _fingerprint(request: Request) -> str:
    """The same for two requests that say the same, however their JSON is written; files count by their bytes."""
    data: Any = dict(request.data.lists()) if isinstance(request.data, QueryDict) else request.data
    asked = [request.META.get("QUERY_STRING", ""), request.headers.get("If-Match", ""), data]
    return hashlib.sha256(json.dumps(asked, sort_keys=True, default=_as_text).encode()).hexdigest()


def _as_text(value: Any) -> Any:
    if not isinstance(value, UploadedFile):
        return str(value)
    digest = hashlib.sha256()
    for chunk in value.chunks():
        digest.update(chunk)
    value.seek(0)
    return [value.name, digest.hexdigest()]
