"""Worst-case exposure: what is held, and what could still be filled.

A pending order reserves its share of a limit; an order whose outcome is UNKNOWN counts as if it
had been filled in full. Exposure is market value, premium for an option.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import cached_property

from brokers.domain.calendar import Phase
from brokers.domain.instruments import Instrument, InstrumentKind
from brokers.domain.market_life import UNRESTRICTED, Par, Standing
from brokers.domain.orders import ApprovedOrder, OrderIntent, OrderType, Product, Purpose, Side
from risk.domain.facts import CircuitView, MarginView, NavView, StressView
from risk.domain.history import DayTrades
from risk.domain.reach import Holder, Reach, Reaches

ZERO = Decimal(0)

# How far an order without a limit price may fill from the best price seen: the widest automatic
# market protection of Kite (options below 10). It is no account's setting: were it the price
# band, a tighter band would let larger market orders pass.
MARKET_SLIP_FRACTION = Decimal("0.05")


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One holder's signed quantity at its mark; `underlying` is empty where it is the instrument itself, or not told."""

    instrument: str
    quantity: Decimal
    mark_quote: Decimal
    product: Product
    deployment_id: str | None = None
    underlying: str = ""

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

    What follows `perpetual` is asked for by limits that not every account has, and None where it is not told: an entry
    under such a limit is then refused.
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
    # set where this is one deployment's own view
    only_deployment: str | None = None
    orders_last_minute: int | None = None
    trades: DayTrades | None = None
    equity_quote: Decimal | None = None
    nav: NavView | None = None
    margin: MarginView | None = None
    circuit: CircuitView | None = None
    stress: StressView | None = None

    @cached_property
    def reaches(self) -> Reaches:
        """Every holder's reach over the whole book."""
        return Reaches(self.holdings, self.pending)

    @cached_property
    def own_holdings(self) -> tuple[Holding, ...]:
        """What is held of the instrument itself, by whomever."""
        key = self.instrument.key
        return tuple([row for row in self.holdings if row.instrument == key])

    @cached_property
    def own_pending(self) -> tuple[PendingOrder, ...]:
        """The orders in the instrument itself that may still fill."""
        key = self.instrument.key
        return tuple([row for row in self.pending if row.instrument == key])

    @cached_property
    def position_quote(self) -> Decimal:
        """The worst-case value of the instrument over all holders."""
        holders = [row.holder for row in self.own_holdings] + [row.holder for row in self.own_pending]
        return self.reaches.worst_with(holders)

    @cached_property
    def underlying_quote(self) -> Decimal:
        """The worst-case value of everything that hangs on the instrument's underlying."""
        found = self._of_underlying
        return self.position_quote if len(found) == 1 else self.reaches.worst_of(found)

    @cached_property
    def _of_underlying(self) -> frozenset[str]:
        underlying = underlying_of(self.instrument)
        held = [row.instrument for row in self.holdings if (row.underlying or symbol_of(row.instrument)) == underlying]
        pending = [row.instrument for row in self.pending if row.underlying == underlying]
        return frozenset({self.instrument.key, *held, *pending})

    def without(self, client_id: str) -> RiskView:
        """Return the view as if one pending order did not exist."""
        return replace(self, pending=tuple(p for p in self.pending if p.client_id != client_id))

    def of_deployment(self, deployment_id: str | None) -> RiskView:
        """Return the view as if a deployment's own positions, orders and fills were all there is."""
        return replace(
            self,
            holdings=tuple([row for row in self.holdings if row.deployment_id == deployment_id]),
            pending=tuple([row for row in self.pending if row.deployment_id == deployment_id]),
            only_deployment=deployment_id,
        )


def holder_of(intent: OrderIntent) -> Holder:
    """Return whose position an intent would change."""
    return Holder(intent.instrument, intent.product, intent.deployment_id or "")


def underlying_of(instrument: Instrument) -> str:
    """Return what a contract hangs on: an unknown outcome freezes entries in all of it."""
    is_derivative = instrument.kind in (InstrumentKind.FUTURE, InstrumentKind.CALL, InstrumentKind.PUT)
    return instrument.name if is_derivative else instrument.symbol


def symbol_of(key: str) -> str:
    """Return a key's symbol without its exchange."""
    return key.partition(":")[2]


def is_entry(intent: OrderIntent) -> bool:
    """Tell whether an intent is judged as an entry: all but exits that can only reduce."""
    return intent.purpose is Purpose.ENTRY or not intent.reduce_only


def worst_price(intent: OrderIntent, quote: QuoteView | None) -> Decimal:
    """Return the highest unit price at which an order could count once it is filled.

    No order counts below the last price: once filled it is valued at the mark.
    """
    shown = (quote.last_price, quote.bid, quote.ask) if quote is not None else ()
    highest = max([price for price in (intent.price, intent.trigger_price, *shown) if price is not None], default=ZERO)
    is_bounded = intent.order_type is OrderType.LIMIT or intent.order_type is OrderType.STOP_LIMIT
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


def own_reach(intent: OrderIntent, view: RiskView) -> Reach:
    """Return the reach of the holder whose position an order would change."""
    return view.reaches.of(holder_of(intent))


def added_value(intent: OrderIntent, view: RiskView) -> Decimal:
    """Return by how much an order would raise its holder's worst-case value."""
    own = own_reach(intent, view)
    value = worst_price(intent, view.quote) * intent.quantity
    return own.after(intent.side, value).worst_quote - own.worst_quote


def position_value(view: RiskView, instrument: str) -> Decimal:
    """Return the worst-case value of one instrument over all holders."""
    return view.position_quote if instrument == view.instrument.key else view.reaches.worst_of(frozenset({instrument}))


def gross_exposure(view: RiskView) -> Decimal:
    """Return the worst-case value of the whole book, every position counted positively."""
    return view.reaches.gross_quote


def held_by(view: RiskView, holder: Holder) -> Decimal:
    """Return the signed quantity that a holder has."""
    is_shown = holder.instrument == view.instrument.key
    own = view.own_holdings if is_shown else [row for row in view.holdings if row.instrument == holder.instrument]
    return sum((row.quantity for row in own if row.holder == holder), ZERO)


def closable(view: RiskView, holder: Holder, side: Side) -> Decimal:
    """Return what a holder may still close on a side; exits under way, UNKNOWN ones too, consume it."""
    held = held_by(view, holder)
    if held * side.sign >= 0:
        return ZERO
    is_shown = holder.instrument == view.instrument.key
    pending = view.own_pending if is_shown else view.pending
    consumed = sum((row.quantity for row in pending if row.side is side and row.holder == holder), ZERO)
    return max(abs(held) - consumed, ZERO)


def reduces(intent: OrderIntent, view: RiskView) -> bool:
    """Tell whether an order can only make its holder's position smaller, whatever else of the book fills first."""
    return intent.quantity <= closable(view, holder_of(intent), intent.side)
