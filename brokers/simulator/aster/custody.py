"""What the simulated Aster does to positions by itself: funding, margin calls, liquidation, deleveraging."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from brokers.simulator.aster import events
from brokers.simulator.aster.accounts import ZERO, PerpetualAccount, Position
from brokers.simulator.aster.clock import MS_NS
from brokers.simulator.aster.engine import CENT, PerpetualEngine
from brokers.simulator.aster.ledger import FUNDING, INSURANCE
from brokers.simulator.aster.market import next_funding_ms
from brokers.simulator.aster.orders import PerpetualOrder, Status
from brokers.simulator.orders import Moment

CALL_RATIO = Decimal("0.8")
RATE_DIGITS = Decimal("0.00000001")


class Custody:
    """Watches every account's margin and pays funding when it is due."""

    def __init__(self, engine: PerpetualEngine, now_ns: int) -> None:
        self._engine = engine
        self._due = [next_funding_ms(contract, now_ns // MS_NS) for contract in engine.contracts]
        self._called: set[tuple[str, str]] = set()
        # every funding so far: symbol, rate, mark, when
        self.fundings: list[tuple[str, Decimal, Decimal, int]] = []
        # what was closed by force and has not been told on the market streams yet
        self.forced: list[PerpetualOrder] = []

    def follow(self, at: Moment) -> None:
        """Pay what is due by now, then close what its margin no longer carries."""
        self._fund(at)
        for account in self._engine.accounts.values():
            if account.held():
                self._watch(account, at)

    def next_ms(self, row: int) -> int:
        """Return when a contract next pays funding."""
        return self._due[row]

    # Funding --------------------------------------------------------------------------------

    def _fund(self, at: Moment) -> None:
        at_ms = at.market_ns // MS_NS
        for row, contract in enumerate(self._engine.contracts):
            while contract.is_trading and self._due[row] <= at_ms:
                self._settle(row, Moment(market_ns=self._due[row] * MS_NS, wall_ns=at.wall_ns))
                self._due[row] = next_funding_ms(contract, self._due[row])

    def _settle(self, row: int, at: Moment) -> None:
        engine, contract = self._engine, self._engine.contracts[row]
        rate = Decimal(repr(float(engine.marks.rate[row]))).quantize(RATE_DIGITS)
        mark = engine.mark(contract.symbol)
        self.fundings.append((contract.symbol, rate, mark, at.market_ns // MS_NS))
        for account in engine.accounts.values():
            for position in account.held():
                if position.contract.symbol == contract.symbol:
                    self._pay(account, position, rate, mark, at)

    def _pay(self, account: PerpetualAccount, position: Position, rate: Decimal, mark: Decimal, at: Moment) -> None:
        amount = (-position.quantity * mark * rate).quantize(CENT)
        is_isolated = account.is_isolated(position)
        if is_isolated:
            position.isolated += amount
        self._engine.move_money(account, FUNDING, amount, at, symbol=position.contract.symbol)
        # where margin is crossed the venue tells the balance alone
        told = [position] if is_isolated else []
        payload = events.account_update(
            account, told, self._engine.mark, at_ms=at.market_ns // MS_NS, reason="FUNDING_FEE", change=amount
        )
        self._engine.events.append((account.user, payload))

    # Margin ---------------------------------------------------------------------------------

    def _watch(self, account: PerpetualAccount, at: Moment) -> None:
        mark = self._engine.mark
        for position in account.held():
            if account.is_isolated(position):
                backing = position.isolated + position.unrealised(mark(position.contract.symbol))
                self._judge(account, [position], backing, at)
        crossed = account.crossed()
        if crossed:
            self._judge(account, crossed, account.cross_wallet + account.cross_unrealised(mark), at)

    def _judge(self, account: PerpetualAccount, positions: list[Position], backing: Decimal, at: Moment) -> None:
        needed = account.maintenance(self._engine.mark, positions)
        key = (account.user, positions[0].contract.symbol if account.is_isolated(positions[0]) else "")
        if backing <= needed:
            self._called.discard(key)
            self.close(account, positions, at)
        elif needed < backing * CALL_RATIO:
            self._called.discard(key)
        elif key not in self._called:
            self._called.add(key)
            payload = events.margin_call(account, positions, self._engine.mark, at.market_ns // MS_NS)
            self._engine.events.append((account.user, payload))

    def close(self, account: PerpetualAccount, positions: Iterable[Position], at: Moment) -> int:
        """Liquidate positions at the mark price; the insurance fund takes its fee and makes good what is missing."""
        positions = list(positions)
        for symbol in {position.contract.symbol for position in positions}:
            self._engine.cancel_all(account.user, symbol, at, Status.EXPIRED)
        crossed = [position for position in positions if not account.is_isolated(position)]
        owed = ZERO
        for position in positions:
            mark = self._engine.mark(position.contract.symbol)
            wanted = position.notional(mark) * position.contract.liquidation_fee
            left = position.isolated + position.unrealised(mark)
            self._force(account, position, abs(position.quantity), "liquidation", at)
            if position in crossed:
                owed += wanted
            else:
                self._settle_with_fund(account, left, wanted, position.contract.symbol, at)
        if crossed:
            # once for all of them: what one lost another may have gained
            self._settle_with_fund(account, account.cross_wallet, owed, "", at)
        return len(positions)

    def _settle_with_fund(
        self, account: PerpetualAccount, left: Decimal, wanted: Decimal, symbol: str, at: Moment
    ) -> None:
        """Pay the fund its fee where something is left, be given what is missing where the loss went deeper."""
        fee = min(wanted, left) if left >= 0 else left
        self._clear(account, -fee.quantize(CENT), symbol, at)

    def deleverage(self, account: PerpetualAccount, fraction: float, at: Moment) -> int:
        """Close a fraction of every position at the mark price, as automatic deleveraging does; return how many."""
        hit = 0
        for position in account.held():
            unit = position.contract.quantity_unit
            units = max(int(abs(position.quantity) / unit * Decimal(repr(fraction))), 1)
            self._force(account, position, units * unit, "deleverage", at)
            hit += 1
        return hit

    def _clear(self, account: PerpetualAccount, amount: Decimal, symbol: str, at: Moment) -> None:
        if not amount:
            return
        self._engine.move_money(account, INSURANCE, amount, at, symbol=symbol)
        payload = events.account_update(
            account, [], self._engine.mark, at_ms=at.market_ns // MS_NS, reason="INSURANCE_CLEAR", change=amount
        )
        self._engine.events.append((account.user, payload))

    def _force(self, account: PerpetualAccount, position: Position, amount: Decimal, source: str, at: Moment) -> None:
        engine, contract, at_ms = self._engine, position.contract, at.market_ns // MS_NS
        order_id = engine.next_order_id()
        units, mark = int(amount / contract.quantity_unit), engine.mark(contract.symbol)
        name = f"autoclose-{at_ms}{order_id}"[:36] if source == "liquidation" else "adl_autoclose"
        row = engine.row_of[contract.symbol]
        price = max(contract.price_units(mark) // contract.tick, 1) * contract.tick
        order = PerpetualOrder(
            account=account.user, order_id=order_id, client_id=name, contract=contract,
            listing=engine.board.listings[row], row=row, side="SELL" if position.quantity > 0 else "BUY",
            position_side=position.side, kind="LIMIT", first_kind="LIMIT", quantity=units, shown_price=price,
            price=price, stop_price=0, time_in_force="IOC" if source == "liquidation" else "GTC", reduce_only=False,
            close_position=False, on_mark=False, price_protect=False, placed_ms=at_ms, updated_ms=at_ms,
            source=source,
        )  # fmt: skip
        account.keep(order)
        shown = "NEW_INSURANCE" if source == "liquidation" else "NEW_ADL"
        engine.events.append((account.user, events.order_update(order, at_ms, "NEW", shown=shown)))
        order.filled, order.filled_value, order.status = units, units * price, Status.FILLED
        fill = engine.book(order, units, contract.price(price), at, rate=ZERO, is_maker=False)
        engine.events.append((account.user, events.order_update(order, at_ms, "CALCULATED", fill)))
        self.forced.append(order.now())
