"""Reading what a client of the simulated Aster sent; a bad parameter is refused by the venue's code."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import orjson

from brokers.simulator.aster.clock import INTERVALS_MS
from brokers.simulator.aster.contracts import Contract
from brokers.simulator.aster.orders import AsterRefusal, PerpetualRequest
from brokers.simulator.aster.rules import units
from brokers.simulator.kite_requests import Request

MANDATORY = "Mandatory parameter '{}' was not sent, was empty/null, or malformed."
INVALID = "Data sent for parameter '{}' is not valid."
_WHOLE = re.compile("-?[0-9]{1,18}")


class Fields:
    """Named texts of one request, or of one order of a batch."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    @classmethod
    def of(cls, request: Request) -> Fields:
        """Return a request's parameters; one that stands in query and body counts as in the query."""
        names = {**request.form, **request.query}
        return cls({name: values[0] for name, values in names.items()})

    def get(self, name: str, default: str = "") -> str:
        return self._values.get(name) or default

    def need(self, name: str) -> str:
        """Return a parameter that must be there; raises `AsterRefusal`."""
        value = self._values.get(name, "")
        if not value:
            raise AsterRefusal(-1102, MANDATORY.format(name))
        return value

    def whole(self, name: str) -> int | None:
        """Return a whole number, None when it was not sent; raises `AsterRefusal`."""
        value = self.get(name)
        if value and not _WHOLE.fullmatch(value):
            raise AsterRefusal(-1130, INVALID.format(name))
        return int(value) if value else None

    def need_whole(self, name: str) -> int:
        """Return a whole number that must be there; raises `AsterRefusal`."""
        self.need(name)
        return self.whole(name) or 0

    def exact(self, name: str) -> Decimal:
        """Return a decimal that must be there; raises `AsterRefusal`."""
        try:
            number = Decimal(self.need(name))
        except InvalidOperation:
            raise AsterRefusal(-1130, INVALID.format(name)) from None
        if not number.is_finite():
            raise AsterRefusal(-1130, INVALID.format(name))
        return number

    def truth(self, name: str, default: str = "false") -> bool:
        """Return a truth written as a word; raises `AsterRefusal`."""
        value = self.get(name, default).lower()
        if value not in {"true", "false"}:
            raise AsterRefusal(-1130, INVALID.format(name))
        return value == "true"

    def limit(self, default: int, most: int) -> int:
        """Return how many rows are wanted; raises `AsterRefusal`."""
        asked = self.whole("limit")
        if asked is not None and not 1 <= asked <= most:
            raise AsterRefusal(-1130, INVALID.format("limit"))
        return asked or default

    def span(self) -> tuple[int | None, int | None]:
        """Return startTime and endTime in milliseconds; raises `AsterRefusal`."""
        first, last = self.whole("startTime"), self.whole("endTime")
        if first is not None and last is not None and first > last:
            raise AsterRefusal(-1023, "Start time is greater than end time.")
        return first, last

    def interval(self) -> str:
        """Return a candle's interval; raises `AsterRefusal`."""
        interval = self.need("interval")
        if interval not in INTERVALS_MS:
            raise AsterRefusal(-1120, "Invalid interval.")
        return interval


def order_of(fields: Fields, contract: Contract) -> PerpetualRequest:
    """Return the order that a request describes; raises `AsterRefusal`."""
    kind, closes = fields.need("type"), fields.truth("closePosition")
    needed = _needed(kind, closes=closes)
    for name in needed:
        fields.need(name)
    working, respond = fields.get("workingType", "CONTRACT_PRICE"), fields.get("newOrderRespType", "ACK")
    if working not in {"MARK_PRICE", "CONTRACT_PRICE"}:
        raise AsterRefusal(-4031, f"Invalid parameter working type: `{working}`")
    if respond not in {"ACK", "RESULT"}:
        raise AsterRefusal(-1136, "Invalid newOrderRespType.")
    if kind == "MARKET" and fields.get("price"):
        raise AsterRefusal(-1106, "Parameter 'price' sent when not required.")
    if kind == "MARKET" and fields.get("timeInForce"):
        raise AsterRefusal(-1106, "Parameter 'timeInforce' sent when not required.")
    price = contract.price_unit
    return PerpetualRequest(
        symbol=contract.symbol,
        side=fields.need("side"),
        kind=kind,
        quantity=units(fields.get("quantity", "0"), contract.quantity_unit, "quantity"),
        price=units(fields.get("price", "0"), price, "price"),
        stop_price=units(fields.get("stopPrice", "0"), price, "stopPrice"),
        activation_price=units(fields.get("activationPrice", "0"), price, "activationPrice"),
        rate=float(fields.exact("callbackRate")) / 100 if kind == "TRAILING_STOP_MARKET" else 0.0,
        time_in_force=fields.get("timeInForce", "GTC"),
        position_side=fields.get("positionSide", "BOTH"),
        reduce_only=fields.truth("reduceOnly"),
        close_position=closes,
        on_mark=working == "MARK_PRICE",
        price_protect=fields.truth("priceProtect"),
        client_id=fields.get("newClientOrderId"),
        answer_in_full=respond == "RESULT",
    )


def _needed(kind: str, *, closes: bool) -> tuple[str, ...]:
    amount = () if closes else ("quantity",)
    return {
        "LIMIT": ("timeInForce", "quantity", "price"),
        "MARKET": ("quantity",),
        "STOP": ("quantity", "price", "stopPrice"),
        "TAKE_PROFIT": ("quantity", "price", "stopPrice"),
        "STOP_MARKET": (*amount, "stopPrice"),
        "TAKE_PROFIT_MARKET": (*amount, "stopPrice"),
        "TRAILING_STOP_MARKET": ("quantity", "callbackRate"),
    }.get(kind, ())


def json_list(text: str, name: str, most: int) -> list[Any]:
    """Return a list sent as JSON, of one to so many; raises `AsterRefusal`."""
    try:
        values = orjson.loads(text)
    except orjson.JSONDecodeError:
        values = None
    if not isinstance(values, list):
        raise AsterRefusal(-1130, INVALID.format(name))
    if not 1 <= len(values) <= most:
        raise AsterRefusal(-4082, f"Invalid number of batch place orders: {len(values)}")
    return values


def fields_of_row(row: object) -> Fields:
    """Return one order of a batch; raises `AsterRefusal`."""
    if not isinstance(row, dict):
        raise AsterRefusal(-1130, INVALID.format("batchOrders"))
    return Fields({str(name): _word(value) for name, value in row.items() if value is not None})


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
