"""Price alerts: they count and remember when their condition comes true, and may place a basket of orders."""

from dataclasses import dataclass, field
from operator import eq, ge, gt, le, lt
from uuid import UUID, uuid5

from brokers.simulator.matching import Engine
from brokers.simulator.orders import Moment, OrderRequest, Refusal
from brokers.simulator.varieties import Varieties

MOST_ENABLED = 500
OPERATORS = {"<=": le, ">=": ge, "<": lt, ">": gt, "==": eq}
ATTRIBUTE = "LastTradedPrice"
_NAMES = UUID("6f6d9f0e-3c3e-5d9a-9d53-0b0a1f6f2f11")


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One price compared with another or with a constant in paise."""

    lhs: tuple[str, str]
    operator: str
    rhs_constant: int = 0
    rhs: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """One time at which an alert's condition came true, with the price and what its orders got."""

    at_ns: int
    row: int
    last: int
    orders: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class Alert:
    """One alert of a user; ``basket`` holds the orders of an alert that triggers an order."""

    uuid: str
    user_id: str
    name: str
    kind: str
    condition: Condition
    created_ns: int
    updated_ns: int
    basket: tuple[OrderRequest, ...] = ()
    raw_basket: object = None
    status: str = "enabled"
    was_true: bool = False
    firings: list[Firing] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertWish:
    """What a client asks of an alert."""

    name: str
    kind: str
    condition: Condition
    basket: tuple[OrderRequest, ...] = ()
    raw_basket: object = None


class Alerts:
    """Every user's alerts over one engine; prices decide in `follow`."""

    def __init__(self, engine: Engine, varieties: Varieties) -> None:
        self._engine = engine
        self._varieties = varieties
        self._alerts: dict[str, Alert] = {}

    def create(self, user_id: str, wish: AlertWish, at: Moment) -> Alert:
        """Keep a new alert; raises `Refusal`."""
        self._check(wish)
        if len(self.shown(user_id, "enabled")) >= MOST_ENABLED:
            raise Refusal(f"At most {MOST_ENABLED} alerts can be enabled.")
        alert = Alert(
            uuid=str(uuid5(_NAMES, f"{user_id}:{len(self._alerts)}")),
            user_id=user_id,
            name=wish.name,
            kind=wish.kind,
            condition=wish.condition,
            basket=wish.basket,
            raw_basket=wish.raw_basket,
            created_ns=at.market_ns,
            updated_ns=at.market_ns,
        )
        self._alerts[alert.uuid] = alert
        return alert

    def modify(self, user_id: str, uuid: str, wish: AlertWish, at: Moment) -> Alert:
        """Replace an alert and enable it again; raises `Refusal`."""
        alert = self.alert(user_id, uuid)
        self._check(wish)
        alert.name, alert.kind, alert.condition = wish.name, wish.kind, wish.condition
        alert.basket, alert.raw_basket = wish.basket, wish.raw_basket
        alert.status, alert.was_true, alert.updated_ns = "enabled", False, at.market_ns
        return alert

    def delete(self, user_id: str, uuids: list[str], at: Moment) -> None:
        """Delete alerts softly; raises `Refusal` before any is when one is not the user's."""
        for alert in [self.alert(user_id, uuid) for uuid in uuids]:
            alert.status, alert.updated_ns = "deleted", at.market_ns

    def alert(self, user_id: str, uuid: str) -> Alert:
        """Return one alert; raises `Refusal`."""
        alert = self._alerts.get(uuid)
        if alert is None or alert.user_id != user_id:
            raise Refusal("The alert was not found.", "GeneralException", 404)
        return alert

    def shown(self, user_id: str, status: str = "") -> list[Alert]:
        """Return a user's alerts in one status, or all that are not deleted."""
        of_user = [alert for alert in self._alerts.values() if alert.user_id == user_id]
        return [alert for alert in of_user if (alert.status == status if status else alert.status != "deleted")]

    def follow(self, at: Moment) -> None:
        """Fire every enabled alert whose condition has just come true."""
        for alert in [alert for alert in self._alerts.values() if alert.status == "enabled"]:
            holds = self._holds(alert.condition)
            if holds and not alert.was_true:
                self._fire(alert, at)
            alert.was_true = holds

    def row_of(self, key: tuple[str, str]) -> int:
        """Return the board's row; alerts name indices by an exchange of their own. Raises `Refusal`."""
        exchange, symbol = key
        if exchange != "INDICES":
            return self._engine.row_of(exchange, symbol)
        rows = (self._engine.board.row_of_key.get((real, symbol)) for real in ("NSE", "BSE"))
        row = next((row for row in rows if row is not None), None)
        if row is None or not self._engine.board.listings[row].is_index:
            raise Refusal(f"The index `{symbol}` does not exist.")
        return row

    def _fire(self, alert: Alert, at: Moment) -> None:
        orders = tuple(self._place(alert.user_id, order, at) for order in alert.basket)
        row = self.row_of(alert.condition.lhs)
        last = int(self._engine.board.last[row])
        alert.firings.append(Firing(at_ns=at.market_ns, row=row, last=last, orders=orders))
        alert.updated_ns = at.market_ns
        if alert.kind == "ato":
            alert.status = "disabled"

    def _place(self, user_id: str, order: OrderRequest, at: Moment) -> str:
        try:
            return self._varieties.place(user_id, order, at).order_id
        except Refusal as refusal:
            return refusal.message

    def _holds(self, condition: Condition) -> bool:
        last = self._engine.board.last
        try:
            left = int(last[self.row_of(condition.lhs)])
            right = int(last[self.row_of(condition.rhs)]) if condition.rhs else condition.rhs_constant
        except Refusal:
            # The instrument has expired: its condition never comes true.
            return False
        return bool(OPERATORS[condition.operator](left, right))

    def _check(self, wish: AlertWish) -> None:
        if not wish.name:
            raise Refusal("Missing or empty field `name`.")
        if wish.kind not in {"simple", "ato"}:
            raise Refusal("Invalid `type`: simple or ato.")
        if wish.condition.operator not in OPERATORS:
            raise Refusal(f"Invalid `operator`: one of {' '.join(OPERATORS)}.")
        if wish.kind == "ato" and not wish.basket:
            raise Refusal("Missing or empty field `basket`.")
        self.row_of(wish.condition.lhs)
        if wish.condition.rhs:
            self.row_of(wish.condition.rhs)
