"""Orders that the exchange itself links, V3 alone: one triggers others, one cancels the other, or both.

Each leg starts from an `ApprovedOrder`, like any placement. The desk keeps its targets to itself and links nothing by
default; this is for whoever wants both legs at the exchange. Source: Aster's V3 futures API, strategy orders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

from brokers.adapters.aster import requests
from brokers.adapters.aster.calls import Act, Ask, ask_row
from brokers.adapters.aster.errors import Refusal, error_of
from brokers.adapters.aster.filters import SymbolRules
from brokers.adapters.aster.orders import ORDINARY, AsterTerms, fields_of
from brokers.adapters.aster.requests import Value, compact, text_of
from brokers.adapters.aster.wire import Wire, WireRow, exact, identifier, list_of, moment, price_or_none, row_of
from brokers.domain.errors import DataError, Invalid
from brokers.domain.orders import ApprovedOrder

SECURITY_TYPE = "USDT_FUTURES"
LONGEST_ID = 28


class LinkKind(StrEnum):
    TRIGGERS = "OTO"
    CANCELS = "OCO"
    TRIGGERS_THEN_CANCELS = "OTOCO"

    @property
    def legs(self) -> int:
        return 3 if self is LinkKind.TRIGGERS_THEN_CANCELS else 2


class LinkEvent(StrEnum):
    """What of one leg sets another in motion."""

    PLACED = "NEW"
    TOUCHED = "PARTIALLY_FILLED_OR_FILLED"
    FILLED = "FILLED"
    CANCELLED = "CANCELED"
    EXPIRED = "EXPIRED"
    REJECTED = "REJECTED"


class LinkAction(StrEnum):
    PLACE = "PLACE_ORDER"
    CANCEL = "CANCEL_ORDER"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """When the leg of this number (from 1) does this, the leg that bears the link is placed or cancelled."""

    leg: int
    on: LinkEvent
    action: LinkAction


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """An order with what sets it in motion; a leg without links is placed at once."""

    order: ApprovedOrder
    links: tuple[Link, ...] = ()
    terms: AsterTerms = ORDINARY

    def __post_init__(self) -> None:
        if len(self.links) > 2:
            raise Invalid("a leg has two links at most", code="aster.linked", field="links")


@dataclass(frozen=True, slots=True, kw_only=True)
class LegRow(WireRow):
    number: Annotated[int, Wire("strategySubId", int)]
    order_id: Annotated[str, Wire("orderId", identifier)]
    client_id: Annotated[str, Wire("clientOrderId", str)]
    symbol: Annotated[str, Wire("symbol", str)]
    side: Annotated[str, Wire("side", str)]
    order_type: Annotated[str, Wire("type", str)]
    status: Annotated[str, Wire("status", str)]
    quantity: Annotated[Decimal, Wire("quantity", exact)]
    price: Annotated[Decimal | None, Wire("price", price_or_none)] = None
    stop_price: Annotated[Decimal | None, Wire("stopPrice", price_or_none)] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedRow(WireRow):
    """A set of linked orders; `status` is the exchange's word."""

    strategy_id: Annotated[str, Wire("strategyId", identifier)]
    client_id: Annotated[str, Wire("clientStrategyId", str)]
    kind: Annotated[str, Wire("strategyType", str)]
    status: Annotated[str, Wire("strategyStatus", str)]
    updated_at: Annotated[datetime | None, Wire("updateTime", moment)] = None
    failure_code: Annotated[int, Wire("failureCode", int)] = 0
    failure_reason: Annotated[str, Wire("failureReason", str)] = ""
    legs: Annotated[tuple[LegRow, ...], Wire("subOrders", list_of(LegRow))] = ()


def place(
    kind: LinkKind, legs: Sequence[Leg], rules: Mapping[str, SymbolRules], *, client_id: str, is_hedge: bool
) -> Act[LinkedRow]:
    """Place linked orders; a refusal comes with a success's status and is raised by its class all the same."""
    if len(legs) != kind.legs:
        raise Invalid(f"{kind} links {kind.legs} orders, not {len(legs)}", code="aster.linked", field="legs")
    if not 1 <= len(client_id) <= LONGEST_ID:
        raise Invalid(f"an id of linked orders has 1 to {LONGEST_ID} characters", code="order.client_id")
    rows = [_leg_fields(number, leg, rules, is_hedge=is_hedge) for number, leg in enumerate(legs, start=1)]
    request = requests.signed_write(
        "placeStrategyOrder", 50, clientStrategyId=client_id, strategyType=kind.value, subOrderList=compact(rows)
    )
    return Act(request=request, read=_accepted)


def opened(kind: LinkKind, client_id: str) -> Ask[LinkedRow]:
    """Ask for linked orders that are at work."""
    return ask_row(_look("strategyOpenOrder", kind, client_id), LinkedRow)


def ended(kind: LinkKind, client_id: str) -> Ask[LinkedRow]:
    """Ask for linked orders of the last 90 days."""
    return ask_row(_look("strategyHistoryOrder", kind, client_id), LinkedRow)


def reprice(
    kind: LinkKind, strategy_id: str, number: int, leg: Leg, rules: SymbolRules, *, is_hedge: bool
) -> Act[LinkedRow]:
    """Give one leg the prices of an order that was approved anew."""
    row = _leg_fields(number, leg, {rules.symbol: rules}, is_hedge=is_hedge)
    request = requests.signed_write(
        "updateStrategyOrder", 50, strategyId=strategy_id, strategyType=kind.value, subOrderList=compact([row])
    )
    return Act(request=request, read=_first_accepted)


def _look(name: str, kind: LinkKind, client_id: str) -> requests.AsterRequest:
    return requests.signed_read(name, 5, clientStrategyId=client_id, strategyType=kind.value)


def _leg_fields(number: int, leg: Leg, rules: Mapping[str, SymbolRules], *, is_hedge: bool) -> dict[str, str]:
    symbol = leg.order.intent.instrument.partition(":")[2]
    fields = fields_of(leg.order, rules[symbol], is_hedge=is_hedge, terms=leg.terms)
    fields["clientOrderId"] = fields.pop("newClientOrderId")
    said: dict[str, Value] = {"strategySubId": number, "securityType": SECURITY_TYPE, **fields}
    for place_, link in zip(("first", "second"), leg.links, strict=False):
        said |= {
            f"{place_}DrivenId": link.leg,
            f"{place_}DrivenOn": link.on.value,
            f"{place_}Trigger": link.action.value,
        }
    return {key: text_of(value) for key, value in said.items() if value is not None}


def _accepted(body: Any) -> LinkedRow:
    row = row_of(LinkedRow, body)
    if row.failure_code:
        refusal = Refusal(status=200, code=row.failure_code, message=row.failure_reason or "the legs were refused")
        raise error_of(refusal, is_write=True)
    return row


def _first_accepted(body: Any) -> LinkedRow:
    if not isinstance(body, list) or len(body) != 1:
        raise DataError("one row was expected for one leg", code="venue.unreadable")
    return _accepted(body[0])
