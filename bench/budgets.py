"""The venue's budgets under eight processes that want one account, counted by the simulated venue itself.

Desk, standby, guardian and five workers send orders and read the venue as fast as they are let. The venue's second is
shifted by half against ours. On the way the desk is frozen past its lease and thawed, Valkey is stopped and started,
and two owners are killed, so that the desk, its standby, the desk again and at last the guardian own the account.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

import httpx

from bench.measure import Case, Topic
from brokers.domain.instruments import Instrument, InstrumentKind
from brokers.simulator.kite_sessions import DEMO_APP, session_checksum
from brokers.simulator.listings import equity
from config.demo import valkey
from config.demo.state import environment_of, open_state

ROLES = ("desk", "standby", "guardian", "worker-1", "worker-2", "worker-3", "worker-4", "worker-5")
ACCOUNT_ID = "00000000-0000-4000-8000-00000000b0d6"
API_KEY, USER_ID = DEMO_APP.api_key, DEMO_APP.user_id
INSTRUMENT = Instrument(
    exchange="NSE",
    symbol="RELIANCE",
    token=equity("RELIANCE", "RELIANCE INDUSTRIES", 149_000).token,
    kind=InstrumentKind.EQUITY,
    name="RELIANCE INDUSTRIES",
    tick_size=Decimal("0.1"),
    lot_size=1,
    segment="NSE",
)
LEASE_S, RENEW_S = 2.5, 0.5
GUARDIAN_DEADLINE_S = 4.0
READY_WITHIN_S = 120.0
REFUSED = "refused by the journal"
LIMITS = {"order": 10, "quote": 1, "historical": 3, "other": 10}
NAMES = {"order": "orders", "quote": "quote reads", "historical": "candle reads", "other": "other reads"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """When, in seconds after the start, what happens to whom."""

    freeze_desk_s: float = 5.0
    stop_valkey_s: float = 8.0
    start_valkey_s: float = 10.0
    thaw_desk_s: float = 11.0
    kill_standby_s: float = 15.0
    kill_desk_s: float = 21.0
    end_s: float = 32.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the venue counted, and what the processes saw, each until it ended or was killed."""

    most: Mapping[str, int]
    refused: Mapping[str, int]
    in_the_book: int
    seen: Mapping[str, dict[str, Any]]
    owners: tuple[str, ...]

    def total(self, what: str) -> Counter[str]:
        """Add one counter up over the processes."""
        return sum((Counter(seen[what]) for seen in self.seen.values()), Counter())

    def longest_ms(self, kind: str) -> float:
        """Return the longest wait for a turn."""
        return max((max(seen["waits_ms"].get(kind, [0.0])) for seen in self.seen.values()), default=0.0)


def measure() -> Topic:
    """Run the contest once and report it; raise AssertionError where a budget did not hold."""
    outcome = contest(Plan())
    require_kept(outcome)
    reads, tried = outcome.total("reads"), outcome.total("without_lease")
    cases = [_busiest(kind, outcome) for kind in LIMITS]
    cases += [
        _figure("calls the venue refused", "calls", sum(outcome.refused.values())),
        _figure("orders in the venue's book", "orders", outcome.in_the_book, more=True),
        _figure("owners one after another", "owners", len(outcome.owners), more=True),
        _figure("orders tried without the lease", "tries", sum(tried.values()) - tried[REFUSED], more=True),
        _figure("of them refused by the journal", "tries", tried[REFUSED], more=True),
        _figure("of them sent", "orders", _sent(tried)),
        _figure("reads answered", "reads", sum(reads[name] for name in ("quote", "history", "orders", "positions"))),
        _figure("longest wait of a cancel", "ms", outcome.longest_ms("cancel")),
        _figure("longest wait of an exit", "ms", outcome.longest_ms("exit")),
        _figure("longest wait of an entry", "ms", outcome.longest_ms("entry")),
    ]
    return Topic(name="budgets", cases=cases, packages=("httpx", "redis"))


def require_kept(outcome: Outcome) -> None:
    """Raise AssertionError for a second of the venue's with too many orders, or an order from who owns nothing.

    Reads are shown, not judged: a process frozen between its leave and its bytes reads late, which costs a repetition.
    """
    most, limit = outcome.most.get("order", 0), LIMITS["order"]
    if not 0 < most <= limit:
        raise AssertionError(f"{most} orders in the busiest second of the venue's, limit {limit}")
    if _sent(outcome.total("without_lease")):
        raise AssertionError(f"an order left without the lease: {dict(outcome.total('without_lease'))}")


def _sent(tried: Counter[str]) -> int:
    """Count the orders of which a byte may have left."""
    return sum(count for name, count in tried.items() if name != REFUSED and " not_sent" not in name)


def _busiest(kind: str, outcome: Outcome) -> Case:
    name = f"{NAMES[kind]} in the busiest second"
    peers = {"the venue allows": float(LIMITS[kind])}
    return Case(name=name, unit="calls", ours=float(outcome.most.get(kind, 0)), peers=peers, higher_is_better=False)


def _figure(name: str, unit: str, value: float, *, more: bool = False) -> Case:
    return Case(name=name, unit=unit, ours=float(value), peers={}, higher_is_better=more)


def contest(plan: Plan) -> Outcome:
    """Let eight processes contend for one account, by the plan."""
    # the path of a unix socket must be short
    with tempfile.TemporaryDirectory(prefix="wh-bench-") as name:
        folder = Path(name)
        environment = _environment(folder)
        _prepare(environment)
        with _simulator(folder, environment) as url, _Valkey(folder) as server:
            token, price = _log_in(url)
            children = _start(folder, environment, url, token, price)
            try:
                owners = _follow(plan, folder, children, server)
                seen = _end(folder, children)
            finally:
                for child in children.values():
                    child.kill()
            return _counted(url, token, seen, owners)


class _Valkey:
    """A server of our own that can be stopped and started."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "valkey.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        valkey.prepare_socket(self._path)
        command = valkey.command(valkey.find_server(), self._path)
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        valkey.wait_until_answering(self._path)

    def stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()


def _environment(folder: Path) -> dict[str, str]:
    found = environment_of(open_state(folder))
    found |= {
        "DATABASE_URL": f"sqlite:///{folder / 'windhover.sqlite3'}",
        "REDIS_URL": f"unix://{folder / 'valkey.sock'}",
        "WINDHOVER_STATE": str(folder),
    }
    return found


def _prepare(environment: Mapping[str, str]) -> None:
    """Make the database with the account, in a process of its own: this one's settings are its caller's."""
    command = [sys.executable, "-m", "bench.budgets"]
    subprocess.run(command, env=dict(environment), check=True, stdout=subprocess.DEVNULL)


def make_account() -> None:
    """Make the database and the account that everybody wants."""
    import django

    django.setup()
    from django.core.management import call_command

    from brokers.models import TradingAccount
    from execution.management import demo
    from execution.models import Lease

    call_command("migrate", interactive=False, verbosity=0)
    at = datetime.now(tz=UTC)
    user, _ = demo.user_ensure(at=at)
    known = demo.account_ensure(user=user, at=at)
    account = TradingAccount.objects.create(
        pk=ACCOUNT_ID,
        desk=known.desk,
        owner=user,
        venue="kite",
        label="wanted by eight",
        venue_user_id="ZZ0008",
        currency="INR",
        is_simulated=True,
    )
    Lease.objects.create(account=account)


@contextmanager
def _simulator(folder: Path, environment: Mapping[str, str]) -> Iterator[str]:
    port_file = folder / "port"
    options = ["--port", "0", "--port-file", str(port_file), "--speed", "1", "--budgets", "--second-shift", "0.5"]
    command = [sys.executable, "-m", "brokers.simulator.serve", *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=dict(environment)) as process:
        try:
            _wait_for([port_file])
            yield f"http://127.0.0.1:{port_file.read_text().strip()}"
        finally:
            process.terminate()


def _log_in(url: str) -> tuple[str, str]:
    with httpx.Client(base_url=url, trust_env=False) as client:
        reply = client.get("/connect/login", params={"v": "3", "api_key": API_KEY, "auto": "1"})
        request_token = httpx.URL(reply.headers["location"]).params["request_token"]
        checksum = session_checksum(API_KEY, request_token, DEMO_APP.api_secret)
        form = {"api_key": API_KEY, "request_token": request_token, "checksum": checksum}
        token = client.post("/session/token", data=form).json()["data"]["access_token"]
        headers = {"Authorization": f"token {API_KEY}:{token}"}
        quote = client.get("/quote/ltp", params={"i": INSTRUMENT.key}, headers=headers).json()
    return token, str(quote["data"][INSTRUMENT.key]["last_price"])


def _start(
    folder: Path, environment: Mapping[str, str], url: str, token: str, price: str
) -> dict[str, subprocess.Popen[bytes]]:
    children = {}
    for role in ROLES:
        command = [sys.executable, "-m", "bench.contender", role, str(folder), url, token, price]
        children[role] = subprocess.Popen(command, env=dict(environment))
    _wait_for([folder / f"ready-{role}" for role in ROLES])
    return children


def _follow(
    plan: Plan, folder: Path, children: Mapping[str, subprocess.Popen[bytes]], server: _Valkey
) -> tuple[str, ...]:
    """Carry the plan out; answer who owned the account, one after another."""
    acts: tuple[tuple[float, Callable[[], object]], ...] = (
        (plan.freeze_desk_s, lambda: children["desk"].send_signal(signal.SIGSTOP)),
        (plan.stop_valkey_s, server.stop),
        (plan.start_valkey_s, server.start),
        (plan.thaw_desk_s, lambda: children["desk"].send_signal(signal.SIGCONT)),
        (plan.kill_standby_s, children["standby"].kill),
        (plan.kill_desk_s, children["desk"].kill),
        (plan.end_s, (folder / "stop").touch),
    )
    (folder / "go").touch()
    began, owners = time.monotonic(), list[str]()
    for at_s, act in acts:
        while time.monotonic() - began < at_s:
            owner = _owner(folder)
            if owner and owners[-1:] != [owner]:
                owners.append(owner)
            time.sleep(0.2)
        act()
    return tuple(owners)


def _owner(folder: Path) -> str:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(folder / "windhover.sqlite3", timeout=5)) as database:
        row = database.execute(
            "SELECT owner FROM execution_lease WHERE account_id = ?", [ACCOUNT_ID.replace("-", "")]
        ).fetchone()
    return str(row[0]) if row else ""


def _end(folder: Path, children: Mapping[str, subprocess.Popen[bytes]]) -> dict[str, dict[str, Any]]:
    for child in children.values():
        child.wait(timeout=READY_WITHIN_S)
    return {role: json.loads((folder / f"seen-{role}.json").read_bytes()) for role in children}


def _counted(url: str, token: str, seen: Mapping[str, dict[str, Any]], owners: tuple[str, ...]) -> Outcome:
    with httpx.Client(base_url=url, trust_env=False) as client:
        budgets = client.get("/sim/state").json()["budgets"]
        time.sleep(2.0)
        orders = client.get("/orders", headers={"Authorization": f"token {API_KEY}:{token}"}).json()["data"]
    return Outcome(
        most=budgets["most_in_a_second"],
        refused=budgets["refused"],
        in_the_book=len(orders),
        seen=seen,
        owners=owners,
    )


def _wait_for(files: list[Path]) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while not all(file.exists() for file in files):
        if time.monotonic() > deadline:
            missing = ", ".join(file.name for file in files if not file.exists())
            raise AssertionError(f"still missing after {READY_WITHIN_S:g} s: {missing}")
        time.sleep(0.05)


if __name__ == "__main__":
    make_account()
