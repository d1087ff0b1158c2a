"""Orders as Aster takes them. Every placement starts from an `ApprovedOrder`; nothing here enlarges one.

Prices go to the passive tick and quantities down to the step before anything is sent, by the symbol's own rules. What
the exchange would refuse by those rules is refused here, with the number and the rule.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from functools import partial

from brokers.adapters.aster import requests
from brokers.adapters.aster.account import ChaseRow, CountdownSet, OrderRow, batch_of
from brokers.adapters.aster.calls import Act, act_done, act_row
from brokers.adapters.aster.errors import ACTIONS, ErrorClass, Refusal
from brokers.adapters.aster.filters import SymbolRules, order_objection, quantised_quantity
from brokers.adapters.aster.requests import AsterRequest, Security, Value
from brokers.adapters.aster.tokens import split_order_key
from brokers.adapters.aster.words import WORD_OF_TYPE, WORD_OF_VALIDITY
from brokers.domain.errors import DataError, Invalid, Rejected
from brokers.domain.orders import ApprovedOrder, OrderIntent, OrderType, Purpose, Side, VenueOrder
from brokers.domain.perpetual_terms import PositionSide

# of the API's own set only what urlencode leaves alone: what is signed can then be read in one way
CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{1,36}")
LEAST_CALLBACK, MOST_CALLBACK = Decimal("0.1"), Decimal(5)
# the exchange counts a market order's notional at its mark price, which moves while the order is on its way
_NOTIONAL_MARGIN = Decimal("0.99")
_LONGEST_COUNTDOWN_S = 86_400
_LONGEST_CHASE_ID = 28
_TIMED = frozenset({OrderType.LIMIT, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT})
_TRIGGERED_MARKET = frozenset({OrderType.STOP_MARKET, OrderType.TAKE_PROFIT_MARKET})


class TriggeredBy(StrEnum):
    """Whose price a trigger watches; the exchange's own choice is the contract's."""

    MARK = "MARK_PRICE"
    CONTRACT = "CONTRACT_PRICE"


@dataclass(frozen=True, slots=True, kw_only=True)
class AsterTerms:
    """What an order may say beside its intent; the defaults are an ordinary order's.

    `closes_position` ends the whole position at a trigger and names no quantity. `callback_percent` is a trailing
    stop's distance, 0.1 to 5; its intent's trigger price is then where it begins to trail.
    """

    closes_position: bool = False
    triggered_by: TriggeredBy | None = None
    protects_price: bool = False
    callback_percent: Decimal | None = None
    waits_for_result: bool = False

    def __post_init__(self) -> None:
        callback = self.callback_percent
        if callback is not None and not LEAST_CALLBACK <= callback <= MOST_CALLBACK:
            raise _wrong("callback_percent", f"a trailing distance is 0.1 to 5 %, not {callback}")


ORDINARY = AsterTerms()


def place(
    order: ApprovedOrder,
    rules: SymbolRules,
    *,
    is_hedge: bool,
    mark_price: Decimal | None = None,
    terms: AsterTerms = ORDINARY,
) -> Act[OrderRow]:
    """Place an approved order; raise Rejected for one that the symbol's rules refuse."""
    return act_row(_placement("order", order, rules, is_hedge=is_hedge, mark_price=mark_price, terms=terms), OrderRow)


def check(
    order: ApprovedOrder,
    rules: SymbolRules,
    *,
    is_hedge: bool,
    mark_price: Decimal | None = None,
    terms: AsterTerms = ORDINARY,
) -> Act[None]:
    """Let the exchange look an order over; it does not reach the matching."""
    return act_done(_placement("order/test", order, rules, is_hedge=is_hedge, mark_price=mark_price, terms=terms))


def place_batch(
    orders: Sequence[ApprovedOrder], rules: Mapping[str, SymbolRules], *, is_hedge: bool
) -> Act[tuple[OrderRow | Refusal, ...]]:
    """Place up to five orders at once, answered in their order; they are not matched in it."""
    rows = [fields_of(order, rules[_symbol(order.intent)], is_hedge=is_hedge) for order in orders]
    return Act(request=requests.place_batch(rows), read=partial(_whole_batch, count=len(rows)))


def chase(order: ApprovedOrder, rules: SymbolRules, *, is_hedge: bool) -> Act[ChaseRow]:
    """Place an order that follows the best price; V3 alone takes it."""
    fields = fields_of(order, rules, is_hedge=is_hedge)
    wanted = {key: fields[key] for key in ("symbol", "side", "positionSide", "quantity", "reduceOnly") if key in fields}
    if len(order.client_id) > _LONGEST_CHASE_ID:
        raise _wrong("client_id", f"the id of a chasing order has at most {_LONGEST_CHASE_ID} characters")
    request = requests.signed_write("chase", 1, **wanted, quantityUnit="BASE", clientStrategyId=order.client_id)
    return act_row(request, ChaseRow)


def modify(order: VenueOrder, *, price: Decimal | None, rules: SymbolRules) -> Act[OrderRow]:
    """Give a resting limit order another price; the exchange changes nothing else of it."""
    if order.order_type is not OrderType.LIMIT or price is None:
        raise Rejected(
            "the exchange changes the price of limit orders alone; place another stop and cancel this one",
            code="order.modify",
        )
    symbol, order_id = split_order_key(order.venue_order_id)
    snapped = price_on_grid(rules, order.side, price)
    return act_row(
        requests.modify(symbol, order_id, side=order.side.value, quantity=order.quantity, price=snapped), OrderRow
    )


def cancel(venue_order_id: str) -> Act[OrderRow]:
    """Cancel an order by its id; what was filled of it stays filled."""
    symbol, order_id = split_order_key(venue_order_id)
    return act_row(requests.cancel(symbol, order_id=order_id), OrderRow)


def cancel_by_client_id(symbol: str, client_id: str) -> Act[OrderRow]:
    """Cancel an order of which only our own id is known."""
    return act_row(requests.cancel(symbol, client_id=_client_id(client_id)), OrderRow)


def cancel_batch(symbol: str, client_ids: Sequence[str]) -> Act[tuple[OrderRow | Refusal, ...]]:
    """Cancel up to ten orders of a symbol, answered in their order."""
    request = requests.cancel_batch(symbol, [_client_id(one) for one in client_ids])
    return Act(request=request, read=partial(_whole_batch, count=len(client_ids)))


def cancel_all(symbol: str) -> Act[None]:
    """Cancel every open order of a symbol, protective stops included."""
    return act_done(requests.cancel_all(symbol))


def countdown(symbol: str, seconds: int) -> Act[CountdownSet]:
    """Start the dead-man switch of a symbol anew, or stop it by 0; when it runs out, stops are cancelled too."""
    if not 0 <= seconds <= _LONGEST_COUNTDOWN_S:
        raise _wrong("seconds", f"a countdown is 0 to {_LONGEST_COUNTDOWN_S} s, not {seconds}")
    return act_row(requests.countdown_cancel(symbol, seconds * 1000), CountdownSet)


def fields_of(
    order: ApprovedOrder,
    rules: SymbolRules,
    *,
    is_hedge: bool,
    mark_price: Decimal | None = None,
    terms: AsterTerms = ORDINARY,
) -> dict[str, Value]:
    """Return an order's fields by the exchange's names, on its grids; raise Rejected for what its rules refuse."""
    intent = order.intent
    quantity, price, trigger = _on_grid(intent, rules, mark_price, terms)
    is_reducing = intent.reduce_only or intent.purpose is not Purpose.ENTRY
    fields: dict[str, Value] = {
        "symbol": rules.symbol,
        "side": intent.side.value,
        "positionSide": position_side(intent.side, is_reducing=is_reducing).value if is_hedge else None,
        "type": WORD_OF_TYPE[intent.order_type],
        "timeInForce": WORD_OF_VALIDITY[intent.validity] if intent.order_type in _TIMED else None,
        "quantity": None if terms.closes_position else quantity,
        "price": price,
        "newClientOrderId": _client_id(order.client_id),
    }
    if terms.closes_position:
        fields["closePosition"] = True
    elif intent.reduce_only and not is_hedge:
        fields["reduceOnly"] = True
    return fields | _trigger_fields(intent, trigger, terms)


def position_side(side: Side, *, is_reducing: bool) -> PositionSide:
    """Return which side of a hedged symbol an order is of: a sale reduces the long, and opens the short."""
    is_long = (side is Side.BUY) != is_reducing
    return PositionSide.LONG if is_long else PositionSide.SHORT


def _placement(
    name: str,
    order: ApprovedOrder,
    rules: SymbolRules,
    *,
    is_hedge: bool,
    mark_price: Decimal | None,
    terms: AsterTerms,
) -> AsterRequest:
    fields = fields_of(order, rules, is_hedge=is_hedge, mark_price=mark_price, terms=terms)
    if terms.waits_for_result:
        fields["newOrderRespType"] = "RESULT"
    is_urgent = order.intent.purpose is not Purpose.ENTRY
    if name == "order":
        return requests.place(fields, is_urgent=is_urgent)
    return AsterRequest(
        method="POST", name=name, params=requests.place(fields).params, weight=1, security=Security.SIGNED
    )


def _on_grid(
    intent: OrderIntent, rules: SymbolRules, mark_price: Decimal | None, terms: AsterTerms
) -> tuple[Decimal, Decimal | None, Decimal | None]:
    """Return quantity, price and trigger on their grids; raise Rejected with the rule that an order breaks."""
    _require_worded(intent, terms)
    is_market = intent.order_type in {OrderType.MARKET, OrderType.TRAILING_STOP, *_TRIGGERED_MARKET}
    grid = rules.market_quantity if is_market else rules.quantity
    quantity = grid.floor(intent.quantity)
    price = None if is_market or intent.price is None else price_on_grid(rules, intent.side, intent.price)
    trigger = None if intent.trigger_price is None else price_on_grid(rules, intent.side, intent.trigger_price)
    if terms.closes_position:
        return quantity, price, trigger
    if not quantised_quantity(rules, intent.quantity, is_market=is_market):
        raise refused(
            ErrorClass.FILTER, f"{intent.quantity} of {rules.symbol} is dust: the smallest order is {grid.lowest}"
        )
    found = _objection(intent, rules, quantity, price, mark_price)
    if found:
        kind = ErrorClass.FILTER if rules.is_trading else ErrorClass.SYMBOL_STATE
        raise refused(kind, found)
    return quantity, price, trigger


def price_on_grid(rules: SymbolRules, side: Side, price: Decimal) -> Decimal:
    """Return a price on the passive tick; raise Rejected for one outside the symbol's bounds, which nobody moves."""
    snapped = rules.price.floor(price) if side is Side.BUY else rules.price.ceiling(price)
    found = "a price is above 0" if snapped <= 0 else rules.price.objection(snapped)
    if found:
        raise refused(ErrorClass.FILTER, f"price of {rules.symbol}: {found}")
    return snapped


def _objection(
    intent: OrderIntent, rules: SymbolRules, quantity: Decimal, price: Decimal | None, mark: Decimal | None
) -> str | None:
    """Return what the rules say against an order; what needs a mark price that nobody knows, the exchange judges.

    An exit is never held against our mark: it is up to a minute old, and in a fall that is when an exit matters.
    """
    if intent.order_type is OrderType.MARKET:
        reference = mark or intent.decision_price
    elif intent.order_type is OrderType.LIMIT and not intent.reduce_only:
        reference = mark or price
    else:  # a trigger is held against the mark when it fires, not now
        reference = price or intent.trigger_price
    found = order_objection(
        rules,
        side=intent.side,
        quantity=quantity,
        price=price,
        mark_price=reference or Decimal("Infinity"),
        reduce_only=intent.reduce_only,
    )
    if found or intent.order_type is not OrderType.MARKET or reference is None or intent.reduce_only:
        return found
    if quantity * reference * _NOTIONAL_MARGIN < rules.smallest_notional:
        return f"notional {quantity * reference} is too near the smallest allowed, {rules.smallest_notional}"
    return None


def _require_worded(intent: OrderIntent, terms: AsterTerms) -> None:
    if terms.closes_position and intent.order_type not in _TRIGGERED_MARKET:
        raise _wrong("closes_position", "a whole position is closed by a stop or a take-profit at the market alone")
    if (intent.order_type is OrderType.TRAILING_STOP) != (terms.callback_percent is not None):
        raise _wrong("callback_percent", "a trailing stop, and no other order, has a trailing distance")


def _trigger_fields(intent: OrderIntent, trigger: Decimal | None, terms: AsterTerms) -> dict[str, Value]:
    if intent.order_type is OrderType.TRAILING_STOP:
        fields: dict[str, Value] = {"activationPrice": trigger, "callbackRate": terms.callback_percent}
    elif intent.order_type in {*_TRIGGERED_MARKET, OrderType.STOP_LIMIT, OrderType.TAKE_PROFIT_LIMIT}:
        fields = {"stopPrice": trigger}
    else:
        return {}
    if terms.triggered_by is not None:
        fields["workingType"] = terms.triggered_by.value
    if terms.protects_price:
        fields["priceProtect"] = "TRUE"
    return fields


def refused(kind: ErrorClass, message: str) -> Rejected:
    """Return a refusal of our own in the words of the exchange's classes: nothing was sent."""
    return Rejected(message, code=f"aster.{kind.value}", details={"class": kind.value, "action": ACTIONS[kind]})


def _whole_batch(body: object, *, count: int) -> tuple[OrderRow | Refusal, ...]:
    rows = batch_of(body)
    if len(rows) != count:
        raise DataError(f"a batch of {count} was answered with {len(rows)} rows", code="venue.unreadable")
    return rows


def _client_id(client_id: str) -> str:
    if not CLIENT_ID.fullmatch(client_id):
        raise _wrong("client_id", "a client id is 1 to 36 letters, digits, dashes and underlines")
    return client_id


def _symbol(intent: OrderIntent) -> str:
    return intent.instrument.partition(":")[2]


def _wrong(field: str, message: str) -> Invalid:
    return Invalid(message, code=f"order.{field}", field=field)
