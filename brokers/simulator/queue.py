"""Who stands where: the order in which an incoming order meets the book."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from brokers.simulator.board import Board


class Placed(Protocol):
    """What decides an order's place in the queue."""

    account: str
    row: int
    side: str
    price: int
    # quantity displayed before this order at its price, and its turn among the users' own
    ahead: int
    turn: int

    @property
    def sign(self) -> int:
        """Return +1 for a buy, −1 for a sell."""
        ...

    @property
    def tradable(self) -> int:
        """Return the quantity that may trade now."""
        ...

    @property
    def waits_for_trigger(self) -> bool:
        """Return whether this is a stop that has not been triggered."""
        ...


Own = TypeVar("Own", bound=Placed)


@dataclass(frozen=True, slots=True)
class Offer(Generic[Own]):
    """Something an incoming order can trade with: a level of the board or a waiting order."""

    price: int
    quantity: int
    level: int
    order: Own | None


def priority(order: Placed) -> tuple[int, int]:
    """Return the sorting key of price, then time."""
    return -order.price * order.sign, order.turn


def offers(board: Board, order: Own, waiting: Iterable[Own]) -> Iterator[Offer[Own]]:
    """Yield what stands on the other side, best price first, then earliest."""
    first = board.depth if order.sign > 0 else 0
    levels = [
        (int(board.depth_price[order.row, level]), int(board.depth_quantity[order.row, level]), level)
        for level in range(first, first + board.depth)
    ]
    levels = [level for level in levels if level[0] > 0 and level[1] > 0]
    others = [
        other
        for other in waiting
        if other.side != order.side
        and other.account != order.account
        and not other.waits_for_trigger
        and other.tradable
    ]
    prices = sorted({level[0] for level in levels} | {other.price for other in others}, reverse=order.sign < 0)
    for price in prices:
        shown = [(quantity, level) for at_price, quantity, level in levels if at_price == price]
        queued = sorted((other for other in others if other.price == price), key=priority)
        yield from _interleave(price, shown, queued)


def queue_before(board: Board, order: Placed) -> int:
    """Return the quantity displayed before an order that joins its price now."""
    first = 0 if order.sign > 0 else board.depth
    prices = board.depth_price[order.row, first : first + board.depth].tolist()
    sizes = board.depth_quantity[order.row, first : first + board.depth].tolist()
    if order.price in prices:
        return int(sizes[prices.index(order.price)])
    shown = [price for price in prices if price]
    # Below the last level nothing is shown; the last level's size is the best guess there is.
    return int(sizes[len(shown) - 1]) if shown and (shown[-1] - order.price) * order.sign > 0 else 0


def displayed_behind(board: Board, order: Placed) -> bool:
    """Return whether the board shows a price at or better than the order's on its own side."""
    best = board.best_bid(order.row) if order.sign > 0 else board.best_offer(order.row)
    return best != 0 and (best - order.price) * order.sign >= 0


def _interleave(price: int, shown: list[tuple[int, int]], queued: list[Own]) -> Iterator[Offer[Own]]:
    """Yield displayed quantity that was there first, then users' orders, then what came after them."""
    earlier = queued[0].ahead if queued else 0
    for quantity, level in shown:
        first = min(quantity, earlier) if queued else quantity
        if first:
            yield Offer(price, first, level, None)
    for order in queued:
        yield Offer(price, order.tradable, -1, order)
    for quantity, level in shown:
        rest = quantity - (min(quantity, earlier) if queued else quantity)
        if rest:
            yield Offer(price, rest, level, None)
