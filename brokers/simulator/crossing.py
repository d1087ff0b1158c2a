"""Price, then time: how orders meet a board's book and each other, whatever venue they stand at.

The board's displayed quantity at a price stands before an order that joins that price later; trades on
the tape eat that queue. An order never trades with another of the same account. Users' trades take
displayed quantity until the next step but do not move the tape: the users are small beside the market.
Prices and quantities are whole numbers of the venue's own smallest units.
"""

from abc import ABC, abstractmethod
from typing import Generic, Protocol, TypeVar

from brokers.simulator.board import Board, Step
from brokers.simulator.holding_back import Pieced, next_piece
from brokers.simulator.orders import Moment
from brokers.simulator.queue import Offer, Placed, displayed_behind, offers, priority, queue_before


class Standing(Placed, Pieced, Protocol):
    """What the book must know of an order."""

    @property
    def rests(self) -> bool:
        """Return whether the order stands in the book and may trade."""
        ...


Own = TypeVar("Own", bound=Standing)


class Crossing(ABC, Generic[Own]):
    """The orders that wait at one board; a venue says what a trade and a trigger do there."""

    def __init__(self, board: Board) -> None:
        self.board = board
        self._waiting: dict[int, list[Own]] = {}
        self._turn = 0

    # What a venue adds ----------------------------------------------------------------------

    @abstractmethod
    def _trade(self, order: Own, quantity: int, price: int, at: Moment, trade_id: str | None = None) -> None:
        """Book one execution of the order; an order that is complete leaves the book."""

    @abstractmethod
    def _trigger_stops(self, row: int, at: Moment) -> None:
        """Release the stops that the last price has reached."""

    @abstractmethod
    def _next_trade_id(self) -> str:
        """Return the id that both sides of a trade between users carry."""

    # The market's moves ---------------------------------------------------------------------

    def _match_step(self, step: Step, at: Moment) -> None:
        """Let the tape and the new quotes fill waiting orders, then let the last prices trigger stops."""
        tape = step.prints.by_row()
        for row in list(self._waiting):
            self._step_row(row, tape.get(row), at)

    def _step_row(self, row: int, printed: tuple[int, int, int] | None, at: Moment) -> None:
        orders = [order for order in self._waiting.get(row, ()) if not order.waits_for_trigger]
        for order in orders:
            next_piece(order, at)
        for side in ("BUY", "SELL"):
            left = printed[1] if printed and printed[2] * (1 if side == "BUY" else -1) <= 0 else 0
            for order in sorted((o for o in orders if o.side == side), key=priority):
                left -= self._fill_waiting(order, printed[0] if printed else 0, left, at)
        if printed is not None:
            self._trigger_stops(row, at)
        if not self._waiting.get(row):
            self._waiting.pop(row, None)

    def _fill_waiting(self, order: Own, price: int, left: int, at: Moment) -> int:
        """Fill one waiting order at its own price; return the tape quantity this used."""
        self._fill_crossed(order, at)
        if not order.rests or left <= 0:
            return 0
        beyond = (order.price - price) * order.sign
        if beyond < 0:
            return 0
        if beyond > 0 or not displayed_behind(self.board, order):
            order.ahead = 0
        queue = min(order.ahead, left)
        order.ahead -= queue
        quantity = min(order.tradable, left - queue)
        if quantity:
            self._trade(order, quantity, order.price, at)
        return queue + quantity

    def _fill_crossed(self, order: Own, at: Moment) -> None:
        depth = self.board.depth
        first = depth if order.sign > 0 else 0
        for level in range(first, first + depth):
            price, quantity = (int(x[order.row, level]) for x in (self.board.depth_price, self.board.depth_quantity))
            if order.tradable == 0 or quantity <= 0 or (order.price - price) * order.sign < 0:
                return
            quantity = min(quantity, order.tradable)
            self.board.take(order.row, level, quantity)
            self._trade(order, quantity, order.price, at)

    # The book -------------------------------------------------------------------------------

    def _sweep(self, order: Own, at: Moment) -> None:
        """Trade an incoming order with what stands on the other side, as far as its price allows."""
        for offer in list(offers(self.board, order, self._waiting.get(order.row, ()))):
            if order.tradable == 0 or (order.price - offer.price) * order.sign < 0:
                break
            self._take(order, offer, at)

    def _take(self, order: Own, offer: Offer[Own], at: Moment) -> None:
        quantity = min(order.tradable, offer.quantity)
        if offer.order is None:
            self.board.take(order.row, offer.level, quantity)
            self._trade(order, quantity, offer.price, at)
            return
        quantity = min(quantity, offer.order.tradable)
        if quantity <= 0:
            # an earlier trade of this sweep has left the other side nothing to give
            return
        trade_id = self._next_trade_id()
        self._trade(order, quantity, offer.price, at, trade_id)
        self._trade(offer.order, quantity, offer.price, at, trade_id)

    def _join(self, order: Own) -> None:
        """Let an order wait behind what the board shows at its price."""
        order.ahead = queue_before(self.board, order)
        self._stand(order)

    def _stand(self, order: Own) -> None:
        self._turn += 1
        order.turn = self._turn
        self._waiting.setdefault(order.row, []).append(order)

    def _leave(self, order: Own) -> None:
        orders = self._waiting.get(order.row, [])
        if order in orders:
            orders.remove(order)
        if not orders:
            self._waiting.pop(order.row, None)

    def _all_waiting(self) -> list[Own]:
        return [order for orders in self._waiting.values() for order in orders]
