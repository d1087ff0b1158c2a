"""From Kite's answers to the desk's error tree: what was refused, what may be asked again, what is unknown.

The table follows Kite's `error_type` first and the HTTP status second. The same answer means different things to a
read and to a write: a gateway's 502 lets a read be repeated, but leaves a write's outcome unknown.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from brokers.domain.errors import Ambiguous, DataError, Misconfigured, NeedsLogin, Rejected, Retryable, WindhoverError
from brokers.ports import Reply

_LOGIN_TYPES = frozenset({"TokenException", "TwoFAException"})
_PERMISSION_TYPES = frozenset({"PermissionException", "PermissionError"})
_UNAVAILABLE = frozenset({408, 500, 502, 503, 504})
_TIMED_OUT = re.compile(r"timed out|check the order ?book", re.IGNORECASE)
# orders are taken from registered addresses alone; the exact words are not documented
_ABOUT_ADDRESS = re.compile(r"\bIPs?\b|\bIPv[46]\b|white-?\s?list", re.ASCII | re.IGNORECASE)
_ABOUT_PROTECTION = re.compile(r"market protection", re.IGNORECASE)
_REFUSAL_CODES = {
    "InputException": "venue.input",
    "MarginException": "venue.margin",
    "HoldingException": "venue.holding",
    "OrderException": "venue.order",
    "UserException": "venue.user",
}
_LONGEST_MESSAGE = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What an error answer says; `error_type` is empty when the body is not Kite's."""

    status: int
    error_type: str
    message: str


def data_of(reply: Reply, *, is_write: bool, parse_float: Callable[[str], object] = Decimal) -> object:
    """Return the `data` of a success with floats as Decimal; raise what the answer means otherwise."""
    envelope = envelope_of(reply.body, parse_float)
    if reply.status < 400 and envelope is not None and envelope.get("status") == "success" and "data" in envelope:
        return envelope["data"]
    if reply.status < 400 and (envelope is None or envelope.get("status") != "error"):
        raise _unreadable(reply.status, is_write=is_write)
    raise error_of(refusal_of(reply.status, envelope), is_write=is_write)


def floats_of(reply: Reply) -> object:
    """Return the `data` of a read with plain floats, for what becomes arrays."""
    return data_of(reply, is_write=False, parse_float=float)


def text_of(reply: Reply) -> str:
    """Return the text of a CSV answer; raise what any other answer means."""
    if reply.status >= 400:
        raise error_of(refusal_of(reply.status, envelope_of(reply.body)), is_write=False)
    text = reply.body.decode("utf-8", errors="replace")
    if text.lstrip()[:1] in ("", "<", "{"):
        raise DataError("the venue sent no list where a CSV list was expected", code="venue.unreadable")
    return text


def envelope_of(body: bytes, parse_float: Callable[[str], object] = Decimal) -> dict[str, Any] | None:
    """Read a JSON object, keeping every fraction exact; None for anything else."""
    try:
        value = json.loads(body, parse_float=parse_float)
    except (ValueError, RecursionError, InvalidOperation):
        return None
    return value if isinstance(value, dict) else None


def refusal_of(status: int, envelope: dict[str, Any] | None) -> Refusal:
    """Pick the known fields out of an error body."""
    body = envelope or {}
    message = str(body.get("message") or f"the venue answered HTTP {status}")
    return Refusal(status=status, error_type=str(body.get("error_type") or ""), message=message[:_LONGEST_MESSAGE])


def error_of(refusal: Refusal, *, is_write: bool) -> WindhoverError:
    """Translate a refusal; whatever cannot be proven to be a definite no leaves a write unknown."""
    details = {"status": refusal.status, "error_type": refusal.error_type}
    message = refusal.message
    if refusal.error_type in _LOGIN_TYPES:
        return NeedsLogin(message, details=details)
    if refusal.status == 429:
        kind = Rejected if is_write else Retryable
        return kind(message, code="venue.throttled", details=details)
    if _is_unknown(refusal):
        return _unknown(message, details, is_write=is_write)
    if not refusal.error_type:
        return _unreadable(refusal.status, is_write=is_write)
    if is_write and _ABOUT_ADDRESS.search(message):
        return Misconfigured(message, code="venue.egress", details=details)
    return Rejected(message, code=_refusal_code(refusal), details=details)


def _refusal_code(refusal: Refusal) -> str:
    if refusal.error_type in _PERMISSION_TYPES:
        return "venue.permission"
    if refusal.status == 428:
        return "venue.authorise_holdings"
    if _ABOUT_PROTECTION.search(refusal.message):
        return "venue.unprotected"
    return _REFUSAL_CODES.get(refusal.error_type, "venue.rejected")


def _is_unknown(refusal: Refusal) -> bool:
    if refusal.status in _UNAVAILABLE or refusal.status >= 500:
        return True
    return _TIMED_OUT.search(refusal.message) is not None


def _unknown(message: str, details: dict[str, object], *, is_write: bool) -> WindhoverError:
    if is_write:
        return Ambiguous(message, details=details)
    return Retryable(message, code="venue.unavailable", details=details)


def _unreadable(status: int, *, is_write: bool) -> WindhoverError:
    # a body that is not Kite's comes from something on the way, which cannot say what the venue did
    message = "the venue's answer could not be read"
    if is_write:
        return Ambiguous(message, code="venue.unreadable", details={"status": status})
    return DataError(message, code="venue.unreadable", details={"status": status})
