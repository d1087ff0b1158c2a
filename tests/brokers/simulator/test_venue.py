"""The venue over days: sessions end, positions are carried, contracts expire."""

from datetime import date

import numpy as np

from brokers.simulator.candles import candle_stamp
from brokers.simulator.ledger import Ledger
from brokers.simulator.market import SyntheticMarket
from brokers.simulator.orders import Ids, Moment, OrderRequest, Status
from brokers.simulator.portfolio import Account, Holding
from brokers.simulator.sessions import SECOND_NS
from brokers.simulator.venue import Venue

USER = "AB1234"


def a_venue(day, *, cash=100_000_000, sink=None):
    market = SyntheticMarket(day=day, rng=np.random.default_rng(5), step_seconds=15.0)
    held = {"ITC": Holding(symbol="ITC", isin="INE154A01025", quantity=20, average=40_000)}
    account = Account(user_id=USER, cash=cash, holdings=held)
    venue = Venue(market=market, accounts=[account], ids=Ids(1), ledger=Ledger(sink))
    for _ in range(4):
        venue.advance(0)
    return venue, account


def trade(venue, exchange, symbol, *, quantity, product, side="BUY"):
    request = OrderRequest(
        exchange=exchange,
        symbol=symbol,
        side=side,
        quantity=quantity,
        product=product,
        order_type="MARKET",
        protection=5.0,
    )
    at = Moment(market_ns=venue.market.now_ns, wall_ns=0)
    order = venue.engine.place(USER, request, at)
    assert order.status is Status.COMPLETE
    return order


def end_day(venue):
    while venue.market.next_at_ns() is not None:
        venue.advance(0)
    venue.close_session(0)


def test_day_orders_end_with_their_segment():
    venue, _ = a_venue(date(2026, 11, 20))
    at = Moment(market_ns=venue.market.now_ns, wall_ns=0)
    common = {"side": "BUY", "order_type": "LIMIT", "quantity": 65, "product": "MIS"}
    last = int(venue.board.last[venue.board.row_of_key["NSE", "RELIANCE"]])
    stock = venue.engine.place(
        USER, OrderRequest(exchange="NSE", symbol="RELIANCE", price=last * 92 // 1000 * 10, **common), at
    )
    level = int(venue.board.last[venue.board.row_of_key["NFO", "NIFTY26NOVFUT"]])
    fut = venue.engine.place(
        USER, OrderRequest(exchange="NFO", symbol="NIFTY26NOVFUT", price=level * 92 // 1000 * 10, **common), at
    )

    phases = []
    while venue.market.next_at_ns() is not None:
        venue.advance(0)
        phases.append((venue.phase, stock.status, fut.status))
    venue.close_session(0)

    assert phases[0] == ("open", Status.OPEN, Status.OPEN)
    assert phases[-1] == ("closing", Status.CANCELLED, Status.OPEN)
    assert (venue.phase, fut.status) == ("closed", Status.CANCELLED)


def test_future_is_carried_overnight_at_its_cost():
    venue, account = a_venue(date(2026, 11, 18))
    order = trade(venue, "NFO", "NIFTY26NOVFUT", quantity=65, product="NRML")
    end_day(venue)
    last = int(venue.board.last[order.row])

    venue.open_next_day()

    position = account.positions["NFO", "NIFTY26NOVFUT", "NRML"]
    assert (position.carried, position.close_price) == (65, last)
    assert position.carried_price == order.filled_value // 65
    assert account.orders == {}


def test_expired_option_is_settled_into_cash():
    venue, account = a_venue(date(2026, 11, 23))
    symbol = next(x.symbol for x in venue.board.listings if x.is_option and x.strike == 2_480_000 and x.kind == "PE")
    order = trade(venue, "NFO", symbol, quantity=65, product="NRML")
    end_day(venue)
    worth = 65 * int(venue.board.last[order.row])
    cash = account.cash

    venue.open_next_day()

    assert account.positions == {}
    assert account.cash == cash + worth - order.filled_value // 65 * 65


def test_delivery_moves_into_and_out_of_holdings():
    venue, account = a_venue(date(2026, 11, 18))
    bought = trade(venue, "NSE", "INFY", quantity=10, product="CNC")
    sold = trade(venue, "NSE", "ITC", quantity=5, product="CNC", side="SELL")
    end_day(venue)

    venue.open_next_day()

    assert account.positions == {}
    assert (account.holdings["INFY"].quantity, account.holdings["ITC"].quantity) == (10, 15)
    assert account.holdings["INFY"].average == bought.filled_value // 10
    assert account.cash == 100_000_000 - bought.filled_value // 10 * 10 + sold.filled_value // 5 * 5


def test_ledger_outlives_the_day_and_feeds_its_sink():
    lines = []
    venue, account = a_venue(date(2026, 11, 18), sink=lines.append)
    trade(venue, "NSE", "INFY", quantity=10, product="MIS")
    end_day(venue)

    venue.open_next_day()

    assert account.fills == []
    assert len(venue.engine.ledger.rows()) == len(lines) >= 1
    assert venue.engine.ledger.rows(since=len(lines)) == []


def test_yesterday_stays_in_the_candles():
    venue, _ = a_venue(date(2026, 11, 18))
    end_day(venue)
    venue.open_next_day()
    venue.advance(0)
    nifty = venue.board.listings[venue.board.row_of_key["NSE", "NIFTY 50"]]
    last_s = venue.market.now_ns // SECOND_NS

    days = venue.candles(nifty, "day", last_s - 5 * 86_400, last_s)

    assert [candle_stamp(start)[:10] for start in days.start_s.tolist()] == ["2026-11-18", "2026-11-19"]


def test_warm_up_runs_to_the_time_asked_for():
    market = SyntheticMarket(day=date(2026, 11, 20), rng=np.random.default_rng(5), step_seconds=15.0)
    venue = Venue(market=market, accounts=[], ids=Ids(1), ledger=Ledger())
    target = (market.session.open_s + 3_600) * SECOND_NS

    venue.run_until(target, 0)

    assert target - 15 * SECOND_NS <= market.now_ns < target
