"""What the demo asks of its simulated exchange: where it stands, and which faults it shall show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
from django.conf import settings

ANSWER_WITHIN_S = 2.0
AWAY = "The simulated exchange does not answer. It is started anew within a few seconds; nothing was switched."


class ExchangeAway(Exception):
    """The simulated exchange cannot be reached."""


class FaultRefused(Exception):
    """The exchange has no such fault, or not with these fields."""

    def __init__(self, message: str, *, field: str = "", allowed: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field
        self.allowed = allowed


def standing() -> dict[str, Any]:
    """Return the exchange's own account of its run; raises `ExchangeAway`."""
    return _call("GET", "/sim/state")


def script() -> dict[str, Any]:
    """Return every fault with what waits and how often each has struck; raises `ExchangeAway`."""
    return _call("GET", "/sim/faults")


def switch(*, kind: str, is_on: bool, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Switch a fault on with these fields, or off; raises `FaultRefused` and `ExchangeAway`.

    What was on before with other fields goes off first, so that one switch means one fault.
    """
    answer = _call("DELETE", "/sim/faults", params={"kind": kind or "-"})
    if is_on:
        answer = _call("POST", "/sim/faults", json={"kind": kind, **fields})
    return answer


def _call(method: str, path: str, **options: Any) -> dict[str, Any]:
    address = f"{settings.WINDHOVER_SIMULATOR_URL}{path}"
    try:
        with httpx.Client(trust_env=False, timeout=ANSWER_WITHIN_S) as client:
            answer = client.request(method, address, **options)
            data = answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise ExchangeAway(AWAY) from error
    if answer.status_code == httpx.codes.BAD_REQUEST:
        wrong = data.get("data") or {}
        raise FaultRefused(data["message"], field=wrong.get("field", ""), allowed=wrong.get("allowed", ""))
    if answer.status_code != httpx.codes.OK or not isinstance(data, dict):
        raise ExchangeAway(AWAY)
    return data
