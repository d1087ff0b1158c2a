"""Open interest beside plain recomputations, on small cases and on real days."""

import itertools
import math
from datetime import UTC, datetime, timedelta

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.domain.errors import Invalid
from options.domain.open_interest import (
    BuildUp,
    Interest,
    Since,
    Unit,
    aligned,
    build_up,
    build_ups,
    change,
    in_units,
    max_pain,
    pains,
    put_call_ratio,
    reference,
    walls,
)
from tests.options.recorded import recorded_day
from tests.reference import reference_file

NOW = datetime(2026, 8, 18, 5, 0, tzinfo=UTC)
BHAVCOPY = "nse_options/nse_fo_bhavcopy_2025-02-03_2025-02-20.parquet"


def cells(calls, puts):
    return np.array([calls, puts], dtype=np.float64)


def an_interest(*, at=NOW, strikes=(100.0, 110.0), calls=(10.0, 20.0), puts=(5.0, 5.0), prices=None):
    last = cells((1.0, 1.0), (1.0, 1.0)) if prices is None else prices
    return Interest(at=at, strike=np.array(strikes), open_interest=cells(calls, puts), last_price=last)


def plain_pains(strikes, calls, puts):
    """What writers pay at each strike, in whole units, one option at a time."""
    return [
        sum(held * max(level - strike, 0) for strike, held in zip(strikes, calls, strict=True))
        + sum(held * max(strike - level, 0) for strike, held in zip(strikes, puts, strict=True))
        for level in strikes
    ]


def plain_max_pain(strikes, calls, puts, forward):
    pain = plain_pains(strikes, calls, puts)
    return min(
        (level for level, paid in zip(strikes, pain, strict=True) if paid == min(pain)), key=lambda k: abs(k - forward)
    )


def test_max_pain_is_where_writers_pay_least():
    strikes = np.array([90.0, 100.0, 110.0])

    held = cells((0, 10, 50), (60, 10, 0))

    assert pains(strikes, held).tolist() == [100.0, 0.0, 100.0]
    assert max_pain(strikes, held, 97.0) == 100.0


@pytest.mark.parametrize(("forward", "expected"), [(101.0, 100.0), (109.0, 110.0), (math.nan, 100.0)])
def test_a_tie_of_max_pain_goes_to_the_strike_nearest_the_forward(forward, expected):
    assert max_pain(np.array([90.0, 100.0, 110.0, 120.0]), cells((0, 5, 0, 0), (0, 0, 5, 0)), forward) == expected


def test_nothing_open_has_no_max_pain_no_ratio_and_no_wall():
    nothing = cells((0, math.nan), (0, 0))

    assert max_pain(np.array([90.0, 100.0]), nothing, 95.0) is None
    assert put_call_ratio(nothing) is None
    assert walls(np.array([90.0, 100.0]), nothing[0]) == ()


@given(st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)), min_size=1, max_size=30), st.integers(0, 31))
def test_max_pain_is_the_plain_recomputation(held, place):
    strikes = [22_000 + 50 * number for number in range(len(held))]
    calls, puts = zip(*held, strict=True)

    found = max_pain(np.array(strikes, dtype=np.float64), cells(calls, puts), 22_000.0 + 50 * place)

    if sum(calls) + sum(puts):
        assert found == plain_max_pain(strikes, calls, puts, 22_000.0 + 50 * place)
    else:
        assert found is None


def test_the_ratio_is_of_puts_to_calls_and_leaves_out_what_is_not_told():
    assert put_call_ratio(cells((10, math.nan, 10), (5, 25, 0))) == 1.5


def test_walls_are_the_largest_holdings_with_their_shares():
    first, second = walls(np.array([90.0, 100.0, 110.0]), np.array([10.0, 60.0, 30.0]), count=2)

    assert (first.strike, first.open_interest, first.share) == (100.0, 60.0, 0.6)
    assert (second.strike, second.share) == (110.0, 0.3)


def test_lots_become_units_once():
    assert in_units([2.0, 3.0], Unit.LOTS, 65).tolist() == [130.0, 195.0]
    assert in_units([130.0], Unit.UNITS, 65).tolist() == [130.0]
    with pytest.raises(Invalid, match="lot"):
        in_units([1.0], Unit.LOTS, 0)


def test_a_change_is_taken_strike_by_strike_and_is_unknown_where_one_was_not_there():
    before = an_interest(strikes=(90.0, 100.0), calls=(1.0, 2.0), puts=(3.0, 4.0))

    moved = change(an_interest(), before)

    assert np.array_equal(moved, cells((8.0, math.nan), (1.0, math.nan)), equal_nan=True)
    assert np.array_equal(aligned(before.open_interest, before.strike, before.strike), before.open_interest)


@pytest.mark.parametrize(
    ("since", "minute"),
    [
        (Since.OPEN, 0),
        (Since.MINUTE, 69),
        (Since.MINUTES_3, 67),
        (Since.MINUTES_5, 65),
        (Since.MINUTES_15, 55),
        (Since.HOUR, 10),
    ],
)
def test_a_change_is_taken_against_the_snapshot_of_that_moment(since, minute):
    history = [an_interest(at=NOW + timedelta(minutes=number)) for number in range(70)]

    assert reference(history, NOW + timedelta(minutes=70), since) is history[minute]


def test_the_previous_close_is_told_and_never_guessed():
    close = an_interest(at=NOW - timedelta(days=1))

    assert reference([an_interest()], NOW, Since.PREVIOUS_CLOSE, previous_close=close) is close
    assert reference([an_interest()], NOW, Since.PREVIOUS_CLOSE) is None


def test_a_gap_in_the_record_gives_no_change():
    history = [an_interest(at=NOW), an_interest(at=NOW + timedelta(minutes=9))]

    assert reference(history, NOW + timedelta(minutes=9), Since.MINUTES_5) is None
    assert reference(history, NOW + timedelta(minutes=1), Since.MINUTES_5) is None
    assert reference([], NOW, Since.OPEN) is None


@pytest.mark.parametrize(
    ("price", "interest", "expected"),
    [
        (1.0, 5.0, BuildUp.LONG_BUILD_UP),
        (-1.0, 5.0, BuildUp.SHORT_BUILD_UP),
        (1.0, -5.0, BuildUp.SHORT_COVERING),
        (-1.0, -5.0, BuildUp.LONG_UNWINDING),
        (0.0, 5.0, BuildUp.NONE),
        (1.0, 0.0, BuildUp.NONE),
        (math.nan, 5.0, BuildUp.NONE),
    ],
)
def test_price_and_interest_together_class_a_move(price, interest, expected):
    assert build_up(price, interest) is expected


def test_every_cell_is_classed_against_the_moment_before():
    now = an_interest(calls=(12.0, 20.0), puts=(4.0, 5.0), prices=cells((2.0, 1.0), (0.5, 1.0)))

    calls, puts = build_ups(now, an_interest())

    assert calls == (BuildUp.LONG_BUILD_UP, BuildUp.NONE)
    assert puts == (BuildUp.LONG_UNWINDING, BuildUp.NONE)


@pytest.mark.reference
def test_max_pain_and_ratios_of_every_recorded_minute_are_the_plain_recomputation():
    minutes = set()
    for recorded in recorded_day():
        quotes = recorded.quotes
        strikes = [int(strike) for strike in quotes.strike]
        held, traded = (
            [[0 if math.isnan(figure) else int(figure) for figure in row] for row in figures.tolist()]
            for figures in (quotes.open_interest, quotes.volume)
        )
        minutes.add(recorded.at)

        assert pains(quotes.strike, quotes.open_interest).tolist() == plain_pains(strikes, *held)
        assert max_pain(quotes.strike, quotes.open_interest, recorded.spot) == plain_max_pain(
            strikes, *held, recorded.spot
        )
        assert put_call_ratio(quotes.open_interest) == sum(held[1]) / sum(held[0])
        assert put_call_ratio(quotes.volume) == sum(traded[1]) / sum(traded[0])

    assert len(minutes) == 288


@pytest.mark.reference
def test_the_exchanges_own_changes_of_open_interest_are_reproduced_day_by_day():
    columns = "TckrSymb, XpryDt, TradDt, StrkPric, OptnTp, OpnIntrst, ChngInOpnIntrst"
    with duckdb.connect() as connection:
        found = connection.sql(
            f"SELECT {columns} FROM '{reference_file(BHAVCOPY)}' WHERE OptnTp IN ('CE', 'PE') ORDER BY 1, 2, 3, 4"
        ).fetchall()
    compared = 0
    for _, expiry in itertools.groupby(found, key=lambda row: row[:2]):
        days = [list(rows) for _, rows in itertools.groupby(expiry, key=lambda row: row[2])]
        for yesterday, today in itertools.pairwise(days):
            before, now = _interest_of(yesterday), _interest_of(today)
            told = aligned(_told_of(today).open_interest, now.strike, now.strike)
            moved = change(now, before)
            both = np.isfinite(moved)
            assert np.array_equal(moved[both], told[both])
            compared += int(both.sum())

    assert compared > 80_000


def _interest_of(rows, column=5):
    strikes = np.array(sorted({row[3] for row in rows}))
    held = np.full((2, strikes.size), np.nan)
    for row in rows:
        held[0 if row[4] == "CE" else 1, np.searchsorted(strikes, row[3])] = row[column]
    return Interest(at=NOW, strike=strikes, open_interest=held, last_price=held)


def _told_of(rows):
    return _interest_of(rows, column=6)
