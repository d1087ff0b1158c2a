"""One form for every refusal: {"error": {"code", "message", "field"?, "details"?}}."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.views import set_rollback

from brokers.api.lookup import NotYours, note_refusal
from brokers.domain.errors import (
    AlreadyStopped,
    DataError,
    Invalid,
    NotFound,
    RefusedByRisk,
    VenueError,
    WindhoverError,
)

logger = logging.getLogger(__name__)

# The first class that fits decides.
STATUS_OF: tuple[tuple[type[WindhoverError], int], ...] = (
    (NotFound, status.HTTP_404_NOT_FOUND),
    (AlreadyStopped, status.HTTP_409_CONFLICT),
    (Invalid, status.HTTP_400_BAD_REQUEST),
    (RefusedByRisk, status.HTTP_409_CONFLICT),
    (VenueError, status.HTTP_502_BAD_GATEWAY),
    (DataError, status.HTTP_503_SERVICE_UNAVAILABLE),
    (WindhoverError, status.HTTP_500_INTERNAL_SERVER_ERROR),
)
# Codes of the framework, in our words.
CODES = {
    "not_authenticated": "auth.required",
    "authentication_failed": "auth.failed",
    "permission_denied": "role.insufficient",
    "not_found": "not_found",
    "method_not_allowed": "method.not_allowed",
    "unsupported_media_type": "body.media_type",
    "not_acceptable": "accept.unsupported",
    "parse_error": "body.malformed",
    "throttled": "rate.exceeded",
    "required": "field.required",
    "null": "field.null",
    "blank": "field.blank",
    "invalid": "field.invalid",
    "null_characters_not_allowed": "field.invalid",
    "invalid_choice": "field.choice",
    "not_a_list": "field.not_a_list",
    "not_a_dict": "field.not_a_map",
    "empty": "field.empty",
    "max_length": "field.too_long",
    "min_length": "field.too_short",
    "max_value": "field.too_large",
    "min_value": "field.too_small",
}


class Conflict(exceptions.APIException):
    """The request contradicts an earlier one."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "conflict"
    default_detail = "The request contradicts an earlier one."


def body(
    code: str, message: str, *, field: str | None = None, details: Mapping[str, object] | None = None
) -> dict[str, Any]:
    """Build the envelope."""
    error: dict[str, Any] = {"code": code, "message": message}
    if field:
        error["field"] = field
    if details:
        error["details"] = dict(details)
    return {"error": error}


def handle(error: Exception, context: Mapping[str, Any]) -> Response:
    """Turn whatever a view raised into the envelope; what nobody foresaw is logged and answered 500."""
    set_rollback()
    if isinstance(error, NotYours):
        note_refusal(context["request"], error)
    if isinstance(error, WindhoverError):
        return _of_ours(error)
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if isinstance(error, exceptions.ValidationError):
        return Response(_of_validation(error), status=error.status_code)
    if isinstance(error, exceptions.APIException):
        return _of_framework(error)
    logger.error("request_failed", exc_info=error, extra={"view": type(context.get("view")).__name__})
    return Response(body("internal", "The desk failed to answer; its log has the reason."), status=500)


def _of_ours(error: WindhoverError) -> Response:
    code = next(number for kind, number in STATUS_OF if isinstance(error, kind))
    if code >= status.HTTP_500_INTERNAL_SERVER_ERROR:
        logger.warning("request_refused", extra={"code": error.code, "reason": error.message})
    return Response(body(error.code, error.message, field=error.field, details=error.details), status=code)


def _of_framework(error: exceptions.APIException) -> Response:
    code = str(error.get_codes()) if not isinstance(error.get_codes(), dict | list) else error.default_code
    headers = {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait))
    return Response(
        body(CODES.get(code, code), _sentence(str(error.detail))), status=error.status_code, headers=headers
    )


def _of_validation(error: exceptions.ValidationError) -> dict[str, Any]:
    field, detail = _first(error.detail, "")
    code = getattr(detail, "code", "invalid") or "invalid"
    known = CODES.get(code, code)
    if not field and known == "field.invalid":
        known = "body.invalid"
    return body(known, _sentence(str(detail)), field=field or None)


def _first(detail: Any, path: str) -> tuple[str, Any]:
    """Walk to the first complaint and the dotted path of the field it is about."""
    if isinstance(detail, Mapping) and detail:
        name, inner = next(iter(detail.items()))
        return _first(inner, path if name == "non_field_errors" else f"{path}.{name}".lstrip("."))
    if isinstance(detail, list) and detail:
        return _first(next((item for item in detail if item), detail[0]), path)
    return path, detail


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?")) else f"{text}."
