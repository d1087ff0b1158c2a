"""The library on recorded days: it trades, and it never looks ahead."""

from datetime import date

import duckdb
import numpy as np
import pytest

from brokers.domain.calendar import Segment
from brokers.domain.market import Bars
from strategies.domain import wanted_exposure
from strategies.registry import strategies_all, strategy_made
from tests.reference import reference_file
from tests.strategies.builders import first, sessions, traded

LOT = 65
EXPIRY = date(2026, 8, 18)

pytestmark = pytest.mark.reference


def a_week_of(symbol):
    path = reference_file("nse_intraday/dhan_5min_nifty50_and_index_2026-07-13_17.parquet")
    rows = duckdb.execute(
        "select epoch_ns(ts) as start_ns, open, high, low, close, volume from read_parquet($path) "
        "where symbol = $symbol order by ts",
        {"path": str(path), "symbol": symbol},
    ).fetchnumpy()
    columns = {name: np.asarray(rows[name], dtype=np.float64) for name in ("open", "high", "low", "close", "volume")}
    return Bars(
        instrument=f"NSE:{symbol}", interval_s=300, start_ns=np.asarray(rows["start_ns"], dtype=np.int64), **columns
    )


def an_expiry_day_of(strike, kind):
    path = reference_file("nse_options/nifty_chain_1min_nse_2026-08-18.parquet")
    rows = duckdb.execute(
        "select epoch_ns(ts) as start_ns, ltp, volume from read_parquet($path) "
        "where expiry = $expiry and strike = $strike and option_type = $kind order by ts",
        {"path": str(path), "expiry": EXPIRY, "strike": strike, "kind": kind},
    ).fetchnumpy()
    price = np.asarray(rows["ltp"], dtype=np.float64)
    counter = np.asarray(rows["volume"], dtype=np.float64) * LOT
    return Bars(
        instrument=f"NFO:NIFTY26818{strike}{kind}",
        interval_s=60,
        start_ns=np.asarray(rows["start_ns"], dtype=np.int64),
        open=price,
        high=price,
        low=price,
        close=price,
        volume=np.maximum(np.diff(counter, prepend=counter[0]), 0.0),
    )


CASES = [
    ("ema-crossover", {"bar_minutes": 5}, lambda: a_week_of("RELIANCE")),
    ("vwap-breakout", {"bar_minutes": 5}, lambda: a_week_of("RELIANCE")),
    ("vwap-breakout", {"bar_minutes": 5, "direction": "both"}, lambda: a_week_of("AXISBANK")),
    ("ema-crossover", {"fast": 5, "slow": 13}, lambda: an_expiry_day_of(24200, "CE")),
    (
        "mean-reversion",
        {"bar_minutes": 5, "adx_bars": 8, "adx_below": 60, "direction": "both"},
        lambda: a_week_of("INFY"),
    ),
    (
        "mean-reversion",
        {"bar_minutes": 5, "adx_bars": 8, "adx_below": 60, "vwap_bars": 40, "direction": "both"},
        lambda: a_week_of("AXISBANK"),
    ),
    ("mean-reversion", {"enter_z": 1.5, "adx_below": 40, "adx_bars": 5}, lambda: an_expiry_day_of(24200, "CE")),
    ("rsi", {"bar_minutes": 5, "rsi_bars": 7}, lambda: a_week_of("AXISBANK")),
    ("rsi", {"bar_minutes": 5, "direction": "both", "max_bars": 10}, lambda: a_week_of("TCS")),
    ("rsi", {"stop_atr": 1.0, "rsi_bars": 5, "atr_bars": 5}, lambda: an_expiry_day_of(24350, "PE")),
    ("vwap-breakout", {"atr_bars": 5}, lambda: an_expiry_day_of(24150, "CE")),
    ("vwap-breakout", {"atr_bars": 5, "atr_multiple": 0.5}, lambda: an_expiry_day_of(24350, "PE")),
    (
        "agent-panel",
        {"bar_minutes": 5, "threshold": 0.1, "agreement": 0.5, "direction": "both"},
        lambda: a_week_of("AXISBANK"),
    ),
]


def case_id(case):
    slug, params, _ = case
    return f"{slug} {params}"


@pytest.fixture(params=CASES, ids=case_id)
def recorded(request):
    slug, params, history = request.param
    bars = history()
    segment = Segment.NSE_DERIVATIVES if bars.instrument.startswith("NFO") else Segment.EQUITY_WITH_DERIVATIVES
    return strategy_made(slug, params, sessions=sessions(segment)), bars


def test_every_strategy_of_the_library_is_tried():
    assert {slug for slug, _, _ in CASES} == {cls.slug for cls in strategies_all()}


def test_trades_several_times_and_ends_flat(recorded):
    strategy, bars = recorded

    signals = traded(strategy, bars)

    assert len(signals) >= 8
    assert signals[-1].is_exit


def test_decides_the_same_on_the_whole_history_and_bar_by_bar(recorded):
    strategy, bars = recorded

    whole = wanted_exposure(strategy, bars)
    grown = [wanted_exposure(strategy, first(bars, count))[-1] for count in range(1, len(bars) + 1)]

    np.testing.assert_array_equal(whole, grown)
