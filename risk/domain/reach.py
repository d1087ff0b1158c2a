"""How far a book's values may move: what is held, and what could still be filled, summed once for each look of the gate.

A holder is one deployment's (or nobody's) position in one instrument and product: two holders do not net, so that the end
of one cannot push the other over a limit.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
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


class Reaches:
    """Every holder's reach over a book; reduce-only orders cannot add to one, so they are left out.

    `gross_quote` is the worst-case value of the whole book, every position counted positively; `net` the book as one
    position, longs against shorts.
    """

    __slots__ = ("_held", "_moving", "gross_quote", "net")

    def __init__(self, holdings: Iterable[Holding], pending: Iterable[PendingOrder]) -> None:
        held: dict[Key, Decimal] = {}
        for row in holdings:
            key = row.instrument, row.product, row.deployment_id or ""
            value = row.quantity * row.mark_quote
            held[key] = held[key] + value if key in held else value
        buys: dict[Key, Decimal] = {}
        sells: dict[Key, Decimal] = {}
        for order in pending:
            if not order.reduce_only:
                key = order.instrument, order.product, order.deployment_id or ""
                side = buys if order.side is Side.BUY else sells
                side[key] = side.get(key, ZERO) + order.quantity * order.price_quote
        moving = {
            key: Reach(held_quote=held.get(key, ZERO), buys_quote=buys.get(key, ZERO), sells_quote=sells.get(key, ZERO))
            for key in buys | sells
        }
        self._held, self._moving = held, moving
        self.net = Reach(
            held_quote=sum(held.values(), ZERO),
            buys_quote=sum(buys.values(), ZERO),
            sells_quote=sum(sells.values(), ZERO),
        )
        extra = sum((reach.worst_quote - abs(reach.held_quote) for reach in moving.values()), ZERO)
        self.gross_quote = sum(map(abs, held.values()), ZERO) + extra

    def of(self, holder: Holder) -> Reach:
        """Return one holder's reach."""
        found = self._moving.get(holder)
        return found if found is not None else Reach(held_quote=self._held.get(holder, ZERO))

    def worst_of(self, instruments: frozenset[str]) -> Decimal:
        """Return the worst-case value of some instruments over all holders."""
        moving = self._moving
        still = [abs(value) for key, value in self._held.items() if key[0] in instruments and key not in moving]
        worst = [reach.worst_quote for key, reach in moving.items() if key[0] in instruments]
        return sum(still, ZERO) + sum(worst, ZERO)
