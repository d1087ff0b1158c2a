"""Writes that may be repeated: the same key and body get the same answer, and nothing happens twice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any
from uuid import uuid4

from django.db import transaction
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.services import answer_keep, answer_reserve
from brokers.api.errors import Conflict
from brokers.api.lookup import caller

HEADER = "Idempotency-Key"
MAX_LENGTH = 64


def key_of(request: Request) -> str:
    """Return the caller's key, or a new one; one that is too long or unprintable raises ValidationError."""
    key = request.headers.get(HEADER, "").strip()
    if len(key) > MAX_LENGTH or not key.isprintable():
        message = f"The key must be at most {MAX_LENGTH} printable characters"
        raise ValidationError({HEADER: [ErrorDetail(message, code="idempotency.key")]})
    return key or uuid4().hex


def once(request: Request, act: Callable[[str], tuple[int, dict[str, Any]]]) -> Response:
    """Run a write under its key, or repeat the answer that it got before.

    The answer is kept in the transaction of the write: a write that fails leaves no trace and may be tried again.
    Another body under the same key raises Conflict.
    """
    key = key_of(request)
    if not request.headers.get(HEADER, "").strip():
        return _answer(act(key))
    with transaction.atomic():
        kept = answer_reserve(user=caller(request), key=key, fingerprint=_fingerprint(request))
        if kept.fingerprint != _fingerprint(request):
            raise Conflict("This Idempotency-Key was used for another request.", code="idempotency.conflict")
        if kept.status:
            return _answer((kept.status, kept.answer))
        # Keys are the caller's: two callers may choose the same one.
        status, answer = act(f"{caller(request).id.hex[:12]}:{key}")
        answer_keep(kept, status=status, answer=answer)
    return _answer((status, answer))


def _answer(result: tuple[int, dict[str, Any]]) -> Response:
    status, content = result
    return Response(content, status=status)


def _fingerprint(request: Request) -> str:
    content = b"\0".join([str(request.method).encode(), request.path.encode(), _raw_body(request)])
    return hashlib.sha256(content).hexdigest()


def _raw_body(request: Request) -> bytes:
    import orjson

    return orjson.dumps(request.data, option=orjson.OPT_SORT_KEYS, default=str)
