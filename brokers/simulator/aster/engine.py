"""Aster's matching engine: perpetual orders against the board and each other, stops, and what a fill does to money.

How orders meet is `brokers.simulator.crossing`; here is what the venue adds.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import count

from brokers.simulator.aster import events, rules
from brokers.simulator.aster.accounts import ZERO, PerpetualAccount, Position
from brokers.simulator.aster.clock import MS_NS
from brokers.simulator.aster.contracts import Contract
from brokers.simulator.aster.ledger import COMMISSION, REALISED, TRANSFER, PerpetualLedger
from brokers.simulator.aster.market import Marks, PerpetualMarket
from brokers.simulator.aster.orders import AsterRefusal, PerpetualFill, PerpetualOrder, PerpetualRequest, Status
from brokers.simulator.board import Step
from brokers.simulator.crossing import Crossing
from brokers.simulator.fault_rules import FaultKind
from brokers.simulator.faults import ASTER, FaultScript
from brokers.simulator.holding_back import hold_back
from brokers.simulator.orders import Moment

CENT = Decimal("0.00000001")
MOST_MODIFICATIONS = 10_000
UNKNOWN_ORDER = "Unknown order sent."


class PerpetualEngine(Crossing[PerpetualOrder]):
    """Accounts, their orders, and the rules by which they trade."""

    def __init__(
        self, *, market: PerpetualMarket, accounts: Iterable[PerpetualAccount], ledger: PerpetualLedger, run: int
    ) -> None:
        super().__init__(market.board)
        self.contracts = market.contracts
        self.marks: Marks = market.marks
        self.accounts = {account.user: account for account in accounts}
        self.ledger = ledger
        self.faults = FaultScript()
        self.events: deque[tuple[str, dict[str, object]]] = deque()
        self.row_of = {contract.symbol: row for row, contract in enumerate(self.contracts)}
        self._order_ids = count(run % 10**8 * 10_000 + 1)
        self._trade_ids = count(run % 10**8 * 10_000 + 1)
        for account in self.accounts.values():
            ledger.book_income(account.user, TRANSFER, account.wallet, at_ms=market.now_ns // MS_NS)

    # Prices ---------------------------------------------------------------------------------

    def contract(self, symbol: str) -> Contract:
        """Return a contract by its name; raises `AsterRefusal` when it is not listed."""
        row = self.row_of.get(symbol)
        if row is None:
            raise AsterRefusal(-1121, "Invalid symbol.")
        return self.contracts[row]

    def mark(self, symbol: str) -> Decimal:
        """Return the mark price to eight digits."""
        return Decimal(repr(round(float(self.marks.mark[self.row_of[symbol]]), 8))).quantize(CENT)

    def _mark_units(self, row: int) -> float:
        return float(self.marks.mark[row]) / float(self.contracts[row].price_unit)

    # Requests -------------------------------------------------------------------------------

    def draft(self, user: str, request: PerpetualRequest, at: Moment) -> PerpetualOrder:
        """Check a request and return the order it would be; raises `AsterRefusal`, keeps nothing."""
        account, contract = self.accounts[user], self.contract(request.symbol)
        rules.check_words(request)
        rules.check_mode(request, account)
        if not contract.is_trading:
            raise AsterRefusal(-4140, "Invalid symbol status for opening position")
        rules.check_filters(request, contract, self.mark(request.symbol))
        rules.check_counts(request, account)
        row = self.row_of[request.symbol]
        last = int(self.board.last[row])
        rules.check_trigger(request, self._mark_units(row) if request.on_mark else last, last)
        order = self._new(account, contract, request, at)
        if order.room is not None and not request.is_stop and order.room() == 0:
            raise AsterRefusal(-2022, "ReduceOnly Order is rejected.")
        self._check_margin(account, order, ZERO)
        return order

    def admit(self, order: PerpetualOrder, at: Moment) -> None:
        """Take a drafted order into the venue and carry it as far as the book allows."""
        self.accounts[order.account].keep(order)
        self._tell_order(order, at, "NEW")
        if order.waits:
            self._stand(order)
        else:
            self._enter(order, at)

    def place(self, user: str, request: PerpetualRequest, at: Moment) -> tuple[PerpetualOrder, PerpetualOrder]:
        """Place an order; return it as it was accepted and as it stands now. Raises `AsterRefusal`."""
        order = self.draft(user, request, at)
        accepted = order.now()
        self.admit(order, at)
        return accepted, order

    def find(self, user: str, symbol: str, *, order_id: int | None, client_id: str | None) -> PerpetualOrder | None:
        """Return the newest order of an account by one of its ids."""
        self.contract(symbol)
        account = self.accounts[user]
        if order_id is None:
            return account.named.get((symbol, client_id or ""))
        order = account.orders.get(order_id)
        return order if order is not None and order.contract.symbol == symbol else None

    def cancel(
        self, user: str, symbol: str, at: Moment, *, order_id: int | None = None, client_id: str | None = None
    ) -> PerpetualOrder:
        """Take an open order out of the book; raises `AsterRefusal`."""
        order = self.find(user, symbol, order_id=order_id, client_id=client_id)
        if order is None or not order.is_open or _is_stuck(order, at):
            raise AsterRefusal(-2011, UNKNOWN_ORDER)
        self._end(order, Status.CANCELED, at)
        return order

    def cancel_all(self, user: str, symbol: str | None, at: Moment, status: Status = Status.CANCELED) -> int:
        """End every open order of an account, stops too, in one symbol or in all; return how many."""
        orders = self.accounts[user].open_orders(symbol)
        for order in orders:
            self._end(order, status, at)
        return len(orders)

    def modify(self, order: PerpetualOrder, *, quantity: int, price: int, at: Moment) -> None:
        """Change a resting LIMIT order; a bad value leaves it as it was. Raises `AsterRefusal`."""
        if not order.is_open or order.kind != "LIMIT" or order.waits:
            raise AsterRefusal(-2013, "Order does not exist.")
        if order.modifications >= MOST_MODIFICATIONS:
            raise AsterRefusal(-2025, "Reach max open order limit.")
        request = PerpetualRequest(
            symbol=order.contract.symbol, side=order.side, kind="LIMIT", quantity=quantity, price=price,
            reduce_only=order.room is not None,
        )  # fmt: skip
        rules.check_filters(request, order.contract, self.mark(order.contract.symbol))
        if quantity <= order.filled:
            raise AsterRefusal(-4003, "Quantity less than zero.")
        changed = order.now()
        changed.quantity, changed.price, changed.shown_price = quantity, price, price
        account = self.accounts[order.account]
        self._check_margin(account, changed, account.margin_of(order))
        keeps_place = price == order.price and quantity <= order.quantity
        order.quantity, order.price, order.shown_price = quantity, price, price
        order.held = order.piece = 0
        order.modifications += 1
        order.updated_ms = at.market_ns // MS_NS
        self._tell_order(order, at, "NEW")
        if not keeps_place:
            self._leave(order)
            self._enter(order, at)

    # The market's moves ---------------------------------------------------------------------

    def on_step(self, step: Step, at: Moment) -> None:
        """Let a step fill waiting orders, then let mark and last prices trigger stops."""
        if not self._waiting:
            return
        self._match_step(step, at)
        for order in [order for order in self._all_waiting() if order.waits]:
            if order.is_open and self._fires(order):
                self._release(order, at)

    def _trigger_stops(self, row: int, at: Moment) -> None:
        """Triggers wait for the end of the step: a mark moves without a print."""

    def _fires(self, order: PerpetualOrder) -> bool:
        last = int(self.board.last[order.row])
        if order.kind == "TRAILING_STOP_MARKET":
            return rules.trails(order, last)
        price = self._mark_units(order.row) if order.on_mark else last
        return rules.is_triggered(order.kind, order.sign, order.stop_price, price)

    def _release(self, order: PerpetualOrder, at: Moment) -> None:
        self._leave(order)
        order.waits = False
        position = self.accounts[order.account].position(order.contract, order.position_side)
        if order.close_position:
            order.quantity = order.room() if order.room is not None else 0
        if (order.price_protect and self._is_apart(order)) or not order.tradable:
            self._end(order, Status.EXPIRED, at)
            return
        order.kind = "MARKET" if rules.needs_market(order.kind) else "LIMIT"
        if order.kind == "MARKET":
            order.price = self._bound(order.contract, order.sign)
        if order.room is None and self.accounts[order.account].free(self.mark) < 0 and not _reduces(order, position):
            self._end(order, Status.EXPIRED, at)
            return
        self._tell_order(order, at, "NEW")
        self._enter(order, at)

    def _is_apart(self, order: PerpetualOrder) -> bool:
        last, mark = int(self.board.last[order.row]), self._mark_units(order.row)
        return abs(mark - last) > last * float(order.contract.trigger_protect)

    # The book -------------------------------------------------------------------------------

    def _enter(self, order: PerpetualOrder, at: Moment) -> None:
        placement = {"account": order.account, "method": "POST", "path": "/orders", "venue": ASTER}
        if fault := self.faults.take(FaultKind.STUCK_PENDING, **placement):
            order.held, order.piece = order.remaining, order.remaining
            order.piece_due_ns = at.wall_ns + int(fault.seconds * 1e9)
            order.tags = ("stuck",)
        else:
            hold_back(order, self.faults, at, venue=ASTER)
        if order.time_in_force == "GTX" and self._crosses(order):
            self._end(order, Status.EXPIRED, at)
            return
        if order.time_in_force == "FOK" and self._fillable(order) < order.tradable:
            self._end(order, Status.EXPIRED, at)
            return
        self._sweep(order, at)
        if not order.is_open:
            return
        # what a fault holds back waits for its turn, though a market order else never rests
        if not order.held and (order.kind == "MARKET" or order.time_in_force in {"IOC", "FOK"}):
            self._end(order, Status.EXPIRED, at)
            return
        self._join(order)

    def _crosses(self, order: PerpetualOrder) -> bool:
        others = [o for o in self._waiting.get(order.row, ()) if o.rests and o.side != order.side]
        best = [o.price for o in others if o.account != order.account]
        shown = self.board.best_offer(order.row) if order.sign > 0 else self.board.best_bid(order.row)
        return any((order.price - price) * order.sign >= 0 for price in [*best, shown] if price)

    def _fillable(self, order: PerpetualOrder) -> int:
        """Return how much stands on the other side within the order's price."""
        depth, row = self.board.depth, order.row
        first = depth if order.sign > 0 else 0
        prices = self.board.depth_price[row, first : first + depth]
        sizes = self.board.depth_quantity[row, first : first + depth]
        within = (prices > 0) & ((order.price - prices) * order.sign >= 0)
        return int(sizes[within].sum())

    def _stand(self, order: PerpetualOrder) -> None:
        super()._stand(order)
        order.in_book = not order.waits

    def _leave(self, order: PerpetualOrder) -> None:
        super()._leave(order)
        order.in_book = False

    def _next_trade_id(self) -> str:
        return str(next(self._trade_ids))

    def _bound(self, contract: Contract, sign: int) -> int:
        """Return how far from the mark a market order may trade, in units."""
        room = 1 + sign * Decimal(contract.take_bound)
        return max(contract.price_units(self.mark(contract.symbol) * room), contract.tick)

    # Money ----------------------------------------------------------------------------------

    def _trade(self, order: PerpetualOrder, quantity: int, price: int, at: Moment, trade_id: str | None = None) -> None:
        is_maker = order.in_book
        order.filled += quantity
        order.filled_value += quantity * price
        order.status = Status.FILLED if order.filled == order.quantity else Status.PARTIALLY_FILLED
        order.updated_ms = at.market_ns // MS_NS
        account = self.accounts[order.account]
        rate = account.trader.maker_fee if is_maker else account.trader.taker_fee
        fill = self.book(
            order, quantity, order.contract.price(price), at, rate=rate, is_maker=is_maker, trade_id=trade_id
        )
        if not order.is_open:
            self._leave(order)
        self._tell_order(order, at, "TRADE", fill)
        if order.is_open and order.room is not None and order.room() == 0:
            self._end(order, Status.EXPIRED, at)
        self._expire_reducers(account, order.contract, at)

    def book(
        self, order: PerpetualOrder, quantity: int, price: Decimal, at: Moment, *, rate: Decimal, is_maker: bool,
        trade_id: str | None = None,
    ) -> PerpetualFill:  # fmt: skip
        """Book an execution's position, realised profit and fee; return it as the ledger has it."""
        account, contract = self.accounts[order.account], order.contract
        amount, at_ms = contract.quantity(quantity), at.market_ns // MS_NS
        position, setting = account.position(contract, order.position_side), account.setting(contract)
        margin_rate = 1 / Decimal(setting.leverage) if setting.is_isolated else None
        realised = _rounded(position.trade(amount * order.sign, price, margin_rate=margin_rate))
        position.updated_ms = account.updated_ms = at_ms
        fee = _rounded(amount * price * rate)
        number = trade_id or self._next_trade_id()
        fill = PerpetualFill(
            trade_id=int(number), order_id=order.order_id, client_id=order.client_id, account=account.user,
            symbol=contract.symbol, side=order.side, position_side=order.position_side,
            quantity=contract.quantity_text(quantity), price=f"{price:f}", quote=f"{amount * price:f}", fee=f"{fee:f}",
            realised=f"{realised:f}", is_maker=is_maker, source=order.source, market_ms=at_ms, wall_ns=at.wall_ns,
        )  # fmt: skip
        self.ledger.book_fill(fill)
        if realised:
            self.move_money(account, REALISED, realised, at, symbol=contract.symbol, trade_id=number)
        if fee:
            self.move_money(account, COMMISSION, -fee, at, symbol=contract.symbol, trade_id=number)
        self._tell_account(account, at, "ORDER", [position])
        return fill

    def move_money(
        self, account: PerpetualAccount, kind: str, amount: Decimal, at: Moment, *, symbol: str = "", trade_id: str = ""
    ) -> None:
        """Change a wallet by an income; nothing else does."""
        account.wallet += amount
        at_ms = at.market_ns // MS_NS
        self.ledger.book_income(account.user, kind, amount, at_ms=at_ms, symbol=symbol, trade_id=trade_id)

    def _check_margin(self, account: PerpetualAccount, order: PerpetualOrder, freed: Decimal) -> None:
        if order.room is not None:
            return
        if account.margin_of(order) > account.available(self.mark) + freed:
            raise AsterRefusal(-2019, "Margin is insufficient.")
        contract, position = order.contract, account.position(order.contract, order.position_side)
        mark, leverage = self.mark(contract.symbol), account.setting(contract).leverage
        after = abs(position.quantity + order.sign * contract.quantity(order.remaining)) * mark
        if account.opening(order) and after > contract.most_notional(leverage):
            raise AsterRefusal(-2027, "Exceeded the maximum allowable position at current leverage.")

    def _expire_reducers(self, account: PerpetualAccount, contract: Contract, at: Moment) -> None:
        """Let resting orders end that may only reduce a position which is gone."""
        for order in account.open_orders(contract.symbol):
            if order.in_book and order.room is not None and order.room() == 0:
                self._end(order, Status.EXPIRED, at)

    # Order rows -----------------------------------------------------------------------------

    def next_order_id(self) -> int:
        return next(self._order_ids)

    def _new(
        self, account: PerpetualAccount, contract: Contract, request: PerpetualRequest, at: Moment
    ) -> PerpetualOrder:
        row, order_id, at_ms = self.row_of[contract.symbol], self.next_order_id(), at.market_ns // MS_NS
        position = account.position(contract, request.position_side)
        reduces = request.reduce_only or request.close_position or rules.closes_side(request)
        sign = request.sign

        def room() -> int:
            return max(int(-position.quantity * sign / contract.quantity_unit), 0)

        bounded = request.kind == "MARKET"
        return PerpetualOrder(
            account=account.user, order_id=order_id, client_id=request.client_id or f"sim_{order_id}",
            contract=contract, listing=self.board.listings[row], row=row, side=request.side,
            position_side=request.position_side, kind=request.kind, first_kind=request.kind,
            quantity=request.quantity, shown_price=request.price,
            price=self._bound(contract, sign) if bounded else request.price, stop_price=request.stop_price,
            time_in_force=request.time_in_force, reduce_only=request.reduce_only,
            close_position=request.close_position, on_mark=request.on_mark, price_protect=request.price_protect,
            placed_ms=at_ms, updated_ms=at_ms, activation_price=request.activation_price, rate=request.rate,
            waits=request.is_stop, room=room if reduces else None,
        )  # fmt: skip

    def _end(self, order: PerpetualOrder, status: Status, at: Moment) -> None:
        self._leave(order)
        order.status, order.updated_ms = status, at.market_ns // MS_NS
        self._tell_order(order, at, status.value)

    def _tell_order(self, order: PerpetualOrder, at: Moment, step: str, fill: PerpetualFill | None = None) -> None:
        self.events.append((order.account, events.order_update(order, at.market_ns // MS_NS, step, fill)))

    def _tell_account(self, account: PerpetualAccount, at: Moment, reason: str, positions: list[Position]) -> None:
        payload = events.account_update(account, positions, self.mark, at_ms=at.market_ns // MS_NS, reason=reason)
        self.events.append((account.user, payload))


def _rounded(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_EVEN)


def _reduces(order: PerpetualOrder, position: Position) -> bool:
    return position.quantity * order.sign < 0


def _is_stuck(order: PerpetualOrder, at: Moment) -> bool:
    return "stuck" in order.tags and at.wall_ns < order.piece_due_ns
