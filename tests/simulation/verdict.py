"""The oracle at the end of a run: the exchange's own ledger and books against journal and rows."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from brokers.domain.errors import DataError
from brokers.domain.orders import Origin, Side
from execution.journal import verify_chain
from execution.models import Fill, JournalEvent, Lease, Order, PositionRow
from risk.models import KillSwitch
from tests.simulation.judge import Breach, replayed
from tests.simulation.sides import BookOrder

if TYPE_CHECKING:
    from tests.simulation.world import World


def pronounce(world: World) -> None:
    """Add what only the end can show to the judge's objections."""
    state = replayed(world.account_id)
    for check in (_lost, _doubled, _walk, _external, _naked, _chain, _owners, _rows, _switch, _memory):
        check(world, state)


def _lost(world: World, state: Any) -> None:
    ledger = Counter((f.order_id, f.trade_id, f.side, f.quantity, f.price) for f in world.side.fills())
    journal = Counter((f.venue_order_id, f.trade_id, str(f.side), f.quantity, f.price) for f in state.fills_today)
    if ledger - journal:
        world.judge.object(Breach.LOST, f"{(ledger - journal).total()} fills of the ledger are not in the journal")
    if journal - ledger:
        world.judge.object(Breach.DOUBLED, f"{(journal - ledger).total()} fills of the journal are not in the ledger")
    rows = Fill.objects.filter(account=world.account).count()
    if rows != ledger.total():
        breach = Breach.LOST if rows < ledger.total() else Breach.DOUBLED
        world.judge.object(breach, f"{rows} rows of fills for {ledger.total()} fills of the ledger")


def _doubled(world: World, state: Any) -> None:
    entries: Counter[tuple[Any, ...]] = Counter()
    for tag, times in Counter(order.tag for order in _orders(world) if order.tag).items():
        if times > 1:
            world.judge.object(Breach.DOUBLED, f"{tag} stands {times} times in the venue's book")
        known = state.orders.get(tag)
        if known is not None and known.is_entry:
            entries[known.intent.deployment_id, known.intent.instrument, known.intent.decided_at] += times
    if any(times > 1 for times in entries.values()):
        world.judge.object(Breach.DOUBLED, "one decision to enter became two orders")


def _walk(world: World, state: Any) -> None:
    by_holder: dict[tuple[str, str | None, Side], Decimal] = defaultdict(Decimal)
    for order in state.orders.values():
        if order.is_entry and order.intent.origin is not Origin.EXTERNAL:
            holder = order.intent.instrument.partition(":")[2], order.intent.deployment_id, order.intent.side
            by_holder[holder] = max(by_holder[holder], order.intent.quantity)
    wanted: dict[tuple[str, Side], Decimal] = defaultdict(Decimal)
    for (symbol, _, side), quantity in by_holder.items():
        wanted[symbol, side] += quantity
    held: dict[str, Decimal] = defaultdict(Decimal)
    for fill in world.side.fills():
        held[fill.symbol] += fill.quantity * (1 if fill.side == "BUY" else -1)
        least, most = -wanted[fill.symbol, Side.SELL], wanted[fill.symbol, Side.BUY]
        if not least <= held[fill.symbol] <= most:
            sentence = f"{fill.symbol} came to {held[fill.symbol]}, wanted were {least} to {most}"
            world.judge.object(Breach.DOUBLED, sentence)
        if state.baskets and sum(held.values()) < 0:
            world.judge.object(Breach.NAKED, f"a basket had sold more than it held: {dict(held)}")


def _external(world: World, state: Any) -> None:
    foreign = {o.client_id for o in state.orders.values() if o.intent.origin is Origin.EXTERNAL}
    strange = foreign - {f"EXT-{order_id}" for order_id in world.foreign}
    strange |= {subject for kind, subject in state.discrepancies if kind == "journal_lost"}
    strange |= {subject for kind, subject in state.discrepancies if kind == "external_order"} - world.foreign
    if strange:
        world.judge.object(Breach.EXTERNAL, f"orders of ours were taken for others': {sorted(strange)}")
    unknown = {o.order_id for o in _orders(world) if o.tag not in state.orders and o.order_id not in world.foreign}
    unknown |= {order_id for order_id in world.foreign if f"EXT-{order_id}" not in foreign}
    if unknown:
        world.judge.object(Breach.EXTERNAL, f"the venue holds orders that the journal does not: {sorted(unknown)}")


def _naked(world: World, _state: Any) -> None:
    for symbol in world.judge.watched:
        if world.held(symbol) and not world.judge.has_alarm(symbol):
            world.judge.object(Breach.NAKED, f"{symbol} is still held at the end, and no alarm stands")
    left = [o.order_id for o in _orders(world) if o.remaining > 0]
    if left:
        world.judge.object(Breach.NAKED, f"orders were left working at the venue: {left}")


def _orders(world: World) -> list[BookOrder]:
    return world.side.orders()


def _chain(world: World, _state: Any) -> None:
    try:
        verify_chain(world.account_id, world.folder / "tips.jsonl")
    except DataError as error:
        world.judge.object(Breach.JOURNAL, f"the journal does not verify: {error.message}")


def _owners(world: World, _state: Any) -> None:
    rows = JournalEvent.objects.filter(account=world.account).order_by("seq")
    tokens = list(rows.values_list("lease_token", flat=True))
    if tokens != sorted(tokens):
        world.judge.object(Breach.JOURNAL, "an older owner wrote to the journal after a newer one")
    takeovers = list(rows.filter(kind="takeover").values_list("lease_token", flat=True))
    if len(set(takeovers)) != len(takeovers):
        world.judge.object(Breach.JOURNAL, "two owners had the same token")


def _rows(world: World, state: Any) -> None:
    account = world.account
    shown = {o.client_id: (str(o.status), o.filled_quantity) for o in Order.objects.filter(account=account)}
    wanted = {o.client_id: (str(o.status), o.filled_quantity) for o in state.orders.values()}
    if shown != wanted:
        sentence = f"order rows differ from the replayed journal: {_difference(shown, wanted)}"
        world.judge.object(Breach.JOURNAL, sentence)
    held = {(p.instrument, p.strategy_key): p.quantity for p in PositionRow.objects.filter(account=account)}
    replay = {(p.key.instrument, p.key.strategy_key): p.quantity for p in state.positions.all()}
    if held != replay:
        sentence = f"position rows differ from the replayed journal: {_difference(held, replay)}"
        world.judge.object(Breach.JOURNAL, sentence)


def _switch(world: World, state: Any) -> None:
    engaged = KillSwitch.objects.filter(target_id=world.account.pk, is_engaged=True).exists()
    if engaged != state.switches.account.is_engaged:
        world.judge.object(Breach.JOURNAL, "the kill switch's row and the replayed journal differ")


def _memory(world: World, state: Any) -> None:
    token = Lease.objects.values_list("token", flat=True).get(account=world.account)
    for session in world.sessions():
        if session.grant.token == token and session.engine.state.fingerprint() != state.fingerprint():
            world.judge.object(Breach.JOURNAL, "the engine's memory differs from its replayed journal")


def _difference(left: dict[Any, Any], right: dict[Any, Any]) -> dict[Any, Any]:
    return {key: (left.get(key), right.get(key)) for key in {*left, *right} if left.get(key) != right.get(key)}
