"""What bounds the loss of a written option, and what a basket may become."""

from dataclasses import replace
from decimal import Decimal

import pytest

from brokers.domain.errors import DataError
from brokers.domain.instruments import InstrumentKind
from brokers.domain.orders import Product, Side
from execution.domain.baskets import BasketMoved, BasketState, basket_id_of, require_move, stage_of
from execution.domain.cover import Beside, covered_by
from execution.domain.events import LimitsChanged
from execution.domain.lifecycle import IllegalMove
from tests.execution.domain.basket_script import (
    BASKET,
    FUTURE,
    HIGH_CALL,
    HIGH_PUT,
    KEY,
    LATE_CALL,
    LOT,
    LOW_CALL,
    LOW_PUT,
    BasketScript,
    buy,
)

NRML, MIS, CNC = Product.CARRY, Product.INTRADAY, Product.DELIVERY
SHARE = replace(FUTURE, kind=InstrumentKind.EQUITY, symbol="NIFTY", expiry=None, exchange="NSE")
OTHER = replace(HIGH_CALL, name="BANKNIFTY")


def covering(written, *beside, product=NRML):
    rows = [Beside(instrument, Decimal(quantity), held) for instrument, quantity, held in beside]
    return covered_by(written, product, rows)


@pytest.mark.parametrize(
    ("written", "beside", "expected"),
    [
        (LOW_CALL, [(HIGH_CALL, 65, NRML)], 65),
        (LOW_CALL, [(LATE_CALL, 65, NRML)], 65),
        (LATE_CALL, [(LOW_CALL, 65, NRML)], 0),  # it ends first
        (LOW_CALL, [(HIGH_CALL, 65, MIS)], 0),  # it is squared off first
        (LOW_CALL, [(LOW_PUT, 65, NRML)], 0),
        (LOW_CALL, [(OTHER, 65, NRML)], 0),
        (LOW_CALL, [(FUTURE, 65, NRML)], 65),
        (HIGH_PUT, [(FUTURE, -65, NRML)], 65),
        (HIGH_PUT, [(FUTURE, 65, NRML)], 0),
        (LOW_CALL, [(SHARE, 65, CNC)], 65),
        (LOW_CALL, [(HIGH_CALL, 130, NRML), (LATE_CALL, -65, NRML)], 65),  # written already
        (LOW_CALL, [(HIGH_CALL, 65, NRML), (FUTURE, -65, NRML)], 0),  # the future sold uses it up
        (LATE_CALL, [(LATE_CALL, 65, NRML), (LOW_CALL, -65, MIS)], 0),
        (LOW_CALL, [], 0),
    ],
)
def test_cover_is_what_outlasts_the_written_option_less_what_needs_cover_itself(written, beside, expected):
    assert covering(written, *beside) == expected


def test_intraday_cover_is_enough_for_what_is_intraday():
    assert covering(LOW_CALL, (HIGH_CALL, 65, MIS), product=MIS) == 65


def test_stages_go_from_what_covers_to_what_is_covered():
    stages = [
        stage_of(instrument, side)
        for instrument, side in ((LOW_CALL, Side.BUY), (FUTURE, Side.BUY), (FUTURE, Side.SELL), (LOW_CALL, Side.SELL))
    ]

    assert stages == sorted(set(stages))


@pytest.mark.parametrize(("state", "to"), [("refused", "working"), ("filled", "working"), ("unwound", "filled")])
def test_what_has_ended_is_not_begun_again(state, to):
    with pytest.raises(IllegalMove, match=f"that is {state} cannot become {to}"):
        require_move(BasketState(state), BasketState(to))


def test_only_a_basket_s_key_names_a_basket():
    assert str(basket_id_of(KEY)) == BASKET
    assert basket_id_of("11111111-2222-4333-8444-555566667777") is None
    assert basket_id_of(None) is None


def test_a_journal_that_speaks_of_an_unknown_basket_stops_recovery():
    desk = BasketScript().start()
    fact = BasketMoved(basket_id=BASKET, state=BasketState.WORKING, reason="?")

    with pytest.raises(DataError, match="unknown basket"):
        desk.engine.state.take(fact, desk.now)


def test_a_new_price_that_the_gate_refuses_is_not_sent():
    desk = BasketScript().start()
    desk.send(buy(LOW_CALL), deadline_s=120)
    value = desk.placed[0].order.reserved_quote

    desk.run(LimitsChanged(at=desk.now, limits=replace(desk.config.limits, max_order_value_quote=value)))
    desk.pass_time(30)

    assert (desk.modifies, desk.state) == ([], "working")


def test_a_leg_expired_at_the_market_is_refused():
    desk = BasketScript()
    gone = replace(LOW_CALL, expiry=desk.now.date().replace(day=1))
    desk.config.instruments[gone.key] = gone
    desk.start()

    desk.send(buy(LOW_CALL))

    assert (desk.state, desk.placed) == ("refused", [])
    assert "expired on 2026-07-01" in desk.basket.reason


def test_its_prices_as_it_begins_are_kept():
    desk = BasketScript().start()

    desk.send(buy(LOW_CALL))

    assert desk.basket.arrivals == (desk.engine._desk.market.quote(LOW_CALL.key, desk.now).ask,)
    assert desk.placed[0].order.intent.quantity == LOT
