"""Where a stock stands among the others: relative strength, movers, breadth, and the points of its trend."""

import numpy as np
import pytest

from analysis.domain.breadth import breadth, sectors
from analysis.domain.daily import date_of
from analysis.domain.measures import Measures
from analysis.domain.movers import Span, change_at, changes, movers
from analysis.domain.performance import ratings, relative_strength
from analysis.domain.scanner import Scanner
from analysis.domain.trend import COUNTED, Flow, Verdict, trend_at
from analysis.domain.universe import Membership, Universe
from tests.analysis import twins
from tests.analysis.candles import FIRST, made, walk


def rows_of(series):
    """The rows of a scan of these series on their last day."""
    universe = Universe(name="TEST", memberships=tuple(Membership(symbol=one) for one in series), known_since=FIRST)
    return Scanner(universe, series).scan(date_of(max(int(one.day[-1]) for one in series.values()))).rows


def test_relative_strength_equals_its_formula():
    close = walk("A", 3, bars=300).close

    assert relative_strength(close)[-1] == pytest.approx(twins.strength(close.tolist()))
    assert np.isnan(relative_strength(close)[:252]).all()


def test_ratings_are_percentiles_of_the_others_and_ties_share():
    found = ratings(np.array([[0.1, 0.3, 0.3, np.nan, 0.5], [0.1, np.nan, np.nan, np.nan, np.nan]]))

    np.testing.assert_array_equal(found[0], [0.0, 50.0, 50.0, np.nan, 100.0])
    assert np.isnan(found[1]).all()


def test_movers_are_ordered_and_the_young_are_named():
    series = {
        "UP": made("UP", [100, 101, 102, 110]),
        "DOWN": made("DOWN", [100, 99, 98, 90]),
        "SAME": made("SAME", [5, 5, 5, 5]),
    }
    rows = rows_of(series)

    day, week, five = (movers(rows, span) for span in (Span.DAY_1, Span.WEEK, Span.DAYS_5))

    assert [move.symbol for move in day.gainers] == ["UP"]
    assert [move.symbol for move in day.losers] == ["DOWN"]
    assert day.gainers[0].change == pytest.approx(110 / 102 - 1)
    assert week.too_short == five.too_short == ("DOWN", "SAME", "UP")


def test_weeks_and_months_count_from_the_last_close_before_them():
    # 1 January 2024 was a Monday: 25 weekdays end on Friday 2 February
    close = np.arange(1.0, 26.0)
    series = {"A": made("A", close)}
    rows = rows_of(series)

    assert movers(rows, Span.WEEK).gainers[0].change == pytest.approx(25 / 20 - 1)
    assert movers(rows, Span.MONTH).gainers[0].change == pytest.approx(25 / 23 - 1)


@pytest.mark.parametrize("span", list(Span))
def test_a_move_of_one_day_is_that_of_the_whole_column(span):
    series = walk("A", 5, bars=330)
    column = changes(series, span)

    for place in range(330):
        one = change_at(series, place, span)
        assert np.isnan(column[place]) if one is None else one == pytest.approx(column[place], abs=1e-15)


def test_breadth_counts_who_takes_part():
    series = {"UP": made("UP", np.arange(100.0, 400.0)), "DOWN": made("DOWN", np.arange(400.0, 100.0, -1))}
    rows = rows_of(series)

    found = breadth(rows)
    by_name = {sector.name: sector for sector in sectors(rows, {"UP": "Metals"})}

    assert (found.members, found.advances, found.declines, found.unchanged) == (2, 1, 1, 0)
    assert (found.above_50, found.above_200, found.new_highs, found.new_lows) == (0.5, 0.5, 1, 1)
    assert found.advancing_stage == 0.5
    assert by_name.keys() == {"Metals", "not stated"}
    assert by_name["Metals"].rating == 100.0
    assert by_name["Metals"].moves[Span.DAY_1] == pytest.approx(399 / 398 - 1)


def test_a_rise_has_all_points_for_it_and_a_fall_against_it():
    up = Measures(made("UP", 100 + 0.004 * np.arange(300) ** 2, volume=np.arange(300.0) + 1))
    down = Measures(made("DOWN", 400 - 0.004 * np.arange(300) ** 2, volume=np.arange(300.0) + 1))

    rising, falling = trend_at(up, 299), trend_at(down, 299)

    assert rising.score is not None
    assert falling.score is not None
    assert (rising.verdict, rising.bear) == (Verdict.STRONG_UP, 0)
    assert (falling.verdict, falling.bull) == (Verdict.STRONG_DOWN, 0)
    assert rising.score + falling.score == 100
    assert sum(points.points for points in rising.points) == 100
    assert (rising.flow, falling.flow) == (Flow.ACCUMULATION, Flow.DISTRIBUTION)


def test_a_trend_is_its_points_and_nothing_else():
    for seed in range(5):
        of = Measures(walk("A", seed, bars=300))
        found = trend_at(of, 299)
        for points, (name, count, column) in zip(found.points, COUNTED, strict=True):
            assert (points.name, points.points, points.side) == (name, count, int(column(of)[299]))
        assert found.score == round(50 + (found.bull - found.bear) / 2)


def test_a_trend_of_a_young_stock_is_not_given():
    found = trend_at(Measures(walk("A", 1, bars=30)), 29)

    assert (found.score, found.verdict) == (None, None)
    assert [points.name for points in found.points if points.side is None]
