"""The simulated Aster's ceilings: request weight by address, orders by account; going on after 429 means a ban."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from brokers.simulator.aster.orders import AsterRefusal

WEIGHT_PER_MINUTE, ORDERS_PER_MINUTE, ORDERS_PER_TEN_S = 2_400, 1_200, 300
# this many requests beyond the ceiling within its minute, and the address is banned
PATIENCE = 10
FIRST_BAN_S, LONGEST_BAN_S = 120, 3 * 86_400
RATE_LIMITS = (
    {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": WEIGHT_PER_MINUTE},
    {"rateLimitType": "ORDERS", "interval": "MINUTE", "intervalNum": 1, "limit": ORDERS_PER_MINUTE},
    {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": ORDERS_PER_TEN_S},
)
TOO_MANY = (
    f"Too many requests; current limit is {WEIGHT_PER_MINUTE} requests per minute. "
    "Please use the websocket for live updates to avoid polling the API."
)


@dataclass(slots=True)
class _Window:
    number: int = -1
    used: int = 0


class Ceilings:
    """Counts every request, and refuses those over a ceiling where ``enforced``; time is the wall's."""

    def __init__(self, *, enforced: bool) -> None:
        self.enforced = enforced
        self.most_weight = 0
        self.refused: Counter[str] = Counter()
        self._windows: dict[tuple[str, str, int], _Window] = {}
        self._banned_until_ms: dict[str, int] = {}
        self._bans: Counter[str] = Counter()

    def spend(self, address: str, weight: int, wall_ns: int) -> None:
        """Count one request's weight; raises `AsterRefusal` 429, or 418 while the address is banned."""
        now_ms = wall_ns // 1_000_000
        if now_ms < self._banned_until_ms.get(address, 0):
            raise banned(self._banned_until_ms[address])
        used = self._count("weight", address, 60, wall_ns, weight)
        self.most_weight = max(self.most_weight, used)
        if used <= WEIGHT_PER_MINUTE or not self.enforced:
            return
        self.refused["weight"] += 1
        if self._count("beyond", address, 60, wall_ns, 1) > PATIENCE:
            self.ban(address, self._next_ban_s(address), wall_ns)
            raise banned(self._banned_until_ms[address])
        raise AsterRefusal(-1003, TOO_MANY, http=429)

    def spend_order(self, user: str, wall_ns: int, orders: int = 1) -> None:
        """Count placed orders; raises `AsterRefusal` beyond a ceiling."""
        in_ten = self._count("order", user, 10, wall_ns, orders)
        in_minute = self._count("order", user, 60, wall_ns, orders)
        if self.enforced and (in_ten > ORDERS_PER_TEN_S or in_minute > ORDERS_PER_MINUTE):
            self.refused["order"] += 1
            limit, span = (
                (ORDERS_PER_TEN_S, "10 SECOND") if in_ten > ORDERS_PER_TEN_S else (ORDERS_PER_MINUTE, "MINUTE")
            )
            raise AsterRefusal(-1015, f"Too many new orders; current limit is {limit} orders per {span}.", http=429)

    def ban(self, address: str, seconds: float, wall_ns: int) -> int:
        """Ban an address; return until when, in milliseconds of the epoch."""
        self._bans[address] += 1
        self._banned_until_ms[address] = wall_ns // 1_000_000 + int(seconds * 1_000)
        return self._banned_until_ms[address]

    def weight_header(self, address: str, wall_ns: int) -> dict[str, str]:
        """Return the header that every answer carries."""
        return {"X-MBX-USED-WEIGHT-1M": str(self._count("weight", address, 60, wall_ns, 0))}

    def order_headers(self, user: str, wall_ns: int) -> dict[str, str]:
        """Return the headers that the answer to an order carries."""
        counts = {"1M": 60, "10S": 10}
        return {
            f"X-MBX-ORDER-COUNT-{name}": str(self._count("order", user, span, wall_ns, 0))
            for name, span in counts.items()
        }

    def state(self) -> dict[str, object]:
        """Return the heaviest minute and what was refused, for `/sim/state`."""
        return {"enforced": self.enforced, "most_weight_in_a_minute": self.most_weight, "refused": dict(self.refused)}

    def _next_ban_s(self, address: str) -> int:
        return int(min(FIRST_BAN_S * 4 ** self._bans[address], LONGEST_BAN_S))

    def _count(self, kind: str, scope: str, span_s: int, wall_ns: int, times: int) -> int:
        number = wall_ns // 1_000_000_000 // span_s
        window = self._windows.setdefault((kind, scope, span_s), _Window())
        if window.number != number:
            window.number, window.used = number, 0
        window.used += times
        return window.used


def banned(until_ms: int | None) -> AsterRefusal:
    """Return the answer to a banned address, saying until when if that is known."""
    until = f" until {until_ms}" if until_ms is not None else ""
    text = f"Way too many requests; IP banned{until}. Please use the websocket for live updates to avoid bans."
    return AsterRefusal(-1003, text, http=418)
