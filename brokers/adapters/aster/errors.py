"""From Aster's answers to the desk's error tree: the class of a code, and what is done about it.

Source: the error chapters of Aster's futures API documents; codes marked as expected come from the API family.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from brokers.domain.errors import Ambiguous, DataError, NeedsLogin, Rejected, Retryable, WindhoverError
from brokers.ports import Reply

_LONGEST_MESSAGE = 300
_BANNED_UNTIL = re.compile(r"banned until (\d{13})")


class ErrorClass(StrEnum):
    """Who or what a refusal is about; each class has one action."""

    UNKNOWN_OUTCOME = "unknown_outcome"
    THROTTLED = "throttled"
    CLOCK = "clock"
    CREDENTIAL = "credential"
    MALFORMED = "malformed"
    FILTER = "filter"
    FUNDS = "funds"
    POSITION_MODE = "position_mode"
    TRIGGER = "trigger"
    ORDER_STATE = "order_state"
    SYMBOL_STATE = "symbol_state"
    NO_CHANGE = "no_change"
    LISTEN_KEY = "listen_key"
    OTHER = "other"


ACTIONS: Mapping[ErrorClass, str] = {
    ErrorClass.UNKNOWN_OUTCOME: "the order's outcome is unknown; the books are asked, nothing is sent again",
    ErrorClass.THROTTLED: "calls to the exchange pause until it lets them in again",
    ErrorClass.CLOCK: "the clock is measured against the exchange's and the request signed anew",
    ErrorClass.CREDENTIAL: "check the key, its permissions and its address list, then connect the account again",
    ErrorClass.MALFORMED: "nothing was placed; the request is kept in the log for the developers",
    ErrorClass.FILTER: "the exchange's rules for this symbol are read again before another order",
    ErrorClass.FUNDS: "nothing was placed; add margin or reduce the order",
    ErrorClass.POSITION_MODE: "the position and the position mode are read again",
    ErrorClass.TRIGGER: "the trigger price is already passed; the exit goes out as an order at the market",
    ErrorClass.ORDER_STATE: "the order is asked for once more; its fills decide",
    ErrorClass.SYMBOL_STATE: "no new position is opened in this symbol or account",
    ErrorClass.NO_CHANGE: "it was so already",
    ErrorClass.LISTEN_KEY: "a new stream key is made and everything is read again",
    ErrorClass.OTHER: "nothing was placed; the exchange's own words say why",
}

_CODES: Mapping[ErrorClass, tuple[int, ...]] = {
    ErrorClass.UNKNOWN_OUTCOME: (-1006, -1007),
    ErrorClass.THROTTLED: (-1003, -1015),
    ErrorClass.CLOCK: (-1021, -4225),
    ErrorClass.CREDENTIAL: (-1002, -1011, -1022, -2014, -2015),
    ErrorClass.MALFORMED: (
        *range(-1106, -1099), *range(-1121, -1113), -1127, -1128, -1130, -1136, -4015, -4021, -4028, -4031, -4060, -4082,
    ),
    ErrorClass.FILTER: (-1111, *range(-4005, -4000), -4013, -4014, -4016, -4023, -4024, -4029, -4030, -4131, -4164, -4183, -4184),
    ErrorClass.FUNDS: (-2018, -2019, -2024, -2025, -2027, -2028, -2030, -4045, -4050, -4051),
    ErrorClass.POSITION_MODE: (-2022, -2026, -4061, -4062, -4067, -4068, -4118, -4137, -4138),
    ErrorClass.TRIGGER: (-2021, -4135, -4142),
    ErrorClass.ORDER_STATE: (-2011, -2013),
    ErrorClass.SYMBOL_STATE: (-1016, -2016, -2023, -4022, -4087, -4088, -4140, -4141),
    ErrorClass.NO_CHANGE: (-4046, -4052, -4059),
    ErrorClass.LISTEN_KEY: (-1125,),
}  # fmt: skip
_CLASS_OF = {code: kind for kind, codes in _CODES.items() for code in codes}
# the exchange's own doubt about a request: harmless for a read, an unknown outcome for an order
_DOUBTFUL = frozenset({-1000, -1001})
_INVALID_SYMBOL = re.compile(r"invalid symbol", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What an error answer says; `code` is 0 when the body is not the exchange's."""

    status: int
    code: int
    message: str

    @property
    def banned_until_ms(self) -> int | None:
        """Return the end of an address ban where the message names it, in milliseconds since 1970."""
        found = _BANNED_UNTIL.search(self.message)
        return int(found[1]) if found else None


def class_of(refusal: Refusal, *, is_write: bool) -> ErrorClass:
    """Return the class of a refusal; for a write every doubt is an unknown outcome."""
    if refusal.status in (418, 429) or (refusal.status == 403 and not refusal.code):
        return ErrorClass.THROTTLED
    if refusal.code in _DOUBTFUL and _INVALID_SYMBOL.search(refusal.message):
        return ErrorClass.MALFORMED
    if refusal.status >= 500 or not refusal.code:
        return ErrorClass.UNKNOWN_OUTCOME
    if refusal.code in _DOUBTFUL:
        return ErrorClass.UNKNOWN_OUTCOME if is_write else ErrorClass.OTHER
    return _CLASS_OF.get(refusal.code, ErrorClass.OTHER)


def error_of(refusal: Refusal, *, is_write: bool) -> WindhoverError:
    """Translate a refusal into the error that says who must act; the details carry its class and action."""
    kind = class_of(refusal, is_write=is_write)
    details: dict[str, object] = {"status": refusal.status, "venue_code": refusal.code, "class": kind.value}
    details["action"] = ACTIONS[kind]
    if refusal.banned_until_ms is not None:
        details["banned_until_ms"] = refusal.banned_until_ms
    code, message = f"aster.{kind.value}", refusal.message
    if kind is ErrorClass.UNKNOWN_OUTCOME:
        return Ambiguous(message, details=details) if is_write else Retryable(message, code=code, details=details)
    if kind is ErrorClass.THROTTLED:
        # a refusal at the door is a definite no: the request never reached the matching
        return (Rejected if is_write else Retryable)(message, code="venue.throttled", details=details)
    if kind is ErrorClass.CREDENTIAL:
        return NeedsLogin(message, code=code, details=details)
    if not is_write and kind is ErrorClass.OTHER and refusal.code in _DOUBTFUL:
        return Retryable(message, code=code, details=details)
    return Rejected(message, code=code, details=details)


def data_of(reply: Reply, *, is_write: bool) -> Any:
    """Return a success's body; an error is a status from 400 up, or an object whose code is below 0."""
    body = _read(reply.body)
    refusal = refusal_of(reply.status, body)
    if refusal is not None:
        raise error_of(refusal, is_write=is_write)
    if body is None:
        message = "the exchange's answer could not be read"
        raise (Ambiguous if is_write else DataError)(message, code="venue.unreadable", details={"status": reply.status})
    return body


def refusal_of(status: int, body: object) -> Refusal | None:
    """Return the refusal in an answer or in one row of a batch, or None for a success."""
    code = _code_of(body)
    if status < 400 and code >= 0:
        return None
    words = body.get("msg") if isinstance(body, dict) else None
    message = str(words or f"the exchange answered HTTP {status}")[:_LONGEST_MESSAGE]
    return Refusal(status=status, code=min(code, 0), message=message)


def _code_of(body: object) -> int:
    try:
        return int(body["code"]) if isinstance(body, dict) else 0
    except (KeyError, TypeError, ValueError):
        return 0


def _read(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
