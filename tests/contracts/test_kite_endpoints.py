"""Every call of the Kite adapter, asked of the simulated venue: what one says, the other understands."""

import random
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from brokers.adapters.kite import accounts, alerts, calculators, gtt, listing, mutual_funds, orders, portfolio, quotes
from brokers.domain.alerts import AlertRule, Comparison
from brokers.domain.custody import AuthorisedShare, PositionAge, PositionConversion
from brokers.domain.gtt import GttTarget
from brokers.domain.orders import OrderStatus, OrderType, Product, Side, UnreadableRow
from brokers.domain.terms import OrderTerms, Variety
from tests.brokers.adapters.doubles import an_order, permit

pytestmark = pytest.mark.slow


def an_id():
    return f"W1E{random.randrange(10**9):09d}"


def a_limit(bench, price, **words):
    words = {"order_type": OrderType.LIMIT, "quantity": 10, "client_id": an_id()} | words
    return an_order(instrument=bench.instrument.key, price=price, **words)


async def test_a_user_and_funds_are_read(bench, session):
    profile = await bench.venue.ask(accounts.profile())
    full = await bench.venue.ask(accounts.full_profile())
    funds = await bench.venue.ask(accounts.funds())
    equity = await bench.venue.ask(accounts.segment_funds(accounts.Segment.EQUITY))

    assert profile.user_id == full.profile.user_id == session.user_id
    assert funds["equity"].net == equity.net == equity.available.live_balance
    assert not funds["commodity"].is_enabled


async def test_an_order_is_reported_with_its_history_and_its_trades(bench):
    order_id, client_id = await bench.place(quantity=3)
    await bench.until(order_id, OrderStatus.FILLED)

    reports = await bench.venue.ask(orders.book())
    states = await bench.venue.ask(orders.history(order_id))
    trades = await bench.venue.ask(orders.trades_of(order_id))

    (mine,) = [report for report in reports if client_id in report.order.tags]
    assert mine.exchange_order_id
    assert states[-1].order.status is OrderStatus.FILLED
    assert sum(trade.trade.quantity for trade in trades) == 3
    assert {trade.trade.trade_id for trade in trades} <= {
        trade.trade.trade_id for trade in await bench.venue.ask(orders.trades())
    }


async def test_an_iceberg_shows_one_leg_at_a_time(bench):
    order = a_limit(bench, await bench.far())
    terms = OrderTerms(variety=Variety.ICEBERG, iceberg_legs=5)

    receipt = await bench.venue.act(orders.place(order, bench.instrument, terms), permit)
    row = await bench.until(receipt.venue_order_id, OrderStatus.OPEN)
    (report,) = await reports_of(bench, receipt.venue_order_id)

    assert (row.variety, row.quantity) == ("iceberg", 2)
    assert (report.iceberg.legs, report.iceberg.total_quantity) == (5, 10)
    await bench.venue.cancel(receipt.venue_order_id, permit)
    await bench.until(receipt.venue_order_id, OrderStatus.CANCELLED)


async def test_a_cover_order_brings_its_own_stop_and_is_left_through_it(bench):
    last = await bench.last()
    order = an_order(
        instrument=bench.instrument.key,
        quantity=2,
        client_id=an_id(),
        trigger=bench.instrument.price_below(last * Decimal("0.98")),
    )

    receipt = await bench.venue.act(orders.place(order, bench.instrument, OrderTerms(variety=Variety.COVER)), permit)
    await bench.until(receipt.venue_order_id, OrderStatus.FILLED)
    stops = [row for row in await bench.venue.orders() if row.parent_order_id == receipt.venue_order_id]

    assert [(stop.variety, stop.side, stop.quantity) for stop in stops] == [("co", Side.SELL, 2)]
    await bench.venue.act(orders.cancel(stops[0]), permit)
    ended = await bench.until(stops[0].venue_order_id, OrderStatus.FILLED, OrderStatus.CANCELLED)
    assert ended.filled_quantity in (0, 2)


async def test_an_order_lives_for_minutes(bench):
    order = a_limit(bench, await bench.far())

    receipt = await bench.venue.act(orders.place(order, bench.instrument, OrderTerms(live_minutes=7)), permit)

    (report,) = await reports_of(bench, receipt.venue_order_id)
    assert (report.validity, report.validity_minutes) == ("TTL", 7)


async def test_a_part_of_an_order_is_disclosed(bench):
    order = a_limit(bench, await bench.far())
    terms = OrderTerms(disclosed_quantity=Decimal(2))

    receipt = await bench.venue.act(orders.place(order, bench.instrument, terms), permit)

    (report,) = await reports_of(bench, receipt.venue_order_id)
    assert report.disclosed_quantity == 2


async def reports_of(bench, order_id):
    reports = await bench.venue.ask(orders.book())
    return [report for report in reports if report.order.venue_order_id == order_id]


async def test_a_trigger_with_two_legs_is_left_changed_and_taken_away(bench):
    last = await bench.last()
    price = bench.instrument.price_of
    stop = a_limit(
        bench,
        price(last * Decimal("0.90")),
        side=Side.SELL,
        order_type=OrderType.STOP_LIMIT,
        trigger=price(last * Decimal("0.91")),
        product=Product.DELIVERY,
    )
    target = GttTarget(trigger_price=price(last * Decimal("1.1")), price=price(last * Decimal("1.09")))

    trigger_id = await bench.venue.act(gtt.place(stop, bench.instrument, last_price=last, target=target), permit)
    waiting = await bench.venue.ask(gtt.one(trigger_id))
    assert [leg.trigger_price for leg in waiting.legs] == [stop.intent.trigger_price, target.trigger_price]

    await bench.venue.act(gtt.replace(trigger_id, stop, bench.instrument, last_price=last), permit)
    assert (await bench.venue.ask(gtt.one(trigger_id))).kind == "single"

    await bench.venue.act(gtt.delete(trigger_id), permit)
    statuses = {entry.trigger_id: entry.status for entry in await bench.venue.ask(gtt.listed())}
    assert statuses[trigger_id] == "deleted"


async def test_an_alert_is_left_changed_looked_at_and_taken_away(bench):
    rule = AlertRule(name="far", instrument=bench.instrument.key, comparison=Comparison.ABOVE, constant=Decimal(99_999))
    other = AlertRule(
        name="two", instrument=bench.instrument.key, comparison=Comparison.ABOVE, other_instrument="NSE:INFY"
    )

    made = await bench.venue.act(alerts.create(rule), permit)
    changed = await bench.venue.act(alerts.replace(made.alert_id, other), permit)

    assert (made.constant, changed.other_instrument) == (99_999, "NSE:INFY")
    assert made.alert_id in {alert.alert_id for alert in await bench.venue.ask(alerts.listed())}
    assert (await bench.venue.ask(alerts.one(made.alert_id))).name == "two"
    assert isinstance(await bench.venue.ask(alerts.history(made.alert_id)), list)
    await bench.venue.act(alerts.delete(made.alert_id), permit)


async def test_an_alert_keeps_the_basket_it_would_place(bench):
    rule = AlertRule(name="buy", instrument=bench.instrument.key, comparison=Comparison.BELOW, constant=Decimal(1))
    order = a_limit(bench, await bench.far())

    made = await bench.venue.act(alerts.create(rule, [(order, bench.instrument)]), permit)
    kept = await bench.venue.ask(alerts.one(made.alert_id))

    assert [(item.instrument, item.quantity, item.price) for item in kept.basket] == [
        (bench.instrument.key, 10, order.intent.price)
    ]
    await bench.venue.act(alerts.delete(made.alert_id), permit)


async def test_a_position_is_converted(bench):
    order_id, _ = await bench.place(quantity=2, product=Product.INTRADAY)
    await bench.until(order_id, OrderStatus.FILLED)
    books = await bench.venue.ask(portfolio.positions())
    assert not [row for row in (*books.net, *books.day) if isinstance(row, UnreadableRow)]
    held = {(row.position.instrument, row.position.product): row.position.quantity for row in books.net}
    bought = held[bench.instrument.key, Product.INTRADAY]
    conversion = PositionConversion(
        instrument=bench.instrument.key,
        side=Side.BUY if bought > 0 else Side.SELL,
        age=PositionAge.DAY,
        quantity=Decimal(1),
        old_product=Product.INTRADAY,
        new_product=Product.DELIVERY,
    )

    assert await bench.venue.act(portfolio.convert(conversion), permit)

    after = {
        (row.position.instrument, row.position.product): row.position.quantity
        for row in (await bench.venue.ask(portfolio.positions())).net
    }
    assert abs(after[bench.instrument.key, Product.INTRADAY]) == abs(bought) - 1


async def test_holdings_are_read_in_all_their_forms_and_authorised(bench):
    held = await bench.venue.ask(portfolio.holdings())
    summary = await bench.venue.ask(portfolio.holdings_summary())
    compact = await bench.venue.ask(portfolio.holdings_compact())
    wanted = await bench.venue.ask(portfolio.auctions())
    share = AuthorisedShare(isin=held[0].isin if held else "INE002A01018", quantity=Decimal(1))

    begun = await bench.venue.authorise_holdings([share], permit)

    assert len(held) == len(compact)
    assert summary.current_value >= 0
    assert isinstance(wanted, list)
    assert begun.request_id


async def test_margins_and_charges_are_calculated(bench):
    intent = a_limit(bench, await bench.far()).intent
    pair = (intent, bench.instrument)
    execution = calculators.Execution(
        name="one", intent=intent, instrument=bench.instrument, average_price=intent.price
    )

    (alone,) = await bench.venue.ask(calculators.order_margins([pair]))
    basket = await bench.venue.ask(calculators.basket_margins([pair, pair]))
    (note,) = await bench.venue.ask(calculators.contract_notes([execution]))

    assert alone.total > 0
    assert len(basket.orders) == 2
    assert basket.final.total <= basket.initial.total
    assert note.charges.total > 0


async def test_the_market_is_read_in_every_detail(bench):
    key = bench.instrument.key

    full = (await bench.venue.full_quotes([key]))[key]
    day = (await bench.venue.day_quotes([key]))[key]
    band = (await bench.venue.ask(quotes.trigger_ranges(Side.BUY, [key])))[key]
    listed = (await bench.venue.ask(listing.contracts("NSE"))).instruments

    assert full.lower_circuit < full.last_price < full.upper_circuit
    assert (len(full.bids), len(full.asks), day.day.low <= day.last_price <= day.day.high) == (5, 5, True)
    assert band.lower < band.upper
    assert {instrument.exchange for instrument in listed} == {"NSE"}


async def test_candles_come_with_open_interest(bench):
    options = [entry for entry in await bench.venue.instruments("NFO") if entry.expiry]
    start = datetime(2026, 11, 20, 3, 45, tzinfo=UTC)

    rows = await bench.venue.interest_history(options[0], 60, start, start.replace(hour=4, minute=15))

    assert len(rows) == 30
    assert all(row.open_interest is not None for row in rows)


async def test_mutual_funds_can_be_looked_at(bench):
    for question in (mutual_funds.orders(), mutual_funds.plans(), mutual_funds.holdings(), mutual_funds.listing()):
        assert isinstance(await bench.venue.ask(question), list)
