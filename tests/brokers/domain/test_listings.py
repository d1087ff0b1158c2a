from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from brokers.domain import listings
from brokers.domain.errors import DataError
from brokers.domain.instruments import Instrument, InstrumentKind
from brokers.domain.listings import Change, ChangeKind, changes_between, check_whole, listed_of

TODAY = date(2026, 11, 25)
STOCK = Instrument(
    exchange="NSE",
    symbol="TATAMOTORS",
    token=884737,
    kind=InstrumentKind.EQUITY,
    name="TATA MOTORS",
    tick_size=Decimal("0.05"),
    lot_size=1,
    segment="NSE",
)
FUTURE = replace(
    STOCK, exchange="NFO", symbol="NIFTY26NOVFUT", token=9, kind=InstrumentKind.FUTURE, expiry=date(2026, 11, 24)
)


def compared(before, after):
    rows = [{(i.exchange, i.symbol): listed_of(i) for i in side} for side in (before, after)]
    return changes_between(*rows, day=TODAY)


@pytest.mark.parametrize(
    ("after", "change"),
    [
        (
            [replace(STOCK, symbol="TMPV")],
            Change(exchange="NSE", symbol="TATAMOTORS", kind="renamed", after="NSE:TMPV"),
        ),
        ([replace(STOCK, lot_size=5)], Change(exchange="NSE", symbol="TATAMOTORS", kind="lot", before="1", after="5")),
        (
            [replace(STOCK, tick_size=Decimal("0.10"))],
            Change(exchange="NSE", symbol="TATAMOTORS", kind="tick", before="0.05", after="0.1"),
        ),
        (
            [replace(STOCK, token=7)],
            Change(exchange="NSE", symbol="TATAMOTORS", kind="number", before="884737", after="7"),
        ),
        ([], Change(exchange="NSE", symbol="TATAMOTORS", kind="gone")),
        ([STOCK, replace(STOCK, symbol="NEW", token=8)], Change(exchange="NSE", symbol="NEW", kind="new")),
    ],
)
def test_a_change_is_named(after, change):
    assert compared([STOCK], after) == [change]


def test_a_contract_that_ran_out_is_no_riddle():
    [change] = compared([STOCK, FUTURE], [STOCK])

    assert (change.kind, change.sentence) == (
        ChangeKind.EXPIRED,
        "NFO:NIFTY26NOVFUT expired on 2026-11-24 and is listed no longer",
    )


def test_a_number_given_to_another_contract_is_no_new_name():
    reused = replace(FUTURE, symbol="NIFTY26DECFUT", expiry=date(2026, 12, 29))

    assert [change.kind for change in compared([FUTURE], [reused])] == [ChangeKind.EXPIRED, ChangeKind.NEW]


def test_the_same_list_and_the_first_list_change_nothing():
    assert compared([STOCK, FUTURE], [STOCK, FUTURE]) == []
    assert compared([], [STOCK]) == []


def a_list(count, *, without=()):
    keys = sorted(listings.KEY_INSTRUMENTS - set(without))
    named = [replace(STOCK, exchange=key.split(":")[0], symbol=key.split(":")[1]) for key in keys]
    return named + [replace(STOCK, symbol=f"S{number}") for number in range(count - len(named))]


def test_a_whole_list_is_believed():
    check_whole(a_list(20_000), 10, before=24_000, is_simulated=False)


@pytest.mark.parametrize(
    ("count", "skipped", "before", "without", "sentence"),
    [
        (19_999, 0, 0, (), "19999 rows, fewer than 20000"),
        (30_000, 0, 60_001, (), "has 30000 rows, the last one had 60001"),
        (20_000, 2_000, 0, (), "2000 rows of the venue's list are unreadable"),
        (20_000, 0, 0, ("BSE:SENSEX",), "lacks BSE:SENSEX"),
        (0, 0, 0, tuple(listings.KEY_INSTRUMENTS), "the venue's list is empty"),
    ],
)
def test_half_a_list_is_refused_with_its_numbers(count, skipped, before, without, sentence):
    with pytest.raises(DataError, match=sentence):
        check_whole(a_list(count, without=without), skipped, before=before, is_simulated=False)


def test_a_recording_may_be_short():
    check_whole([STOCK], 0, before=100_000, is_simulated=True)


PERPETUAL = replace(
    STOCK,
    exchange="ASTER",
    symbol="BTCUSDT",
    kind=InstrumentKind.PERPETUAL,
    quantity_step=Decimal("0.001"),
    min_notional_quote=Decimal(5),
)


def stated(instrument, status):
    return {(instrument.exchange, instrument.symbol): listed_of(instrument, status)}


@pytest.mark.parametrize(
    ("after", "kind", "sentence"),
    [
        (
            stated(replace(PERPETUAL, quantity_step=Decimal("0.010")), "TRADING"),
            "step",
            "the quantity step of ASTER:BTCUSDT was 0.001 and is now 0.01",
        ),
        (
            stated(replace(PERPETUAL, min_notional_quote=Decimal(10)), "TRADING"),
            "minimum",
            "the smallest order of ASTER:BTCUSDT was 5 and is now 10",
        ),
        (
            stated(PERPETUAL, "SETTLING"),
            "leaving",
            "ASTER:BTCUSDT was TRADING and is now SETTLING: no new position is opened in it",
        ),
    ],
)
def test_what_a_perpetual_s_list_changes_is_told(after, kind, sentence):
    [change] = changes_between(stated(PERPETUAL, "TRADING"), after, day=TODAY)

    assert (change.kind, change.sentence) == (kind, sentence)


def test_a_contract_that_comes_back_is_told():
    [change] = changes_between(stated(PERPETUAL, "SETTLING"), stated(PERPETUAL, "TRADING"), day=TODAY)

    assert change.sentence == "ASTER:BTCUSDT was SETTLING and trades again"


def test_the_first_telling_of_a_grid_is_no_change():
    before = stated(replace(PERPETUAL, quantity_step=None, min_notional_quote=None), "")

    assert changes_between(before, stated(PERPETUAL, "TRADING"), day=TODAY) == []


def test_half_a_list_of_aster_s_is_not_believed():
    def named(count, *keys):
        names = [*keys, *(f"S{number}USDT" for number in range(count - len(keys)))]
        return [replace(PERPETUAL, symbol=name) for name in names]

    terms = {"is_simulated": False, "venue": "aster"}
    check_whole(named(200, "BTCUSDT", "ETHUSDT"), 0, before=210, **terms)
    for few, before in ((named(20, "BTCUSDT", "ETHUSDT"), 20), (named(200), 200), (named(100, "BTCUSDT"), 290)):
        with pytest.raises(DataError):
            check_whole(few, 0, before=before, **terms)
