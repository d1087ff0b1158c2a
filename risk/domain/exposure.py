"""Worst-case exposure: what is held, and what could still be filled.

A pending order reserves its share of a limit; an order whose outcome is UNKNOWN counts as if it
had been filled in full. Exposure is market value, premium for an option. A holder is one
deployment's (or nobody's) position in one instrument and product: two holders do not net, so that
the end of one cannot push the other over a limit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property
from typing import NamedTuple

from brokers.domain.calendar import Phase
from brokers.domain.instruments import Instrument, InstrumentKind
from brokers.domain.market_life import UNRESTRICTED, Par, Standing
from brokers.domain.orders import ApprovedOrder, OrderIntent, OrderType, Product, Purpose, Side

ZERO = Decimal(0)

# How far an order without a limit price may fill from the best price seen: the widest automatic
# market protection of Kite (options below 10). It is no account's setting: were it the price
# band, a tighter band would let larger market orders pass.
MARKET_SLIP_FRACTION = Decimal("0.05")


class Holder(NamedTuple):
    """Whose position it is; `deployment_id` is empty for nobody's."""

    instrument: str
    product: Product
    deployment_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One holder's signed quantity at its mark."""

    instrument: str
    quantity: Decimal
    mark_quote: Decimal
    product: Product
    deployment_id: str | None = None

    @property
    def holder(self) -> Holder:
        return Holder(self.instrument, self.product, self.deployment_id or "")

    @property
    def value_quote(self) -> Decimal:
        return self.quantity * self.mark_quote


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingOrder:
    """An order that may still fill: `quantity` is what remains, `price_quote` its worst price."""

    client_id: str
    instrument: str
    underlying: str
    side: Side
    quantity: Decimal
    price_quote: Decimal
    product: Product
    purpose: Purpose
    reduce_only: bool = False
    is_unknown: bool = False
    deployment_id: str | None = None

    @property
    def holder(self) -> Holder:
        return Holder(self.instrument, self.product, self.deployment_id or "")

    @property
    def value_quote(self) -> Decimal:
        return self.quantity * self.price_quote


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteView:
    """What the market shows of the instrument at the decision; `is_stale` is the feed's verdict.

    `is_cached` is a price from before the desk listened, of which nothing says that it still holds.
    """

    last_price: Decimal
    bid: Decimal | None
    ask: Decimal | None
    age_s: Decimal
    is_stale: bool = False
    is_cached: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PerpetualView:
    """What the venue and the operator say of a perpetual contract; None and an empty text are nothing known.

    `most_notional_quote` is the largest position that the account's leverage allows; `mode_objection` why the account's
    modes keep strategies out; `leaving` the venue's word for a contract that it takes off its list.
    """

    mark_price: Decimal | None = None
    leverage: int | None = None
    most_notional_quote: Decimal | None = None
    mode_objection: str = ""
    leaving: str = ""
    par: Par | None = None


@dataclass(frozen=True, kw_only=True)  # without slots: it keeps what several rules ask of it
class RiskView:
    """What the gate sees at one decision: one book of one account, and one instrument's market.

    `holdings` and `pending` are the whole book's, over all instruments. `quote` is None when none
    was ever received. `entry_cutoff_at` None means that the session has no cut-off. `standing` is what
    the operator's lists say of the instrument today; `sellable` what the venue's holdings and today's
    purchases let be sold of it in delivery, None while the holdings are not known. `covered` is what of a written option
    the holder's own bought options and futures cover, less what it has written and is writing already.
    """

    instrument: Instrument
    holdings: tuple[Holding, ...]
    pending: tuple[PendingOrder, ...]
    pnl_today_net_quote: Decimal
    orders_last_second: int
    orders_today: int
    quote: QuoteView | None
    phase: Phase
    market_at: datetime
    entry_cutoff_at: datetime | None = None
    standing: Standing = UNRESTRICTED
    sellable: Decimal | None = None
    covered: Decimal = ZERO
    # why nothing is open, where the clock alone does not say it
    closed_because: str = ""
    # of a perpetual contract alone
    perpetual: PerpetualView | None = None

    @cached_property
    def reaches(self) -> Mapping[Holder, Reach]:
        """Every holder's reach over the whole book."""
        return reaches(self.holdings, self.pending)

    def without(self, client_id: str) -> RiskView:
        """Return the view as if one pending order did not exist."""
        return replace(self, pending=tuple(p for p in self.pending if p.client_id != client_id))


def holder_of(intent: OrderIntent) -> Holder:
    """Return whose position an intent would change."""
    return Holder(intent.instrument, intent.product, intent.deployment_id or "")


def underlying_of(instrument: Instrument) -> str:
    """Return what a contract hangs on: an unknown outcome freezes entries in all of it."""
    is_derivative = instrument.kind in (InstrumentKind.FUTURE, InstrumentKind.CALL, InstrumentKind.PUT)
    return instrument.name if is_derivative else instrument.symbol


def is_entry(intent: OrderIntent) -> bool:
    """Tell whether an intent is judged as an entry: all but exits that can only reduce."""
    return intent.purpose is Purpose.ENTRY or not intent.reduce_only


def worst_price(intent: OrderIntent, quote: QuoteView | None) -> Decimal:
    """Return the highest unit price at which an order could count once it is filled.

    No order counts below the last price: once filled it is valued at the mark.
    """
    prices = [price for price in (intent.price, intent.trigger_price) if price is not None]
    if quote is not None:
        prices += [price for price in (quote.last_price, quote.bid, quote.ask) if price is not None]
    highest = max(prices, default=ZERO)
    is_bounded = intent.order_type in (OrderType.LIMIT, OrderType.STOP_LIMIT)
    return highest if is_bounded else highest * (1 + MARKET_SLIP_FRACTION)


def pending_of(
    approved: ApprovedOrder, *, instrument: Instrument, remaining: Decimal, is_unknown: bool = False
) -> PendingOrder:
    """Return what an approved order still reserves when `remaining` of it may be filled."""
    intent = approved.intent
    return PendingOrder(
        client_id=approved.client_id,
        instrument=intent.instrument,
        underlying=underlying_of(instrument),
        side=intent.side,
        quantity=remaining,
        price_quote=approved.reserved_quote / intent.quantity,
        product=intent.product,
        purpose=intent.purpose,
        reduce_only=not is_entry(intent),
        is_unknown=is_unknown,
        deployment_id=intent.deployment_id,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far one holder's value may move: as held, if only buys fill, if only sells fill."""

    held_quote: Decimal = ZERO
    buys_quote: Decimal = ZERO
    sells_quote: Decimal = ZERO

    @property
    def worst_quote(self) -> Decimal:
        if not self.buys_quote and not self.sells_quote:
            return abs(self.held_quote)
        return max(
            abs(self.held_quote),
            abs(self.held_quote + self.buys_quote),
            abs(self.held_quote - self.sells_quote),
        )

    def after(self, side: Side, value_quote: Decimal) -> Reach:
        """Return the reach with one more order of a value."""
        if side is Side.BUY:
            return replace(self, buys_quote=self.buys_quote + value_quote)
        return replace(self, sells_quote=self.sells_quote + value_quote)

    def room_quote(self, side: Side, limit_quote: Decimal) -> Decimal:
        """Return the largest order value of a side that keeps the worst case within a limit."""
        if self.worst_quote > limit_quote:
            return ZERO
        if side is Side.BUY:
            return limit_quote - (self.held_quote + self.buys_quote)
        return limit_quote + (self.held_quote - self.sells_quote)


def reaches(holdings: Iterable[Holding], pending: Iterable[PendingOrder]) -> dict[Holder, Reach]:
    """Return every holder's reach; reduce-only orders cannot add to one, so they are left out."""
    held: dict[Holder, Decimal] = defaultdict(Decimal)
    sides: dict[Side, dict[Holder, Decimal]] = {Side.BUY: defaultdict(Decimal), Side.SELL: defaultdict(Decimal)}
    for holding in holdings:
        held[holding.holder] += holding.value_quote
    for order in pending:
        if not order.reduce_only:
            sides[order.side][order.holder] += order.value_quote
    buys, sells = sides[Side.BUY], sides[Side.SELL]
    # most of what is held has nothing pending
    found = {holder: Reach(held_quote=value) for holder, value in held.items()}
    for holder in {*buys, *sells}:
        found[holder] = Reach(
            held_quote=held.get(holder, ZERO), buys_quote=buys.get(holder, ZERO), sells_quote=sells.get(holder, ZERO)
        )
    return found


def added_value(intent: OrderIntent, view: RiskView) -> Decimal:
    """Return by how much an order would raise its holder's worst-case value."""
    own = view.reaches.get(holder_of(intent), Reach())
    value = worst_price(intent, view.quote) * intent.quantity
    return own.after(intent.side, value).worst_quote - own.worst_quote


def position_value(view: RiskView, instrument: str) -> Decimal:
    """Return the worst-case value of one instrument over all holders."""
    return sum((reach.worst_quote for holder, reach in view.reaches.items() if holder.instrument == instrument), ZERO)


def gross_exposure(view: RiskView) -> Decimal:
    """Return the worst-case value of the whole book, every position counted positively."""
    return sum((reach.worst_quote for reach in view.reaches.values()), ZERO)


def closable(view: RiskView, holder: Holder, side: Side) -> Decimal:
    """Return what a holder may still close on a side; exits under way, UNKNOWN ones too, consume it."""
    held = sum((h.quantity for h in view.holdings if h.holder == holder), ZERO)
    if held * side.sign >= 0:
        return ZERO
    consumed = sum((p.quantity for p in view.pending if p.holder == holder and p.side is side), ZERO)
    return max(abs(held) - consumed, ZERO)
