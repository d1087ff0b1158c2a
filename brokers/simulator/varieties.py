"""The broker's kinds of order above the exchange's book: after market, cover, iceberg, auction, slices.

`Varieties.follow` is called after every request and step: it places a cover order's stop as its first
leg fills, the next leg of an iceberg, and what was asked for overnight once the market is open.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from brokers.simulator.matching import BUSY, Engine
from brokers.simulator.order_rows import Changes, changed_request
from brokers.simulator.orders import FINAL, RESTING, Leg, Moment, Order, OrderRequest, Refusal, Status

MOST_SLICES = 10
LEAST_LEGS, MOST_LEGS = 2, 50
NOT_AFTER_MARKET = "AMO orders can be placed only while the market is closed."
NO_AUCTION = "Invalid `auction_number`: there is no such auction for this instrument."
OPEN_AMO = frozenset({Status.AMO_RECEIVED})


@dataclass(slots=True, kw_only=True)
class Cover:
    """A cover order: its first leg, where its stop triggers, and the stop once there is one."""

    first: Order
    trigger_price: int
    stop: Order | None = None


@dataclass(slots=True, kw_only=True)
class Iceberg:
    """An iceberg: what was asked for as a whole and the leg that is out."""

    request: OrderRequest
    current: Order


Auctions = Callable[[str], dict[tuple[str, str], str]]


class Varieties:
    """Places, changes and cancels orders of every variety over one engine."""

    def __init__(self, engine: Engine, *, is_closed: Callable[[], bool], auctions: Auctions) -> None:
        self._engine = engine
        self._is_closed = is_closed
        self._auctions = auctions
        self._covers: list[Cover] = []
        self._icebergs: list[Iceberg] = []
        self._overnight: list[tuple[Order, OrderRequest]] = []
        self._in_auction: list[Order] = []
        self._hanging: list[tuple[int, Order, OrderRequest]] = []

    # Requests ------------------------------------------------------------------------------

    def place(self, account_id: str, request: OrderRequest, at: Moment, *, ids: tuple[str, str] | None = None) -> Order:
        """Place an order of any variety; raises `Refusal` with no row kept."""
        match request.variety:
            case "amo":
                return self._place_overnight(account_id, request, at)
            case "co":
                return self._place_cover(account_id, request, at)
            case "iceberg":
                return self._place_iceberg(account_id, request, at)
            case "auction":
                return self._place_in_auction(account_id, request, at)
        return self._engine.place(account_id, request, at, ids=ids)

    def modify(self, account_id: str, order_id: str, changes: Changes, at: Moment) -> Order:
        """Change a waiting order of any variety; raises `Refusal`."""
        order = self._engine.order(account_id, order_id)
        if order.variety == "co" and "order_type" in changes:
            raise Refusal("The order type of a cover order cannot be modified.")
        if order.status in OPEN_AMO:
            return self._modify_overnight(order, changes, at)
        if order in self._in_auction:
            raise Refusal("An auction order cannot be modified.")
        return self._engine.modify(account_id, order_id, changes, at)

    def cancel(self, account_id: str, order_id: str, at: Moment) -> Order:
        """Cancel a waiting order; the stop of a cover order leaves at the market instead."""
        order = self._engine.order(account_id, order_id)
        if order.status in OPEN_AMO or order in self._in_auction:
            self._overnight = [entry for entry in self._overnight if entry[0] is not order]
            self._in_auction = [entry for entry in self._in_auction if entry is not order]
            self._engine.move(order, Status.CANCELLED, at)
            return order
        if order.variety == "co" and order.parent_order_id:
            if order.status not in RESTING:
                raise Refusal(BUSY.format("cancelled"))
            return self._engine.modify(account_id, order_id, {"order_type": "MARKET", "protection": -1.0}, at)
        return self._engine.cancel(account_id, order_id, at)

    def hang(self, account_id: str, request: OrderRequest, at: Moment, seconds: float) -> Order:
        """Keep an order in validation for some wall seconds before it goes on; raises `Refusal`."""
        order = self._engine.admit(account_id, request, at, Status.VALIDATION_PENDING)
        self._hanging.append((at.wall_ns + int(seconds * 1e9), order, request))
        return order

    def slices(self, request: OrderRequest, largest: int) -> list[int]:
        """Return the quantities into which an order is sliced; raises `Refusal` above ten."""
        lot = max(self._engine.board.listings[self._engine.row_of(request.exchange, request.symbol)].lot, 1)
        size = largest // lot * lot
        if size <= 0 or request.quantity > size * MOST_SLICES:
            raise Refusal(f"An order can be sliced into at most {MOST_SLICES} orders.")
        whole, rest = divmod(request.quantity, size)
        return [size] * whole + ([rest] if rest else [])

    # What follows --------------------------------------------------------------------------

    def follow(self, at: Moment) -> None:
        """Carry on what has more than one step."""
        if self._overnight and not self._is_closed():
            overnight, self._overnight = self._overnight, []
            self._go_on(overnight, at)
        due = [(order, request) for due_ns, order, request in self._hanging if due_ns <= at.wall_ns]
        self._hanging = [entry for entry in self._hanging if entry[0] > at.wall_ns]
        self._go_on(due, at)
        for cover in self._covers:
            self._follow_cover(cover, at)
        self._covers = [cover for cover in self._covers if not _is_over(cover)]
        icebergs, self._icebergs = self._icebergs, []
        for iceberg in icebergs:
            self._follow_iceberg(iceberg, at)

    def hold_auction(self, at: Moment) -> None:
        """End the day's auctions: offers up to the last price sell, the others are cancelled."""
        offers, self._in_auction = self._in_auction, []
        for order in offers:
            if order.price <= int(self._engine.board.last[order.row]):
                self._engine.fill(order, order.remaining, order.price, at)
            else:
                self._engine.move(order, Status.CANCELLED, at)

    def keep_overnight(self) -> None:
        """Put what was asked for overnight into the new day's books."""
        for order, _ in self._overnight:
            self._engine.accounts[order.account].orders[order.order_id] = order
        self._covers.clear()
        self._icebergs.clear()
        self._hanging.clear()

    # After market --------------------------------------------------------------------------

    def _place_overnight(self, account_id: str, request: OrderRequest, at: Moment) -> Order:
        if not self._is_closed():
            raise Refusal(NOT_AFTER_MARKET)
        order = self._engine.admit(account_id, request, at, Status.AMO_RECEIVED)
        self._overnight.append((order, request))
        return order

    def _modify_overnight(self, order: Order, changes: Changes, at: Moment) -> Order:
        request = changed_request(order, changes)
        self._engine.check(request)
        self._overnight = [(kept, request if kept is order else asked) for kept, asked in self._overnight]
        order.quantity, order.price, order.modified = request.quantity, request.price, True
        self._engine.move(order, Status.MODIFY_AMO_RECEIVED, at)
        self._engine.move(order, Status.AMO_RECEIVED, at)
        return order

    def _go_on(self, waiting: list[tuple[Order, OrderRequest]], at: Moment) -> None:
        for order, request in waiting:
            ids = (order.order_id, str(order.exchange_order_id))
            try:
                self._engine.place(order.account, request, at, ids=ids)
            except Refusal as refusal:
                self._engine.move(order, Status.REJECTED, at, refusal.message)

    # Cover ---------------------------------------------------------------------------------

    def _place_cover(self, account_id: str, request: OrderRequest, at: Moment) -> Order:
        if request.order_type not in {"LIMIT", "MARKET"} or request.product != "MIS":
            raise Refusal("A cover order is a LIMIT or MARKET order in the product MIS.")
        row = self._engine.row_of(request.exchange, request.symbol)
        last, trigger = int(self._engine.board.last[row]), request.trigger_price
        right_side = 0 < trigger < last if request.side == "BUY" else trigger > last
        if not right_side or trigger % self._engine.board.listings[row].tick:
            raise Refusal("Invalid `trigger_price`: the stop of a cover order lies on the losing side of the price.")
        first = self._engine.place(account_id, request, at)
        self._covers.append(Cover(first=first, trigger_price=trigger))
        return first

    def _follow_cover(self, cover: Cover, at: Moment) -> None:
        first, stop = cover.first, cover.stop
        if first.filled == 0 or (stop is not None and (stop.status in FINAL or stop.quantity >= first.filled)):
            return
        if stop is not None and stop.status in RESTING:
            self._engine.modify(first.account, stop.order_id, {"quantity": first.filled}, at)
            return
        stop_order = OrderRequest(
            exchange=first.listing.exchange,
            symbol=first.listing.symbol,
            side="SELL" if first.side == "BUY" else "BUY",
            quantity=first.filled,
            product=first.product,
            order_type="SL-M",
            trigger_price=cover.trigger_price,
            protection=-1,
            tag=first.tag,
            variety="co",
            parent_order_id=first.order_id,
        )
        try:
            cover.stop = self._engine.place(first.account, stop_order, at)
        except Refusal:
            # The price has passed the trigger already: the stop leaves at the market.
            at_market = replace(stop_order, order_type="MARKET", trigger_price=0)
            cover.stop = self._engine.place(first.account, at_market, at)

    # Iceberg -------------------------------------------------------------------------------

    def _place_iceberg(self, account_id: str, request: OrderRequest, at: Moment) -> Order:
        legs, size = request.iceberg_legs, request.iceberg_quantity
        if not LEAST_LEGS <= legs <= MOST_LEGS:
            raise Refusal(f"Invalid `iceberg_legs`: between {LEAST_LEGS} and {MOST_LEGS} are allowed.")
        if not (legs - 1) * size < request.quantity <= legs * size:
            raise Refusal("Invalid `iceberg_quantity`: it is the quantity of one leg.")
        current = self._engine.place(account_id, _leg_request(request, 1), at)
        self._icebergs.append(Iceberg(request=request, current=current))
        return current

    def _follow_iceberg(self, iceberg: Iceberg, at: Moment) -> None:
        current = iceberg.current
        while current.status is Status.COMPLETE and current.leg and current.leg.leg < current.leg.legs:
            try:
                current = self._engine.place(current.account, _leg_request(iceberg.request, current.leg.leg + 1), at)
            except Refusal:
                return
        if current.status not in FINAL:
            self._icebergs.append(Iceberg(request=iceberg.request, current=current))

    # Auction -------------------------------------------------------------------------------

    def _place_in_auction(self, account_id: str, request: OrderRequest, at: Moment) -> Order:
        if self._is_closed() or self._auctions(account_id).get((request.exchange, request.symbol)) != (
            request.auction_number
        ):
            raise Refusal(NO_AUCTION)
        if (request.side, request.product, request.order_type) != ("SELL", "CNC", "LIMIT"):
            raise Refusal("Only delivery can be sold in an auction, with a limit order.")
        listing = self._engine.board.listings[self._engine.row_of(request.exchange, request.symbol)]
        if request.quantity > self._engine.accounts[account_id].deliverable(listing):
            raise Refusal("There are not enough holdings to sell.", "HoldingException")
        order = self._engine.admit(account_id, request, at, Status.OPEN)
        self._in_auction.append(order)
        return order


def _leg_request(request: OrderRequest, number: int) -> OrderRequest:
    size, total = request.iceberg_quantity, request.quantity
    before = (number - 1) * size
    quantity = min(size, total - before)
    leg = Leg(
        leg=number,
        legs=request.iceberg_legs,
        leg_quantity=size,
        total_quantity=total,
        remaining_quantity=total - before - quantity,
    )
    return replace(request, quantity=quantity, leg=leg)


def _is_over(cover: Cover) -> bool:
    if cover.stop is None:
        return cover.first.status in FINAL and cover.first.filled == 0
    return cover.stop.status in FINAL
