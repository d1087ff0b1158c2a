"""Perpetual contracts run as equities run: the same strategies and limits, and nothing ever closes."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from brokers.domain.orders import Book, OrderStatus, OrderType, Product, Purpose, Validity
from brokers.domain.perpetual_terms import MarginMode, PositionSide, VenueWallet
from execution.domain.events import (
    AccountTermsSeen,
    BooksDoubted,
    CountdownChanged,
    MarketRulesChanged,
    VenueClockSeen,
    WalletSeen,
)
from execution.domain.records import DeploymentState
from tests.builders import DEPLOYMENT, a_venue_order
from tests.execution.domain.desk_script import BUY, SELL
from tests.execution.domain.perpetual_script import BTC, SATURDAY_NIGHT, PerpetualScript

MIDNIGHT = datetime(2026, 8, 23, tzinfo=UTC)


def a_long_desk(**options):
    desk = PerpetualScript(**options).start()
    desk.bar(101.0)
    desk.fill()
    return desk


def deployment_of(desk):
    return desk.engine.state.deployments[DEPLOYMENT]


# --- orders


def test_a_strategy_written_for_shares_trades_a_perpetual_on_a_saturday_night():
    desk = PerpetualScript().start()

    desk.bar(101.0)

    intent = desk.placed[0].order.intent
    assert (intent.product, intent.validity, intent.side) == (Product.PERPETUAL, Validity.GOOD_TILL_CANCELLED, BUY)
    assert (intent.quantity, intent.order_type, intent.price) == (Decimal("99.009"), OrderType.LIMIT, Decimal("101.2"))
    assert desk.placed[0].order.intent.reason == "BTCUSDT: closed at 101 at 23:21 UTC"


def test_an_exit_can_only_reduce_and_takes_what_is_left_however_small():
    desk = PerpetualScript().start()
    desk.bar(101.0)
    desk.fill("0.003")
    desk.pass_time(15)

    desk.bar(95.0)

    exit_order = desk.placed[-1].order.intent
    assert (exit_order.purpose, exit_order.side, exit_order.reduce_only) == (Purpose.EXIT, SELL, True)
    assert exit_order.quantity == Decimal("0.003")  # worth 0.29, below the least of 5


def test_an_entry_below_the_venues_least_is_refused_with_a_sentence():
    desk = PerpetualScript().start(order_value_quote="5")

    desk.bar(101.0)

    assert desk.placed == []
    assert desk.refusals == ["least_notional"]
    assert deployment_of(desk).reason == (
        "ASTER:BTCUSDT: refused: order value 4.95, the least that ASTER:BTCUSDT takes is 5 and 1 % of room"
    )


def test_lots_are_the_venues_steps():
    desk = PerpetualScript().start(lots=250)

    desk.bar(101.0)

    assert desk.placed[0].order.intent.quantity == Decimal("0.250")


# --- the day


def test_the_day_rolls_at_midnight_utc_and_orders_stay():
    desk = a_long_desk()
    desk.bar(95.0)
    resting = desk.working[-1]

    desk.pass_time((MIDNIGHT - desk.now).total_seconds() + 1, ticking=False)
    desk.tick(96.0)

    assert desk.engine.state.venue_day == "2026-08-23"
    assert desk.engine.state.order(resting.client_id).status is OrderStatus.OPEN
    assert desk.held == Decimal("99.009")


def test_what_is_held_costs_the_day_its_price_at_midnight():
    desk = a_long_desk()
    desk.tick(104.0)
    desk.now = MIDNIGHT + timedelta(seconds=1)

    desk.tick(105.0)

    assert desk.position.day_average == Decimal("104.0")
    assert desk.position.realised_today_quote == desk.position.fees_today_quote == 0
    assert desk.view("portfolio")["live"]["pnl_today"]["unrealised"] == "99.0090"


def test_limits_begin_anew_with_the_day():
    desk = a_long_desk(limits={"max_daily_loss_quote": Decimal(100)})
    desk.bar(91.0)
    desk.fill(price="91")
    desk.bar(101.0)
    assert desk.refusals == ["daily_loss"]

    desk.now = MIDNIGHT + timedelta(seconds=61)
    desk.tick()
    desk.bar(95.0)
    desk.bar(101.0)

    assert len(desk.placed) == 3


def test_nothing_is_squared_off_or_cut_off_over_a_weekend():
    desk = a_long_desk()

    for _ in range(48):
        desk.now += timedelta(hours=1)
        desk.tick()

    assert desk.held == Decimal("99.009")
    assert len(desk.placed) == 1


def test_an_order_of_an_earlier_day_may_be_filled_and_the_fill_is_of_its_own_day():
    desk = PerpetualScript().start(deployment=False)
    desk.deploy(instruments=(BTC.key,))
    desk.bar(101.0)
    order = desk.working[-1]
    desk.now = MIDNIGHT + timedelta(seconds=1)
    desk.tick()

    desk.fill(order=desk.engine.state.order(order.client_id))

    [fill] = desk.engine.state.fills_today
    assert (order.venue_day, fill.venue_day) == ("2026-08-22", "2026-08-23")


# --- fees


def test_the_venues_own_fee_is_charged_and_no_schedule():
    desk = PerpetualScript().start()
    desk.bar(101.0)
    _, trade = desk.venue.fill("V1", "99.009", "101.2", desk.now)
    desk.venue.trades[-1] = replace(trade, fee_quote=Decimal("-0.9"))

    desk.read_books()

    today = desk.view("portfolio")["live"]["pnl_today"]
    assert (today["charges"], today["fees"]) == ("-0.9000", "0.9000")
    assert [r.payload["fee_source"] for r in desk.journal if r.kind == "fill"] == ["venue"]
    assert "charges" not in desk.inbox


@pytest.mark.parametrize(("known", "fee", "source"), [(True, "4.0", "account rate"), (False, "3.5", "assumed rate")])
def test_paper_pays_the_accounts_rate_or_an_assumption_that_says_so(known, fee, source):
    desk = PerpetualScript(book=Book.PAPER).start(order_value_quote="10000")
    if known:
        desk.contract(taker="0.0004")
    desk.bar(101.0)

    desk.fill(price="101")

    assert round(desk.position.fees_today_quote, 2) == round(Decimal(fee) * Decimal("99.009") * 101 / 10_000, 2)
    assert [r.payload["fee_source"] for r in desk.journal if r.kind == "fill"] == [source]


def test_the_daily_loss_counts_fees_and_funding():
    desk = a_long_desk(limits={"max_daily_loss_quote": Decimal(50)})
    desk.funding("-60")

    desk.bar(95.0)
    desk.fill(price="101.2")
    desk.bar(101.0)

    assert desk.refusals == ["daily_loss"]


# --- modes, clock, doubts


@pytest.mark.parametrize(
    ("is_hedge", "is_multi", "words"), [(True, False, "hedge mode"), (False, True, "multi-assets mode")]
)
def test_an_account_in_another_mode_is_refused_for_strategies(is_hedge, is_multi, words):
    desk = PerpetualScript().start(terms=False)
    desk.run(AccountTermsSeen(at=desk.now, is_hedge=is_hedge, is_multi_assets=is_multi))

    desk.bar(101.0)

    assert desk.placed == []
    assert desk.refusals == ["account_mode"]
    assert words in deployment_of(desk).reason
    assert "account_mode" in desk.inbox
    desk.run(AccountTermsSeen(at=desk.now, is_hedge=False, is_multi_assets=False))
    assert "account_mode" not in desk.inbox


def test_nothing_is_entered_live_before_the_modes_were_read_and_paper_needs_none():
    live, paper = PerpetualScript().start(terms=False), PerpetualScript(book=Book.PAPER).start(terms=False)

    live.bar(101.0)
    paper.bar(101.0)

    assert live.refusals == ["account_mode"]
    assert len(paper.placed) == 1


def test_both_sides_of_a_hedged_account_are_shown_and_count_in_the_limits():
    desk = PerpetualScript(limits={"max_gross_exposure_quote": Decimal(20_000)}).start(deployment=False)
    desk.venue.rows = tuple(
        replace(a_row(), position_side=side, quantity=quantity)
        for side, quantity in ((PositionSide.LONG, Decimal(100)), (PositionSide.SHORT, Decimal(-100)))
    )

    desk.read_books()

    kept = {(m.position_side, m.quantity) for m in desk.engine.state.margins.values()}
    assert kept == {(PositionSide.LONG, Decimal(100)), (PositionSide.SHORT, Decimal(-100))}
    desk.deploy(instruments=(BTC.key,))
    desk.bar(101.0)
    assert "gross_exposure" in desk.refusals


def a_row():
    desk = PerpetualScript()
    desk.venue.carried = {BTC.key: Decimal(1)}
    return desk.venue.positions()[0]


def test_a_clock_far_from_the_venues_stops_entries_until_they_agree():
    desk = PerpetualScript().start()
    desk.run(VenueClockSeen(at=desk.now, offset_ms=-6_000.0))

    desk.bar(101.0)

    assert desk.placed == []
    assert "clock" in desk.inbox
    desk.run(VenueClockSeen(at=desk.now, offset_ms=100.0))
    assert "clock" not in desk.inbox


def test_a_doubt_about_the_stream_holds_live_orders_until_the_books_are_read():
    desk = PerpetualScript(obedient=False).start(deployment=False)
    desk.read_books()
    before = desk.reads_wanted

    desk.run(BooksDoubted(at=desk.now, reason="the stream's key expired"))

    assert desk.reads_wanted == before + 1
    assert desk.view("feeds")["reconciled"] is False


def test_a_countdown_is_journalled_before_the_venue_is_asked():
    desk = PerpetualScript().start(deployment=False)

    desk.run(CountdownChanged(at=desk.now, instrument=BTC.key, seconds=120))
    desk.run(CountdownChanged(at=desk.now, instrument=BTC.key, seconds=120))
    desk.restart()

    assert desk.engine.state.countdowns == {BTC.key: 120}
    assert sum(r.kind == "countdown" for r in desk.journal) == 1
    desk.run(CountdownChanged(at=desk.now, instrument=BTC.key, seconds=0))
    assert desk.engine.state.countdowns == {}


# --- margin


def test_an_entry_beyond_the_leverages_bracket_is_made_smaller():
    desk = PerpetualScript().start(order_value_quote="10000")
    desk.venue.leverage, desk.venue.carried = 50, {BTC.key: Decimal(0)}
    desk.contract()
    desk.read_books()

    desk.bar(101.0)

    intent = desk.placed[0].order.intent
    assert desk.refusals == ["bracket"]
    assert intent.quantity * Decimal("101.2") <= 5_000
    assert intent.quantity == Decimal("49.407")


def test_the_venues_liquidation_price_is_shown_as_the_venues():
    desk = a_long_desk()
    desk.venue.liquidation = Decimal("91.5")

    desk.read_books()

    [row] = desk.view("positions").values()
    assert (row["leverage"], row["margin_mode"], row["position_side"]) == (10, "crossed", "BOTH")
    assert (row["liquidation_price"], row["liquidation_source"]) == ("91.50", "venue")


def test_without_the_venues_word_our_own_formula_estimates_and_says_so():
    desk = PerpetualScript().start(deployment=False)
    desk.contract()
    desk.venue.carried = {BTC.key: Decimal(10)}
    desk.venue.mode, desk.venue.margin = MarginMode.ISOLATED, Decimal(100)

    desk.read_books()

    [margin] = desk.engine.state.margins.values()
    # 10 at 100 with 100 of margin: (100 - 1000) / (10 · 0.004 - 10) = 90.36
    assert margin.liquidation_price == Decimal("90.4")
    assert margin.liquidation_source == "estimate: our own formula"


def test_a_crossed_position_stands_on_the_wallet():
    desk = PerpetualScript().start(deployment=False)
    desk.contract()
    desk.venue.carried = {BTC.key: Decimal(10)}
    wallet = VenueWallet(asset="USDT", wallet_quote=Decimal(300), cross_wallet_quote=Decimal(300))
    desk.run(WalletSeen(at=desk.now, wallets=(wallet,)))

    desk.read_books()

    [margin] = desk.engine.state.margins.values()
    # (300 - 1000) / (10 · 0.004 - 10) = 70.28
    assert margin.liquidation_price == Decimal("70.3")
    portfolio = desk.view("portfolio")["live"]
    assert (portfolio["cash"], portfolio["equity"]) == ("300.0000", "250.0000")


def test_a_mark_that_moves_by_itself_writes_nothing():
    desk = a_long_desk()
    desk.venue.liquidation = Decimal("91.5")
    desk.read_books()
    before = len(desk.journal)

    for _ in range(5):
        desk.tick(desk.price[BTC.key] + 0.1)
        desk.read_books()

    assert len(desk.journal) == before


def test_what_is_held_is_valued_at_the_venues_mark():
    desk = a_long_desk()
    desk.mark = 103.25

    desk.tick(110.0)

    [row] = desk.view("positions").values()
    assert (row["last_price"], row["mark_price"]) == ("110.00", "103.25")
    assert row["pnl_unrealised"] == f"{(Decimal('103.25') - Decimal('101.2')) * Decimal('99.009'):.4f}"


# --- the beginning


def test_what_was_held_before_the_desk_came_is_nobodys_and_no_difference():
    desk = PerpetualScript()
    desk.venue.carried = {BTC.key: Decimal("2.5")}

    desk.start(deployment=False)
    desk.read_books()
    desk.read_books()

    assert desk.position.key.strategy_key == ""
    assert (desk.held, desk.position.average_price, desk.position.day_average) == (Decimal("2.5"), 100, Decimal("95.0"))
    assert "position" not in desk.inbox


def test_what_differs_later_is_a_difference():
    desk = PerpetualScript().start(deployment=False)
    desk.venue.carried = {BTC.key: Decimal(1)}

    desk.read_books()
    desk.read_books()

    assert "position" in desk.inbox
    assert desk.held == 0


def test_a_row_that_ended_on_an_earlier_day_is_none_of_todays():
    desk = a_long_desk()
    desk.now = MIDNIGHT + timedelta(days=1)
    desk.tick()

    desk.read_books()

    assert "journal_lost" not in desk.inbox
    assert "external_order" not in desk.inbox


# --- delisting


def leaving(desk, **words):
    rules = replace(desk.config.rules, leaving=words.get("leaving", {BTC.key: "SETTLING"}))
    desk.run(MarketRulesChanged(at=desk.now, rules=rules, calendar=desk.config.calendar))


def test_a_contract_that_leaves_the_list_is_exited_and_entered_no_more():
    desk = a_long_desk()

    leaving(desk)
    desk.fill(price="101")
    desk.bar(95.0)
    desk.bar(102.0)

    assert [c.order.intent.purpose for c in desk.placed] == [Purpose.ENTRY, Purpose.EXIT]
    assert desk.held == 0
    assert desk.refusals == ["delisting"]
    assert deployment_of(desk).state is DeploymentState.RUNNING


def test_what_others_hold_of_a_leaving_contract_is_told_and_not_touched():
    desk = PerpetualScript()
    desk.venue.carried = {BTC.key: Decimal(1)}
    desk.start(deployment=False)

    leaving(desk)

    assert desk.placed == []
    assert "delisting" in desk.inbox


def test_a_contract_that_stays_is_left_alone_while_another_leaves():
    desk = a_long_desk()

    leaving(desk, leaving={"ASTER:OLDUSDT": "SETTLING"})

    assert [c.order.intent.purpose for c in desk.placed] == [Purpose.ENTRY]


def test_an_exit_of_a_leaving_contract_under_way_is_not_begun_twice():
    desk = a_long_desk()
    leaving(desk)

    leaving(desk, leaving={BTC.key: "CLOSE"})

    assert [c.order.intent.purpose for c in desk.placed] == [Purpose.ENTRY, Purpose.EXIT]


def test_the_notice_of_a_leaving_contract_ends_once_nothing_of_it_is_held():
    desk = PerpetualScript()
    desk.venue.carried = {BTC.key: Decimal(1)}
    desk.start(deployment=False)
    leaving(desk)
    leaving(desk)
    assert "delisting" in desk.inbox

    desk.forced("1")
    leaving(desk)

    assert desk.held == 0
    assert "delisting" not in desk.inbox


def test_a_row_of_nothing_opens_no_position():
    desk = PerpetualScript()
    desk.venue.carried = {BTC.key: Decimal(0)}

    desk.start(deployment=False)

    assert desk.engine.state.is_opened
    assert desk.held == 0


def test_a_margin_that_the_venue_shows_no_more_is_none():
    desk = a_long_desk()
    desk.read_books()
    assert [row.quantity for row in desk.engine.state.margins.values()] == [desk.held]

    desk.venue.rows = ()
    desk.read_books()

    assert not desk.engine.state.margins


def test_the_shell_is_told_of_which_contracts_it_keeps_the_terms():
    assert PerpetualScript().start().engine.perpetuals() == (BTC.key,)


def test_the_night_of_the_script_is_a_saturday():
    assert SATURDAY_NIGHT.weekday() == 5


def test_orders_that_ended_before_the_desk_came_are_none_of_its_business():
    desk = PerpetualScript()
    old = a_venue_order(
        venue_order_id="BTCUSDT:1",
        status=OrderStatus.FILLED,
        quantity="2",
        filled="2",
        instrument=BTC.key,
        placed_at=desk.now - timedelta(minutes=5),
        product=Product.PERPETUAL,
    )
    resting = replace(old, venue_order_id="BTCUSDT:2", status=OrderStatus.OPEN, filled_quantity=Decimal(0))
    desk.venue.orders = {row.venue_order_id: row for row in (old, resting)}

    desk.start(deployment=False)
    desk.read_books()

    assert [o.client_id for o in desk.orders] == ["EXT-BTCUSDT:2"]
