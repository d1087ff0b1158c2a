"""What bounds the loss of a written option: the options and futures that the same basket holds.

Nothing that ends before the written option, or is squared off while it stays, covers it. What the holder has written or
is writing already uses its cover up.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from brokers.domain.instruments import OPTION_KINDS, Instrument, InstrumentKind
from brokers.domain.orders import OrderIntent, Product, Side
from execution.domain.baskets import is_basket
from execution.domain.desk import Desk
from risk.domain.exposure import underlying_of

ZERO = Decimal(0)


class Beside(NamedTuple):
    """A signed quantity that the same holder has, or is about to sell."""

    instrument: Instrument
    quantity: Decimal
    product: Product


def covered_by(written: Instrument, product: Product, beside: Iterable[Beside]) -> Decimal:
    """Return how many units of a written option are covered; never below 0."""
    return max(sum((_share(written, product, one) for one in beside), ZERO), ZERO)


def covered(desk: Desk, intent: OrderIntent, *, besides: str = "", extra: Iterable[Beside] = ()) -> Decimal:
    """Return what of a basket's written option is covered by what it holds, less what else it is writing.

    The order `besides` is the intent's own. `extra` is taken as held too. Nobody but a basket has its exits ordered, so
    nobody else's holdings are a cover.
    """
    instrument = desk.config.instruments.get(intent.instrument)
    if instrument is None or not is_basket(intent.deployment_id) or not _is_written(instrument, intent.side):
        return ZERO
    return covered_by(instrument, intent.product, [*_beside(desk, intent, besides), *extra])


def _is_written(instrument: Instrument, side: Side) -> bool:
    return instrument.kind in OPTION_KINDS and side is Side.SELL


def _beside(desk: Desk, intent: OrderIntent, besides: str) -> Iterable[Beside]:
    known = desk.config.instruments
    for position in desk.state.positions.open(intent.book):
        if position.key.strategy_key == intent.deployment_id and position.key.instrument in known:
            yield Beside(known[position.key.instrument], position.quantity, position.key.product)
    for order in desk.state.open_orders():
        other = order.intent
        is_leaving = (other.book, other.deployment_id, other.side) == (intent.book, intent.deployment_id, Side.SELL)
        if is_leaving and order.client_id != besides and other.instrument in known:
            yield Beside(known[other.instrument], -order.pending_quantity, other.product)


def _share(written: Instrument, product: Product, one: Beside) -> Decimal:
    """Return what one holding adds to the cover of a written option, below 0 where it needs cover itself."""
    other = one.instrument
    if underlying_of(other) != underlying_of(written) or other.kind not in _COVERS[written.kind]:
        return ZERO
    quantity = one.quantity if other.kind is written.kind else one.quantity * _direction(written)
    ends_first = other.expiry is not None and written.expiry is not None and other.expiry < written.expiry
    leaves_first = one.product is Product.INTRADAY and product is not Product.INTRADAY
    return ZERO if quantity > 0 and (ends_first or leaves_first) else quantity


def _direction(written: Instrument) -> int:
    return 1 if written.kind is InstrumentKind.CALL else -1


_OTHERS = (InstrumentKind.FUTURE, InstrumentKind.EQUITY)
_COVERS = {
    InstrumentKind.CALL: frozenset({InstrumentKind.CALL, *_OTHERS}),
    InstrumentKind.PUT: frozenset({InstrumentKind.PUT, *_OTHERS}),
}
