"""The oracle: the exchange's own ledger and the moment of every byte, against journal and rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from brokers.domain.errors import DataError
from brokers.domain.orders import Origin, Purpose
from brokers.simulator.kite_requests import Request
from brokers.simulator.kite_sessions import DEMO_APP
from execution.domain.commands import Record
from execution.domain.state import DeskState
from execution.journal import verify_chain
from execution.models import Fill, JournalEvent, Lease, Order, PositionRow
from execution.runtime.sendlog import mark_of
from risk.models import KillSwitch
from tests.simulation.clockwork import Process
from tests.simulation.faults import Fault

if TYPE_CHECKING:
    from tests.simulation.world import World

ALARMS = frozenset({"unprotected", "exit_stuck", "unknown", "unproven", "journal_lost"})
# the one instant that is not promised: a process suspended after its permit and before its write
UNPROMISED = ("disk.mark", Fault.FREEZE)


class Judge:
    """Collects what must never happen, as it happens and once the run has settled."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.objections: list[str] = []
        self._flat: list[str] = []

    def object(self, sentence: str) -> None:
        if sentence not in self.objections:
            self.objections.append(sentence)

    # --- decision by decision

    def bytes_leave(self, process: Process, request: Request) -> None:
        """Judge a write at the moment its bytes leave."""
        if self._world.ports.has_struck(*UNPROMISED):
            return
        token = Lease.objects.values_list("token", flat=True).get(account=self._world.account)
        if token != process.token:
            self.object(f"a stale owner (token {process.token}, the lease has {token}) sent {request.method}")
        if request.method == "POST":
            self._order_leaves(process, request.get("tag"))

    def _order_leaves(self, process: Process, tag: str) -> None:
        row = JournalEvent.objects.filter(account=self._world.account, kind="intent", payload__client_id=tag).first()
        if row is None:
            self.object(f"{tag} left before its intent was durable")
            return
        if not self._is_marked(row.lease_token, tag):
            self.object(f"{tag} left without a mark in the send log")
        order = process.session.engine.state.orders.get(tag)
        if order is None or self._world.now() > order.send_by:
            self.object(f"{tag} left after its time")
        elif order.intent.purpose is Purpose.ENTRY:
            self._entry_leaves(process, order)

    def _is_marked(self, token: int, tag: str) -> bool:
        path = self._world.folder / "sendlog" / f"{self._world.account_id}-{token}.log"
        return path.exists() and mark_of(tag) in path.read_bytes()

    def _entry_leaves(self, process: Process, order: Any) -> None:
        switches = process.session.engine.state.switches
        states = (switches.desk, switches.account, *switches.deployments.values())
        if any(state.is_engaged for state in (switches.desk, switches.account)):
            self.object(f"the entry {order.client_id} left under an engaged kill switch")
        if sum(state.epoch for state in states) != order.kill_epoch:
            self.object(f"the entry {order.client_id} left although a switch moved after its approval")
        if order.cancel_wanted:
            self.object(f"the entry {order.client_id} left after it was cancelled")

    # --- protection

    def must_be_flat(self, symbol: str, within_s: float) -> None:
        """Expect a position to be closed, or an alarm to stand, by a deadline."""
        loop = self._world.loop
        self._flat.append(symbol)
        loop.call_later(within_s, self._look, symbol, within_s, self._world.dark_s)

    def _look(self, symbol: str, within_s: float, excused_s: float = 0.0) -> None:
        dark_s = self._world.dark_s
        if dark_s > excused_s:
            # a host without power protects nothing: its deadline goes on when it is back
            self._world.loop.call_later(dark_s - excused_s, self._look, symbol, within_s, dark_s)
            return
        if self._world.held(symbol) and not self._alarm(symbol):
            self.object(f"{symbol} was held without an alarm {within_s:g} s after its exit was asked for")

    def _alarm(self, symbol: str) -> bool:
        state = replayed(self._world.account_id)
        doubtful = any(order.is_doubtful for order in state.open_orders() if order.intent.instrument.endswith(symbol))
        return doubtful or any(kind in ALARMS for kind, _ in state.discrepancies)

    # --- at the end

    def settled(self) -> bool:
        """Tell whether one owner hosts the account and nothing of its orders is under way."""
        sessions = self._world.sessions()
        if self._world.site.later:
            return False  # an order is still on its way to the exchange
        if len(sessions) != 1 or not sessions[0].engine._desk.is_reconciled or sessions[0].has_writes:
            return False
        state = sessions[0].engine.state
        left = [o for o in state.open_orders() if ("unknown", o.client_id) not in state.discrepancies]
        pending = [g for g in state.goals.values() if g.quantity == 0 and state.positions.get(g.key).is_open]
        stuck = any(kind in ALARMS for kind, _ in state.discrepancies)
        return not left and (not pending or stuck) and self._knows_the_ledger(state)

    def _knows_the_ledger(self, state: Any) -> bool:
        return len(self._world.site.venue.engine.ledger) <= len(state.fills_today)

    def verdict(self) -> list[str]:
        """Return every objection, the final ones among them."""
        state = replayed(self._world.account_id)
        for check in (self._lost, self._doubled, self._external, self._naked, self._chain, self._rows, self._memory):
            check(state)
        return self.objections

    def _lost(self, state: Any) -> None:
        ledger = Counter(
            (f.order_id, f.trade_id, f.side, f.quantity, Decimal(f.price) / 100)
            for f in self._world.site.venue.engine.ledger._fills
        )
        journal = Counter(
            (f.venue_order_id, f.trade_id, str(f.side), int(f.quantity), f.price) for f in state.fills_today
        )
        if ledger - journal:
            self.object(f"{sum((ledger - journal).values())} fills of the ledger are not in the journal")
        if journal - ledger:
            self.object(f"{sum((journal - ledger).values())} fills of the journal are not in the ledger")
        rows = Fill.objects.filter(account=self._world.account).count()
        if rows != sum(ledger.values()):
            self.object(f"{rows} rows of fills for {sum(ledger.values())} fills of the ledger")

    def _doubled(self, state: Any) -> None:
        venue = self._world.site.venue.engine
        orders = venue.accounts[DEMO_APP.user_id].orders.values()
        tags = Counter(order.tag for order in orders)
        entries: Counter[tuple[Any, ...]] = Counter()
        for tag, times in tags.items():
            if times > 1:
                self.object(f"{tag} stands {times} times in the venue's book")
            known = state.orders.get(tag or "")
            if known is not None and known.is_entry:
                entries[known.intent.deployment_id, known.intent.instrument, known.intent.decided_at] += times
        if any(times > 1 for times in entries.values()):
            self.object("one decision to enter became two orders")
        self._walk(state)

    def _walk(self, state: Any) -> None:
        by_holder: dict[tuple[str, str | None], int] = defaultdict(int)
        for order in state.orders.values():
            if order.is_entry:
                holder = order.intent.instrument.partition(":")[2], order.intent.deployment_id
                by_holder[holder] = max(by_holder[holder], int(order.intent.quantity))
        wanted: dict[str, int] = defaultdict(int)
        for (symbol, _), quantity in by_holder.items():
            wanted[symbol] += quantity
        held: dict[str, int] = defaultdict(int)
        for fill in self._world.site.venue.engine.ledger._fills:
            held[fill.symbol] += fill.quantity * (1 if fill.side == "BUY" else -1)
            if not 0 <= held[fill.symbol] <= wanted[fill.symbol]:
                self.object(f"{fill.symbol} came to {held[fill.symbol]}, wanted were 0 to {wanted[fill.symbol]}")

    def _external(self, state: Any) -> None:
        strange = [o.client_id for o in state.orders.values() if o.intent.origin is Origin.EXTERNAL]
        strange += [subject for kind, subject in state.discrepancies if kind in ("journal_lost", "external_order")]
        if strange:
            self.object(f"orders of ours were taken for others': {strange}")
        venue = self._world.site.venue.engine.accounts[DEMO_APP.user_id].orders.values()
        unknown = [order.tag for order in venue if order.tag not in state.orders]
        if unknown:
            self.object(f"the venue holds orders that the journal does not: {unknown}")

    def _naked(self, state: Any) -> None:
        for symbol in self._flat:
            if self._world.held(symbol) and not self._alarm(symbol):
                self.object(f"{symbol} is still held at the end, and no alarm stands")
        left = [o.order_id for o in self._orders() if o.remaining > 0]
        if left:
            self.object(f"orders were left working at the venue: {left}")

    def _orders(self) -> list[Any]:
        return list(self._world.site.venue.engine.accounts[DEMO_APP.user_id].orders.values())

    def _chain(self, _state: Any) -> None:
        try:
            verify_chain(self._world.account_id, self._world.folder / "tips.jsonl")
        except DataError as error:
            self.object(f"the journal does not verify: {error.message}")
        rows = JournalEvent.objects.filter(account=self._world.account).order_by("seq")
        tokens = list(rows.values_list("lease_token", flat=True))
        if tokens != sorted(tokens):
            self.object("an older owner wrote to the journal after a newer one")
        takeovers = list(rows.filter(kind="takeover").values_list("lease_token", flat=True))
        if len(set(takeovers)) != len(takeovers):
            self.object("two owners had the same token")

    def _rows(self, state: Any) -> None:
        account = self._world.account
        shown = {o.client_id: (str(o.status), o.filled_quantity) for o in Order.objects.filter(account=account)}
        wanted = {o.client_id: (str(o.status), o.filled_quantity) for o in state.orders.values()}
        if shown != wanted:
            self.object(f"order rows differ from the replayed journal: {_difference(shown, wanted)}")
        held = {(p.instrument, p.strategy_key): p.quantity for p in PositionRow.objects.filter(account=account)}
        replay = {(p.key.instrument, p.key.strategy_key): p.quantity for p in state.positions.all()}
        if held != replay:
            self.object(f"position rows differ from the replayed journal: {_difference(held, replay)}")
        engaged = KillSwitch.objects.filter(target_id=account.pk, is_engaged=True).exists()
        if engaged != state.switches.account.is_engaged:
            self.object("the kill switch's row and the replayed journal differ")

    def _memory(self, state: Any) -> None:
        token = Lease.objects.values_list("token", flat=True).get(account=self._world.account)
        for session in self._world.sessions():
            if session.grant.token == token and session.engine.state.fingerprint() != state.fingerprint():
                self.object("the engine's memory differs from its replayed journal")


def replayed(account_id: str) -> Any:
    """Return the state that an account's journal tells, from its first row."""
    state = DeskState(account_id=account_id)
    rows = JournalEvent.objects.filter(account_id=account_id).order_by("seq").values_list("kind", "at", "payload")
    for kind, at, payload in rows:
        state.apply(Record(kind=kind, at=at, payload=payload))
    return state


def _difference(left: dict[Any, Any], right: dict[Any, Any]) -> dict[Any, Any]:
    return {key: (left.get(key), right.get(key)) for key in {*left, *right} if left.get(key) != right.get(key)}
