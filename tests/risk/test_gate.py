from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from brokers.domain.calendar import Phase
from brokers.domain.instruments import InstrumentKind
from brokers.domain.orders import ApprovedOrder, Purpose, Side
from risk.domain import Reduced, Refused, Switches, SwitchState, pending_of, recheck
from risk.domain.rules import price_band
from tests.architecture.tree import python
from tests.risk.builders import (
    NOW,
    a_holding,
    a_pending,
    a_quote,
    a_view,
    an_exit,
    an_instrument,
    an_intent,
    an_option,
    engaged,
    reviewed,
    some_limits,
)


def test_approves_an_order_within_every_limit():
    decision = reviewed(an_intent("10", price="100"), client_id="W7")

    assert isinstance(decision, ApprovedOrder)
    assert (decision.client_id, decision.reserved_quote, decision.approved_at) == ("W7", Decimal(1000), NOW)


def test_refuses_every_entry_once_the_daily_loss_is_reached():
    decision = reviewed(view=a_view(pnl_today_net_quote=Decimal(-5000)))

    assert decision == Refused(rule="daily_loss", reason="lost 5,000 today net of charges, limit 5,000")


def test_lets_an_entry_pass_one_paisa_before_the_daily_loss():
    decision = reviewed(view=a_view(pnl_today_net_quote=Decimal("-4999.99")))

    assert isinstance(decision, ApprovedOrder)


def test_the_daily_loss_speaks_before_a_complaint_about_size():
    view = a_view(pnl_today_net_quote=Decimal(-5000))

    decision = reviewed(an_intent("100000"), view=view)

    assert decision.rule == "daily_loss"


def test_reduces_an_order_worth_more_than_its_limit():
    decision = reviewed(an_intent("1500", price="100"))

    assert isinstance(decision, Reduced)
    assert decision.approved.intent.quantity == 1000
    assert decision.reason == "order value 1,50,000, limit 1,00,000"


def test_reduces_to_whole_lots():
    intent = an_intent("1300", price="100", instrument="NFO:NIFTY2681824200CE")

    decision = reviewed(intent, view=a_view(instrument=an_option(lot=65)))

    assert decision.approved.intent.quantity == 975


def test_refuses_when_not_even_one_lot_fits():
    intent = an_intent("65", price="2000", instrument="NFO:NIFTY2681824200CE")

    decision = reviewed(intent, view=a_view(instrument=an_option(lot=65), quote=a_quote("2000")))

    assert decision == Refused(rule="order_value", reason="order value 1,30,000, limit 1,00,000")


def test_a_position_counts_what_is_held():
    view = a_view(holdings=(a_holding("4500", mark="100"),))

    decision = reviewed(an_intent("1000", price="100"), view=view)

    assert decision.rule == "position_value"
    assert decision.approved.intent.quantity == 500
    assert decision.reason == "NSE:RELIANCE could be worth 5,50,000 with what is pending, limit 5,00,000"


def test_a_pending_order_reserves_its_share_of_the_position():
    view = a_view(pending=(a_pending("4500", price="100"),))

    decision = reviewed(an_intent("1000", price="100"), view=view)

    assert decision.approved.intent.quantity == 500


def test_gross_exposure_counts_other_instruments():
    view = a_view(holdings=(a_holding("-9500", mark="100", instrument="NSE:SBIN"),))

    decision = reviewed(an_intent("1000", price="100"), view=view)

    assert decision.rule == "gross_exposure"
    assert decision.approved.intent.quantity == 500


def test_an_unknown_order_counts_in_full():
    unknown = a_pending("9500", price="100", instrument="NSE:SBIN", deployment="D2", is_unknown=True)

    decision = reviewed(an_intent("1000", price="100"), view=a_view(pending=(unknown,)))

    assert decision.approved.intent.quantity == 500


def test_an_unknown_order_freezes_entries_of_its_underlying():
    unknown = a_pending(deployment="D2", is_unknown=True, client_id="W9")

    decision = reviewed(view=a_view(pending=(unknown,)))

    assert decision.rule == "unknown_outcome"
    assert "W9" in decision.reason


def test_an_unknown_order_freezes_entries_of_its_deployment():
    unknown = a_pending(instrument="NSE:SBIN", deployment="D1", is_unknown=True)

    assert reviewed(view=a_view(pending=(unknown,))).rule == "unknown_outcome"


def test_an_unknown_option_freezes_the_other_options_of_its_index():
    unknown = a_pending(instrument="NFO:NIFTY2681824300PE", underlying="NIFTY", deployment="D2", is_unknown=True)
    view = a_view(instrument=an_option(), pending=(unknown,))

    decision = reviewed(an_intent("65", instrument="NFO:NIFTY2681824200CE"), view=view)

    assert decision.rule == "unknown_outcome"


def test_a_sell_entry_counts_as_much_as_a_buy():
    decision = reviewed(an_intent("1500", side=Side.SELL, price="100"))

    assert decision.approved.intent.quantity == 1000


def test_a_market_order_counts_with_the_price_it_may_slip_to():
    decision = reviewed(an_intent("10", price=None), view=a_view(quote=a_quote("100", bid="99.9", ask="100.2")))

    assert decision.reserved_quote == Decimal("100.2") * Decimal("1.05") * 10


def test_a_passive_limit_counts_at_the_last_price():
    decision = reviewed(an_intent("10", price="98"), view=a_view(quote=a_quote("100")))

    assert decision.reserved_quote == 1000


@pytest.mark.parametrize(
    ("price", "sentence"),
    [
        ("104", "price 104.00 is 4 % from the last 100.00, limit 3 %"),
        ("96.50", "price 96.50 is 3.50 % from the last 100.00, limit 3 %"),
    ],
)
def test_refuses_a_price_far_from_the_last(price, sentence):
    assert reviewed(an_intent(price=price)) == Refused(rule="price_band", reason=sentence)


def test_a_price_on_the_edge_of_the_band_passes():
    assert isinstance(reviewed(an_intent(price="103")), ApprovedOrder)


def test_refuses_without_a_quote():
    decision = reviewed(view=a_view(quote=None))

    assert decision == Refused(rule="stale_quote", reason="no quote of NSE:RELIANCE has been received")


@pytest.mark.parametrize("last", ["0", "-0.05"])
def test_refuses_where_the_price_is_no_price(last):
    decision = reviewed(an_intent("1000000", price=None), view=a_view(quote=a_quote(last)))

    assert decision.rule == "stale_quote"


@pytest.mark.parametrize("quote", [None, a_quote("0")])
def test_the_price_band_leaves_a_missing_price_to_the_rule_before_it(quote):
    assert price_band(an_intent(), a_view(quote=quote), some_limits()) is None


@pytest.mark.parametrize("quote", [a_quote(age="10.1"), a_quote(age="11", stale=True)])
def test_refuses_on_an_old_quote(quote):
    decision = reviewed(view=a_view(quote=quote))

    assert decision.rule == "stale_quote"
    assert decision.reason.endswith("s old, limit 10 s")


def test_refuses_on_a_price_from_before_the_desk_listened():
    decision = reviewed(view=a_view(quote=replace(a_quote(), is_cached=True)))

    assert decision.rule == "stale_quote"
    assert decision.reason.endswith("is from before the desk listened, a new one is awaited")


def test_refuses_what_is_no_whole_number_of_lots():
    decision = reviewed(an_intent("70", instrument="NFO:NIFTY2681824200CE"), view=a_view(instrument=an_option()))

    assert decision == Refused(rule="whole_lots", reason="quantity 70 is not a multiple of the lot of 65")


def test_refuses_an_index():
    index = an_instrument("NSE:NIFTY 50", kind=InstrumentKind.INDEX)

    assert reviewed(an_intent(instrument="NSE:NIFTY 50"), view=a_view(instrument=index)).rule == "tradable"


def test_refuses_to_write_an_option():
    intent = an_intent("65", side=Side.SELL, instrument="NFO:NIFTY2681824200CE")

    assert reviewed(intent, view=a_view(instrument=an_option())).rule == "written_option"


def test_lets_an_option_be_written_as_far_as_its_holder_s_own_cover_reaches():
    covered = a_view(instrument=an_option(), covered=Decimal(65))

    def written(quantity):
        return reviewed(an_intent(quantity, side=Side.SELL, instrument="NFO:NIFTY2681824200CE"), view=covered)

    assert getattr(written("65"), "rule", None) != "written_option"
    assert written("130").rule == "written_option"
    assert written("130").reason.endswith("130 would be sold to open, and what is held with it covers 65")


def test_refuses_the_order_above_the_second_s_rate():
    decision = reviewed(view=a_view(orders_last_second=5))

    assert decision == Refused(rule="order_rate", reason="5 orders in the last second, limit 5")


def test_refuses_the_order_above_the_day_s_rate():
    decision = reviewed(view=a_view(orders_today=500))

    assert decision == Refused(rule="order_rate", reason="500 orders today, limit 500")


def test_refuses_entries_outside_the_continuous_session():
    decision = reviewed(view=a_view(phase=Phase.CLOSING_AUCTION))

    assert decision.reason == "entries need the continuous session, at 10:30 the phase is closing auction"


def test_refuses_entries_from_the_cut_off_on():
    decision = reviewed(view=a_view(entry_cutoff_at=NOW))

    assert decision == Refused(rule="session_phase", reason="it is 10:30, entries end at 10:30")


def test_lets_entries_pass_before_the_cut_off():
    decision = reviewed(view=a_view(entry_cutoff_at=NOW + timedelta(seconds=1)))

    assert isinstance(decision, ApprovedOrder)


@pytest.mark.parametrize(
    ("switches", "name"),
    [
        (Switches(desk=engaged()), "desk"),
        (Switches(account=engaged()), "account"),
        (Switches(deployments={"D1": engaged()}), "strategy"),
    ],
)
def test_refuses_entries_while_a_switch_is_engaged(switches, name):
    decision = reviewed(switches=switches)

    assert decision == Refused(rule="kill_switch", reason=f"the {name}'s kill switch is engaged: enough")


def test_another_strategy_s_switch_does_not_stop_this_one():
    assert isinstance(reviewed(switches=Switches(deployments={"D2": engaged()})), ApprovedOrder)


def test_exits_pass_what_stops_every_entry():
    view = a_view(
        holdings=(a_holding("10"),),
        pending=(a_pending("1", instrument="NSE:SBIN", is_unknown=True),),
        pnl_today_net_quote=Decimal(-1_000_000),
        quote=None,
        orders_today=10_000,
        phase=Phase.POST_CLOSE,
    )

    decision = reviewed(an_exit("10"), view=view, switches=Switches(desk=engaged()))

    assert isinstance(decision, ApprovedOrder)
    assert decision.reserved_quote == 0


def test_a_stop_may_be_as_large_as_the_position():
    stop = an_intent("10", side=Side.SELL, purpose=Purpose.STOP)

    assert isinstance(reviewed(stop, view=a_view(holdings=(a_holding("10"),))), ApprovedOrder)


def test_an_exit_beyond_the_position_is_refused():
    decision = reviewed(an_exit("11"), view=a_view(holdings=(a_holding("10"),)))

    assert decision == Refused(rule="reduce_only", reason="sell of 11 to exit, closable 10")


def test_an_exit_on_the_position_s_own_side_is_refused():
    decision = reviewed(an_exit("1", side=Side.BUY), view=a_view(holdings=(a_holding("10"),)))

    assert decision.reason == "buy of 1 to exit, closable 0"


def test_an_unknown_exit_consumes_what_is_closable():
    unknown = a_pending("6", side=Side.SELL, purpose=Purpose.EXIT, reduce_only=True, is_unknown=True)

    decision = reviewed(an_exit("5"), view=a_view(holdings=(a_holding("10"),), pending=(unknown,)))

    assert decision.reason == "sell of 5 to exit, closable 4"


def test_one_deployment_cannot_close_another_s_position():
    view = a_view(holdings=(a_holding("10", deployment="D2"),))

    assert reviewed(an_exit("10"), view=view).rule == "reduce_only"


def test_an_exit_that_may_open_is_judged_as_an_entry():
    intent = an_exit("10", reduce_only=False)

    decision = reviewed(intent, view=a_view(holdings=(a_holding("10"),)), switches=Switches(desk=engaged()))

    assert decision.rule == "kill_switch"


def test_a_resting_exit_does_not_free_room_for_entries():
    leaving = a_pending("4500", side=Side.SELL, purpose=Purpose.EXIT, reduce_only=True)
    view = a_view(holdings=(a_holding("4500"),), pending=(leaving,))

    assert reviewed(an_intent("1000"), view=view).approved.intent.quantity == 500


def test_a_sell_that_reduces_a_long_needs_no_room():
    view = a_view(holdings=(a_holding("5000", mark="100"),))

    assert isinstance(reviewed(an_intent("500", side=Side.SELL), view=view), ApprovedOrder)


def test_nothing_is_added_to_a_position_that_outgrew_its_limit():
    view = a_view(holdings=(a_holding("5001", mark="100"),))

    assert reviewed(an_intent("1"), view=view).rule == "position_value"


def test_the_second_pass_lets_an_unchanged_order_go():
    approved = reviewed()
    reserved = pending_of(approved, instrument=an_instrument(), remaining=Decimal(10))
    view = a_view(pending=(reserved,), orders_last_second=5)

    assert recheck(approved, view=view, limits=some_limits(), switches=Switches()) is None


def test_the_second_pass_does_not_count_the_order_against_itself():
    approved = reviewed(an_intent("1000"))
    reserved = pending_of(approved, instrument=an_instrument(), remaining=Decimal(1000))
    limits = some_limits(max_position_value_quote="100000", max_gross_exposure_quote="100000")

    assert recheck(approved, view=a_view(pending=(reserved,)), limits=limits, switches=Switches()) is None


def test_the_second_pass_refuses_what_no_longer_fits():
    refusal = recheck(
        reviewed(an_intent("1000")),
        view=a_view(),
        limits=some_limits(max_order_value_quote="99999"),
        switches=Switches(),
    )

    assert refusal.rule == "order_value"


def test_the_second_pass_refuses_an_engaged_switch():
    refusal = recheck(reviewed(), view=a_view(), limits=some_limits(), switches=Switches(account=engaged()))

    assert refusal.reason == "the account's kill switch is engaged: enough"


def test_a_switch_pulled_and_released_in_between_voids_an_entry():
    released = Switches(account=SwitchState(epoch=2))

    refusal = recheck(reviewed(), view=a_view(), limits=some_limits(), switches=released)

    assert refusal == Refused(rule="kill_switch", reason="a kill switch was moved after this order was approved")


def test_the_second_pass_lets_an_exit_go_whatever_the_switches_did():
    view = a_view(holdings=(a_holding("10"),))
    approved = reviewed(an_exit("10"), view=view)

    assert recheck(approved, view=view, limits=some_limits(), switches=Switches(desk=engaged())) is None


def test_the_second_pass_refuses_an_exit_whose_position_is_gone():
    approved = reviewed(an_exit("10"), view=a_view(holdings=(a_holding("10"),)))

    assert recheck(approved, view=a_view(), limits=some_limits(), switches=Switches()).rule == "reduce_only"


def test_the_gate_keeps_its_mint_through_a_reload():
    # in a process of its own: a reload here would make every type of the gate a second time
    code = """
import importlib
from risk.domain import gate
mint = gate._mint
assert importlib.reload(gate)._mint is mint
"""
    result = python(code)

    assert result.returncode == 0, result.stderr


def test_a_reservation_shrinks_with_what_remains():
    approved = reviewed(an_intent("10", price="101.35"))

    pending = pending_of(approved, instrument=an_instrument(), remaining=Decimal(4))

    assert pending.value_quote == Decimal("405.40")
    assert replace(pending, quantity=Decimal(10)).value_quote == approved.reserved_quote
