"""The oracle while a run goes on: the moment of every byte, every deadline, and when all has settled."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from brokers.domain.orders import Purpose, Side
from brokers.simulator.kite_requests import Request
from execution.domain.baskets import BasketState
from execution.domain.commands import Record
from execution.domain.state import DeskState
from execution.models import Command, CommandState, JournalEvent, Lease
from execution.runtime.sendlog import mark_of
from tests.simulation.clockwork import Process
from tests.simulation.faults import Fault

if TYPE_CHECKING:
    from tests.simulation.world import World

ALARMS = frozenset({"unprotected", "exit_stuck", "unknown", "unproven", "journal_lost"})
# the one instant that is not promised: a process suspended after its permit and before its write
UNPROMISED = ("disk.mark", Fault.FREEZE)
DOUBT_LOOK_S = 5.0


class Breach(StrEnum):
    """What must never happen, as the sweep counts it."""

    LOST = "lost"
    DOUBLED = "doubled"
    NAKED = "naked"
    EXTERNAL = "EXTERNAL"
    JOURNAL = "journal"
    WRITE = "write"  # bytes that left although a guard forbade them
    UNSETTLED = "unsettled"


class Judge:
    """Collects what must never happen, as it happens; `verdict.py` adds what only the end can show."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.objections: dict[str, Breach] = {}
        self.watched: list[str] = []
        self.writes = 0

    def object(self, breach: Breach, sentence: str) -> None:
        self.objections.setdefault(sentence, breach)

    # --- decision by decision

    def bytes_leave(self, process: Process, request: Request) -> None:
        """Judge a write at the moment its bytes leave."""
        self.writes += 1
        if self._world.ports.has_struck(*UNPROMISED):
            return
        token = Lease.objects.values_list("token", flat=True).get(account=self._world.account)
        if token != process.token:
            sentence = f"a stale owner (token {process.token}, the lease has {token}) sent {request.method}"
            self.object(Breach.WRITE, sentence)
        tag = self._world.side.tag_of(request)
        if tag is not None:
            self._order_leaves(process, tag)

    def _order_leaves(self, process: Process, tag: str) -> None:
        row = JournalEvent.objects.filter(account=self._world.account, kind="intent", payload__client_id=tag).first()
        if row is None:
            self.object(Breach.WRITE, f"{tag} left before its intent was durable")
            return
        if not self._is_marked(row.lease_token, tag):
            self.object(Breach.WRITE, f"{tag} left without a mark in the send log")
        order = process.session.engine.state.orders.get(tag)
        if order is None or self._world.now() > order.send_by:
            self.object(Breach.WRITE, f"{tag} left after its time")
        elif order.intent.purpose is Purpose.ENTRY:
            self._entry_leaves(process, order)

    def _is_marked(self, token: int, tag: str) -> bool:
        path = self._world.folder / "sendlog" / f"{self._world.account_id}-{token}.log"
        return path.exists() and mark_of(tag) in path.read_bytes()

    def _entry_leaves(self, process: Process, order: Any) -> None:
        switches = process.session.engine.state.switches
        states = (switches.desk, switches.account, *switches.deployments.values())
        if any(state.is_engaged for state in (switches.desk, switches.account)):
            self.object(Breach.WRITE, f"the entry {order.client_id} left under an engaged kill switch")
        if sum(state.epoch for state in states) != order.kill_epoch:
            self.object(Breach.WRITE, f"the entry {order.client_id} left although a switch moved after its approval")
        if order.cancel_wanted:
            self.object(Breach.WRITE, f"the entry {order.client_id} left after it was cancelled")

    # --- protection

    def must_be_flat(self, symbol: str, within_s: float) -> None:
        """Expect a position to be closed, or an alarm to stand, by a deadline."""
        self.watched.append(symbol)
        self._world.loop.call_later(within_s, self._look, symbol, within_s, self._world.dark_s)

    def must_not_rest(self, within_s: float) -> None:
        """Expect that no order works at the venue any more, by a deadline."""
        self._world.loop.call_later(within_s, self._look_for_resting, within_s, self._world.dark_s)

    def _look_for_resting(self, within_s: float, excused_s: float) -> None:
        dark_s = self._world.dark_s
        if dark_s > excused_s:
            self._world.loop.call_later(dark_s - excused_s, self._look_for_resting, within_s, dark_s)
        elif self._world.resting():
            self.object(Breach.NAKED, f"an entry still worked {within_s:g} s after its desk was gone")

    def _look(self, symbol: str, within_s: float, excused_s: float = 0.0) -> None:
        dark_s = self._world.dark_s
        if dark_s > excused_s:
            # a host without power, or without a session at the venue, protects nothing: its deadline goes on after
            self._world.loop.call_later(dark_s - excused_s, self._look, symbol, within_s, dark_s)
            return
        if not self._world.held(symbol) or self.has_alarm(symbol):
            return
        if waits_as_cover(replayed(self._world.account_id), symbol):
            self._look_after_doubt(symbol, within_s)
        else:
            sentence = f"{symbol} was held without an alarm {within_s:g} s after its exit was asked for"
            self.object(Breach.NAKED, sentence)

    def _look_after_doubt(self, symbol: str, within_s: float) -> None:
        """Begin the deadline of what covers a doubt anew once that is over: only then is its exit asked for."""
        if waits_as_cover(replayed(self._world.account_id), symbol):
            self._world.loop.call_later(DOUBT_LOOK_S, self._look_after_doubt, symbol, within_s)
        else:
            self._world.loop.call_later(within_s, self._look, symbol, within_s, self._world.dark_s)

    def has_alarm(self, symbol: str) -> bool:
        """Tell whether a person knows that a position stands unprotected."""
        state = replayed(self._world.account_id)
        doubtful = any(order.is_doubtful for order in state.open_orders() if order.intent.instrument.endswith(symbol))
        return doubtful or any(kind in ALARMS for kind, _ in state.discrepancies)

    # --- at the end

    def settled(self) -> bool:
        """Tell whether one owner hosts the account and nothing of its orders is under way."""
        sessions = self._world.sessions()
        if self._world.side.awaits_orders() or self._world.is_anything_under_way():
            return False  # an order is still on its way to the exchange, or a process will yet go on
        if Command.objects.filter(account=self._world.account, state=CommandState.ACCEPTED).exists():
            return False  # its row stands before the desk hears of it
        if len(sessions) != 1 or not sessions[0].engine._desk.is_reconciled or sessions[0].has_writes:
            return False
        state = sessions[0].engine.state
        left = [o for o in state.open_orders() if ("unknown", o.client_id) not in state.discrepancies]
        pending = [g for g in state.goals.values() if g.quantity == 0 and not self._is_closed(state, g.key)]
        stuck = any(kind in ALARMS for kind, _ in state.discrepancies)
        under_way = pending or state.baskets_at_work
        return not left and (not under_way or stuck) and self._knows_the_ledger(state)

    def _is_closed(self, state: Any, key: Any) -> bool:
        # what others sold of it stands under nobody's name, and a person has been told
        elsewhere = ("closed_elsewhere", f"{key.instrument} {key.strategy_key}")
        return not state.positions.get(key).is_open or elsewhere in state.discrepancies

    def _knows_the_ledger(self, state: Any) -> bool:
        return len(self._world.side.fills()) <= len(state.fills_today)

    def counted(self) -> Counter[Breach]:
        """Return how many objections there are of each kind."""
        return Counter(self.objections.values())


def waits_as_cover(state: Any, symbol: str) -> bool:
    """Tell whether a basket keeps what it bought because a person was told of an order that may leave it written.

    Selling it before that order's fate is known would leave bare what the order sold, or failed to buy back.
    """
    for order in state.open_orders():
        basket = state.baskets.get(order.intent.deployment_id or "")
        if basket is None or basket.state is not BasketState.UNWINDING or not order.is_doubtful:
            continue
        leaves_written = order.intent.side is (Side.SELL if order.is_entry else Side.BUY)
        bought = [leg.instrument.partition(":")[2] for leg in basket.legs if leg.side is Side.BUY]
        if leaves_written and symbol in bought:
            return True
    return False


def replayed(account_id: str) -> Any:
    """Return the state that an account's journal tells, from its first row."""
    state = DeskState(account_id=account_id)
    rows = JournalEvent.objects.filter(account_id=account_id).order_by("seq").values_list("kind", "at", "payload")
    for kind, at, payload in rows:
        state.apply(Record(kind=kind, at=at, payload=payload))
    return state
