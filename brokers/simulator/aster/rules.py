"""What the simulated Aster objects to before an order exists: words, filters, modes, each with the venue's own code."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from brokers.simulator.aster.accounts import PerpetualAccount
from brokers.simulator.aster.contracts import MIN_NOTIONAL, MOST_ORDERS, MOST_STOPS, ORDER_TYPES, Contract
from brokers.simulator.aster.orders import MARKET_STOPS, AsterRefusal, PerpetualOrder, PerpetualRequest

CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")
MAX_PRICE = Decimal(1_000_000)
TIMES = frozenset({"GTC", "IOC", "FOK", "GTX", "HIDDEN"})
PRICED = frozenset({"LIMIT", "STOP", "TAKE_PROFIT"})
LEAST_RATE, MOST_RATE = 0.001, 0.05


def units(text: str, unit: Decimal, name: str) -> int:
    """Return a decimal text as whole units; raises `AsterRefusal` for nonsense or too many digits."""
    try:
        number = Decimal(text) / unit
    except InvalidOperation:
        raise AsterRefusal(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.") from None
    if not number.is_finite() or abs(number) > 10**18:
        raise AsterRefusal(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")
    if number != number.to_integral_value():
        raise AsterRefusal(-1111, "Precision is over the maximum defined for this asset.")
    return int(number)


def check_words(request: PerpetualRequest) -> None:
    """Refuse words that no order may carry."""
    if request.side not in {"BUY", "SELL"}:
        raise AsterRefusal(-1117, "Invalid side.")
    if request.kind not in ORDER_TYPES:
        raise AsterRefusal(-1116, "Invalid orderType.")
    if request.time_in_force not in TIMES:
        raise AsterRefusal(-1115, "Invalid timeInForce.")
    if request.position_side not in {"BOTH", "LONG", "SHORT"}:
        raise AsterRefusal(-4060, "Invalid position side.")
    if request.client_id and not CLIENT_ID.fullmatch(request.client_id):
        raise AsterRefusal(-4015, "Client order id is not valid.")


def check_filters(request: PerpetualRequest, contract: Contract, mark: Decimal) -> None:
    """Refuse prices and quantities outside the contract's filters; what closes may be small."""
    if not request.close_position:
        _check_quantity(request, contract)
    for price, wanted in ((request.price, request.kind in PRICED), (request.stop_price, request.is_stop)):
        if wanted and not (request.kind == "TRAILING_STOP_MARKET" and price == 0):
            _check_price(price, contract)
    if request.kind in PRICED:
        _check_band(request, contract, mark)
    value_at = contract.price(request.price or request.stop_price) or mark
    closes = request.reduce_only or request.close_position
    if not closes and contract.quantity(request.quantity) * value_at < MIN_NOTIONAL:
        raise AsterRefusal(-4164, "Order's notional must be no smaller than 5.0 (unless you choose reduce only)")


def _check_quantity(request: PerpetualRequest, contract: Contract) -> None:
    most = contract.most_market if request.kind == "MARKET" else contract.most
    if request.quantity <= 0:
        raise AsterRefusal(-4003, "Quantity less than zero.")
    if request.quantity > most:
        raise AsterRefusal(-4005, "Quantity greater than max quantity.")


def _check_price(price: int, contract: Contract) -> None:
    if price < 0:
        raise AsterRefusal(-4001, "Price less than 0.")
    if price < contract.tick:
        raise AsterRefusal(-4013, "Price less than min price.")
    if contract.price(price) > MAX_PRICE:
        raise AsterRefusal(-4002, "Price greater than max price.")
    if price % contract.tick:
        raise AsterRefusal(-4014, "Price not increased by tick size.")


def _check_band(request: PerpetualRequest, contract: Contract, mark: Decimal) -> None:
    # a stop's limit is measured from where it would trigger
    stop = contract.price(request.stop_price) if request.is_stop else None
    price, band, centre = contract.price(request.price), Decimal(contract.band), stop or mark
    highest, lowest = centre * (1 + band), centre * (1 - band)
    if request.side == "BUY" and price > highest:
        if stop:
            raise AsterRefusal(-4183, f"Limit price can't be higher than {highest:f}.")
        raise AsterRefusal(-4016, "Price is higher than mark price multiplier cap.")
    if request.side == "SELL" and price < lowest:
        if stop:
            raise AsterRefusal(-4184, f"Limit price can't be lower than {lowest:f}.")
        raise AsterRefusal(-4024, "Price is lower than mark price multiplier floor.")


def check_mode(request: PerpetualRequest, account: PerpetualAccount) -> None:
    """Refuse what does not fit one-way or hedge mode."""
    if account.is_hedged == (request.position_side == "BOTH"):
        raise AsterRefusal(-4061, "Order's position side does not match user's setting.")
    if request.reduce_only and (account.is_hedged or request.close_position):
        raise AsterRefusal(-4062, "Invalid or improper reduceOnly value.")
    if not request.close_position:
        return
    if request.kind not in {"STOP_MARKET", "TAKE_PROFIT_MARKET"}:
        raise AsterRefusal(-4020, f"Target strategy invalid for orderType '{request.kind}',reduceOnly 'false'.")
    if request.quantity:
        raise AsterRefusal(-4137, "Quantity must be zero with closePosition equals true")
    if account.is_hedged and closes_side(request) is False:
        raise AsterRefusal(-4138, "Reduce only must be true with closePosition equals true")


def closes_side(request: PerpetualRequest) -> bool:
    """Return whether, in hedge mode, this side of the market closes that side of the position."""
    return (request.side, request.position_side) in {("SELL", "LONG"), ("BUY", "SHORT")}


def check_counts(request: PerpetualRequest, account: PerpetualAccount) -> None:
    """Refuse an order too many, or a client id that an open order carries."""
    waiting = account.open_orders(request.symbol)
    if request.is_stop and sum(order.waits for order in waiting) >= MOST_STOPS:
        raise AsterRefusal(-4045, "Reach max stop order limit.")
    if len(waiting) >= MOST_ORDERS:
        raise AsterRefusal(-2025, "Reach max open order limit.")
    if request.client_id and any(order.client_id == request.client_id for order in account.open_orders()):
        raise AsterRefusal(-4116, "ClientOrderId is duplicated.")


def check_trigger(request: PerpetualRequest, price: float, last: int) -> None:
    """Refuse a stop that would fire at once, or a trailing one on the wrong side; prices are units."""
    if not request.is_stop:
        return
    if request.kind == "TRAILING_STOP_MARKET":
        if not LEAST_RATE <= request.rate <= MOST_RATE:
            raise AsterRefusal(
                -4020, "Target strategy invalid for orderType 'TRAILING_STOP_MARKET',reduceOnly 'false'."
            )
        if request.activation_price and (request.activation_price - last) * request.sign >= 0:
            raise AsterRefusal(-2021, "Order would immediately trigger.")
        return
    if is_triggered(request.kind, request.sign, request.stop_price, price):
        raise AsterRefusal(-2021, "Order would immediately trigger.")


def is_triggered(kind: str, sign: int, stop: int, price: float) -> bool:
    """Return whether a stop or take-profit fires at this price."""
    beyond = (price - stop) * sign
    return beyond <= 0 if kind.startswith("TAKE_PROFIT") else beyond >= 0


def trails(order: PerpetualOrder, last: int) -> bool:
    """Follow a trailing stop with the last price; return whether it fires now."""
    if not order.extreme:
        if order.activation_price and (last - order.activation_price) * order.sign > 0:
            return False
        order.extreme = last
    best = min(order.extreme, last) if order.sign > 0 else max(order.extreme, last)
    order.extreme = best
    return (last - best) * order.sign >= best * order.rate


def needs_market(kind: str) -> bool:
    """Return whether an order of this kind trades at the market once it is let go."""
    return kind == "MARKET" or kind in MARKET_STOPS
