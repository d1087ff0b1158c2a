"""Everything one simulated Aster consists of: venue, pace, doors, streams, faults, and what waits for its time."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from brokers.simulator.aster import events
from brokers.simulator.aster.accounts import PerpetualAccount
from brokers.simulator.aster.clock import MS_NS, iso
from brokers.simulator.aster.hub import AsterHub
from brokers.simulator.aster.limits import Ceilings
from brokers.simulator.aster.market import MadePerpetuals
from brokers.simulator.aster.orders import AsterRefusal, PerpetualOrder, PerpetualRequest, Status
from brokers.simulator.aster.security import Doorkeeper
from brokers.simulator.aster.venue import PerpetualVenue
from brokers.simulator.fault_rules import RULES, FaultKind
from brokers.simulator.faults import ASTER, Fault, FaultScript
from brokers.simulator.order_news import OrderNews
from brokers.simulator.orders import Moment
from brokers.simulator.pace import Pace

KEY_LIFE_NS = 60 * 60 * 1_000_000_000


@dataclass(slots=True, kw_only=True)
class ListenKey:
    """The key of one account's user stream and when it ends by the monotonic clock."""

    key: str
    expires_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginMove:
    """One change of an isolated position's margin."""

    account: str
    symbol: str
    side: str
    amount: Decimal
    market_ms: int


@dataclass(slots=True, kw_only=True, eq=False)
class AsterSite:
    """One simulated Aster; the pace drives it, requests and sockets reach it."""

    venue: PerpetualVenue
    doorkeeper: Doorkeeper
    ceilings: Ceilings
    pace: Pace
    seed: int
    replay: str | None = None
    # what was added to every time of a recording
    shift_s: float = 0.0
    # True until the first subscription arrives: a replay should not run past an empty room
    held: bool = False
    faults: FaultScript = field(default_factory=FaultScript)
    wall_ns: Callable[[], int] = time.time_ns
    monotonic_ns: Callable[[], int] = time.monotonic_ns
    hub: AsterHub = field(init=False)
    news: OrderNews = field(init=False)
    keys: dict[str, ListenKey] = field(default_factory=dict)
    later: list[tuple[int, PerpetualOrder, PerpetualRequest]] = field(default_factory=list)
    # of each account and symbol when its open orders are to be cancelled, by the monotonic clock
    countdowns: dict[tuple[str, str], int] = field(default_factory=dict)
    margin_moves: list[MarginMove] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.venue.engine.faults = self.faults
        self.hub = AsterHub(self.venue, self.monotonic_ns)
        self.news = OrderNews(
            faults=self.faults, deliver=self.hub.user_event, monotonic_ns=self.monotonic_ns, venue=ASTER
        )

    def share(self, faults: FaultScript) -> None:
        """Follow the fault script that another exchange of this process follows too."""
        self.faults = self.venue.engine.faults = faults
        self.news = OrderNews(faults=faults, deliver=self.hub.user_event, monotonic_ns=self.monotonic_ns, venue=ASTER)

    def moment(self) -> Moment:
        """Return this instant on both clocks; market time never passes the next step."""
        market = self.venue.market
        due, now_ns = market.next_at_ns(), market.now_ns
        if due is not None and not self.held:
            now_ns = min(max(self.pace.market_ns(self.monotonic_ns()), now_ns), due)
        return Moment(market_ns=now_ns, wall_ns=self.wall_ns())

    def state(self) -> dict[str, Any]:
        """Return where the run stands, as `/sim/state` shows it."""
        market_ns = self.moment().market_ns
        return {
            "market_time": iso(market_ns // MS_NS),
            "market_ns": market_ns,
            "steps": self.venue.steps,
            "finished": self.venue.market.finished,
            "held": self.held,
            "replay": self.replay,
            "shift_s": self.shift_s,
            "fills": len(self.venue.engine.ledger.fills),
            "sockets": len(self.hub.sockets),
            "budgets": self.ceilings.state(),
        }

    def account(self, user: str) -> PerpetualAccount:
        return self.venue.engine.accounts[user]

    def announce(self) -> None:
        """Send what happened to orders and money to their accounts' streams."""
        waiting = self.venue.engine.events
        while waiting:
            user, payload = waiting.popleft()
            self.news.put(user, payload)
        self.news.deliver_due()

    def rest(self) -> None:
        """Carry out what the clock alone brings: delayed orders, countdowns, dead keys, late news."""
        now_ns = self.monotonic_ns()
        self._place_due(now_ns)
        for (user, symbol), due_ns in list(self.countdowns.items()):
            if due_ns <= now_ns:
                del self.countdowns[user, symbol]
                self.venue.engine.cancel_all(user, symbol, self.moment())
        for user in [user for user, key in self.keys.items() if key.expires_ns <= now_ns]:
            self.expire_key(user)
        self.hub.end_old()
        self.announce()

    # Keys of user streams -------------------------------------------------------------------

    def listen_key(self, user: str) -> str:
        """Return the account's key, which lives another hour."""
        held = self.keys.get(user)
        expires_ns = self.monotonic_ns() + KEY_LIFE_NS
        if held is None:
            held = self.keys[user] = ListenKey(key=secrets.token_hex(32), expires_ns=expires_ns)
            self.hub.keys[held.key] = user
        held.expires_ns = expires_ns
        return held.key

    def extend_key(self, user: str) -> None:
        """Let the account's key live another hour; raises `AsterRefusal` when there is none."""
        if user not in self.keys:
            raise AsterRefusal(-1125, "This listenKey does not exist.")
        self.listen_key(user)

    def end_key(self, user: str) -> None:
        """Forget the account's key; its streams say nothing more."""
        if held := self.keys.pop(user, None):
            self.hub.keys.pop(held.key, None)

    def expire_key(self, user: str) -> int:
        """Let a key die as its hour's end does: the streams hear of it and then nothing more; return how many."""
        key = self.keys.get(user)
        hit = 0 if key is None else self.hub.key_event(key.key, events.listen_key_expired(self.venue.now_ms))
        self.end_key(user)
        return hit

    # Orders that come late ------------------------------------------------------------------

    def place_later(self, user: str, wanted: PerpetualRequest, seconds: float) -> PerpetualOrder:
        """Give an order its id now and bring it to the book after some wall seconds."""
        order = self.venue.engine.draft(user, wanted, self.moment())
        self.later.append((self.monotonic_ns() + int(seconds * 1e9), order, wanted))
        return order

    def _place_due(self, now_ns: int) -> None:
        due = [entry for entry in self.later if entry[0] <= now_ns]
        self.later = [entry for entry in self.later if entry[0] > now_ns]
        for _, order, _wanted in due:
            self.venue.engine.admit(order, self.moment())

    # Faults ---------------------------------------------------------------------------------

    def strike(self, fault: Fault) -> int:
        """Carry out an immediate fault; return how many it hit."""
        if "aster" not in RULES[fault.kind].venues or fault.venue not in {"", ASTER}:
            return 0
        users = [user for user in self.venue.engine.accounts if fault.account in {"", user}]
        hit = self._strike(fault, users)
        self.announce()
        return hit

    def _strike(self, fault: Fault, users: list[str]) -> int:
        engine, custody, at = self.venue.engine, self.venue.custody, self.moment()
        accounts = [engine.accounts[user] for user in users]
        acts: dict[FaultKind, Callable[[], int]] = {
            FaultKind.SILENT_SOCKET: lambda: self.hub.silence(fault.account, fault.seconds),
            FaultKind.SILENT_USER_STREAM: lambda: self.hub.silence(fault.account, fault.seconds, users_only=True),
            FaultKind.DROP_SOCKET: lambda: self.hub.cut(fault.account),
            FaultKind.LISTEN_KEY_EXPIRED: lambda: sum(self.expire_key(user) for user in users),
            FaultKind.EXCHANGE_CANCEL: lambda: sum(engine.cancel_all(user, None, at, Status.EXPIRED) for user in users),
            FaultKind.LIQUIDATE: lambda: sum(custody.close(account, account.held(), at) for account in accounts),
            FaultKind.DELEVERAGE: lambda: sum(custody.deleverage(one, fault.fraction, at) for one in accounts),
            FaultKind.PRICE_SHOCK: lambda: self._push(fault.fraction),
        }
        return acts[fault.kind]()

    def _push(self, fraction: float) -> int:
        """Let the made market fall; a recording's prices stay what they were."""
        if not isinstance(self.venue.market, MadePerpetuals):
            return 0
        self.venue.market.push(-fraction)
        return 1
