"""A simulated account's positions, holdings and money, in integer paise.

The margin model is the simulator's own and simple: available = cash + realised profit − margin held
by positions − margin held by waiting orders. Bought options and delivery hold their full value,
sold options and futures 12 % of their notional, intraday stocks 20 %. A sold option's premium is
credited when the position closes.
"""

from dataclasses import dataclass, field

from brokers.simulator.listings import Listing
from brokers.simulator.orders import RESTING, Fill, Order, Refusal

DERIVATIVE_RATE, INTRADAY_RATE = 0.12, 0.20


@dataclass(slots=True, kw_only=True)
class Position:
    """One instrument in one product: what was carried in and what the day added."""

    listing: Listing
    product: str
    carried: int = 0
    carried_price: int = 0
    close_price: int = 0
    day_buy: int = 0
    day_buy_value: int = 0
    day_sell: int = 0
    day_sell_value: int = 0

    @property
    def quantity(self) -> int:
        """Return the signed net quantity."""
        return self.carried + self.day_buy - self.day_sell

    @property
    def buys(self) -> tuple[int, int]:
        """Return bought quantity and value, the carried part at its cost."""
        carried = max(self.carried, 0)
        return self.day_buy + carried, self.day_buy_value + carried * self.carried_price

    @property
    def sells(self) -> tuple[int, int]:
        """Return sold quantity and value, the carried part at its cost."""
        carried = max(-self.carried, 0)
        return self.day_sell + carried, self.day_sell_value + carried * self.carried_price

    @property
    def average(self) -> int:
        """Return the average price of the side that is open, zero when flat."""
        if self.quantity == 0:
            return 0
        quantity, value = self.buys if self.quantity > 0 else self.sells
        return value // quantity

    @property
    def realised(self) -> int:
        """Return the profit of the closed part."""
        (bought, cost), (sold, proceeds) = self.buys, self.sells
        closed = min(bought, sold)
        return closed * proceeds // sold - closed * cost // bought if closed else 0

    def profit(self, last: int) -> int:
        """Return the whole profit at a last price, realised or not."""
        return self.sells[1] - self.buys[1] + self.quantity * last

    def move_day(self, into: "Position", quantity: int, side: str) -> None:
        """Hand a quantity of the day's buys or sells on, at their average."""
        if side == "BUY":
            value = self.day_buy_value * quantity // self.day_buy
            self.day_buy, self.day_buy_value = self.day_buy - quantity, self.day_buy_value - value
            into.day_buy, into.day_buy_value = into.day_buy + quantity, into.day_buy_value + value
        else:
            value = self.day_sell_value * quantity // self.day_sell
            self.day_sell, self.day_sell_value = self.day_sell - quantity, self.day_sell_value - value
            into.day_sell, into.day_sell_value = into.day_sell + quantity, into.day_sell_value + value

    def move_carried(self, into: "Position", quantity: int) -> None:
        """Hand a signed quantity that was carried in on, at its price."""
        total = into.carried + quantity
        value = into.carried * into.carried_price + quantity * self.carried_price
        into.carried, into.carried_price = total, value // total if total else 0
        into.close_price = self.close_price
        self.carried -= quantity

    def apply(self, fill: Fill) -> None:
        """Add one execution to the day."""
        value = fill.quantity * fill.price
        if fill.side == "BUY":
            self.day_buy += fill.quantity
            self.day_buy_value += value
        else:
            self.day_sell += fill.quantity
            self.day_sell_value += value


@dataclass(slots=True, kw_only=True)
class Holding:
    """Shares held in the depository."""

    symbol: str
    isin: str
    quantity: int
    average: int
    used: int = 0
    authorised: int = 0


@dataclass(slots=True, kw_only=True)
class Account:
    """One user's money and books."""

    user_id: str
    cash: int
    holdings: dict[str, Holding] = field(default_factory=dict)
    positions: dict[tuple[str, str, str], Position] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    fills: list[Fill] = field(default_factory=list)

    @property
    def realised(self) -> int:
        """Return the day's realised profit over all positions."""
        return sum(position.realised for position in self.positions.values())

    @property
    def blocked(self) -> int:
        """Return the margin held by positions and waiting orders."""
        held = sum(block_unit(p.listing, p.product, p.quantity, p.average) * abs(p.quantity) for p in self.open())
        return held + sum(order.blocked for order in self.orders.values())

    @property
    def available(self) -> int:
        """Return what a new order may use."""
        return self.cash + self.realised - self.blocked

    def open(self) -> list[Position]:
        """Return the positions that are not flat."""
        return [position for position in self.positions.values() if position.quantity]

    def net_quantity(self, listing: Listing, product: str) -> int:
        """Return the signed quantity held in one instrument and product."""
        position = self.positions.get((listing.exchange, listing.symbol, product))
        return position.quantity if position else 0

    def deliverable(self, listing: Listing) -> int:
        """Return how many shares can still be sold for delivery."""
        holding = self.holdings.get(listing.symbol)
        held = holding.quantity - holding.used if holding else 0
        waiting = sum(order.remaining for order in self.orders.values() if _waits_to_deliver(order, listing))
        return held + max(self.net_quantity(listing, "CNC"), 0) - waiting

    def apply(self, fill: Fill, listing: Listing) -> None:
        """Book one execution: position, delivery, day's trades."""
        key = (fill.exchange, fill.symbol, fill.product)
        position = self.positions.setdefault(key, Position(listing=listing, product=fill.product))
        if fill.product == "CNC" and fill.side == "SELL":
            self._deliver(fill, position)
        position.apply(fill)
        self.fills.append(fill)

    def _deliver(self, fill: Fill, position: Position) -> None:
        holding = self.holdings.get(fill.symbol)
        if holding is not None:
            from_depository = fill.quantity - max(position.quantity, 0)
            holding.used += min(max(from_depository, 0), holding.quantity - holding.used)

    def convert(self, listing: Listing, *, side: str, overnight: bool, quantity: int, old: str, new: str) -> None:
        """Move a part of an open position into another product at its average price; raises `Refusal`."""
        products = {"NRML", "MIS"} if listing.is_derivative else {"CNC", "MIS"}
        position = self.positions.get((listing.exchange, listing.symbol, old))
        sign = 1 if side == "BUY" else -1
        if {old, new} - products or old == new or position is None:
            raise Refusal("There is no such position to convert, or the products are wrong.")
        there = max(position.carried * sign, 0) if overnight else max((position.quantity - position.carried) * sign, 0)
        if not 0 < quantity <= min(there, abs(position.quantity)):
            raise Refusal(f"Only {min(there, abs(position.quantity))} of the position can be converted.")
        average = position.average
        units = [block_unit(listing, product, sign, average) for product in (old, new)]
        check_funds((units[1] - units[0]) * quantity, self.available)
        into = self.positions.setdefault(
            (listing.exchange, listing.symbol, new), Position(listing=listing, product=new)
        )
        if overnight:
            position.move_carried(into, quantity * sign)
        else:
            position.move_day(into, quantity, side)

    def opening_quantity(self, listing: Listing, product: str, side: str, quantity: int) -> int:
        """Return the part of an order that adds to the position rather than reducing it."""
        held = self.net_quantity(listing, product)
        sign = 1 if side == "BUY" else -1
        if held * sign >= 0:
            return quantity
        return max(quantity - abs(held), 0)


def _waits_to_deliver(order: Order, listing: Listing) -> bool:
    selling = order.listing is listing and order.product == "CNC" and order.side == "SELL"
    return selling and order.status in RESTING


def block_unit(listing: Listing, product: str, sign: int, price: int) -> int:
    """Return the margin one unit holds: sign > 0 bought, < 0 sold."""
    if listing.is_option:
        return price if sign > 0 else int(listing.strike * DERIVATIVE_RATE)
    if listing.kind == "FUT":
        return int(price * DERIVATIVE_RATE)
    if product == "MIS":
        return int(price * INTRADAY_RATE)
    return price if sign > 0 else 0


def check_funds(needed: int, available: int) -> None:
    """Raise `Refusal` when the margin needed is more than what is available."""
    if needed > available:
        raise Refusal(
            f"Insufficient funds. Required margin is {needed / 100:.2f} but available margin is {available / 100:.2f}.",
            "MarginException",
        )
