"""Positions and P&L: one arithmetic for the desk, the pages, the API and the tests.

A position is the net of one holder's fills in one instrument and product, at average cost. Two
averages are kept: `average_price` over the position's whole life, and `day_average` in which what
was held at the day's start costs that day's opening mark. The day's P&L speaks of the second.

A venue that charges by fill and pays funding moves money beside the trades themselves: both are kept
with the position they belong to, so that realised + unrealised - fees + funding is what equity changed by.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from brokers.domain.charges import ChargeNote
from brokers.domain.orders import Book, Fill, Product

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionKey:
    """Whose position it is: `strategy_key` is a deployment's id, or empty for nobody's."""

    book: Book
    instrument: str
    product: Product
    strategy_key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A signed quantity at average cost; money in the instrument's currency.

    `fees_today_quote` is what the venue charged by fill, paid where positive; `funding_today_quote` what it paid
    for holding, received where positive.
    """

    key: PositionKey
    quantity: Decimal = ZERO
    average_price: Decimal = ZERO
    day_average: Decimal = ZERO
    realised_today_quote: Decimal = ZERO
    fees_today_quote: Decimal = ZERO
    funding_today_quote: Decimal = ZERO

    @property
    def is_open(self) -> bool:
        return self.quantity != 0

    def after(self, fill: Fill) -> Position:
        """Return the position after one more fill."""
        change = fill.quantity * fill.side.sign
        quantity = self.quantity + change
        closed = _closed_quantity(self.quantity, change)
        direction = 1 if self.quantity > 0 else -1
        gained = (fill.price - self.day_average) * closed * direction
        return replace(
            self,
            quantity=quantity,
            average_price=_average(self.quantity, self.average_price, change, fill.price),
            day_average=_average(self.quantity, self.day_average, change, fill.price),
            realised_today_quote=self.realised_today_quote + gained,
            fees_today_quote=self.fees_today_quote + (fill.fee_quote or ZERO),
        )

    def funded(self, amount_quote: Decimal) -> Position:
        """Return the position after a funding payment, received where positive."""
        return replace(self, funding_today_quote=self.funding_today_quote + amount_quote)

    def on_new_day(self, mark: Decimal | None) -> Position:
        """Return the position as the day starts: what is held costs its opening mark."""
        base = self.day_average if mark is None else mark
        return replace(
            self,
            day_average=base if self.is_open else ZERO,
            realised_today_quote=ZERO,
            fees_today_quote=ZERO,
            funding_today_quote=ZERO,
        )

    def unrealised_quote(self, mark: Decimal) -> Decimal:
        """Return the day's open P&L at a mark."""
        return (mark - self.day_average) * self.quantity

    def value_quote(self, mark: Decimal) -> Decimal:
        """Return the signed market value at a mark."""
        return mark * self.quantity


def _closed_quantity(held: Decimal, change: Decimal) -> Decimal:
    if held == 0 or (held > 0) == (change > 0):
        return ZERO
    return min(abs(held), abs(change))


def _average(held: Decimal, average: Decimal, change: Decimal, price: Decimal) -> Decimal:
    after = held + change
    if after == 0:
        return ZERO
    if held == 0 or (held > 0) != (after > 0):
        return price  # opened, or crossed zero: the rest was traded at this price
    if (held > 0) == (change > 0):
        return (held * average + change * price) / after
    return average


class PositionBook:
    """Positions by key; a fill that was seen before changes nothing.

    `revision` counts the changes, so that whoever works something out of the positions can tell whether it still holds.
    """

    __slots__ = ("_positions", "_seen", "revision")

    def __init__(self) -> None:
        self.revision = 0
        self._positions: dict[PositionKey, Position] = {}
        self._seen: set[tuple[str, ...]] = set()

    def apply(self, fill: Fill) -> bool:
        """Take a fill; answer False when it was taken before."""
        if fill.key in self._seen:
            return False
        self._seen.add(fill.key)
        key = PositionKey(
            book=fill.book,
            instrument=fill.instrument,
            product=fill.product,
            strategy_key=fill.deployment_id or "",
        )
        self._positions[key] = self.get(key).after(fill)
        self.revision += 1
        return True

    def has_seen(self, fill_key: tuple[str, ...]) -> bool:
        """Tell whether a fill of this key was taken, on whatever day."""
        return fill_key in self._seen

    def fund(self, key: PositionKey, amount_quote: Decimal) -> None:
        """Book a share of a funding payment; whoever calls keeps each payment to once."""
        self._positions[key] = self.get(key).funded(amount_quote)
        self.revision += 1

    def load(self, position: Position) -> None:
        """Put a position carried from an earlier day in place."""
        self._positions[position.key] = position
        self.revision += 1

    def get(self, key: PositionKey) -> Position:
        return self._positions.get(key) or Position(key=key)

    def all(self) -> list[Position]:
        return list(self._positions.values())

    def open(self, book: Book | None = None) -> list[Position]:
        return [p for p in self.all() if p.is_open and book in (None, p.key.book)]

    def net_quantity(self, instrument: str, book: Book) -> Decimal:
        """Return what all holders together have of an instrument."""
        return sum(
            (p.quantity for p in self._positions.values() if p.key.instrument == instrument and p.key.book is book),
            ZERO,
        )

    def start_day(self, marks: Mapping[str, Decimal]) -> None:
        """Begin a new venue day: flat positions go, held ones cost their mark."""
        self._positions = {
            key: position.on_new_day(marks.get(key.instrument))
            for key, position in self._positions.items()
            if position.is_open
        }
        self.revision += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioView:
    """One book's day, net of every charge, in the account's currency.

    `charges` is the note by the schedule, `fees_quote` what the venue charged by fill, `funding_quote` what it paid.
    """

    realised_quote: Decimal
    unrealised_quote: Decimal
    charges: ChargeNote
    gross_exposure_quote: Decimal
    net_exposure_quote: Decimal
    unmarked: tuple[str, ...]
    fees_quote: Decimal = ZERO
    funding_quote: Decimal = ZERO

    @property
    def costs_quote(self) -> Decimal:
        """Return what trading cost, by the schedule and by the venue's own fees, paid where positive."""
        return self.charges.total + self.fees_quote

    @property
    def net_quote(self) -> Decimal:
        return self.realised_quote + self.unrealised_quote - self.costs_quote + self.funding_quote


def portfolio_view(
    positions: Iterable[Position],
    *,
    marks: Mapping[str, Decimal],
    charges: ChargeNote,
) -> PortfolioView:
    """Value one book's positions at `marks`, less the note of its fills that a schedule charges.

    Exposure is market value: premium for an option. A held instrument without a mark is valued
    at its day average and named in `unmarked`, so that a screen can say so.
    """
    realised = unrealised = gross = net = fees = funding = ZERO
    unmarked = []
    for position in positions:
        realised += position.realised_today_quote
        fees += position.fees_today_quote
        funding += position.funding_today_quote
        if position.is_open:
            mark = marks.get(position.key.instrument)
            if mark is None:
                unmarked.append(position.key.instrument)
                mark = position.day_average
            value = position.value_quote(mark)
            unrealised += position.unrealised_quote(mark)
            gross += abs(value)
            net += value
    return PortfolioView(
        realised_quote=realised,
        unrealised_quote=unrealised,
        charges=charges,
        gross_exposure_quote=gross,
        net_exposure_quote=net,
        unmarked=tuple(unmarked),
        fees_quote=fees,
        funding_quote=funding,
    )
