"""The operator's facts at work in the engine: lists, freeze quantities, holdings, days and hours."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from brokers.domain.india import INDIA
from brokers.domain.instruments import InstrumentKind
from brokers.domain.market_life import HeldShares, MarketRules, Restriction, RestrictionKind, Term, holdings_of
from brokers.domain.orders import OrderStatus, Product
from execution.domain.events import HoldingsRead, MarketRulesChanged, SendOutcome, SendResult
from execution.domain.market_life import closed_because
from tests.builders import DEPLOYMENT, NIFTY, RELIANCE, TEN_O_CLOCK
from tests.execution.domain.desk_script import SELL, DeskScript

DAY = TEN_O_CLOCK.date()


def rules(*restrictions, freeze=None):
    listed = [Restriction(kind=kind, exchange="NSE", symbol="RELIANCE", since=DAY) for kind in restrictions]
    terms = [Term(exchange="NSE", underlying="", effective_from=DAY, freeze_quantity=Decimal(freeze))] if freeze else []
    return MarketRules(restrictions=tuple(listed), terms=tuple(terms))


def tell(desk, known=None, *, calendar=INDIA, concerns=None):
    event = MarketRulesChanged(at=desk.now, rules=known or MarketRules(), calendar=calendar, concerns=concerns or {})
    return desk.run(event)


def hold(desk, **shares):
    values = {name: Decimal(quantity) for name, quantity in shares.items()}
    desk.run(HoldingsRead(at=desk.now, holdings={RELIANCE.key: HeldShares(**values)}))


def a_long_desk(**params):
    desk = DeskScript().start(**params)
    desk.bar(101.0)
    desk.fill()
    return desk


def pass_a_night(desk):
    desk.now += timedelta(days=1)
    desk.timers.clear()
    desk.tick()
    desk.read_books()


def leave(desk, product="MIS", strategy_key=DEPLOYMENT):
    desk.act("exit_position", book="live", instrument=RELIANCE.key, product=product, strategy_key=strategy_key)


def test_a_list_that_names_a_share_ends_its_entries_from_the_next_decision():
    desk = DeskScript().start()
    tell(desk, rules(RestrictionKind.MIS_BLOCKED))

    desk.bar(101.0)

    assert desk.placed == []
    assert desk.refusals == ["mis_blocked"]


@pytest.mark.parametrize("kind", list(RestrictionKind))
def test_no_list_keeps_the_desk_in_a_position(kind):
    desk = a_long_desk()
    tell(desk, rules(kind, freeze=40))

    desk.bar(80.0)

    assert desk.placed[-1].order.intent.side is SELL


def test_an_entry_above_the_freeze_quantity_is_bought_up_to_it():
    desk = DeskScript().start()
    tell(desk, rules(freeze=40))

    desk.bar(101.0)

    assert [p.order.intent.quantity for p in desk.placed] == [40]
    [refusal] = [r for r in desk.journal if r.kind == "refusal"]
    assert refusal.payload["reason"] == "reduced to 40: quantity 99, freeze quantity of RELIANCE 40"


def test_an_exit_above_the_freeze_quantity_follows_part_by_part_until_nothing_is_held():
    desk = a_long_desk()
    tell(desk, rules(freeze=40))

    leave(desk)
    while desk.working:
        desk.fill()

    assert [p.order.intent.quantity for p in desk.placed[1:]] == [40, 40, 19]
    assert desk.held == 0


@pytest.mark.parametrize("known", [None, 90])
def test_a_freeze_that_the_operator_does_not_know_halves_the_exit_until_it_passes(known):
    desk = a_long_desk()
    tell(desk, rules(freeze=known))
    desk.obedient = False

    leave(desk)
    for _ in range(12):
        if not desk.working:
            desk.pass_time(90)
        if not desk.working:
            continue
        order = desk.working[-1]
        if order.intent.quantity > 30:
            desk.answer(order.client_id, SendResult.REJECTED, message="Quantity exceeds the freeze quantity")
        else:
            row = desk.venue.take(desk.placed[-1], desk.now)
            desk.answer(order.client_id, SendResult.CONFIRMED, venue_order_id=row.venue_order_id)
            desk.fill()
        if desk.held == 0:
            break

    assert desk.held == 0
    asked = [p.order.intent.quantity for p in desk.placed[1:]]
    assert all(quantity <= 30 for quantity in asked[-3:])


def test_a_refusal_of_another_kind_makes_no_exit_smaller():
    desk = a_long_desk()
    desk.obedient = False
    leave(desk)
    desk.answer(desk.working[-1].client_id, SendResult.REJECTED, message="RMS: margin exceeds")

    desk.pass_time(10)

    assert [p.order.intent.quantity for p in desk.placed[1:]] == [99, 99]


def test_a_sale_from_holdings_that_are_not_delivered_yet_is_warned_of():
    desk = a_long_desk(product=Product.DELIVERY.value, direction="long")
    pass_a_night(desk)
    hold(desk, settled=0, arriving=99)

    leave(desk, product="CNC")

    assert desk.placed[-1].order.intent.quantity == 99
    assert any("99 of these shares were bought on the last trading day" in sentence for sentence in desk.alerts)


def test_a_sale_that_is_not_authorised_is_warned_of_and_tried():
    desk = a_long_desk(product=Product.DELIVERY.value, direction="long")
    pass_a_night(desk)
    hold(desk, settled=99, authorised=10)

    leave(desk, product="CNC")

    assert desk.placed[-1].order.intent.quantity == 99
    assert any(sentence.startswith("10 of 99 shares are authorised for sale") for sentence in desk.alerts)


def test_a_sale_that_wants_an_authorisation_asks_for_it_until_one_is_taken():
    desk = a_long_desk(product=Product.DELIVERY.value, direction="long")
    desk.obedient = False
    leave(desk, product="CNC")
    refused = SendOutcome(
        at=desk.now,
        client_id=desk.working[-1].client_id,
        result=SendResult.REJECTED,
        message="authorise at CDSL",
        code="venue.authorise_holdings",
    )

    desk.run(refused)
    assert "authorise" in desk.inbox
    assert any("authorise these holdings at the broker" in sentence for sentence in desk.alerts)

    desk.pass_time(10)
    row = desk.venue.take(desk.placed[-1], desk.now)
    desk.answer(desk.working[-1].client_id, SendResult.CONFIRMED, venue_order_id=row.venue_order_id)
    assert "authorise" not in desk.inbox


def test_what_was_bought_today_may_be_sold_today():
    desk = a_long_desk(product=Product.DELIVERY.value, direction="long")
    hold(desk)

    leave(desk, product="CNC")

    assert [p.order.intent.quantity for p in desk.placed[1:]] == [99]
    assert "holdings" not in desk.refusals


def test_an_exit_sells_what_holdings_give_and_asks_again_for_the_rest():
    desk = a_long_desk(product=Product.DELIVERY.value, direction="long")
    pass_a_night(desk)
    hold(desk, settled=60)

    leave(desk, product="CNC")

    assert desk.placed[-1].order.intent.quantity == 60


def test_holdings_are_read_by_their_key_and_nonsense_counts_as_none():
    row = {"exchange": "BSE", "tradingsymbol": "INFY", "quantity": 5, "t1_quantity": "x", "used_quantity": float("nan")}

    assert holdings_of([row]) == {"BSE:INFY": HeldShares(settled=Decimal(5))}
    assert holdings_of([{**row, "authorised_quantity": 3}])["BSE:INFY"].authorised == 3


def test_concerns_stand_in_the_inbox_until_they_are_over():
    desk = DeskScript().start()

    tell(desk, concerns={("instruments", "kite"): "the list was refused"})
    tell(desk, concerns={("instruments", "kite"): "the list was refused"})
    assert "instruments" in desk.inbox
    assert desk.alerts.count("the list was refused") == 1

    tell(desk)
    assert "instruments" not in desk.inbox


def test_facts_leave_everybody_elses_matters_in_the_inbox():
    desk = DeskScript().start()
    tell(desk, concerns={("hours", "NFO"): "one source"})
    before = desk.inbox - {"hours"}

    tell(desk)

    assert desk.inbox == before


def test_a_day_that_the_operator_closes_takes_no_entry():
    desk = DeskScript().start()
    tell(desk, calendar=INDIA.changed(days={DAY: False}))

    desk.bar(101.0)

    assert desk.placed == []


def test_a_year_without_a_holiday_list_is_refused_in_words():
    desk = DeskScript(at=TEN_O_CLOCK.replace(year=2027, day=13)).start()

    desk.bar(101.0)

    sentence = "no holiday list is loaded for 2027: nothing is open, nothing will be entered"
    assert desk.placed == []
    assert sentence in desk.alerts
    assert closed_because(desk.engine._desk) == sentence


def test_the_year_is_open_once_the_operator_has_loaded_it():
    desk = DeskScript(at=TEN_O_CLOCK.replace(year=2027, day=13)).start(deployment=False)
    tell(desk, calendar=INDIA.changed(days={date(2027, 1, 26): False}, years=[2027]))
    assert "calendar" not in desk.inbox
    desk.deploy()

    desk.bar(101.0)

    assert len(desk.placed) == 1


def test_an_expiring_index_contract_stops_before_its_segment():
    day = date(2026, 12, 8)
    both = {
        name: replace(
            NIFTY, exchange="NFO", symbol=name, kind=InstrumentKind.CALL, name="NIFTY", lot_size=65, expiry=expiry
        )
        for name, expiry in (("TODAY", day), ("LATER", date(2026, 12, 29)))
    }
    desk = DeskScript(instruments=(RELIANCE, *both.values()), at=TEN_O_CLOCK.replace(month=12, day=8)).start()

    ends = {name: desk.engine._desk.market.session(both[name].key).continuous_end_at for name in both}

    assert f"{ends['TODAY'].astimezone():%H:%M}" != f"{ends['LATER'].astimezone():%H:%M}"
    assert ends["TODAY"] < ends["LATER"]


def test_a_position_in_a_contract_that_is_listed_no_longer_alarms_and_breaks_nothing():
    desk = a_long_desk()
    desk.config.instruments.pop(RELIANCE.key)

    leave(desk)

    assert len(desk.placed) == 1
    assert "unprotected" in desk.inbox
    assert any("is listed no longer" in sentence for sentence in desk.alerts)


def test_a_stop_says_the_reason_it_was_given():
    desk = a_long_desk()

    desk.act("deployment_stop", deployment_id=DEPLOYMENT, reason="the lot of NSE:RELIANCE was 1 and is now 5")

    assert desk.engine.state.deployments[DEPLOYMENT].reason == "the lot of NSE:RELIANCE was 1 and is now 5"
    assert desk.working == [] or all(o.status is not OrderStatus.INTENDED for o in desk.working)
