"""From a bar to a position and back: entries, exits, reversals, square-off."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from brokers.domain.orders import Book, OrderStatus, OrderType, Product, Purpose
from execution.domain.events import FeedChanged, HistoryFailed, LimitsChanged, Link, MarketFrame, SendResult
from execution.domain.records import DeploymentState
from tests.builders import DEPLOYMENT, INFY, RELIANCE, TEN_O_CLOCK, some_columns, some_limits
from tests.execution.domain.desk_script import BUY, SELL, DeskScript


def a_long_desk(**options):
    desk = DeskScript(**options).start()
    desk.bar(101.0)
    desk.fill()
    return desk


def test_a_closed_bar_becomes_a_signal_an_intent_and_an_order():
    desk = DeskScript().start()

    desk.bar(101.0)

    [command] = desk.placed
    assert command.order.intent.side is BUY
    assert command.order.intent.quantity == Decimal(99)
    assert command.order.intent.reason == "RELIANCE: closed at 101 at 10:01"
    assert [r.kind for r in desk.journal[-5:]] == ["signal", "goal", "intent", "outcome", "order"]


def test_an_entry_is_a_limit_a_little_beyond_the_far_side():
    desk = DeskScript().start()

    desk.bar(101.0)

    intent = desk.placed[0].order.intent
    assert (intent.order_type, intent.price) == (OrderType.LIMIT, Decimal("101.20"))
    assert intent.decision_price == Decimal("101.00")


def test_fills_make_the_position_and_no_second_order_follows():
    desk = a_long_desk()

    desk.bar(102.0)

    assert desk.held == Decimal(99)
    assert len(desk.placed) == 1


def test_an_unfilled_entry_is_cancelled_and_given_up():
    desk = DeskScript().start()
    desk.bar(101.0)

    desk.pass_time(15)
    desk.bar(102.0)

    assert len(desk.cancels) == 1
    assert desk.orders[0].status is OrderStatus.CANCELLED
    assert len(desk.placed) == 1


def test_a_part_filled_entry_keeps_what_it_got():
    desk = DeskScript().start()
    desk.bar(101.0)
    desk.fill(40)

    desk.pass_time(15)

    assert desk.held == Decimal(40)
    assert desk.orders[0].status is OrderStatus.CANCELLED
    assert len(desk.placed) == 1


def test_leaving_the_exposure_exits_what_is_held():
    desk = a_long_desk()

    desk.bar(95.0)
    desk.fill()

    exit_intent = desk.placed[1].order.intent
    assert (exit_intent.side, exit_intent.quantity, exit_intent.purpose) == (SELL, Decimal(99), Purpose.EXIT)
    assert exit_intent.reduce_only
    assert desk.held == 0


def test_a_reversal_enters_only_after_the_exit_is_filled():
    desk = a_long_desk()

    desk.bar(85.0)
    assert [c.order.intent.purpose for c in desk.placed[1:]] == [Purpose.EXIT]
    desk.fill()

    assert [c.order.intent.purpose for c in desk.placed[1:]] == [Purpose.EXIT, Purpose.ENTRY]
    assert desk.placed[2].order.intent.side is SELL


def test_a_flat_wish_while_the_entry_works_cancels_it_and_exits_the_filled_part():
    desk = DeskScript(config={"entry_patience_s": 300.0}).start()
    desk.bar(101.0)
    desk.fill(40)

    desk.bar(95.0)

    assert len(desk.cancels) == 1
    assert desk.placed[1].order.intent.quantity == Decimal(40)
    desk.fill()
    assert desk.held == 0


def test_nothing_is_sent_while_declared_fills_are_not_known_yet():
    desk = DeskScript(obedient=False).start(deployment=False)
    desk.read_books()
    desk.obedient = True
    desk.deploy()
    desk.bar(101.0)
    desk.obedient = False
    row, _ = desk.venue.fill("V1", 99, "101", desk.now)

    desk.show(row)
    desk.bar(95.0)

    assert desk.orders[0].status is OrderStatus.FILLED
    assert desk.held == 0
    assert len(desk.placed) == 1
    assert desk.reads_wanted
    desk.read_books()
    assert desk.held == Decimal(99)
    assert desk.placed[1].order.intent.side is SELL


def test_an_unfilled_exit_is_repriced_further_and_then_alarms():
    desk = a_long_desk(config={"max_modifications": 2})

    desk.bar(95.0)
    desk.pass_time(8)
    prices = [m.price for m in desk.modifies]
    alarmed_before = "exit_stuck" in desk.inbox
    desk.pass_time(3)

    assert prices == sorted(prices, reverse=True)
    assert len(prices) == 2
    assert not alarmed_before
    assert "exit_stuck" in desk.inbox


def test_an_exit_price_never_leaves_the_price_band():
    desk = a_long_desk(config={"exit_slippage_fraction": Decimal("0.5")})

    desk.bar(95.0)

    assert desk.placed[1].order.intent.price >= Decimal(95) * Decimal("0.97")


def test_a_rejected_exit_is_tried_again_later_and_then_alarms():
    desk = a_long_desk(config={"exit_attempts": 2})
    desk.bar(95.0)

    desk.venue_ends(OrderStatus.REJECTED, "RMS: no")
    assert len(desk.placed) == 2
    desk.pass_time(6)
    assert len(desk.placed) == 3
    desk.venue_ends(OrderStatus.REJECTED, "RMS: no")

    assert "unprotected" in desk.inbox
    desk.pass_time(11)
    assert len(desk.placed) == 4


def test_an_exit_that_is_refused_again_and_again_alarms_within_a_minute():
    desk = a_long_desk()
    desk.bar(95.0)

    for _ in range(59):
        if desk.working:
            desk.venue_ends(OrderStatus.REJECTED, "Markets are closed right now.")
        desk.pass_time(1)

    assert "unprotected" in desk.inbox


def test_an_exit_that_goes_through_ends_the_alarm_so_that_the_next_failure_alarms_again():
    desk = a_long_desk()
    desk.act("exit_all")
    for _ in range(120):
        if "unprotected" in desk.inbox:
            break
        if desk.working:
            desk.venue_ends(OrderStatus.REJECTED, "Markets are closed right now.")
        desk.pass_time(1)
    assert "unprotected" in desk.inbox

    desk.pass_time(90)
    desk.fill()

    assert desk.held == 0
    assert "unprotected" not in desk.inbox


def test_an_exit_without_a_fresh_quote_goes_as_a_market_order():
    desk = a_long_desk()
    desk.run(FeedChanged(at=desk.now, state=Link.SILENT, reason="no frame for 8 s"))

    desk.act("exit_all")

    assert desk.placed[1].order.intent.order_type is OrderType.MARKET


def test_an_exit_names_no_limit_from_a_price_of_before_the_desk_listened():
    desk = a_long_desk()
    columns = some_columns((RELIANCE, 50.0), at=desk.now, received_at=desk.now)
    desk.run(MarketFrame(at=desk.now, columns=replace(columns, cached=np.array([True]))))

    desk.act("exit_all")

    assert desk.placed[1].order.intent.order_type is OrderType.MARKET


def test_a_silent_feed_refuses_entries_with_a_reason():
    desk = DeskScript().start()
    desk.tick(101.0)
    desk.run(FeedChanged(at=desk.now, state=Link.SILENT, reason="no frame for 8 s"))

    desk.bar(101.0)

    assert desk.placed == []


def test_the_gate_refusal_is_journalled_and_the_entry_is_not_repeated():
    desk = DeskScript(limits={"max_orders_per_day": 1}).start()
    desk.bar(101.0)
    desk.fill()
    desk.bar(95.0)
    desk.fill()

    desk.bar(101.0)
    desk.bar(102.0)

    assert desk.refusals == ["order_rate"]
    assert len(desk.placed) == 2


def test_the_last_reason_says_why_an_entry_was_refused():
    desk = DeskScript().start()
    desk.act("kill", scope="account", reason="lunch")

    desk.bar(101.0)

    row = desk.engine.views(desk.now)["strategies"][DEPLOYMENT]
    assert row["last_reason"] == "NSE:RELIANCE: refused: the account's kill switch is engaged: lunch"


def test_a_reduced_entry_says_so_and_is_not_topped_up():
    desk = DeskScript(limits={"max_order_value_quote": Decimal(5_000)}).start()

    desk.bar(101.0)
    desk.fill()
    desk.bar(102.0)

    assert desk.refusals == ["order_value"]
    assert desk.held == Decimal(49)
    assert len(desk.placed) == 1


def test_warming_up_says_how_far_it_is_and_decides_nothing():
    desk = DeskScript().start(warmup=5)

    desk.bar(101.0)

    row = desk.engine.views(desk.now)["strategies"][DEPLOYMENT]
    assert row["last_reason"] == "RELIANCE: warming up, 3 of 5 bars"
    assert desk.placed == []


def test_decisions_go_on_without_a_history():
    desk = DeskScript(obedient=False)
    desk.start()
    desk.run(HistoryFailed(at=desk.now, deployment_id=DEPLOYMENT, instrument=RELIANCE.key, reason="no plan"))
    desk.obedient = True
    desk.read_books_if_wanted()

    desk.bar(95.0)
    desk.bar(101.0)

    assert len(desk.placed) == 1


def test_a_bar_with_missed_ticks_is_replaced_by_the_venues_own():
    desk = DeskScript().start()
    loads = len(desk.loads())
    desk.pass_time(20)
    desk.run(FeedChanged(at=desk.now, state=Link.DISCONNECTED))
    desk.pass_time(10, ticking=False)
    desk.run(FeedChanged(at=desk.now, state=Link.CONNECTED))
    desk.tick()

    desk.history = (95.0, 101.0)
    desk.bar(95.0)

    assert len(desk.loads()) == loads + 1
    desk.bar(95.0)
    assert desk.placed == []


def test_a_failing_strategy_halts_alone():
    desk = DeskScript().start()
    desk.price[INFY.key] = 95.0
    desk.tick()
    desk.deploy("99999999-2222-4333-8444-555566667777", ["NSE:INFY"])

    desk.bar(13.0)
    desk.tick(101.0, INFY)
    desk.bar(101.0)

    states = {key: d.state for key, d in desk.engine.state.deployments.items()}
    assert states[DEPLOYMENT] is DeploymentState.HALTED
    assert [c.order.intent.instrument for c in desk.placed] == ["NSE:INFY"]


@pytest.mark.parametrize("failing", [RELIANCE, INFY])
def test_a_strategy_that_fails_on_one_of_two_bars_that_end_together_orders_only_what_it_wanted_before(failing):
    desk = DeskScript().start(deployment=False)
    desk.price[INFY.key] = 95.0
    desk.tick()
    desk.deploy(instruments=(RELIANCE.key, INFY.key))

    for instrument in (RELIANCE, INFY):
        desk.price[instrument.key] = 13.0 if instrument is failing else 101.0
    desk.bar(desk.price[RELIANCE.key])

    assert desk.engine.state.deployments[DEPLOYMENT].state is DeploymentState.HALTED
    wanted_before = [] if failing is RELIANCE else [RELIANCE.key]
    assert [c.order.intent.instrument for c in desk.placed] == wanted_before


def test_intraday_positions_are_squared_off_before_the_broker_does():
    desk = DeskScript().start()
    desk.bar(101.0)
    desk.fill()

    desk.now = TEN_O_CLOCK + timedelta(hours=5, minutes=15)
    desk.tick()

    assert desk.placed[-1].order.intent.purpose is Purpose.EXIT
    assert "square-off" in desk.placed[-1].order.intent.reason
    desk.fill()
    desk.bar(102.0)
    assert desk.held == 0
    assert len(desk.placed) == 2


def test_the_square_off_leaves_an_exit_that_is_under_way_to_itself():
    desk = DeskScript().start()
    desk.bar(101.0)
    desk.fill()
    desk.bar(95.0)
    exits = len(desk.placed)
    signals = len([row for row in desk.journal if row.kind == "signal"])

    desk.now = TEN_O_CLOCK + timedelta(hours=5, minutes=15)
    desk.tick()

    assert len(desk.placed) == exits
    assert len([row for row in desk.journal if row.kind == "signal"]) == signals


def test_the_next_day_takes_a_standing_exposure_up_again():
    desk = DeskScript().start()
    desk.bar(101.0)
    desk.fill()
    desk.now = TEN_O_CLOCK + timedelta(hours=5, minutes=15)
    desk.tick()
    desk.fill()

    desk.now = TEN_O_CLOCK + timedelta(days=1)
    desk.tick()
    desk.bar(101.0)
    desk.bar(101.0)

    assert desk.placed[-1].order.intent.purpose is Purpose.ENTRY


def test_carried_positions_are_not_squared_off():
    desk = DeskScript().start(product=Product.CARRY.value)
    desk.bar(101.0)
    desk.fill()

    desk.now = TEN_O_CLOCK + timedelta(hours=5, minutes=15)
    desk.tick()

    assert len(desk.placed) == 1


def test_entries_after_the_cut_off_are_refused():
    desk = DeskScript(at=TEN_O_CLOCK + timedelta(hours=5)).start()

    desk.bar(101.0)

    assert desk.refusals == ["session_phase"]


def test_a_year_without_a_calendar_trades_nothing_and_says_so():
    desk = DeskScript(at=TEN_O_CLOCK.replace(year=2031)).start()

    desk.bar(101.0)

    assert desk.placed == []
    assert "calendar" in desk.inbox


def test_an_order_value_below_one_share_is_said_and_not_sent():
    desk = DeskScript().start(order_value_quote="50")

    desk.bar(101.0)

    assert desk.placed == []
    assert "does not buy one lot" in desk.engine.views(desk.now)["strategies"][DEPLOYMENT]["last_reason"]


def test_lots_size_a_position_when_they_are_given():
    desk = DeskScript().start(lots=7)

    desk.bar(101.0)

    assert desk.placed[0].order.intent.quantity == Decimal(7)


def test_paper_takes_the_same_path_without_the_venues_books():
    desk = DeskScript(book=Book.PAPER, obedient=False)
    desk.take_over()
    desk.run(FeedChanged(at=desk.now, state=Link.CONNECTED))
    desk.tick()
    desk.obedient = True
    desk.deploy()

    desk.bar(101.0)
    desk.fill()

    assert desk.placed[0].order.intent.book is Book.PAPER
    assert desk.held == Decimal(99)


@pytest.mark.parametrize("result", [SendResult.REJECTED, SendResult.NOT_SENT])
def test_an_entry_that_was_not_placed_is_given_up(result):
    desk = DeskScript().start()
    desk.obedient = False
    desk.bar(101.0)

    desk.answer(desk.orders[0].client_id, result, message="no")

    assert desk.orders[0].is_settled
    desk.bar(102.0)
    assert len(desk.placed) == 1


def test_the_gate_is_asked_again_before_the_bytes_leave():
    desk = DeskScript().start()
    desk.obedient = False
    desk.bar(101.0)
    approved = desk.placed[0].order
    assert desk.engine.still_allowed(approved, desk.now) is None

    desk.act("kill", scope="account", reason="stop", epoch=1)

    assert desk.engine.still_allowed(approved, desk.now).rule in ("kill_switch", "cancelled")


def test_an_entry_is_held_back_when_the_feed_falls_silent_before_sending():
    desk = DeskScript().start()
    desk.obedient = False
    desk.bar(101.0)

    desk.run(FeedChanged(at=desk.now, state=Link.SILENT))

    assert desk.engine.still_allowed(desk.placed[0].order, desk.now).rule == "desk"


def test_an_order_that_was_answered_is_not_allowed_again():
    desk = DeskScript().start()
    desk.bar(101.0)

    assert desk.engine.still_allowed(desk.placed[0].order, desk.now).rule == "lifecycle"


def test_a_limit_tightened_after_the_approval_holds_the_order_back():
    desk = DeskScript().start()
    desk.obedient = False
    desk.bar(101.0)

    desk.run(LimitsChanged(at=desk.now, limits=some_limits(max_order_value_quote=Decimal(50))))

    assert desk.engine.still_allowed(desk.placed[0].order, desk.now).rule == "order_value"
