"""Whatever orders arrive, money and quantity are conserved and no limit is crossed."""

from hypothesis import given
from hypothesis import strategies as st

from brokers.simulator.orders import FINAL, Refusal
from tests.brokers.simulator.builders import NOW, STOCK, a_request, an_engine, quote, trades

USERS = ("AB1234", "CD5678")
ticks = st.integers(-40, 40).map(lambda n: 100_000 + 10 * n)
places = st.tuples(
    st.just("place"),
    st.sampled_from(USERS),
    st.sampled_from(["BUY", "SELL"]),
    st.integers(1, 400),
    ticks,
    st.sampled_from(["DAY", "IOC"]),
)
moves = st.tuples(st.just("market"), ticks, st.integers(1, 300), st.sampled_from([-1, 0, 1]), st.integers(1, 80))
changes = st.tuples(st.just("modify"), st.integers(0, 30), ticks, st.integers(1, 400))
cancels = st.tuples(st.just("cancel"), st.integers(0, 30))


def act(engine, placed, event):
    kind, *values = event
    if kind == "place":
        user, side, quantity, price, validity = values
        request = a_request(side=side, quantity=quantity, price=price, validity=validity)
        placed.append(engine.place(user, request, NOW))
    elif kind == "market":
        price, quantity, aggressor, lots = values
        quote(engine.board, STOCK, price - 10, price + 10, lots)
        engine.on_step(trades(engine.board, STOCK, price, quantity, aggressor), NOW)
    elif placed:
        order = placed[values[0] % len(placed)]
        if kind == "modify":
            engine.modify(order.account, order.order_id, {"price": values[1], "quantity": values[2]}, NOW)
        else:
            engine.cancel(order.account, order.order_id, NOW)


@given(st.lists(st.one_of(places, moves, changes, cancels), max_size=40))
def test_random_order_flow_conserves_cash_and_positions_and_respects_limits(events):
    engine, placed = an_engine(cash="1_00_00_000"), []

    for event in events:
        limits = {order.order_id: order.price for order in placed}
        before = len(engine.ledger)
        try:
            act(engine, placed, event)
        except Refusal:
            assert len(engine.ledger) == before
        # A modification's own new price is the limit of the fills it causes.
        limits |= {order.order_id: order.price for order in placed}
        for row in engine.ledger.rows(since=before):
            sign = 1 if row["side"] == "BUY" else -1
            assert (limits[row["order_id"]] - row["price_paise"]) * sign >= 0

    _agrees(engine, placed)


def _agrees(engine, placed):
    for user in USERS:
        fills = engine.ledger.rows(account=user)
        signed = [(1 if fill["side"] == "BUY" else -1) * fill["quantity"] for fill in fills]
        spent = sum(q * fill["price_paise"] for q, fill in zip(signed, fills, strict=True))
        account = engine.accounts[user]
        position = account.positions.get(("NSE", "INFY", "MIS"))
        assert sum(signed) == (position.quantity if position else 0)
        last = int(engine.board.last[STOCK])
        assert (position.profit(last) if position else 0) == sum(signed) * last - spent
        assert account.blocked >= 0
    for order in placed:
        fills = [fill for fill in engine.ledger.rows() if fill["order_id"] == order.order_id]
        assert sum(fill["quantity"] for fill in fills) == order.filled
        assert order.filled + order.cancelled + (0 if order.status in FINAL else order.remaining) == order.quantity
        assert [row.filled for row in order.history] == sorted(row.filled for row in order.history)
