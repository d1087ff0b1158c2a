"""Whatever is answered, lost, told twice or told late: no basket is ever naked, and none is left half done in silence."""

from datetime import timedelta
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from brokers.domain.orders import OrderStatus, Purpose, Side
from execution.domain.events import FeedChanged, Link, OrderSeen, SendResult, TradeSeen, Write
from tests.execution.domain.basket_script import (
    BASKET,
    CALL_SPREAD,
    CONDOR,
    FUTURE,
    HIGH_CALL,
    HIGH_PUT,
    LATE_CALL,
    LOW_CALL,
    LOW_PUT,
    STRIP,
    BasketScript,
    buy,
    sell,
)

SLOW = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
HEDGED_WITH_A_FUTURE = (sell(LOW_CALL), buy(FUTURE), buy(LOW_PUT))
ANSWERS = ["accept", "lose the answer", "vanish", "refuse", "never send"]
ACTS = st.sampled_from(
    [
        *ANSWERS,
        "accept",
        "accept",
        "accept",
        "fill",
        "fill",
        "fill newest",
        "fill part",
        "fill unseen",
        "venue cancels",
        "venue rejects",
        "tell again",
        "obey",
        "ignore a cancel",
        "read",
        "wait",
        "wait long",
        "restart",
        "kill",
        "unkill",
        "stop",
        "take back",
        "silent",
        "connected",
    ]
)


class Judged(BasketScript):
    """A desk whose every sending and every trade is judged as it happens."""

    def run(self, event):
        commands = super().run(event)
        self.judge()
        return commands

    def judge(self):
        assert self.is_covered_at_the_venue()
        sent = [p.order.client_id for p in self.placed]
        assert len(sent) == len(set(sent))
        for order in self.orders:
            assert order.filled_quantity <= order.intent.quantity

    def _carry_out(self, command):
        intent = getattr(getattr(command, "order", None), "intent", None)
        if intent is not None and intent.purpose is Purpose.ENTRY and intent.side is Side.SELL:
            bought = [n for n, leg in enumerate(self.basket.legs) if leg.side is Side.BUY]
            assert all(self.basket.is_filled(n) for n in bought), "a written leg was sent before its cover was held"
        super()._carry_out(command)

    def traded(self, instrument):
        trades = (t for t in self.venue.trades if t.instrument == instrument.key)
        return sum((t.quantity * t.side.sign for t in trades), Decimal(0))

    def is_covered_at_the_venue(self):
        calls = sum(self.traded(one) for one in (LOW_CALL, HIGH_CALL, LATE_CALL, FUTURE))
        puts = self.traded(HIGH_PUT) + self.traded(LOW_PUT) - self.traded(FUTURE)
        return calls >= 0 and (puts >= 0 or self.traded(FUTURE) > 0)


def waiting(desk):
    return [p for p in desk.placed if (o := desk.engine.order(p.order.client_id)) and o.is_in_flight]


def answer(desk, act):
    if not waiting(desk):
        return
    first = waiting(desk)[0]
    if act == "accept":
        desk.accept(first)
    elif act == "refuse":
        desk.answer(first.order.client_id, SendResult.REJECTED, message="margin")
    elif act == "never send":
        desk.answer(first.order.client_id, SendResult.NOT_SENT, message="its turn did not come")
    else:
        if act == "lose the answer":
            desk.venue.take(first, desk.now)
        desk.answer(first.order.client_id, SendResult.AMBIGUOUS)


def fill(desk, act, live):
    if act == "fill unseen":
        rows = [row for row in desk.venue.orders.values() if row.pending_quantity and not row.status.startswith("CANC")]
        if rows:
            desk.venue.fill(rows[0].venue_order_id, rows[0].pending_quantity, "100", desk.now)
    elif live:
        order = live[-1] if act == "fill newest" else live[0]
        row = desk.venue.orders[order.venue_order_id]
        desk.fill(1 if act == "fill part" else row.pending_quantity, "100", order=order)


def obey(desk):
    """Let the venue carry out the cancels and new prices that are under way."""
    for order in desk.working:
        row = desk.venue.orders.get(order.venue_order_id)
        if row is None or order.writing is None:
            continue
        if order.writing is Write.CANCEL and row.pending_quantity:
            desk.show(desk.venue.end(order.venue_order_id, OrderStatus.CANCELLED))
        else:
            desk.answer(order.client_id, SendResult.NOT_SENT, write=order.writing, message="too late")


def at_the_venue(desk, act, live):
    """Do what the venue does of its own accord."""
    if act.startswith("fill"):
        fill(desk, act, live)
    elif act.startswith("venue") and live:
        is_cancel = act.endswith("cancels") or live[0].filled_quantity
        status = OrderStatus.CANCELLED if is_cancel else OrderStatus.REJECTED
        desk.show(desk.venue.end(live[0].venue_order_id, status))
    elif act == "tell again":
        for row in list(desk.venue.orders.values())[:2]:
            desk.run(OrderSeen(at=desk.now, order=row))
        for trade in desk.venue.trades[:2]:
            desk.run(TradeSeen(at=desk.now, trade=trade))
    elif act == "obey":
        obey(desk)
    elif act == "ignore a cancel":
        for order in [o for o in desk.working if o.writing is not None]:
            desk.answer(order.client_id, SendResult.REJECTED, write=order.writing, message="no")


def at_the_desk(desk, act):
    """Do what people, time and the way to the venue do."""
    if act == "read":
        desk.now += timedelta(milliseconds=1)
        desk.read_books()
    elif act.startswith("wait"):
        desk.pass_time(35 if act == "wait long" else 4)
    elif act == "restart":
        desk.restart()
    elif act in ("kill", "unkill"):
        desk.act(act, scope="account", reason="a test")
    elif act in ("stop", "take back"):
        desk.act("live_stop" if act == "stop" else "basket_unwind", basket_id=BASKET)
    elif act in ("silent", "connected"):
        desk.run(FeedChanged(at=desk.now, state=Link(act)))


def do(desk, act):
    live = [o for o in desk.working if o.venue_order_id and desk.venue.orders[o.venue_order_id].pending_quantity]
    if act in ANSWERS:
        answer(desk, act)
    else:
        at_the_venue(desk, act, live)
        at_the_desk(desk, act)


def begin(desk, fills):
    """Let the venue be good until some orders have filled."""
    for _ in range(fills):
        for placement in waiting(desk):
            desk.accept(placement)
        do(desk, "fill")


def settle(desk):
    """Let the venue be good for as long as it takes."""
    desk.act("unkill", scope="account", reason="a test")
    desk.run(FeedChanged(at=desk.now, state=Link.CONNECTED))
    for _ in range(len(STRIP)):  # what was sent last fills first, and cancels come too late
        for placement in waiting(desk):
            desk.accept(placement)
        do(desk, "fill newest")
    for _ in range(30):
        for placement in waiting(desk):
            desk.accept(placement)
        obey(desk)
        desk.pass_time(9)
        desk.read_books()
        for order in [o for o in desk.working if o.venue_order_id]:
            row = desk.venue.orders[order.venue_order_id]
            if row.pending_quantity and order.writing is None:
                desk.fill(row.pending_quantity, "100", order=order)


@SLOW
@given(
    legs=st.sampled_from([CALL_SPREAD, CONDOR, HEDGED_WITH_A_FUTURE]),
    policy=st.sampled_from(["unwind", "hold"]),
    fills=st.integers(0, 4),
    acts=st.lists(ACTS, max_size=14),
)
def test_no_interleaving_leaves_a_basket_naked_or_half_done(legs, policy, fills, acts):
    desk = Judged().start()
    desk.obedient = False
    desk.send(*legs, policy=policy, deadline_s=30)
    begin(desk, fills)

    for act in acts:
        do(desk, act)
    settle(desk)

    for instrument in STRIP:
        assert desk.held_of(instrument) == desk.traded(instrument)
    in_doubt = [o for o in desk.orders if o.is_doubtful]
    if in_doubt:
        assert "unknown" in desk.inbox  # absence that nothing proves waits for a human, and is told
    elif desk.state in ("unwound", "refused"):
        assert not any(desk.held_of(instrument) for instrument in STRIP)
    elif desk.state == "filled":
        assert [leg.filled for leg in desk.basket.progress] == [leg.quantity for leg in desk.basket.legs]
    else:
        assert (desk.state, policy) == ("held", "hold")
        assert "basket_held" in desk.inbox
