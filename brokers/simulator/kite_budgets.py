"""Kite's request budgets, counted by calendar second, minute and day of the venue's own clock.

Orders count by the user's account, everything else by the app. Placing, modifying and cancelling
share the second and the minute; the day counts what is placed, an iceberg once for each leg, and
at its end even exits are refused.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from brokers.simulator.kite_sessions import App
from brokers.simulator.orders import Refusal
from brokers.simulator.sessions import IST_OFFSET_S, SECOND_NS

TOO_MANY = "Too many requests"
DAY_OVER = "Maximum allowed order requests exceeded"
SECOND, MINUTE, DAY = 1, 60, 86_400
PER_SECOND: Mapping[str, int] = {"order": 10, "quote": 1, "historical": 3, "other": 10}
ORDERS_PER_MINUTE, ORDERS_PER_DAY = 400, 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """What was counted in one span of time."""

    number: int
    used: int


class Budgets:
    """Counts every request, and refuses those over a budget where ``enforced``."""

    def __init__(
        self,
        *,
        enforced: bool,
        orders_per_minute: int = ORDERS_PER_MINUTE,
        orders_per_day: int = ORDERS_PER_DAY,
        shift_s: float = 0.0,
    ) -> None:
        self.enforced = enforced
        self.most: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self._orders_per_minute = orders_per_minute
        self._orders_per_day = orders_per_day
        self._shift_ns = int(shift_s * SECOND_NS)
        self._windows: dict[tuple[str, str, int], Window] = {}

    def spend(self, kind: str, app: App, wall_ns: int) -> None:
        """Count one request; raises `Refusal` (429) beyond a budget."""
        scope = app.user_id if kind == "order" else app.api_key
        used = self._count(kind, scope, SECOND, wall_ns)
        self.most[kind] = max(self.most[kind], used)
        over = used > PER_SECOND[kind]
        if kind == "order":
            over = self._count(kind, scope, MINUTE, wall_ns) > self._orders_per_minute or over
        if over and self.enforced:
            self.refused[kind] += 1
            raise Refusal(TOO_MANY, "NetworkException", 429)

    def spend_day(self, app: App, wall_ns: int, orders: int) -> None:
        """Count orders of the day, refused ones too; raises `Refusal` once the day's number is used up."""
        if self._count("order", app.user_id, DAY, wall_ns, orders) > self._orders_per_day and self.enforced:
            self.refused["day"] += 1
            raise Refusal(DAY_OVER, "OrderException")

    def state(self) -> dict[str, object]:
        """Return the busiest second by kind and what was refused, for `/sim/state`."""
        return {"enforced": self.enforced, "most_in_a_second": dict(self.most), "refused": dict(self.refused)}

    def _count(self, kind: str, scope: str, span_s: int, wall_ns: int, times: int = 1) -> int:
        at_s = (wall_ns + self._shift_ns) // SECOND_NS
        number = (at_s + IST_OFFSET_S if span_s == DAY else at_s) // span_s
        window = self._windows.get((kind, scope, span_s))
        used = times + (window.used if window and window.number == number else 0)
        self._windows[kind, scope, span_s] = Window(number=number, used=used)
        return used
