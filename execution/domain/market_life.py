"""The market's own life at the desk: the operator's facts, and what the holdings let be sold."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from brokers.domain.figures import in_words
from brokers.domain.instruments import Instrument
from brokers.domain.market_life import HeldShares, Standing
from brokers.domain.orders import ApprovedOrder, Book, OrderIntent, OrderStatus, Product, Side
from brokers.domain.portfolio import PositionKey
from execution.domain.commands import Level
from execution.domain.desk import Desk
from execution.domain.events import HoldingsRead, MarketRulesChanged, SendOutcome, SendResult
from execution.domain.records import Goal

ZERO = Decimal(0)
WANTS_AUTHORISATION, AUTHORISE = "venue.authorise_holdings", "authorise"
# the venue's word for an order larger than it takes (kite.trade/docs, order rejections)
_FROZEN = "freeze"
# what is wrong with the facts themselves; everything else in the inbox is somebody else's
_CONCERNS = frozenset({"instruments", "hours"})


def rules_changed(desk: Desk, event: MarketRulesChanged) -> None:
    """Judge by the operator's newest facts from now on, and show what is wrong with them."""
    desk.rules = event.rules
    desk.config = replace(desk.config, calendar=event.calendar)
    desk.market.use(event.calendar)
    desk.square_off_ns = 0
    for (kind, subject), sentence in event.concerns.items():
        desk.discrepancy(kind, subject, sentence, Level.URGENT)
    if desk.market.day is not None and desk.market.has_calendar():
        desk.resolve("calendar", str(desk.market.day.year), f"{desk.market.day.year} is loaded")
    for kind, subject in list(desk.state.discrepancies):
        if kind in _CONCERNS and (kind, subject) not in event.concerns:
            desk.resolve(kind, subject, "it is in order again")


def holdings_read(desk: Desk, event: HoldingsRead) -> None:
    """Take the venue's holdings in."""
    desk.holdings = dict(event.holdings)


def standing_of(desk: Desk, instrument: Instrument, market_at: datetime) -> Standing:
    """Return what the operator's facts say of an instrument on the market's day."""
    return desk.rules.on(instrument, desk.day_of(market_at))


def sellable(desk: Desk, intent: OrderIntent) -> Decimal | None:
    """Return what may be sold of an instrument in delivery: of the holdings, and of what was bought today.

    A paper book has no holdings. Sells under way are not taken off here: the gate knows them.
    """
    if intent.product is not Product.DELIVERY or intent.side is not Side.SELL:
        return None
    fills = [f for f in desk.state.fills_today if (f.book, f.product) == (intent.book, Product.DELIVERY)]
    today = sum((f.quantity * f.side.sign for f in fills if f.instrument == intent.instrument), ZERO)
    if intent.book is Book.PAPER:
        return max(today, ZERO)
    if desk.holdings is None:
        return None
    held = _holding(desk, intent.instrument)
    # the venue counts a sale as used a moment after our fill has told of it
    used = max(held.used, -today)
    return max(held.settled + held.arriving - used, ZERO) + max(today, ZERO)


def closed_because(desk: Desk) -> str:
    """Return why nothing is open today where the hours cannot say it."""
    day = desk.market.day
    if day is None or desk.market.has_calendar():
        return ""
    return f"no holiday list is loaded for {day.year}: nothing is open, nothing will be entered"


def warn_of_delivery(desk: Desk, approved: ApprovedOrder) -> None:
    """Say what a sale from holdings still needs: an authorisation, or a delivery that has not come yet."""
    intent = approved.intent
    is_sale = (intent.book, intent.product, intent.side) == (Book.LIVE, Product.DELIVERY, Side.SELL)
    if not is_sale or desk.holdings is None:
        return
    held = _holding(desk, intent.instrument)
    if held.settled > 0 and held.authorised is not None and held.authorised < min(intent.quantity, held.delivered):
        sentence = (
            f"{in_words(held.authorised)} of {in_words(min(intent.quantity, held.delivered))} shares are authorised "
            f"for sale: without a power of attorney, authorise the rest at the broker first"
        )
        desk.alert(Level.WARNING, intent.instrument, sentence)
    if held.arriving > 0 and intent.quantity > held.delivered:
        sentence = (
            f"{in_words(min(intent.quantity - held.delivered, held.arriving))} of these shares were bought on the last "
            f"trading day and are not delivered yet: if their seller fails, they are bought in at auction at your cost"
        )
        desk.alert(Level.WARNING, intent.instrument, sentence)


def hear_authorisation(desk: Desk, event: SendOutcome) -> None:
    """Ask for the holder's authorisation when the venue wants one before a sale; a sale that it takes ends that."""
    order = desk.state.orders.get(event.client_id)
    if order is None or order.intent.product is not Product.DELIVERY or order.intent.side is not Side.SELL:
        return
    name = order.intent.instrument
    if event.result is SendResult.REJECTED and event.code == WANTS_AUTHORISATION:
        sentence = (
            f"{name}: the broker wants the sale authorised first (“{event.message}”): authorise these holdings at the "
            f"broker; the exit is tried again meanwhile"
        )
        desk.discrepancy(AUTHORISE, name, sentence, Level.URGENT)
    elif event.result is SendResult.CONFIRMED:
        desk.resolve(AUTHORISE, name, "the broker has taken a sale")


def in_parts(desk: Desk, goal: Goal, quantity: Decimal) -> Decimal:
    """Return the part of an exit to try: half of what the venue refused as above its freeze quantity today.

    The operator's freeze quantity may be missing, or be higher than the exchange's of this month.
    """
    rejected = (o for o in desk.state.orders.values() if o.status is OrderStatus.REJECTED)
    refused = [o.intent.quantity for o in rejected if _was_frozen(o.message, goal.key, o.intent)]
    if not refused:
        return quantity
    instrument = desk.config.instruments[goal.key.instrument]
    half = min(refused) / 2
    return min(quantity, max(instrument.lots_of(half), instrument.step))


def _holding(desk: Desk, key: str) -> HeldShares:
    # a share is the same at both exchanges, and the venue lists it under one of them
    exchange, _, symbol = key.partition(":")
    other = {"NSE": "BSE", "BSE": "NSE"}.get(exchange, exchange)
    holdings = desk.holdings or {}
    return holdings.get(key) or holdings.get(f"{other}:{symbol}") or HeldShares()


def _was_frozen(message: str, key: PositionKey, intent: OrderIntent) -> bool:
    is_same = (intent.book, intent.instrument, intent.product) == (key.book, key.instrument, key.product)
    return is_same and _FROZEN in message.lower()
