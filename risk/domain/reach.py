"""How far a book's values may move: what is held, and what could still be filled, summed once for each look of the gate.

A holder is one deployment's (or nobody's) position in one instrument and product: two holders do not net, so that the end
of one cannot push the other over a limit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from brokers.domain.orders import Product, Side

if TYPE_CHECKING:
    from risk.domain.exposure import Holding, PendingOrder

ZERO = Decimal(0)


class Holder(NamedTuple):
    """Whose position it is; `deployment_id` is empty for nobody's."""

    instrument: str
    product: Product
    deployment_id: str


# a plain tuple is equal to its Holder, and is made four times as fast
Key: TypeAlias = tuple[str, Product, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How far one value may move: as held, if only buys fill, if only sells fill."""

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
        """Return the largest order value of a side that leaves that side's worst case within a limit.

        A value that is over its limit already may come back to it and through zero, and is given nothing to grow by.
        """
        limit = max(limit_quote, ZERO)
        if side is Side.BUY:
            return max(limit - (self.held_quote + self.buys_quote), ZERO)
        return max(limit + (self.held_quote - self.sells_quote), ZERO)


class HeldRows(tuple["Holding", ...]):  # noqa: SLOT001 - slots could not remember anything
    """A book's holdings that remember what they are worth by holder: several orders are judged by the same prices."""

    @cached_property
    def values(self) -> dict[Key, Decimal]:
        """The signed value of every holder's position."""
        return _values(self)

    @property
    def net_quote(self) -> Decimal:
        """All values together, longs against shorts."""
        longs, shorts = self._sides
        return longs + shorts

    @property
    def gross_quote(self) -> Decimal:
        """All values together, each counted positively."""
        longs, shorts = self._sides
        return longs - shorts

    @cached_property
    def _sides(self) -> tuple[Decimal, Decimal]:
        values = self.values.values()
        shorts = [value for value in values if value.is_signed()]
        longs = values if not shorts else [value for value in values if not value.is_signed()]
        return sum(longs, ZERO), sum(shorts, ZERO)


class Reaches:
    """Every holder's reach over a book; reduce-only orders cannot add to one, so they are left out.

    `gross_quote` is the worst-case value of the whole book, every position counted positively; `net` the book as one
    position, longs against shorts.
    """

    __slots__ = ("_held", "_moving", "_still", "gross_quote", "net")

    def __init__(self, holdings: Iterable[Holding], pending: Iterable[PendingOrder]) -> None:
        rows = holdings if isinstance(holdings, HeldRows) else HeldRows(holdings)
        held = rows.values
        buys: dict[Key, Decimal] = {}
        sells: dict[Key, Decimal] = {}
        for order in pending:
            if not order.reduce_only:
                key = order.instrument, order.product, order.deployment_id or ""
                side = buys if order.side is Side.BUY else sells
                value = order.quantity * order.price_quote
                side[key] = side[key] + value if key in side else value
        moving = {
            key: Reach(held_quote=held.get(key, ZERO), buys_quote=buys.get(key, ZERO), sells_quote=sells.get(key, ZERO))
            for key in buys | sells
        }
        self._held, self._moving = held, moving
        self._still: dict[Key, Reach] = {}
        self.net = Reach(
            held_quote=rows.net_quote,
            buys_quote=sum(buys.values(), ZERO),
            sells_quote=sum(sells.values(), ZERO),
        )
        self.gross_quote = sum(
            (reach.worst_quote - abs(reach.held_quote) for reach in moving.values()), rows.gross_quote
        )

    def of(self, holder: Holder) -> Reach:
        """Return one holder's reach."""
        found = self._moving.get(holder) or self._still.get(holder)
        if found is None:
            found = self._still[holder] = Reach(held_quote=self._held.get(holder, ZERO))
        return found

    def worst_with(self, holders: Iterable[Holder]) -> Decimal:
        """Return the worst-case value of some holders' positions, each counted once."""
        return sum([self.of(holder).worst_quote for holder in set(holders)], ZERO)

    def worst_of(self, instruments: frozenset[str]) -> Decimal:
        """Return the worst-case value of some instruments over all holders."""
        moving = self._moving
        still = [abs(value) for key, value in self._held.items() if key[0] in instruments and key not in moving]
        worst = [reach.worst_quote for key, reach in moving.items() if key[0] in instruments]
        return sum(still, ZERO) + sum(worst, ZERO)


def _values(holdings: Iterable[Holding]) -> dict[Key, Decimal]:
    held: dict[Key, Decimal] = {}
    for row in holdings:
        key = row.instrument, row.product, row.deployment_id or ""
        value = row.quantity * row.mark_quote
        held[key] = held[key] + value if key in held else value
    return held
