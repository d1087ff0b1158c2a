"""Orders good till triggered: they wait outside the book and are placed once, when a price is reached."""

from dataclasses import dataclass, field
from datetime import timedelta

from brokers.simulator.matching import Engine
from brokers.simulator.orders import Moment, OrderRequest, Refusal, Status
from brokers.simulator.sessions import SECOND_NS
from brokers.simulator.varieties import Varieties

MOST_ACTIVE = 500
LIFE_NS = int(timedelta(days=365).total_seconds()) * SECOND_NS
SHOWN_NS = int(timedelta(days=7).total_seconds()) * SECOND_NS
WORDS = {"single": 1, "two-leg": 2}
PRODUCTS = frozenset({"CNC", "NRML", "MTF"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a trigger waits for and places; trigger values in paise, the stop before the target."""

    kind: str
    exchange: str
    symbol: str
    trigger_values: tuple[int, ...]
    last_price: int
    orders: tuple[OrderRequest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of a trigger's order."""

    at_ns: int
    triggered_at: int
    order_id: str
    reason: str


@dataclass(slots=True, kw_only=True)
class Trigger:
    """One trigger of a user."""

    number: int
    user_id: str
    wish: Wish
    created_ns: int
    updated_ns: int
    status: str = "active"
    results: dict[int, Result] = field(default_factory=dict)

    @property
    def expires_ns(self) -> int:
        """Return when the trigger's year is over."""
        return self.created_ns + LIFE_NS


class Triggers:
    """Every user's triggers over one engine; prices decide in `follow`."""

    def __init__(self, engine: Engine, varieties: Varieties) -> None:
        self._engine = engine
        self._varieties = varieties
        self._triggers: dict[int, Trigger] = {}

    def place(self, user_id: str, wish: Wish, at: Moment) -> Trigger:
        """Let a trigger wait; raises `Refusal`."""
        self._check(wish)
        if sum(trigger.status == "active" for trigger in self._of(user_id)) >= MOST_ACTIVE:
            raise Refusal(f"At most {MOST_ACTIVE} triggers can be active.")
        number = len(self._triggers) + 1
        trigger = Trigger(number=number, user_id=user_id, wish=wish, created_ns=at.market_ns, updated_ns=at.market_ns)
        self._triggers[number] = trigger
        return trigger

    def modify(self, user_id: str, number: int, wish: Wish, at: Moment) -> Trigger:
        """Replace what an active trigger waits for; raises `Refusal`."""
        trigger = self._active(user_id, number)
        self._check(wish)
        trigger.wish, trigger.updated_ns = wish, at.market_ns
        return trigger

    def delete(self, user_id: str, number: int, at: Moment) -> Trigger:
        """Take an active trigger back; raises `Refusal`."""
        trigger = self._active(user_id, number)
        trigger.status, trigger.updated_ns = "deleted", at.market_ns
        return trigger

    def trigger(self, user_id: str, number: int) -> Trigger:
        """Return a trigger of any age; raises `Refusal`."""
        trigger = self._triggers.get(number)
        if trigger is None or trigger.user_id != user_id:
            raise Refusal("The GTT was not found.", "GeneralException", 404)
        return trigger

    def shown(self, user_id: str, at: Moment) -> list[Trigger]:
        """Return the active triggers and what ended within the last seven days."""
        recent = at.market_ns - SHOWN_NS
        return [trigger for trigger in self._of(user_id) if trigger.status == "active" or trigger.updated_ns >= recent]

    def follow(self, at: Moment) -> None:
        """Fire what the last prices have reached, once; end what is a year old."""
        for trigger in [trigger for trigger in self._triggers.values() if trigger.status == "active"]:
            row = self._engine.board.row_of_key.get((trigger.wish.exchange, trigger.wish.symbol))
            if at.market_ns >= trigger.expires_ns or row is None:
                trigger.status, trigger.updated_ns = "expired", at.market_ns
                continue
            leg = _reached(trigger.wish, int(self._engine.board.last[row]))
            if leg is not None:
                self._fire(trigger, leg, int(self._engine.board.last[row]), at)

    def _fire(self, trigger: Trigger, leg: int, last: int, at: Moment) -> None:
        trigger.status, trigger.updated_ns = "triggered", at.market_ns
        order_id, reason = "", ""
        try:
            order = self._varieties.place(trigger.user_id, trigger.wish.orders[leg], at)
        except Refusal as refusal:
            reason = refusal.message
        else:
            order_id = order.order_id
            reason = (order.status_message or "") if order.status is Status.REJECTED else ""
        trigger.results[leg] = Result(at_ns=at.market_ns, triggered_at=last, order_id=order_id, reason=reason)

    def _of(self, user_id: str) -> list[Trigger]:
        return [trigger for trigger in self._triggers.values() if trigger.user_id == user_id]

    def _active(self, user_id: str, number: int) -> Trigger:
        trigger = self.trigger(user_id, number)
        if trigger.status != "active":
            raise Refusal(f"The GTT is {trigger.status}.")
        return trigger

    def _check(self, wish: Wish) -> None:
        wanted = WORDS.get(wish.kind)
        if wanted is None:
            raise Refusal("Invalid `type`: single or two-leg.")
        if len(wish.trigger_values) != wanted or len(wish.orders) != wanted:
            raise Refusal(f"A {wish.kind} trigger has {wanted} trigger values and as many orders.")
        last = int(self._engine.board.last[self._engine.row_of(wish.exchange, wish.symbol)])
        if _reached(wish, last) is not None or any(value <= 0 for value in wish.trigger_values):
            raise Refusal("Trigger already met or invalid: the price has reached it.")
        for order in wish.orders:
            if order.order_type != "LIMIT" or order.product not in PRODUCTS or order.quantity <= 0 or order.price <= 0:
                raise Refusal(
                    "A trigger places LIMIT orders in the products CNC, NRML or MTF, with quantity and price."
                )


def _reached(wish: Wish, last: int) -> int | None:
    """Return the place of the order whose trigger the price has reached."""
    if wish.kind == "two-leg":
        stop, target = wish.trigger_values
        if last <= stop:
            return 0
        return 1 if last >= target else None
    value = wish.trigger_values[0]
    reached = last >= value if value >= wish.last_price else last <= value
    return 0 if reached else None
