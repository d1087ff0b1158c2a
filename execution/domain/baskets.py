"""A basket: legs chosen by hand, sent hedges first, held together and taken back together.

Legs go in stages: options bought, then futures and shares bought, then futures and shares sold, then options written. A
stage is sent once every leg of those before it is filled whole, so nothing is written whose cover is not held. A basket
belongs to no deployment: its orders, fills and positions bear its own key.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from brokers.domain.instruments import OPTION_KINDS, Instrument
from brokers.domain.orders import Book, OrderType, Product, Side
from brokers.domain.portfolio import PositionKey
from execution.domain.lifecycle import IllegalMove

ZERO = Decimal(0)
KEY_PREFIX = "basket:"
MOST_LEGS = 20
OPTIONS_BOUGHT, OTHERS_BOUGHT, OTHERS_SOLD, OPTIONS_WRITTEN = range(4)


class BasketPolicy(StrEnum):
    """What is done with what has filled when the rest does not."""

    UNWIND = "unwind"
    HOLD = "hold"


class BasketState(StrEnum):
    PENDING = "pending"  # taken in, nothing sent
    WORKING = "working"
    FILLED = "filled"
    UNWINDING = "unwinding"
    UNWOUND = "unwound"  # nothing of it is held or at work
    HELD = "held"  # incomplete, and left so
    REFUSED = "refused"  # nothing of it was sent


S = BasketState
AT_WORK = frozenset({S.PENDING, S.WORKING, S.UNWINDING})
# a state may be told again with another reason; what has ended is only ever taken back
_MOVES: Mapping[BasketState, frozenset[BasketState]] = {
    S.PENDING: frozenset({S.PENDING, S.WORKING, S.REFUSED}),
    S.WORKING: frozenset({S.WORKING, S.FILLED, S.UNWINDING, S.HELD, S.REFUSED}),
    S.FILLED: frozenset({S.UNWINDING}),
    S.UNWINDING: frozenset({S.UNWINDING, S.UNWOUND, S.HELD}),
    S.UNWOUND: frozenset({S.UNWINDING}),
    S.HELD: frozenset({S.UNWINDING}),
    S.REFUSED: frozenset(),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BasketLeg:
    """One leg; a LIMIT's price is the worst one it may have, a MARKET leg follows the price within the desk's slippage."""

    instrument: str
    side: Side
    quantity: Decimal
    order_type: OrderType
    product: Product
    price: Decimal | None = None
    stage: int = OPTIONS_BOUGHT


@dataclass(frozen=True, slots=True, kw_only=True)
class BasketTaken:
    """A basket as it was asked for, journalled before anything of it is sent."""

    basket_id: str
    name: str
    policy: BasketPolicy
    book: Book
    deadline_at: datetime
    legs: tuple[BasketLeg, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BasketMoved:
    """A basket's new state and why; `arrivals` are the legs' far-side prices as the first of them is sent."""

    basket_id: str
    state: BasketState
    reason: str
    arrivals: tuple[Decimal, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LegProgress:
    """The orders by which a leg was entered, and what of them has filled."""

    client_ids: tuple[str, ...] = ()
    filled: Decimal = ZERO
    value_quote: Decimal = ZERO

    @property
    def average_price(self) -> Decimal | None:
        return self.value_quote / self.filled if self.filled else None


@dataclass(frozen=True, slots=True, kw_only=True)
class BasketRecord:
    """Everything known about one basket; made anew by each thing learnt."""

    taken: BasketTaken
    state: BasketState
    reason: str
    created_at: datetime
    updated_at: datetime
    progress: tuple[LegProgress, ...]
    arrivals: tuple[Decimal, ...] = ()

    @property
    def key(self) -> str:
        return key_of_basket(self.taken.basket_id)

    @property
    def legs(self) -> tuple[BasketLeg, ...]:
        return self.taken.legs

    def is_filled(self, number: int) -> bool:
        return self.progress[number].filled >= self.legs[number].quantity

    @property
    def filled_legs(self) -> int:
        return sum(1 for number in range(len(self.legs)) if self.is_filled(number))

    def position_key(self, number: int) -> PositionKey:
        leg = self.legs[number]
        return PositionKey(book=self.taken.book, instrument=leg.instrument, product=leg.product, strategy_key=self.key)

    def number_of(self, instrument: str) -> int | None:
        """Return which leg an instrument is: none is named twice."""
        return next((n for n, leg in enumerate(self.legs) if leg.instrument == instrument), None)

    def due(self) -> list[int]:
        """Return the unfilled legs of the first stage that is not filled whole, the dearest to fail first."""
        open_legs = [n for n in range(len(self.legs)) if not self.is_filled(n)]
        stage = min((self.legs[n].stage for n in open_legs), default=None)
        return sorted((n for n in open_legs if self.legs[n].stage == stage), key=lambda n: -self.legs[n].quantity)


def key_of_basket(basket_id: str) -> str:
    """Return the key under which a basket's orders and positions stand."""
    return KEY_PREFIX + basket_id.replace("-", "")


def basket_id_of(strategy_key: str | None) -> UUID | None:
    """Return the id of the basket that owns an order or a position, None where it is no basket."""
    return UUID(strategy_key.removeprefix(KEY_PREFIX)) if strategy_key and is_basket(strategy_key) else None


def is_basket(strategy_key: str | None) -> bool:
    """Tell whether an owner's key is a basket's."""
    return strategy_key is not None and strategy_key.startswith(KEY_PREFIX)


def require_move(state: BasketState, to: BasketState) -> None:
    """Raise IllegalMove for a move that the table does not know."""
    if to not in _MOVES[state]:
        raise IllegalMove(f"a basket that is {state} cannot become {to}", details={"status": state, "event": to})


def stage_of(instrument: Instrument, side: Side) -> int:
    """Return when a leg is sent: what bounds the loss of others first, what needs their cover last."""
    if instrument.kind in OPTION_KINDS:
        return OPTIONS_BOUGHT if side is Side.BUY else OPTIONS_WRITTEN
    return OTHERS_BOUGHT if side is Side.BUY else OTHERS_SOLD


def sending_order(legs: Iterable[BasketLeg]) -> list[BasketLeg]:
    """Return legs in the order in which they are sent.

    Within a stage the largest goes first: where the margin does not suffice, that shows while there is least to take back.
    """
    return sorted(legs, key=lambda leg: (leg.stage, -leg.quantity))
