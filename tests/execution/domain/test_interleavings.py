"""Whatever order things are told in, no fill is lost or doubled and nothing is sent twice."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brokers.domain.orders import OrderStatus
from execution.domain.events import Act, FeedChanged, Link, OrderSeen, SendResult, TradeSeen, Via
from tests.execution.domain.desk_script import DeskScript

SLOW = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def told_in_parts(desk, parts):
    """Return everything the venue will ever tell of the first order, in its true order."""
    at = desk.now
    row = desk.venue.take(desk.placed[0], at)
    told = [row, replace(row, status=OrderStatus.ACCEPTED)]
    for part in parts:
        if sum(parts) and desk.venue.orders[row.venue_order_id].pending_quantity >= part:
            told += desk.venue.fill(row.venue_order_id, part, "101", at)
    if desk.venue.orders[row.venue_order_id].pending_quantity > 0:
        told.append(desk.venue.end(row.venue_order_id, OrderStatus.CANCELLED))
    return told


def tell(desk, thing):
    if hasattr(thing, "trade_id"):
        desk.run(TradeSeen(at=desk.now, trade=thing))
    else:
        desk.run(OrderSeen(at=desk.now, order=thing, via=Via.STREAM))


@SLOW
@given(
    parts=st.lists(st.integers(1, 40), max_size=4),
    answer=st.sampled_from([SendResult.CONFIRMED, SendResult.AMBIGUOUS, None]),
    data=st.data(),
)
def test_any_interleaving_of_updates_ends_in_the_same_position(parts, answer, data):
    desk = DeskScript(config={"entry_patience_s": 1e6}).start()
    desk.obedient = False
    desk.bar(101.0)
    told = told_in_parts(desk, parts)
    shuffled = data.draw(st.permutations(told + data.draw(st.lists(st.sampled_from(told), max_size=6))))

    for thing in shuffled[: len(shuffled) // 2]:
        tell(desk, thing)
    if answer is not None:
        desk.answer(desk.placed[0].order.client_id, answer, venue_order_id="V1" if answer == "confirmed" else "")
    for thing in shuffled[len(shuffled) // 2 :]:
        tell(desk, thing)
    desk.now += timedelta(seconds=1)
    desk.read_books()

    order = desk.orders[0]
    true = desk.venue.orders["V1"]
    assert order.filled_quantity == true.filled_quantity == desk.held
    assert order.status is true.status
    assert order.is_settled
    assert len([p for p in desk.placed if not p.order.intent.reduce_only]) == 1


ACTS = st.sampled_from(
    [
        "bar up",
        "bar flat",
        "bar down",
        "fill",
        "fill part",
        "cancel",
        "reject",
        "lose the answer",
        "answer",
        "read",
        "wait",
        "kill",
        "unkill",
        "restart",
        "silent",
        "connected",
    ]
)


def do(desk, act):
    live = [o for o in desk.working if o.venue_order_id]
    waiting = [p for p in desk.placed if desk.engine.order(p.order.client_id).is_in_flight]
    if act.startswith("bar"):
        desk.bar({"bar up": 101.0, "bar flat": 95.0, "bar down": 85.0}[act])
    elif act == "fill" and live:
        desk.fill(order=live[0])
    elif act == "fill part" and live:
        desk.fill(1, order=live[0])
    elif act in ("cancel", "reject") and live:
        status = OrderStatus.CANCELLED if act == "cancel" or live[0].filled_quantity else OrderStatus.REJECTED
        desk.show(desk.venue.end(live[0].venue_order_id, status))
    elif act == "lose the answer" and waiting:
        desk.venue.take(waiting[0], desk.now)
        desk.answer(waiting[0].order.client_id, SendResult.AMBIGUOUS)
    elif act == "answer" and waiting:
        desk.accept(waiting[0])
    elif act == "read":
        desk.now += timedelta(seconds=1)
        desk.read_books()
    elif act == "wait":
        desk.pass_time(7)
    elif act in (Act.KILL, Act.UNKILL):
        desk.act(act, scope="account", reason="a test")
    elif act == "restart":
        desk.restart()
    elif act in ("silent", "connected"):
        desk.run(FeedChanged(at=desk.now, state=Link(act)))


@SLOW
@given(st.lists(ACTS, max_size=14))
def test_any_day_keeps_the_journal_the_venue_and_the_switch_in_agreement(acts):
    """The script itself checks, at every step, that replay equals the live state and that no
    entry is sent while a switch is engaged.
    """
    desk = DeskScript(config={"entry_patience_s": 20.0}).start()
    desk.obedient = False

    for act in acts:
        do(desk, act)
        working = [o for o in desk.working if not o.is_doubtful]
        assert len(working) <= 1
    for _ in range(2):
        desk.now += timedelta(seconds=6)
        desk.read_books()

    at_venue = sum((t.quantity * t.side.sign for t in desk.venue.trades), Decimal(0))
    assert desk.held == at_venue
    sent = [p.order.client_id for p in desk.placed]
    assert len(sent) == len(set(sent))
    assert "journal_lost" not in desk.inbox
    assert not any(o.client_id.startswith("EXT-") for o in desk.orders)
    overshoot = [o for o in desk.orders if o.filled_quantity > o.intent.quantity]
    assert overshoot == []
