"""What the exchanges' lists, freeze quantities and holdings do to an order."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.domain.calendar import Phase
from brokers.domain.instruments import InstrumentKind
from brokers.domain.market_life import MarketRules, Restriction, RestrictionKind, Standing, Term
from brokers.domain.orders import ApprovedOrder, Product, Side
from risk.domain import Reduced, Refused
from tests.risk.builders import (
    a_holding,
    a_pending,
    a_view,
    an_exit,
    an_instrument,
    an_intent,
    an_option,
    reviewed,
    some_limits,
)

AMPLE = some_limits(max_order_value_quote="1e9", max_position_value_quote="1e9", max_gross_exposure_quote="1e9")
DAY = date(2026, 8, 18)
CALL = an_option()


def listed_as(kind, *, until=None, source="NSE circular"):
    row = Restriction(kind=kind, exchange="NSE", symbol="RELIANCE", since=DAY, until=until, source=source)
    return Standing(restrictions=(row,))


def in_delivery(quantity="10", **changes):
    return an_intent(quantity, product=Product.DELIVERY, **changes)


def test_a_contract_in_its_ban_period_takes_no_entry_and_says_since_when():
    decision = reviewed(
        an_intent("65", price="100", instrument=CALL.key),
        view=a_view(instrument=CALL, standing=listed_as(RestrictionKind.BAN)),
    )

    assert decision == Refused(
        rule="ban_period",
        reason="NIFTY is in its F&O ban period from 2026-08-18 (NSE circular): only orders that reduce a position",
    )


def test_a_day_that_is_closed_for_a_reason_says_the_reason():
    decision = reviewed(view=a_view(phase=Phase.CLOSED, closed_because="no holiday list is loaded for 2027"))

    assert decision == Refused(rule="session_phase", reason="no holiday list is loaded for 2027")


def test_a_share_may_be_traded_while_its_contracts_are_banned():
    assert isinstance(reviewed(view=a_view(standing=listed_as(RestrictionKind.BAN))), ApprovedOrder)


@pytest.mark.parametrize(
    ("kind", "rule", "in_delivery_too"),
    [
        (RestrictionKind.GSM, "surveillance", False),
        (RestrictionKind.ASM, "surveillance", True),
        (RestrictionKind.TRADE_TO_TRADE, "trade_to_trade", True),
        (RestrictionKind.MIS_BLOCKED, "mis_blocked", True),
    ],
)
def test_a_list_leaves_delivery_or_nothing(kind, rule, in_delivery_too):
    view = a_view(standing=listed_as(kind))

    assert reviewed(an_intent(), view=view).rule == rule
    assert isinstance(reviewed(in_delivery(), view=view), ApprovedOrder) is in_delivery_too


def test_a_list_holds_from_its_first_day_to_its_last():
    row = Restriction(kind=RestrictionKind.BAN, exchange="NFO", symbol="NIFTY", since=DAY, until=date(2026, 8, 19))
    rules = MarketRules(restrictions=(row,))

    held = [bool(rules.on(CALL, date(2026, 8, day)).restrictions) for day in (17, 18, 19, 20)]

    assert held == [False, True, True, False]
    assert not rules.on(
        an_instrument("NFO:BANKNIFTY26AUGFUT", kind=InstrumentKind.FUTURE, name="BANKNIFTY"), DAY
    ).restrictions


TERMS = MarketRules(
    terms=(
        Term(exchange="NFO", underlying="NIFTY", effective_from=date(2025, 1, 1), freeze_quantity=Decimal(900)),
        Term(exchange="NFO", underlying="NIFTY", effective_from=date(2026, 8, 3), freeze_quantity=Decimal(1800)),
        Term(exchange="NFO", underlying="NIFTY", effective_from=date(2026, 9, 1), lot_size=60),
        Term(exchange="NSE", underlying="", effective_from=date(2026, 4, 1), freeze_quantity=Decimal(100_000)),
    )
)


@pytest.mark.parametrize(
    ("instrument", "day", "freeze"),
    [
        (CALL, date(2024, 12, 31), None),  # unknown, not 1
        (CALL, date(2026, 8, 2), 900),
        (CALL, DAY, 1800),
        (CALL, date(2026, 9, 2), 1800),  # a later row that speaks of the lot alone leaves it
        (an_option("BFO:SENSEX2681882000CE", lot=20), DAY, None),
        (an_instrument(), DAY, 100_000),
    ],
)
def test_the_freeze_quantity_is_the_newest_of_its_day(instrument, day, freeze):
    assert TERMS.on(instrument, day).freeze_quantity == freeze


def test_the_operators_lot_stands_in_where_the_list_has_none():
    unlisted = an_option(lot=0)

    assert TERMS.on(unlisted, date(2026, 9, 2)).lot_size == 60
    assert TERMS.on(CALL, date(2026, 9, 2)).lot_size == 65
    assert TERMS.on(unlisted, DAY).lot_size is None


def test_an_entry_in_a_contract_of_unknown_lot_is_refused():
    view = a_view(instrument=an_option(lot=0))

    assert reviewed(an_intent("1", instrument=CALL.key), view=view).rule == "known_lot"


def test_an_entry_is_judged_by_the_operators_lot_where_the_list_has_none():
    view = a_view(instrument=an_option(lot=0), standing=Standing(lot_size=60))

    assert isinstance(reviewed(an_intent("120", instrument=CALL.key), view=view, limits=AMPLE), ApprovedOrder)
    assert reviewed(an_intent("65", instrument=CALL.key), view=view).rule == "whole_lots"


def frozen(quantity, **changes):
    return a_view(instrument=CALL, standing=Standing(freeze_quantity=Decimal(quantity), lot_size=65), **changes)


def test_an_entry_above_the_freeze_quantity_is_reduced_to_whole_lots_under_it():
    decision = reviewed(an_intent("2600", instrument=CALL.key), view=frozen(1800), limits=AMPLE)

    assert isinstance(decision, Reduced)
    assert decision.approved.intent.quantity == 1755
    assert (decision.rule, decision.reason) == ("freeze_quantity", "quantity 2,600, freeze quantity of NIFTY 1,800")


def test_an_exit_above_the_freeze_quantity_goes_out_in_parts():
    view = frozen(1800, holdings=(a_holding("2600", instrument=CALL.key),))

    first = reviewed(an_exit("2600", instrument=CALL.key), view=view)
    under_way = a_pending("1755", side=Side.SELL, instrument=CALL.key, reduce_only=True)
    rest = reviewed(an_exit("845", instrument=CALL.key), view=replace(view, pending=(under_way,)))

    assert (first.approved.intent.quantity, first.rule) == (1755, "freeze_quantity")
    assert rest.intent.quantity == 845


def test_a_part_of_an_odd_position_is_still_a_part():
    view = frozen(40, holdings=(a_holding("50", instrument=CALL.key),))

    assert reviewed(an_exit("50", instrument=CALL.key), view=view).approved.intent.quantity == 40


@pytest.mark.parametrize(
    ("sellable", "rule", "sentence"),
    [
        (None, "holdings", "the venue's holdings have not been read yet"),
        ("9", "holdings", "sell of 10 NSE:RELIANCE in delivery, sellable today 9"),
        ("0", "holdings", "sellable today 0"),
    ],
)
def test_no_more_is_sold_in_delivery_than_holdings_give(sellable, rule, sentence):
    free = None if sellable is None else Decimal(sellable)

    decision = reviewed(in_delivery(side=Side.SELL), view=a_view(sellable=free))

    assert decision.rule == rule
    assert sentence in decision.reason


def test_sells_under_way_use_holdings_up():
    leaving = a_pending("6", side=Side.SELL, product=Product.DELIVERY)
    view = a_view(sellable=Decimal(15), pending=(leaving,))

    assert reviewed(in_delivery("9", side=Side.SELL), view=view).intent.quantity == 9
    assert reviewed(in_delivery("10", side=Side.SELL), view=view).rule == "holdings"


def test_an_exit_from_holdings_sells_what_is_there_and_comes_back_for_the_rest():
    held = replace(a_holding("10"), product=Product.DELIVERY)
    view = a_view(holdings=(held,), sellable=Decimal(4))

    decision = reviewed(replace(an_exit("10"), product=Product.DELIVERY), view=view)

    assert decision.approved.intent.quantity == 4
    assert "sellable today 4" in decision.reason


standings = st.builds(
    Standing,
    restrictions=st.lists(
        st.builds(
            Restriction,
            kind=st.sampled_from(list(RestrictionKind)),
            exchange=st.just("NSE"),
            symbol=st.just("RELIANCE"),
            since=st.just(DAY),
        )
    ).map(tuple),
    freeze_quantity=st.none() | st.integers(1, 5000).map(Decimal),
    lot_size=st.none() | st.integers(1, 100),
)


@given(
    standing=standings,
    sellable=st.none() | st.integers(0, 3000).map(Decimal),
    held=st.integers(1, 3000),
    is_long=st.booleans(),
    contract=st.tuples(
        st.sampled_from([0, 1, 65]),
        st.sampled_from([InstrumentKind.EQUITY, InstrumentKind.FUTURE, InstrumentKind.CALL]),
        st.sampled_from(list(Product)),
    ),
    share=st.floats(0.01, 1),
)
def test_an_exit_that_reduces_a_position_is_never_refused(*, standing, sellable, held, is_long, contract, share):
    lot, kind, product = contract
    quantity = max(int(held * share), 1)
    holding = replace(a_holding(str(held if is_long else -held)), product=product)
    view = a_view(
        instrument=an_instrument(kind=kind, lot=lot), holdings=(holding,), standing=standing, sellable=sellable
    )
    side = Side.SELL if is_long else Side.BUY

    decision = reviewed(replace(an_exit(str(quantity), side=side), product=product), view=view)

    assert not isinstance(decision, Refused)
    approved = decision.approved if isinstance(decision, Reduced) else decision
    assert 0 < approved.intent.quantity <= quantity


@given(standing=standings, sellable=st.none() | st.integers(0, 600).map(Decimal), held=st.integers(1, 3000))
def test_parts_end_a_position_and_never_turn_it(standing, sellable, held):
    left, sold = held, 0
    for _ in range(held):
        view = a_view(
            holdings=(a_holding(str(left)),), standing=standing, sellable=None if sellable is None else sellable
        )
        decision = reviewed(an_exit(str(left)), view=view)
        part = (decision.approved if isinstance(decision, Reduced) else decision).intent.quantity
        left, sold = left - int(part), sold + int(part)
        if left == 0:
            break

    assert (left, sold) == (0, held)


@given(standing=standings, quantity=st.integers(1, 5000))
def test_no_entry_is_larger_than_the_freeze_quantity(standing, quantity):
    decision = reviewed(in_delivery(str(quantity)), view=a_view(standing=standing), limits=AMPLE)

    approved = decision if isinstance(decision, ApprovedOrder) else getattr(decision, "approved", None)
    if approved is not None and standing.freeze_quantity is not None:
        assert approved.intent.quantity <= standing.freeze_quantity
