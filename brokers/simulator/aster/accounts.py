"""A perpetual account at the simulated Aster: wallet, positions, margins; every change of money goes into the ledger.

The simulator keeps its own books, written apart from the desk's, so that the two can be compared. Money is
Decimal USDT. What an isolated position has set aside lies in the wallet and is not available to the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from brokers.simulator.aster.contracts import Contract
from brokers.simulator.aster.orders import AsterRefusal, PerpetualOrder
from brokers.simulator.aster.traders import Trader

ZERO = Decimal(0)
DEFAULT_LEVERAGE = 20
Marks = Callable[[str], Decimal]


@dataclass(slots=True, kw_only=True)
class Position:
    """A signed quantity in the base asset and what it cost, signed alike."""

    contract: Contract
    side: str
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    isolated: Decimal = ZERO
    # realised so far, as ACCOUNT_UPDATE tells
    accumulated: Decimal = ZERO
    updated_ms: int = 0

    @property
    def entry(self) -> Decimal:
        return self.cost / self.quantity if self.quantity else ZERO

    def unrealised(self, mark: Decimal) -> Decimal:
        return self.quantity * mark - self.cost

    def notional(self, mark: Decimal) -> Decimal:
        return abs(self.quantity) * mark

    def trade(self, change: Decimal, price: Decimal, *, margin_rate: Decimal | None) -> Decimal:
        """Book a signed change at a price and return what it realised; with a rate the margin is set aside."""
        realised = ZERO
        if self.quantity * change < 0:
            closed = min(abs(change), abs(self.quantity))
            share = closed / abs(self.quantity)
            part = self.cost * share
            sign = 1 if self.quantity > 0 else -1
            realised = sign * closed * price - part
            self.quantity -= sign * closed
            self.cost -= part
            self.isolated -= self.isolated * share
            change += sign * closed
            if not self.quantity:
                self.cost = self.isolated = ZERO
        if change:
            self.quantity += change
            self.cost += change * price
            if margin_rate is not None:
                self.isolated += abs(change) * price * margin_rate
        self.accumulated += realised
        return realised


@dataclass(slots=True, kw_only=True)
class SymbolSetting:
    """An account's leverage and margin mode in one symbol."""

    leverage: int = DEFAULT_LEVERAGE
    is_isolated: bool = False


@dataclass(slots=True, kw_only=True)
class PerpetualAccount:
    """One trader's wallet, positions, orders and settings."""

    trader: Trader
    wallet: Decimal
    positions: dict[tuple[str, str], Position] = field(default_factory=dict)
    settings: dict[str, SymbolSetting] = field(default_factory=dict)
    orders: dict[int, PerpetualOrder] = field(default_factory=dict)
    # of each symbol and client id the newest order, and those that may still be open
    named: dict[tuple[str, str], PerpetualOrder] = field(default_factory=dict)
    working: dict[int, PerpetualOrder] = field(default_factory=dict)
    is_hedged: bool = False
    joins_assets: bool = False
    stp_mode: str = "EXPIRE_TAKER"
    updated_ms: int = 0

    @property
    def user(self) -> str:
        return self.trader.user

    def setting(self, contract: Contract) -> SymbolSetting:
        """Return leverage and mode in a symbol; what was never set is the venue's default."""
        least = min(DEFAULT_LEVERAGE, contract.most_leverage)
        return self.settings.setdefault(contract.symbol, SymbolSetting(leverage=least))

    def position(self, contract: Contract, side: str) -> Position:
        return self.positions.setdefault((contract.symbol, side), Position(contract=contract, side=side))

    def held(self) -> list[Position]:
        """Return the positions that are not flat."""
        return [position for position in self.positions.values() if position.quantity]

    def keep(self, order: PerpetualOrder) -> None:
        """Take an order into the book."""
        self.orders[order.order_id] = self.working[order.order_id] = order
        self.named[order.contract.symbol, order.client_id] = order

    def open_orders(self, symbol: str | None = None) -> list[PerpetualOrder]:
        """Return what waits, in one symbol or in all, oldest first."""
        for order in [order for order in self.working.values() if not order.is_open]:
            del self.working[order.order_id]
        return [order for order in self.working.values() if symbol in {None, order.contract.symbol}]

    def is_isolated(self, position: Position) -> bool:
        return self.setting(position.contract).is_isolated

    # Margins --------------------------------------------------------------------------------

    @property
    def cross_wallet(self) -> Decimal:
        """Return the wallet without what isolated positions have set aside."""
        return self.wallet - sum((position.isolated for position in self.positions.values()), ZERO)

    def crossed(self) -> list[Position]:
        return [position for position in self.held() if not self.is_isolated(position)]

    def cross_unrealised(self, mark: Marks) -> Decimal:
        return sum((p.unrealised(mark(p.contract.symbol)) for p in self.crossed()), ZERO)

    def unrealised(self, mark: Marks) -> Decimal:
        return sum((p.unrealised(mark(p.contract.symbol)) for p in self.held()), ZERO)

    def initial_margin(self, position: Position, mark: Decimal) -> Decimal:
        return position.notional(mark) / self.setting(position.contract).leverage

    def positions_margin(self, mark: Marks, positions: Iterable[Position] | None = None) -> Decimal:
        chosen = self.held() if positions is None else positions
        return sum((self.initial_margin(p, mark(p.contract.symbol)) for p in chosen), ZERO)

    def maintenance(self, mark: Marks, positions: Iterable[Position] | None = None) -> Decimal:
        chosen = self.held() if positions is None else positions
        return sum((p.contract.maintenance(p.notional(mark(p.contract.symbol))) for p in chosen), ZERO)

    def order_margin(self, symbol: str | None = None) -> Decimal:
        """Return what waiting orders that would open something hold."""
        return sum((self.margin_of(order) for order in self.open_orders(symbol)), ZERO)

    def margin_of(self, order: PerpetualOrder) -> Decimal:
        """Return the margin that one order holds: what of it would open, at its price, by the leverage."""
        if order.room is not None or order.close_position:
            return ZERO
        price = order.shown_price or order.stop_price or order.price
        return self.opening(order) * order.contract.price(price) / self.setting(order.contract).leverage

    def opening(self, order: PerpetualOrder) -> Decimal:
        """Return the part of an order's rest that adds to the position rather than reducing it."""
        held = self.position(order.contract, order.position_side).quantity
        rest = order.contract.quantity(order.remaining)
        return max(rest - abs(held), ZERO) if held * order.sign < 0 else rest

    def free(self, mark: Marks) -> Decimal:
        """Return the crossed margin that nothing holds, below zero where more is held than there is."""
        used = self.positions_margin(mark, self.crossed()) + self.order_margin()
        return self.cross_wallet + self.cross_unrealised(mark) - used

    def available(self, mark: Marks) -> Decimal:
        """Return what a new order may use."""
        return max(self.free(mark), ZERO)

    def liquidation_price(self, position: Position, mark: Marks) -> Decimal:
        """Return the mark at which this position's backing no longer covers maintenance, 0 where none does."""
        if not position.quantity:
            return ZERO
        backing = position.isolated
        if not self.is_isolated(position):
            others = [other for other in self.crossed() if other is not position]
            gained = sum((other.unrealised(mark(other.contract.symbol)) for other in others), ZERO)
            backing = self.cross_wallet + gained - self.maintenance(mark, others)
        for bracket in position.contract.brackets:
            slope = abs(position.quantity) * bracket.ratio - position.quantity
            price = (backing + bracket.amount - position.cost) / slope
            if price > 0 and bracket.floor <= abs(position.quantity) * price <= bracket.cap:
                return price
        return ZERO

    # Settings -------------------------------------------------------------------------------

    def set_leverage(self, contract: Contract, leverage: int) -> None:
        """Set a symbol's leverage; raises `AsterRefusal`."""
        setting = self.setting(contract)
        if not 1 <= leverage <= contract.most_leverage:
            raise AsterRefusal(-4028, f"Leverage {leverage} is not valid")
        holds = any(p.quantity for p in self._in(contract))
        if setting.is_isolated and holds and leverage < setting.leverage:
            raise AsterRefusal(-4161, "Leverage reduction is not supported in Isolated Margin Mode with open positions")
        setting.leverage = leverage

    def set_isolated(self, contract: Contract, *, isolated: bool) -> None:
        """Set a symbol's margin mode while it is neither held nor ordered; raises `AsterRefusal`."""
        setting = self.setting(contract)
        if setting.is_isolated == isolated:
            raise AsterRefusal(-4046, "No need to change margin type.")
        if self.open_orders(contract.symbol):
            raise AsterRefusal(-4047, "Margin type cannot be changed if there exists open orders.")
        if any(p.quantity for p in self._in(contract)):
            raise AsterRefusal(-4048, "Margin type cannot be changed if there exists position.")
        setting.is_isolated = isolated

    def set_hedged(self, *, hedged: bool) -> None:
        """Change between one-way and hedge mode; raises `AsterRefusal`."""
        if self.is_hedged == hedged:
            raise AsterRefusal(-4059, "No need to change position side.")
        if self.open_orders():
            raise AsterRefusal(-4067, "Position side cannot be changed if there exists open orders.")
        if self.held():
            raise AsterRefusal(-4068, "Position side cannot be changed if there exists position.")
        self.is_hedged = hedged

    def move_margin(self, position: Position, amount: Decimal, mark: Marks) -> None:
        """Add to (positive) or take from an isolated position's margin; raises `AsterRefusal`."""
        if not self.is_isolated(position):
            raise AsterRefusal(-4049, "Add margin only support for isolated position.")
        if not position.quantity:
            raise AsterRefusal(-4054, "Cannot add position margin: position is 0.")
        if amount > self.available(mark):
            raise AsterRefusal(-4050, "Cross balance insufficient.")
        needed = self.initial_margin(position, mark(position.contract.symbol))
        spare = position.isolated + position.unrealised(mark(position.contract.symbol)) - needed
        if amount < 0 and -amount > min(spare, position.isolated):
            raise AsterRefusal(-4051, "Isolated balance insufficient.")
        position.isolated += amount

    def _in(self, contract: Contract) -> list[Position]:
        return [p for p in self.positions.values() if p.contract.symbol == contract.symbol]
