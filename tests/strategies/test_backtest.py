"""The fast backtest beside its plain twin, the house's charges, and data that no backtest may run on."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.domain.charges import exact_charges
from brokers.domain.errors import DataError, Invalid
from brokers.domain.instruments import InstrumentKind
from brokers.domain.market import NANOSECONDS
from brokers.domain.orders import Product
from strategies.domain.backtest import (
    FillAt,
    FlatFee,
    Gaps,
    IndianCharges,
    Sizing,
    Terms,
    backtest,
    check_bars,
    contract_notes,
    decided,
    run,
)
from strategies.domain.backtest.notes import _fill
from tests.strategies.backtest_twins import a_walk, made_bars, walked
from tests.strategies.builders import a_breakout, a_crossover, a_reversion, an_rsi, first, joined, some_bars, traded
from tests.strategies.interpreted import interpreted  # noqa: F401 - a fixture

WHY = {"signal": 0, "stop": 1, "target": 2, "trail": 3}
UNITS = Terms(sizing=Sizing.UNITS, size=10.0)
NAN = float("nan")


def assert_twins(bars, exposure, terms, fee=0.0):
    result = run(bars, exposure, terms)
    equity, fills, trades = walked(bars, exposure, terms, fee)

    np.testing.assert_allclose(result.equity_quote, equity, rtol=1e-9)
    assert result.fills.bar.tolist() == [fill[0] for fill in fills]
    assert result.fills.cause.tolist() == [WHY[fill[4]] for fill in fills]
    np.testing.assert_allclose(result.fills.units, [fill[1] for fill in fills], rtol=1e-9)
    np.testing.assert_allclose(result.fills.price, [fill[2] for fill in fills], rtol=1e-9)
    np.testing.assert_allclose(result.fills.cost_quote, [fill[3] for fill in fills], rtol=1e-9, atol=1e-9)
    found = result.trades()
    assert found.entry_bar.tolist() == [trade[0] for trade in trades]
    assert found.exit_bar.tolist() == [trade[1] for trade in trades]
    np.testing.assert_allclose(found.profit_quote, [trade[2] for trade in trades], rtol=1e-7, atol=1e-6)


exposures = st.lists(st.sampled_from([NAN, 0.0, 1.0, -1.0, 0.5, 1.0, 0.0]), min_size=2, max_size=60)
all_terms = st.builds(
    Terms,
    capital_quote=st.sampled_from([1_000.0, 5_000.0, 1e6]),
    sizing=st.sampled_from(list(Sizing)),
    size=st.sampled_from([0.5, 1.0, 7.0, 900.0]),
    lot=st.sampled_from([0.0, 1.0, 5.0]),
    leverage=st.sampled_from([1.0, 3.0]),
    fill_at=st.sampled_from(list(FillAt)),
    slippage_fraction=st.sampled_from([0.0, 0.002]),
    stop_fraction=st.sampled_from([0.0, 0.01, 0.03]),
    target_fraction=st.sampled_from([0.0, 0.02]),
    trail_fraction=st.sampled_from([0.0, 0.015]),
    costs=st.sampled_from([FlatFee(fraction=0.001), FlatFee(fraction=0.001)]),
)


@given(exposures, st.integers(0, 50), all_terms)
@settings(max_examples=300, deadline=None)
def test_the_kernel_trades_as_its_plain_twin(wanted, seed, terms):
    assert_twins(a_walk(len(wanted), seed=seed, spread=0.02), np.array(wanted), terms, fee=0.001)


@pytest.mark.parametrize("fill_at", list(FillAt))
def test_the_kernels_say_compiled_what_they_say_as_plain_python(interpreted, fill_at):  # noqa: F811
    bars = a_walk(300, seed=3, spread=0.02)
    chance = np.random.default_rng(4)
    wanted = np.repeat(chance.choice([NAN, 0.0, 0.5, 1.0, -1.0], 100), 3)
    guarded = replace(UNITS, lot=0.0, fill_at=fill_at, stop_fraction=0.03, target_fraction=0.04, trail_fraction=0.035)
    charged = replace(UNITS, fill_at=fill_at, costs=IndianCharges(kind=InstrumentKind.EQUITY, product=Product.INTRADAY))
    compiled = [run(bars, wanted, terms) for terms in (guarded, charged, replace(charged, capital_quote=900.0))]
    trades = [result.trades() for result in compiled]

    interpreted()

    for result, known in zip(compiled, trades, strict=True):
        again = run(bars, wanted, result.terms)
        np.testing.assert_allclose(again.equity_quote, result.equity_quote, rtol=1e-12)
        found = again.trades()
        np.testing.assert_array_equal(found.exit_bar, known.exit_bar)
        for column in ("profit_quote", "best", "worst", "cost_quote"):
            np.testing.assert_allclose(getattr(found, column), getattr(known, column), rtol=1e-9, atol=1e-12)


def test_an_order_waits_for_the_next_open():
    bars = made_bars([100, 101, 103], open_=[100, 100.5, 102])

    result = run(bars, np.array([0.0, 1.0, 1.0]), UNITS)

    assert (result.fills.bar.tolist(), result.fills.price.tolist()) == ([2], [102.0])
    assert result.equity_quote.tolist() == [1e6, 1e6, 1e6 + 10]


def test_or_takes_the_close_it_was_decided_on():
    result = run(made_bars([100, 101, 103]), np.array([0.0, 1.0, 1.0]), replace(UNITS, fill_at=FillAt.SAME_CLOSE))

    assert (result.fills.bar.tolist(), result.fills.price.tolist()) == ([1], [101.0])
    assert result.final_quote == 1e6 + 20


def test_a_stop_stands_inside_the_bar_and_before_the_target():
    bars = made_bars([100, 100, 100, 100], high=[100, 100, 110, 100], low=[100, 100, 90, 100])

    result = run(bars, np.array([1.0] * 4), replace(UNITS, stop_fraction=0.05, target_fraction=0.05))

    assert result.fills.price.tolist() == [100.0, 95.0]
    assert result.fills.cause.tolist() == [0, 1]


def test_a_gap_through_the_stop_fills_at_the_open():
    bars = made_bars([100, 100, 88, 90], open_=[100, 100, 90, 88])

    result = run(bars, np.array([1.0] * 4), replace(UNITS, stop_fraction=0.05))

    assert result.fills.price.tolist() == [100.0, 90.0]


def test_a_target_is_passed_and_not_touched():
    touched = made_bars([100, 100, 104, 104], high=[100, 100, 105, 104])
    passed = made_bars([100, 100, 104, 104], high=[100, 100, 105.05, 104])
    terms = replace(UNITS, target_fraction=0.05)

    assert len(run(touched, np.array([1.0] * 4), terms).fills) == 1
    assert run(passed, np.array([1.0] * 4), terms).fills.price.tolist() == [100.0, 105.0]


def test_after_a_stop_the_next_change_is_waited_for():
    bars = made_bars([100, 100, 90, 90, 90, 90])

    result = run(bars, np.array([1.0, 1.0, 1.0, 1.0, 0.0, 1.0]), replace(UNITS, stop_fraction=0.05))

    assert result.fills.bar.tolist() == [1, 2]
    assert result.held_units().tolist() == [0, 10, 0, 0, 0, 0]


def test_a_trade_knows_how_far_it_went_either_way():
    bars = made_bars(
        [100, 100, 104, 98, 101, 101], high=[100, 100, 106, 104, 101, 101], low=[100, 100, 99, 95, 98, 101]
    )

    trades = run(bars, np.array([1.0, 1, 1, 1, 0, 0]), UNITS).trades()

    assert trades.best.tolist() == pytest.approx([0.06])
    assert trades.worst.tolist() == pytest.approx([-0.05])
    assert (trades.entry_bar[0], trades.exit_bar[0], trades.side[0]) == (1, 5, 1)


def test_a_short_is_measured_from_below():
    bars = made_bars([100, 100, 95, 98, 98], high=[100, 100, 102, 98, 98], low=[100, 100, 94, 95, 98])

    trades = run(bars, np.array([-1.0, -1, -1, 0, 0]), UNITS).trades()

    assert trades.best.tolist() == pytest.approx([0.06])
    assert trades.worst.tolist() == pytest.approx([-0.02])
    assert trades.profit_quote.tolist() == [20.0]


def test_what_the_equity_cannot_carry_is_cut():
    result = run(made_bars([100.0] * 3), np.array([1.0] * 3), replace(UNITS, capital_quote=550.0))

    assert result.fills.units.tolist() == [5.0]


def test_who_lost_everything_enters_nothing_more():
    bars = made_bars([100, 100, 250, 250, 250, 250])

    result = run(bars, np.array([-1.0, -1, 0, 1, 1, 1]), replace(UNITS, capital_quote=1_000.0))

    assert result.fills.units.tolist() == [-10.0, 10.0]
    assert result.final_quote == -500.0


@given(st.integers(0, 30), st.sampled_from([1.0, 0.5]))
@settings(max_examples=20, deadline=None)
def test_money_is_neither_made_nor_lost_by_the_books(seed, exposure):
    bars = a_walk(120, seed=seed)
    wanted = np.where(np.arange(120) // 7 % 2, exposure, 0.0)

    result = run(bars, wanted, replace(UNITS, costs=FlatFee(fraction=0.002), slippage_fraction=0.001))

    assert result.trades().profit_quote.sum() == pytest.approx(result.final_quote - 1e6, abs=1e-6)
    assert result.trades().cost_quote.sum() == pytest.approx(result.fills.cost_quote.sum())


SEGMENTS = [
    ("NSE:MADE", InstrumentKind.EQUITY, Product.INTRADAY),
    ("NSE:MADE", InstrumentKind.EQUITY, Product.DELIVERY),
    ("BSE:MADE", InstrumentKind.EQUITY, Product.INTRADAY),
    ("NFO:MADE26APRFUT", InstrumentKind.FUTURE, Product.CARRY),
    ("NFO:MADE26APR100CE", InstrumentKind.CALL, Product.CARRY),
]


@pytest.mark.parametrize(("instrument", "kind", "product"), SEGMENTS)
def test_every_fill_is_charged_as_the_house_charges_it(instrument, kind, product):
    # from the last days of the older rates into the newer ones
    start = int(datetime(2026, 3, 2, 3, 45, tzinfo=UTC).timestamp()) * NANOSECONDS
    bars = a_walk(80, seed=5, start_ns=start, instrument=instrument)
    costs = IndianCharges(kind=kind, product=product)
    result = run(bars, np.where(np.arange(80) // 3 % 2, 1.0, 0.0), Terms(size=60_000.0, costs=costs))

    for place, bar in enumerate(result.fills.bar.tolist()):
        day = date(2026, 3, 2) + timedelta(days=bar)
        fill = _fill(result, costs, place, bar)
        exact = exact_charges([fill], kinds={instrument: kind}, day=day, schedule=costs.schedule).total
        assert result.fills.cost_quote[place] == pytest.approx(float(exact), abs=1e-9)
    assert len(result.fills) > 20


def test_a_contract_note_stands_for_each_day():
    # bought 100 at 1,000 and sold at 1,010 the same day, worked by hand with the rates since 2026-04-01:
    # brokerage 20 + 20 (0.03 % would be more), tax 0.025 % of 1,01,000 = 25.25 -> 25,
    # exchange 0.00307 % of 2,01,000 = 6.1707 -> 6.17, SEBI 0.0001 % = 0.201 -> 0.20,
    # stamp 0.003 % of 1,00,000 = 3.00, GST 18 % of 46.3717 = 8.3469 -> 8.35
    bars = made_bars([1000, 1000, 1010, 1010], open_=[1000, 1000, 1000, 1010], interval_s=300)
    costs = IndianCharges(kind=InstrumentKind.EQUITY, product=Product.INTRADAY)

    result = run(bars, np.array([1.0, 1.0, 0.0, 0.0]), Terms(sizing=Sizing.UNITS, size=100.0, costs=costs))
    (note,) = contract_notes(result).values()

    assert (note.brokerage, note.transaction_tax) == (40, 25)
    assert (note.exchange, note.sebi) == (Decimal("6.17"), Decimal("0.20"))
    assert (note.stamp, note.gst, note.total) == (Decimal("3.00"), Decimal("8.35"), Decimal("82.72"))
    assert result.fills.cost_quote.sum() == pytest.approx(82.97, abs=0.01)


def test_a_flat_fee_has_no_notes():
    with pytest.raises(Invalid, match="Indian charges alone"):
        contract_notes(run(made_bars([1, 1]), np.zeros(2), UNITS))


def test_days_without_rates_are_refused_unless_a_day_stands_for_them():
    start = int(datetime(2024, 9, 20, 3, 45, tzinfo=UTC).timestamp()) * NANOSECONDS
    bars = made_bars([100.0] * 20, start_ns=start)
    costs = IndianCharges(kind=InstrumentKind.EQUITY, product=Product.DELIVERY)
    wanted = np.array([1.0] * 20)

    with pytest.raises(DataError, match="no charge rates are loaded for 2024-09-20"):
        run(bars, wanted, Terms(costs=costs))
    stood_for = run(bars, wanted, Terms(costs=replace(costs, first_day=date(2024, 10, 1))))
    assert stood_for.fills.cost_quote.tolist() == pytest.approx([118.6226])
    assert len(contract_notes(stood_for)) == 1


def test_an_exchange_without_rates_is_refused():
    costs = IndianCharges(kind=InstrumentKind.EQUITY, product=Product.DELIVERY)

    with pytest.raises(DataError, match="on MCX"):
        run(made_bars([1, 1], instrument="MCX:GOLD"), np.zeros(2), Terms(costs=costs))


def broken(column, row, value):
    bars = a_walk(12, seed=1)
    changed = getattr(bars, column).copy()
    changed[row] = value
    return replace(bars, **{column: changed})


@pytest.mark.parametrize(
    ("column", "row", "value", "sentence"),
    [
        ("close", 3, 0.0, r"bar 3 \(2026-04-04 03:45 UTC\): close is 0, not a price"),
        ("open", 3, -5.0, "bar 3 .*: open is -5, not a price"),
        ("high", 4, NAN, "bar 4 .*: high is nan, not a price"),
        ("high", 4, float("inf"), "bar 4 .*: high is inf, not a price"),
        ("low", 5, 1e6, "bar 5 .*: high .* and low 1e\\+06 do not hold open and close between them"),
        ("volume", 5, -1.0, "bar 5 .*: volume is -1"),
        ("volume", 5, NAN, "bar 5 .*: volume is nan"),
        ("start_ns", 6, 0, "bar 6 .*: earlier than the bar before"),
    ],
)
def test_a_bar_that_cannot_be_is_named(column, row, value, sentence):
    with pytest.raises(DataError, match=sentence):
        run(broken(column, row, value), np.zeros(12), UNITS)


def test_a_bar_twice_is_named():
    bars = a_walk(12, seed=1)

    with pytest.raises(DataError, match=r"bar 7 .*: the same time as the bar before"):
        check_bars(broken("start_ns", 7, bars.start_ns[6]))


def test_no_bars_and_columns_of_other_lengths_are_refused():
    bars = a_walk(12, seed=1)

    with pytest.raises(DataError, match="there are no bars"):
        check_bars(first(bars, 0))
    with pytest.raises(DataError, match="11 values of high for 12 closes"):
        check_bars(replace(bars, high=bars.high[:11]))


def test_bars_missing_within_a_day_stop_a_backtest_or_are_told():
    bars = some_bars(np.full(30, 100.0))
    holed = joined(first(bars, 10), replace(first(some_bars(np.full(5, 100.0)), 5), start_ns=bars.start_ns[13:18]))

    with pytest.raises(DataError, match=r"3 bars are missing between bar 9 .* and bar 10"):
        run(holed, np.zeros(15), UNITS)
    (remark,) = run(holed, np.zeros(15), replace(UNITS, gaps=Gaps.REPORT)).remarks
    assert remark.startswith("3 bars are missing")


def test_bars_that_overlap_are_told():
    bars = some_bars(np.full(4, 100.0))
    start = bars.start_ns.copy()
    start[2:] -= 30 * NANOSECONDS

    with pytest.raises(DataError, match="less than an interval lies between bar 1"):
        check_bars(replace(bars, start_ns=start))


def test_a_night_is_no_gap_and_a_month_is_one():
    day = 86_400 * NANOSECONDS
    bars = some_bars(np.full(4, 100.0))
    start = bars.start_ns.copy()
    start[2:] += day

    assert check_bars(replace(bars, start_ns=start), offset_ns=19_800 * NANOSECONDS) == []
    start[2:] += 30 * day
    with pytest.raises(DataError, match="missing"):
        check_bars(replace(bars, start_ns=start), offset_ns=19_800 * NANOSECONDS)


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [(np.array([0.0, 1.0, 1.5]), "exposure 1.5 at bar 2"), (np.array([0.0, -2.0, 1.0]), "exposure -2.0 at bar 1")],
)
def test_an_exposure_beyond_full_is_named(wanted, sentence):
    with pytest.raises(Invalid, match=sentence):
        run(made_bars([1, 1, 1]), wanted, UNITS)


def test_exposures_of_another_length_are_refused():
    with pytest.raises(Invalid, match=r"\(2,\) exposures for 3 bars"):
        run(made_bars([1, 1, 1]), np.zeros(2), UNITS)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"capital_quote": 0.0}, "capital_quote"),
        ({"size": NAN}, "size"),
        ({"leverage": -1.0}, "leverage"),
        ({"lot": -1.0}, "lot"),
        ({"stop_fraction": 1.0}, "stop_fraction"),
        ({"slippage_fraction": -0.1}, "slippage_fraction"),
        ({"trail_fraction": NAN}, "trail_fraction"),
        ({"target_fraction": -0.1}, "target_fraction"),
    ],
)
def test_terms_out_of_range_name_their_field(changes, field):
    with pytest.raises(Invalid, match=field) as caught:
        Terms(**changes)

    assert caught.value.field == field


def test_a_fee_is_a_share():
    with pytest.raises(Invalid, match="between 0 and 1"):
        FlatFee(fraction=1.5)


def test_days_need_a_zone_without_summer_time():
    with pytest.raises(Invalid, match="summer time"):
        run(made_bars([1, 1]), np.zeros(2), replace(UNITS, zone=ZoneInfo("Europe/Berlin")))


@given(
    st.lists(st.integers(-40, 40), min_size=60, max_size=160),
    st.sampled_from([a_crossover, a_breakout, a_reversion, an_rsi]),
)
@settings(max_examples=40, deadline=None)
def test_a_backtest_decides_as_the_desk_does_bar_by_bar(moves, build):
    strategy = build(direction="both")
    bars = some_bars(100 + np.cumsum(np.array(moves) / 20), spread=0.2, volumes=[100 + move**2 for move in moves])

    wanted, current, changed = decided(strategy, bars), 0.0, []
    for at, one in enumerate(wanted.tolist()):
        if not np.isnan(one) and one != current:
            current = one
            changed.append((int(bars.start_ns[at]) + 60 * NANOSECONDS, one))

    signals = traded(strategy, bars)
    assert changed == [(int(s.bar_end_at.timestamp()) * NANOSECONDS, s.exposure) for s in signals]


def test_a_backtest_of_a_strategy_is_a_run_of_its_decisions():
    bars = some_bars(100 + np.cumsum(np.sin(np.arange(200) / 9)), spread=0.2)
    strategy = a_crossover()

    result = backtest(strategy, bars, UNITS)

    np.testing.assert_array_equal(result.exposure, decided(strategy, bars))
    np.testing.assert_array_equal(result.equity_quote, run(bars, result.exposure, UNITS).equity_quote)
    assert len(result.trades()) > 3


def test_what_is_refused_compiled_is_refused_as_plain_python(interpreted):  # noqa: F811
    interpreted()

    for column, row, value in (("close", 3, 0.0), ("start_ns", 6, 0)):
        with pytest.raises(DataError, match=f"bar {row} "):
            check_bars(broken(column, row, value))
    day = 86_400 * NANOSECONDS
    with pytest.raises(DataError, match="missing"):
        check_bars(replace(made_bars([1.0] * 3), start_ns=np.array([0, day, 12 * day])))
    assert check_bars(some_bars(np.full(5, 100.0))) == []
    with pytest.raises(Invalid, match="at bar 1"):
        run(made_bars([1, 1, 1]), np.array([NAN, 2.0, 1.0]), UNITS)
