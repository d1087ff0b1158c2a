"""What orders would hold and cost, by the simulator's own margin model and the desk's charge rates.

The model is that of `portfolio.block_unit`: bought options their premium, sold options 12 % of the
strike's notional, futures 12 % of theirs, intraday shares 20 %, delivery its full value. Of the
12 %, three quarters are called span and one quarter exposure. In a basket a sold option that is
covered by a bought one of the same kind, underlying and expiry holds span for no more than the
distance of the strikes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from decimal import Decimal

from brokers.domain.charges import ChargeNote, exact_charges
from brokers.domain.india import CHARGES
from brokers.domain.instruments import InstrumentKind
from brokers.domain.orders import Book, Fill, Product, Side
from brokers.simulator.listings import Listing
from brokers.simulator.portfolio import block_unit

SPAN_SHARE = 0.75
NO_CHARGES = ChargeNote()


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """An order that might be placed, or one that was: quantity, price in paise, and its product."""

    listing: Listing
    side: str
    quantity: int
    product: str
    price: int

    @property
    def sign(self) -> int:
        """Return +1 for a buy, −1 for a sell."""
        return 1 if self.side == "BUY" else -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """What one order holds, in paise, and its charges in rupees."""

    span: float = 0.0
    exposure: float = 0.0
    premium: float = 0.0
    value_at_risk: float = 0.0
    charges: ChargeNote = NO_CHARGES

    @property
    def total(self) -> float:
        """Return all that is held."""
        return self.span + self.exposure + self.premium + self.value_at_risk

    def __add__(self, other: "Margin") -> "Margin":
        return Margin(
            span=self.span + other.span,
            exposure=self.exposure + other.exposure,
            premium=self.premium + other.premium,
            value_at_risk=self.value_at_risk + other.value_at_risk,
            charges=self.charges + other.charges,
        )


def margin_of(planned: Planned, *, opening: int, day: date) -> Margin:
    """Return what an order holds of which ``opening`` units add to a position."""
    listing, charges = planned.listing, charges_of(planned, day=day)
    held = float(block_unit(listing, planned.product, planned.sign, planned.price) * opening)
    if listing.is_option and planned.sign > 0:
        return Margin(premium=held, charges=charges)
    if listing.is_derivative:
        return Margin(span=held * SPAN_SHARE, exposure=held * (1 - SPAN_SHARE), charges=charges)
    return Margin(value_at_risk=held, charges=charges)


@dataclass(slots=True, kw_only=True)
class _Cover:
    bought: Planned
    free: int


def basket_of(planned: Iterable[tuple[Planned, Margin]]) -> tuple[Margin, Margin]:
    """Return a basket's margin order by order, and with the benefit of its spreads."""
    rows = list(planned)
    initial = sum((margin for _, margin in rows), Margin())
    covers = [_Cover(bought=row, free=row.quantity) for row, _ in rows if row.listing.is_option and row.sign > 0]
    final = Margin()
    for row, margin in rows:
        final += _covered(row, margin, covers) if row.listing.is_option and row.sign < 0 else margin
    return initial, final


def _covered(sold: Planned, margin: Margin, covers: list[_Cover]) -> Margin:
    span_unit = margin.span / sold.quantity
    left, span = sold.quantity, 0.0
    for cover in covers:
        if not _same_chain(cover.bought, sold):
            continue
        used = min(cover.free, left)
        cover.free, left = cover.free - used, left - used
        span += used * min(span_unit, float(_worst_distance(sold, cover.bought)))
    return replace(margin, span=span + left * span_unit)


def _same_chain(bought: Planned, sold: Planned) -> bool:
    one, two = bought.listing, sold.listing
    return (one.name, one.expiry, one.kind) == (two.name, two.expiry, two.kind)


def _worst_distance(sold: Planned, bought: Planned) -> int:
    """Return how far the sold strike can be exercised before the bought one helps, in paise."""
    distance = bought.listing.strike - sold.listing.strike
    return max(distance if sold.listing.kind == "CE" else -distance, 0)


def charges_of(planned: Planned, *, day: date) -> ChargeNote:
    """Return the exact charges of an order executed as a whole, by the rates of the day."""
    listing = planned.listing
    key = f"{listing.exchange}:{listing.symbol}"
    fill = Fill(
        account_id="",
        book=Book.LIVE,
        venue_day=day.isoformat(),
        instrument=key,
        venue_order_id="1",
        trade_id="1",
        side=Side(planned.side),
        quantity=Decimal(planned.quantity),
        price=Decimal(planned.price) / 100,
        product=Product(planned.product),
        filled_at=datetime.combine(day, datetime.min.time(), UTC),
    )
    return exact_charges([fill], kinds={key: InstrumentKind(listing.kind)}, day=day, schedule=CHARGES)
