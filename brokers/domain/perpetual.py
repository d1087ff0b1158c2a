"""An account in perpetual contracts: positions, wallet, funding, fees, margin and where it would be liquidated.

The contracts are linear: profit is paid in the margin asset. A position keeps what it cost as a whole (`cost_quote`,
signed like its quantity) and derives its entry price, so that closing it in parts loses nothing to rounding. A wallet
changes by realised profit, fees, funding and transfers and by nothing else. In one-way mode a symbol has one signed
position (BOTH); in hedge mode a LONG and a SHORT that do not net. Sources: Aster's futures API documents, the margin
arithmetic of the API family.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from brokers.domain.errors import DataError, Invalid
from brokers.domain.orders import Side
from brokers.domain.perpetual_terms import FillSource, MarginMode, PositionSide

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerpetualFill:
    """One execution; `fee` is paid where positive and received where negative, in the margin asset."""

    key: tuple[str, ...]
    symbol: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal = ZERO
    position_side: PositionSide = PositionSide.BOTH
    source: FillSource = FillSource.TRADE


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginBracket:
    """A range of notional with its ratio and the amount that joins it to the bracket below; `cap` 0 has no end."""

    floor: Decimal
    cap: Decimal
    maintenance_ratio: Decimal
    maintenance_amount: Decimal
    # the highest leverage at which a position of this size may be opened; None where the venue does not say
    max_leverage: int | None = None

    def holds(self, notional: Decimal) -> bool:
        return self.floor <= notional and (not self.cap or notional <= self.cap)


@dataclass(frozen=True, slots=True, kw_only=True)
class PerpetualPosition:
    """A signed quantity and what it cost; `isolated_margin` is what was set aside for it alone."""

    symbol: str
    position_side: PositionSide = PositionSide.BOTH
    quantity: Decimal = ZERO
    cost_quote: Decimal = ZERO
    leverage: int = 20
    mode: MarginMode = MarginMode.CROSSED
    isolated_margin: Decimal = ZERO

    @property
    def entry_price(self) -> Decimal | None:
        """Return the average price of what is open, or None."""
        return self.cost_quote / self.quantity if self.quantity else None

    def unrealised_quote(self, mark: Decimal) -> Decimal:
        return self.quantity * mark - self.cost_quote

    def notional_quote(self, mark: Decimal) -> Decimal:
        return abs(self.quantity) * mark

    def after(self, fill: PerpetualFill) -> tuple[PerpetualPosition, Decimal]:
        """Return the position after a fill and what the fill realised, fees apart."""
        self._require_direction(fill)
        change = fill.quantity * fill.side.sign
        if not self.quantity or (self.quantity > 0) == (change > 0):
            return self._grown(change, fill.price), ZERO
        closed = min(abs(change), abs(self.quantity))
        share = closed / abs(self.quantity)
        cost_closed = self.cost_quote if closed == abs(self.quantity) else self.cost_quote * share
        direction = 1 if self.quantity > 0 else -1
        realised = closed * direction * fill.price - cost_closed
        left = replace(
            self,
            quantity=self.quantity - closed * direction,
            cost_quote=self.cost_quote - cost_closed,
            isolated_margin=ZERO if share == 1 else self.isolated_margin * (1 - share),
        )
        beyond = change + closed * direction
        return (left._grown(beyond, fill.price) if beyond else left), realised

    def _grown(self, change: Decimal, price: Decimal) -> PerpetualPosition:
        value = change * price
        aside = abs(value) / self.leverage if self.mode is MarginMode.ISOLATED else ZERO
        return replace(
            self,
            quantity=self.quantity + change,
            cost_quote=self.cost_quote + value,
            isolated_margin=self.isolated_margin + aside,
        )

    def _require_direction(self, fill: PerpetualFill) -> None:
        """In hedge mode a LONG never turns short by a larger sale, nor a SHORT long."""
        if self.position_side is PositionSide.BOTH:
            return
        opens = Side.BUY if self.position_side is PositionSide.LONG else Side.SELL
        if fill.side is not opens and fill.quantity > abs(self.quantity):
            raise DataError(
                f"a fill of {fill.quantity} closes more than the {abs(self.quantity)} {self.position_side} held in {self.symbol}",
                code="perpetual.hedge",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingPayment:
    """Funding at one moment: with a positive rate the long pays and the short receives."""

    key: tuple[str, ...]
    symbol: str
    position_side: PositionSide
    rate: Decimal
    mark: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PerpetualTotals:
    """What has moved the wallet since the account began; each signed from the account's side."""

    realised_quote: Decimal = ZERO
    fees_quote: Decimal = ZERO
    funding_quote: Decimal = ZERO
    transfers_quote: Decimal = ZERO

    @property
    def wallet_quote(self) -> Decimal:
        return self.realised_quote + self.fees_quote + self.funding_quote + self.transfers_quote


@dataclass(slots=True)
class PerpetualAccount:
    """One margin asset's wallet and its positions; what was booked before is booked once."""

    totals: PerpetualTotals = field(default_factory=PerpetualTotals)
    positions: dict[tuple[str, PositionSide], PerpetualPosition] = field(default_factory=dict)
    _booked: set[tuple[str, ...]] = field(default_factory=set)

    @property
    def wallet_quote(self) -> Decimal:
        return self.totals.wallet_quote

    def position(self, symbol: str, side: PositionSide = PositionSide.BOTH) -> PerpetualPosition:
        return self.positions.get((symbol, side)) or PerpetualPosition(symbol=symbol, position_side=side)

    def configure(self, position: PerpetualPosition) -> None:
        """Set a symbol's leverage and margin mode while nothing is held in it."""
        held = self.position(position.symbol, position.position_side)
        if held.quantity or position.quantity:
            raise Invalid(
                f"{position.symbol} is held, its margin mode cannot change", code="perpetual.held", field="symbol"
            )
        self.positions[position.symbol, position.position_side] = position

    def apply(self, fill: PerpetualFill) -> bool:
        """Book a fill; answer False when it was booked before."""
        if fill.key in self._booked:
            return False
        position, realised = self.position(fill.symbol, fill.position_side).after(fill)
        self._booked.add(fill.key)
        self.positions[fill.symbol, fill.position_side] = position
        self.totals = replace(
            self.totals,
            realised_quote=self.totals.realised_quote + realised,
            fees_quote=self.totals.fees_quote - fill.fee,
        )
        return True

    def fund(self, payment: FundingPayment) -> bool:
        """Book a funding payment; an isolated position pays from its own margin."""
        if payment.key in self._booked:
            return False
        self._booked.add(payment.key)
        position = self.position(payment.symbol, payment.position_side)
        amount = -position.quantity * payment.mark * payment.rate
        if position.mode is MarginMode.ISOLATED and position.quantity:
            moved = replace(position, isolated_margin=position.isolated_margin + amount)
            self.positions[payment.symbol, payment.position_side] = moved
        self.totals = replace(self.totals, funding_quote=self.totals.funding_quote + amount)
        return True

    def transfer(self, amount: Decimal) -> None:
        """Book money that came in (positive) or left."""
        self.totals = replace(self.totals, transfers_quote=self.totals.transfers_quote + amount)

    def add_isolated_margin(self, symbol: str, side: PositionSide, amount: Decimal, *, most: Decimal) -> None:
        """Set more aside for a position, up to `most` in all: a top-up counts as risk and has a cap."""
        position = self.position(symbol, side)
        if position.mode is not MarginMode.ISOLATED or not position.quantity:
            raise Invalid(f"{symbol} holds no isolated position", code="perpetual.not_isolated", field="symbol")
        wanted = position.isolated_margin + amount
        if amount <= 0 or wanted > most:
            raise Invalid(
                f"a margin of {wanted} is above the cap of {most} for {symbol}", code="perpetual.top_up", field="amount"
            )
        self.positions[symbol, side] = replace(position, isolated_margin=wanted)

    def unrealised_quote(self, marks: Mapping[str, Decimal]) -> Decimal:
        return sum((p.unrealised_quote(marks[p.symbol]) for p in self.positions.values() if p.quantity), ZERO)

    def equity_quote(self, marks: Mapping[str, Decimal]) -> Decimal:
        """Return wallet and open profit at the marks; a held symbol without a mark raises KeyError."""
        return self.wallet_quote + self.unrealised_quote(marks)

    def cross_wallet_quote(self) -> Decimal:
        """Return the part of the wallet that stands behind all crossed positions."""
        return self.wallet_quote - sum((p.isolated_margin for p in self.positions.values()), ZERO)


def most_notional(brackets: Iterable[MarginBracket], leverage: int) -> Decimal | None:
    """Return the largest notional that a leverage allows; None where no bracket ends it or nothing is known."""
    allowing = [one for one in brackets if one.max_leverage is not None and one.max_leverage >= leverage]
    if not allowing or any(not one.cap for one in allowing):
        return None
    return max(one.cap for one in allowing)


def maintenance_quote(notional: Decimal, brackets: Sequence[MarginBracket]) -> Decimal:
    """Return the least margin for a notional; raise DataError where no bracket holds it."""
    bracket = next((one for one in brackets if one.holds(notional)), None)
    if bracket is None:
        raise DataError(f"no margin bracket holds a notional of {notional}", code="perpetual.bracket")
    return notional * bracket.maintenance_ratio - bracket.maintenance_amount


def liquidation_price(
    position: PerpetualPosition,
    *,
    backing_quote: Decimal,
    brackets: Iterable[MarginBracket],
) -> Decimal | None:
    """Return the mark at which margin no longer covers maintenance, or None where no price does that.

    `backing_quote` is the isolated margin, or for a crossed position the cross wallet with the open profit of the
    other crossed positions and without their maintenance. Each bracket's own price counts where the notional at that
    price lies in the bracket.
    """
    quantity = position.quantity
    if not quantity:
        return None
    found = []
    for bracket in brackets:
        slope = abs(quantity) * bracket.maintenance_ratio - quantity
        if not slope:
            continue
        price = (backing_quote + bracket.maintenance_amount - position.cost_quote) / slope
        if price > 0 and bracket.holds(abs(quantity) * price):
            found.append(price)
    if not found:
        return None
    # falling from the entry a long meets the highest first, rising a short the lowest
    return max(found) if quantity > 0 else min(found)
