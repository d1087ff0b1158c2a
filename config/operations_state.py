"""What the Operations page shows: accounts with who holds them, feeds, processes, orders in doubt, faults."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson
from celery import current_app
from django_celery_beat.models import PeriodicTask
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from brokers.domain.orders import OrderStatus
from brokers.hub import sync_redis
from config import exchange_faults
from config.exchange_faults import ExchangeAway
from execution.models import Order
from execution.rows import order_row
from execution.runtime.guardian import HEARTBEAT_KEY
from execution.selectors import status

if TYPE_CHECKING:
    from accounts.models import User

Row = dict[str, Any]
PING_WITHIN_S = 0.7
PING_EVERY_S = 5.0
LATE_S = 20.0
FORGOTTEN_S = 600.0
IN_DOUBT = (OrderStatus.UNKNOWN, OrderStatus.UNPROVEN)
MOST_IN_DOUBT = 50


def state(user: User, *, now: datetime) -> Row:
    """Return everything the page shows."""
    desk = status(user)
    workers = WORKERS.ages_s()
    return {
        "as_of": desk["as_of"],
        "accounts": desk["accounts"],
        "feeds": desk["feeds"],
        "standby": _standby(workers, desk["accounts"]),
        "processes": [*_workers(workers), _guardian(now), _beat(now)],
        "in_doubt": _in_doubt(user),
        **_exchange(),
    }


class Workers:
    """When each worker process last answered; asked at most every few seconds however many pages look."""

    def __init__(self, ask: Callable[[], list[str]], clock: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._clock = clock
        self._lock = threading.Lock()
        self._asked_at = -PING_EVERY_S
        self._answered_at: dict[str, float] = {}

    def ages_s(self) -> dict[str, float]:
        """Return the seconds since the last answer by name; one long silent is forgotten."""
        with self._lock:
            if self._clock() - self._asked_at >= PING_EVERY_S:
                self._answered_at |= dict.fromkeys(self._ask(), self._clock())
                self._asked_at = self._clock()
            now = self._clock()
            self._answered_at = {name: at for name, at in self._answered_at.items() if now - at < FORGOTTEN_S}
            return {name: now - at for name, at in sorted(self._answered_at.items())}


def _ping() -> list[str]:
    try:
        answers = current_app.control.ping(timeout=PING_WITHIN_S)
    except (OperationalError, RedisError, OSError):
        # Nobody can be asked: the ages on the page grow, and the guardian's row says why.
        return []
    return [name.partition("@")[0] for answer in answers or () for name in answer]


WORKERS = Workers(_ping)


def _standby(ages_s: dict[str, float], accounts: list[Row]) -> list[str]:
    holding = {account["hosted_by"] for account in accounts}
    return [name for name, age in ages_s.items() if name.startswith("desk") and name not in holding and age <= LATE_S]


def _workers(ages_s: dict[str, float]) -> list[Row]:
    return [
        {
            "name": name,
            "state": "answers" if age <= LATE_S else "silent",
            "age_s": f"{age:.1f}",
            "says": "last answer",
        }
        for name, age in ages_s.items()
    ]


def _guardian(now: datetime) -> Row:
    try:
        beat = sync_redis().get(HEARTBEAT_KEY)
    except (RedisError, OSError):
        return {"name": "guardian", "state": "unknown", "age_s": None, "says": "Redis does not answer"}
    if not beat:
        return {"name": "guardian", "state": "silent", "age_s": None, "says": "no heartbeat"}
    at = datetime.fromisoformat(orjson.loads(beat)["at"])
    return {"name": "guardian", "state": "answers", "age_s": _age_s(now, at), "says": "last heartbeat"}


def _beat(now: datetime) -> Row:
    last = PeriodicTask.objects.filter(enabled=True, last_run_at__isnull=False).order_by("-last_run_at").first()
    if last is None or last.last_run_at is None:
        return {"name": "beat", "state": "unknown", "age_s": None, "says": "has sent no task yet"}
    return {"name": "beat", "state": "answers", "age_s": _age_s(now, last.last_run_at), "says": f"sent {last.name}"}


def _age_s(now: datetime, at: datetime) -> str:
    return f"{max((now - at).total_seconds(), 0.0):.1f}"


def _in_doubt(user: User) -> list[Row]:
    rows = Order.objects.visible_to(user).filter(status__in=IN_DOUBT).select_related("account", "deployment")
    return [order_row(row) for row in rows.order_by("created_at")[:MOST_IN_DOUBT]]


def _exchange() -> Row:
    try:
        return {"exchange": exchange_faults.standing(), "faults": exchange_faults.script()}
    except ExchangeAway as away:
        return {"exchange": None, "faults": None, "exchange_says": str(away)}
