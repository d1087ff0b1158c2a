"""Kite's matching engine: users' orders against the board's book of five and against each other.

How orders meet is `brokers.simulator.crossing`; here is what Kite's exchanges add: states, protection, margins.
"""

from collections import deque
from collections.abc import Callable, Iterable
from copy import copy

from brokers.simulator import rules
from brokers.simulator.board import Board, Step
from brokers.simulator.crossing import Crossing
from brokers.simulator.fault_rules import FaultKind
from brokers.simulator.faults import FaultScript
from brokers.simulator.holding_back import hold_back
from brokers.simulator.ledger import Ledger
from brokers.simulator.order_rows import changed_request, new_order
from brokers.simulator.orders import RESTING, Fill, Ids, Moment, Order, OrderEvent, OrderRequest, Refusal, Status
from brokers.simulator.portfolio import Account, block_unit, check_funds

BUSY = "Order cannot be {} as it is being processed. Try later."
MAX_MODIFICATIONS = 25
OUTSIDE_LPP = "17070 : The Price is out of the LPP range"
CLOSED = "Markets are closed right now. Orders for this segment are not accepted."


class Engine(Crossing[Order]):
    """Accounts, their orders, and the rules by which they trade against one board."""

    def __init__(self, *, board: Board, accounts: Iterable[Account], ids: Ids, ledger: Ledger) -> None:
        super().__init__(board)
        self.accounts = {account.user_id: account for account in accounts}
        self.ids = ids
        self.ledger = ledger
        self.events: deque[OrderEvent] = deque()
        self.faults = FaultScript()
        self.is_open: Callable[[Order], bool] = lambda _: True

    # Requests ------------------------------------------------------------------------------

    def place(self, account_id: str, request: OrderRequest, at: Moment, *, ids: tuple[str, str] | None = None) -> Order:
        """Accept an order and carry it as far as the book allows; raises `Refusal` with no row kept."""
        account, row = self.accounts[account_id], self.check(request)
        order = new_order(account_id, request, self.board.listings[row], row, at=at, ids=ids or self.ids.order())
        if order.order_type == "MARKET":
            self._protect(order, int(self.board.last[row]))
            order.order_type = "LIMIT"
        self._hold_margin(account, order)
        account.orders[order.order_id] = order
        self._note(order, at, Status.RECEIVED, Status.VALIDATION_PENDING)
        objection = self._objection(account, order)
        if objection:
            self._reject(order, objection, at)
            return order
        self._note(order, at, Status.OPEN_PENDING)
        order.exchange_ns = at.market_ns
        if order.waits_for_trigger:
            self._note(order, at, Status.TRIGGER_PENDING)
            self._stand(order)
        else:
            self._enter(order, at)
        return order

    def admit(self, account_id: str, request: OrderRequest, at: Moment, status: Status) -> Order:
        """Keep an order outside the continuous book, in a state of its own; raises `Refusal`."""
        row = self.check(request)
        order = new_order(account_id, request, self.board.listings[row], row, at=at, ids=self.ids.order())
        self.accounts[account_id].orders[order.order_id] = order
        self.move(order, status, at)
        return order

    def move(self, order: Order, status: Status, at: Moment, reason: str | None = None) -> None:
        """Bring an order that waits outside the book to its next state, and tell of it."""
        if status in {Status.CANCELLED, Status.REJECTED}:
            order.cancelled = order.remaining
        order.status_message = order.status_message_raw = reason
        self._note(order, at, status)
        self._announce(order, status)

    def fill(self, order: Order, quantity: int, price: int, at: Moment) -> None:
        """Execute an order that waits outside the book, as an auction does."""
        order.exchange_ns = at.market_ns
        self._trade(order, quantity, price, at)

    def modify(self, account_id: str, order_id: str, changes: dict[str, int | float | str], at: Moment) -> Order:
        """Change a waiting order; a new price or a larger quantity loses its place in the queue."""
        order = self._waiting_order(account_id, order_id, "modified")
        if order.modifications >= MAX_MODIFICATIONS:
            raise Refusal("Maximum allowed order modifications exceeded.", "OrderException")
        request = changed_request(order, changes)
        self.check(request)
        if request.quantity <= order.filled:
            raise Refusal("Quantity cannot be below what is already filled.")
        self._check_modified_margin(order, request)
        self._note(order, at, Status.MODIFY_VALIDATION_PENDING, Status.MODIFY_PENDING)
        keeps_place = request.price == order.price and request.quantity <= order.quantity
        keeps_place = keeps_place and request.order_type == order.order_type
        self._apply(order, request)
        self._note(order, at, Status.MODIFIED)
        self._announce(order, Status.UPDATE)
        self._put_back(order, at, keeps_place=keeps_place)
        return order

    def cancel(self, account_id: str, order_id: str, at: Moment) -> Order:
        """Take a waiting order out of the book."""
        order = self._waiting_order(account_id, order_id, "cancelled")
        self._note(order, at, Status.CANCEL_PENDING)
        self._leave(order)
        self._cancel_rest(order, at)
        return order

    def order(self, account_id: str, order_id: str) -> Order:
        """Return one order of the account; raises `Refusal` when there is none."""
        order = self.accounts[account_id].orders.get(order_id)
        if order is None:
            raise Refusal("Couldn't find that `order_id`.", "OrderException", 404)
        return order

    def check(self, request: OrderRequest) -> int:
        """Return the board's row of a request that may be placed; raises `Refusal` otherwise."""
        row, board = self.row_of(request.exchange, request.symbol), self.board
        rules.check_request(request, board.listings[row], last=int(board.last[row]), close=int(board.close[row]))
        return row

    def row_of(self, exchange: str, symbol: str) -> int:
        """Return the board's row of an instrument; raises `Refusal` when it is not listed."""
        row = self.board.row_of_key.get((exchange, symbol))
        if row is None:
            raise Refusal(f"The instrument `{exchange}:{symbol}` does not exist or has expired.")
        return row

    def open_day(self, board: Board) -> None:
        """Begin a day on a new board; the accounts' books have been carried over."""
        self.board = board
        self._waiting.clear()

    # The market's moves --------------------------------------------------------------------

    def on_step(self, step: Step, at: Moment) -> None:
        """Let the tape and the new quotes fill waiting orders, then let the last prices trigger stops."""
        if not self._waiting:
            return
        for order in [order for order in self._all_waiting() if order.has_expired(at.market_ns)]:
            self._leave(order)
            self._cancel_rest(order, at)
        self._match_step(step, at)

    def cancel_waiting(self, at: Moment, *, derivatives: bool) -> None:
        """Cancel what still waits in a segment whose session has ended."""
        for order in self._all_waiting():
            if order.listing.is_derivative == derivatives:
                self._leave(order)
                self._cancel_rest(order, at)

    def cancel_all(self, account_id: str, at: Moment) -> int:
        """Cancel what waits of one account, or of all without a name, as the exchange may; return how many."""
        orders = [order for order in self._all_waiting() if account_id in {"", order.account}]
        for order in orders:
            self._leave(order)
            self._cancel_rest(order, at)
        return len(orders)

    def _trigger_stops(self, row: int, at: Moment) -> None:
        last = int(self.board.last[row])
        for order in [o for o in self._waiting.get(row, ()) if o.waits_for_trigger]:
            if (last - order.trigger_price) * order.sign >= 0:
                self._leave(order)
                self._release(order, last, at)

    def _release(self, order: Order, last: int, at: Moment) -> None:
        if order.order_type == "SL-M":
            self._protect(order, last)
        order.order_type = "LIMIT"
        low, high = self._limits(order)
        if order.listing.is_option and not low <= order.price <= high:
            self._cancel_by_exchange(order, at)
            return
        self._enter(order, at)

    # The book ------------------------------------------------------------------------------

    def _enter(self, order: Order, at: Moment) -> None:
        self._note(order, at, Status.OPEN)
        if self.faults.take(FaultKind.LPP_CANCEL, account=order.account):
            self._cancel_by_exchange(order, at)
            return
        hold_back(order, self.faults, at)
        self._sweep(order, at)
        if order.remaining == 0:
            return
        if order.validity == "IOC":
            self._cancel_rest(order, at)
            return
        self._join(order)

    def _stand(self, order: Order) -> None:
        super()._stand(order)
        self._announce(order, order.status)

    def _next_trade_id(self) -> str:
        return self.ids.trade()

    def _trade(self, order: Order, quantity: int, price: int, at: Moment, trade_id: str | None = None) -> None:
        order.filled += quantity
        order.filled_value += quantity * price
        fill = Fill(
            seq=len(self.ledger) + 1,
            account=order.account,
            order_id=order.order_id,
            exchange_order_id=str(order.exchange_order_id),
            trade_id=trade_id or self.ids.trade(),
            exchange=order.listing.exchange,
            symbol=order.listing.symbol,
            token=order.listing.token,
            product=order.product,
            side=order.side,
            quantity=quantity,
            price=price,
            market_ns=at.market_ns,
            wall_ns=at.wall_ns,
        )
        self.ledger.append(fill)
        self.accounts[order.account].apply(fill, order.listing)
        if order.remaining == 0:
            self._leave(order)
            self._note(order, at, Status.COMPLETE)
        else:
            self._note(order, at, Status.OPEN)
        self._announce(order, Status.COMPLETE if order.remaining == 0 else Status.UPDATE)

    # Order rows ----------------------------------------------------------------------------

    def _protect(self, order: Order, last: int) -> None:
        percent = rules.protection_percent(order.listing, last, order.protection or -1)
        order.price = rules.protected_price(order.listing, order.side, last, percent)
        kept = tuple(tag for tag in order.tags if not tag.startswith("mktp"))
        order.tags = (*kept, "mktp", f"mktp:{percent:.2f}")

    def _hold_margin(self, account: Account, order: Order) -> None:
        price = order.price or order.trigger_price
        order.block_unit = block_unit(order.listing, order.product, order.sign, price)
        order.opening = account.opening_quantity(order.listing, order.product, order.side, order.quantity)
        check_funds(order.block_unit * min(order.opening, order.quantity), account.available)

    def _check_modified_margin(self, order: Order, request: OrderRequest) -> None:
        account, price = self.accounts[order.account], request.price or request.trigger_price or order.price
        unit = block_unit(order.listing, order.product, order.sign, price)
        opening = account.opening_quantity(order.listing, order.product, order.side, request.quantity - order.filled)
        check_funds(unit * opening, account.available + order.blocked)
        order.block_unit, order.opening = unit, opening

    def _objection(self, account: Account, order: Order) -> str | None:
        if not self.is_open(order):
            return CLOSED
        selling_delivery = order.product == "CNC" and order.side == "SELL"
        if selling_delivery and account.deliverable(order.listing) < order.quantity:
            return f"RMS:Rule: Check holdings for entity account-{account.user_id} across exchange across segment"
        low, high = self._limits(order)
        if order.order_type == "LIMIT" and order.listing.is_option and not low <= order.price <= high:
            return OUTSIDE_LPP
        return None

    def _limits(self, order: Order) -> tuple[int, int]:
        board = self.board
        return rules.circuit_limits(order.listing, last=int(board.last[order.row]), close=int(board.close[order.row]))

    def _reject(self, order: Order, reason: str, at: Moment) -> None:
        order.exchange_order_id = None
        order.status_message_raw = reason
        order.status_message = reason.removeprefix("RMS:").strip()
        order.cancelled = order.quantity
        self._note(order, at, Status.REJECTED)
        self._announce(order, Status.REJECTED)

    def _cancel_by_exchange(self, order: Order, at: Moment) -> None:
        order.status_message = order.status_message_raw = OUTSIDE_LPP
        self._cancel_rest(order, at)

    def _cancel_rest(self, order: Order, at: Moment) -> None:
        order.cancelled = order.remaining
        self._note(order, at, Status.CANCELLED)
        self._announce(order, Status.CANCELLED)

    def _waiting_order(self, account_id: str, order_id: str, act: str) -> Order:
        order = self.order(account_id, order_id)
        if order.status not in RESTING:
            raise Refusal(BUSY.format(act))
        return order

    def _apply(self, order: Order, request: OrderRequest) -> None:
        order.modified = True
        order.modifications += 1
        order.held = order.piece = 0
        order.quantity, order.order_type = request.quantity, request.order_type
        order.price = request.price if request.order_type in {"LIMIT", "SL"} else 0
        order.trigger_price = request.trigger_price if order.waits_for_trigger else 0
        order.validity, order.disclosed_quantity = request.validity, request.disclosed_quantity
        order.validity_ttl = request.validity_ttl
        order.protection = request.protection
        if order.order_type == "MARKET":
            self._protect(order, int(self.board.last[order.row]))
            order.order_type = "LIMIT"

    def _put_back(self, order: Order, at: Moment, *, keeps_place: bool) -> None:
        status = Status.TRIGGER_PENDING if order.waits_for_trigger else Status.OPEN
        if keeps_place or order.waits_for_trigger:
            self._note(order, at, status)
            return
        self._leave(order)
        self._enter(order, at)

    def _note(self, order: Order, at: Moment, *statuses: Status) -> None:
        """Write the order's next rows into its history."""
        for status in statuses:
            order.status = status
            order.updated_ns = at.market_ns
            row = copy(order)
            row.history = []
            order.history.append(row)

    def _announce(self, order: Order, status: Status) -> None:
        row = copy(order)
        row.history = []
        self.events.append(OrderEvent(account=order.account, status=status, order=row))
