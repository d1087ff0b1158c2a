"""What is seen of the desk from outside while it is being struck: who holds the lease, and whether the books agree.

Both run in processes of their own, so that the supervisor opens no connection.
"""

import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

WATCH_S = 0.05
AGREE_WITHIN_S = 30.0
POLL_S = 0.25
# what a deployment may hold of one instrument, over what it is configured for: prices move after a fill
MOST_HELD = Decimal("1.15")
Key = tuple[str, str]


def watch(file: Path) -> None:
    """Append every change of the lease, and every takeover the journal holds, with the boot clock's time."""
    _django()
    seen: tuple[object, ...] = ()
    with file.open("a", buffering=1) as out:
        while True:
            facts = _lease_facts()
            if facts and facts != seen:
                seen = facts
                names = ("token", "owner", "taken_over")
                out.write(
                    json.dumps({"at": time.clock_gettime(time.CLOCK_BOOTTIME), **dict(zip(names, facts, strict=True))})
                    + "\n"
                )
            time.sleep(WATCH_S)


def _lease_facts() -> tuple[object, ...]:
    """Return the lease's token and owner and the newest takeover; nothing while the database is away."""
    from django.db import InterfaceError, OperationalError, connection

    from execution.models import JournalEvent, Lease

    try:
        lease = Lease.objects.order_by("-token").first()
        took = JournalEvent.objects.filter(kind="takeover").order_by("-lease_token").first()
    except (OperationalError, InterfaceError):
        connection.close()  # a strike at the database is no end of the watch
        return ()
    return (lease.token, lease.owner.partition("@")[0], took.lease_token if took else 0) if lease else ()


def judge(patience_s: float = 0.0) -> None:
    """Print what of the invariants does not hold, with what was compared, as one line of JSON."""
    _django()
    deadline = time.monotonic() + AGREE_WITHIN_S + patience_s
    while True:
        # What was just traded may be on its way: only what stays wrong is wrong.
        found = _compared()
        if not found["problems"] or time.monotonic() > deadline:
            break
        time.sleep(POLL_S)
    sys.stdout.write(json.dumps(found) + "\n")


def cut_connections() -> None:
    """End every other connection to the PostgreSQL database."""
    _django()
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def tell_whether_it_can_crash() -> None:
    """Print whether this user may kill a server process of the PostgreSQL behind the desk, on this very machine."""
    _django()
    pid = _server_process()
    try:
        os.kill(pid, 0)
        is_ours = Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"postgres")
    except OSError:
        is_ours = False
    sys.stdout.write(json.dumps({"can_crash": is_ours}) + "\n")


def crash_database() -> None:
    """Kill one server process: PostgreSQL then ends every other, forgets its memory and recovers from its log."""
    _django()
    os.kill(_server_process(), signal.SIGKILL)


def _server_process() -> int:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        return int(cursor.fetchone()[0])


def tell_whether_it_is_free() -> None:
    """Print whether SQLite lets anybody write within a second."""
    _django()
    from django.db import OperationalError, connection, transaction

    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 1000")
    try:
        with transaction.atomic():
            is_free = True
    except OperationalError:
        is_free = False
    sys.stdout.write(json.dumps({"is_free": is_free}) + "\n")


def empty_redis() -> None:
    """Forget everything that Redis holds, while it runs on."""
    _django()
    from redis import Redis

    Redis.from_url(os.environ["REDIS_URL"], socket_timeout=5).flushall()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What an exchange says of one account: trades by order and number, and each order's number with the id it bears."""

    trades: Mapping[Key, object]
    orders: Sequence[tuple[str, str]]


def _compared() -> dict[str, Any]:
    from brokers.models import TradingAccount
    from execution.models import Fill, Order

    problems: list[str] = []
    counts = Counter[str]()
    for account in TradingAccount.objects.filter(is_simulated=True).select_related("owner"):
        # ours first: whatever of it is true stands in the ledger by the time that is read
        fills = Fill.objects.filter(account=account, book="live")
        ours = {(fill.venue_order_id, fill.trade_id): (fill.quantity, fill.price) for fill in fills}
        told = _told_by_aster(account) if account.venue == "aster" else _told_by_kite(account)
        ledger = told.trades
        problems += _trade_problems(ours, ledger)
        problems += _order_problems(account, told.orders)
        problems += _holding_problems(account)
        problems += _chain_problems(account, counts)
        unknown = Order.objects.filter(account=account, status__in=["UNKNOWN", "UNPROVEN"]).count()
        counts.update(trades=len(ledger), unknown=unknown, orders=Order.objects.filter(account=account).count())
    return {"problems": problems, **counts}


def _trade_problems(ours: Mapping[Key, object], ledger: Mapping[Key, object]) -> list[str]:
    lost = [f"lost: the ledger's trade {key} is not in the books" for key in ledger.keys() - ours.keys()]
    invented = [f"invented: trade {key} is not in the ledger" for key in ours.keys() - ledger.keys()]
    changed = [f"changed: trade {key} is {ours[key]} here and {ledger[key]} there"
               for key in ours.keys() & ledger.keys() if ours[key] != ledger[key]]  # fmt: skip
    return lost + invented + changed


def _order_problems(account: Any, book: Sequence[tuple[str, str]]) -> Iterable[str]:
    from execution.models import Discrepancy, Order

    tags = Counter(tag for _, tag in book)
    yield from (f"doubled: {count} orders at the venue bear {tag}" for tag, count in tags.items() if count > 1)
    known = dict(Order.objects.filter(account=account).values_list("client_id", "venue_order_id"))
    for order_id, tag in book:
        if known.get(tag) != order_id:
            yield f"lost: order {order_id} ({tag}) is not in the books"
    external = Order.objects.filter(account=account, origin="EXTERNAL").count()
    if external:
        yield f"external: {external} orders were taken for another's"
    for row in Discrepancy.objects.filter(account=account, resolved_at=None):
        yield f"discrepancy: {row.sentence}"


def _holding_problems(account: Any) -> Iterable[str]:
    from django.db import transaction

    from execution.models import Fill, PositionRow
    from strategies.models import Deployment

    held: Counter[str] = Counter()
    with transaction.atomic():
        rows = list(PositionRow.objects.filter(account=account, book="live"))
        for fill in Fill.objects.filter(account=account, book="live"):
            held[fill.instrument] += fill.quantity if fill.side == "BUY" else -fill.quantity
    for instrument, quantity in held.items():
        told = sum(row.quantity for row in rows if row.instrument == instrument)
        if told != quantity:
            yield f"position: {instrument} is {told:f} in the positions and {quantity:f} by the trades"
    worth = {
        str(row.pk): Decimal(str(row.params.get("order_value_quote", "Infinity"))) for row in Deployment.objects.all()
    }
    for row in rows:
        most = worth.get(row.strategy_key)
        if most is not None and abs(row.quantity) * row.average_price > most * MOST_HELD:
            yield f"doubled: {row.instrument} {row.quantity:f} is more than a deployment was told to hold"


def _chain_problems(account: Any, counts: "Counter[str]") -> list[str]:
    from django.conf import settings

    from brokers.domain.errors import DataError
    from execution.journal import verify_chain

    try:
        counts["journal"] += verify_chain(str(account.pk), Path(settings.WINDHOVER_STATE) / "journal-tips.jsonl").seq
    except DataError as error:
        return [f"journal: {error.message}"]
    return []


def _told_by_kite(account: Any) -> _Told:
    from django.conf import settings

    from brokers.domain.errors import NeedsLogin
    from brokers.selectors import credentials_of

    base = settings.WINDHOVER_SIMULATOR_URL
    trades = {
        (row["order_id"], row["trade_id"]): (Decimal(row["quantity"]), Decimal(row["price_paise"]) / 100)
        for row in _get(f"{base}/sim/ledger?account={account.venue_user_id}")["fills"]
    }
    try:
        credentials = credentials_of(account)
    except NeedsLogin:
        return _Told(trades=trades, orders=())  # the session ended for the day; the trades are compared all the same
    headers = {"Authorization": f"token {credentials.api_key}:{credentials.access_token}"}
    book = _get(f"{base}/orders", headers).get("data") or []
    return _Told(trades=trades, orders=[(row["order_id"], str(row.get("tag"))) for row in book])


def _told_by_aster(account: Any) -> _Told:
    from django.conf import settings

    told = _get(f"{settings.WINDHOVER_SIMULATOR_URL}/sim/ledger?venue=aster&account={account.venue_user_id}")
    trades = {
        (f"{row['symbol']}:{row['order_id']}", str(row["trade_id"])): (Decimal(row["quantity"]), Decimal(row["price"]))
        for row in told["fills"]
    }
    return _Told(
        trades=trades, orders=[(f"{row['symbol']}:{row['order_id']}", row["client_id"]) for row in told["orders"]]
    )


def _get(url: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    import httpx

    answer: dict[str, Any] = httpx.get(url, headers=headers, timeout=10, trust_env=False).json()
    return answer


def _django() -> None:
    import django

    django.setup()
