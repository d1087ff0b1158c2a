"""Rules say what their words say, on every timeframe, without the future; what cannot be told is named."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.domain.daily import date_of
from analysis.domain.operands import OPERANDS
from analysis.domain.rules import Join, conditions_of, evaluate, hits_on, rule_from
from analysis.domain.timeframes import Timeframe, framed
from brokers.domain.errors import Invalid
from tests.analysis import twins
from tests.analysis.candles import made, walk


def a_condition(left="close", comparison="above", right=100.0):
    def side(value):
        return value if isinstance(value, (int, float, dict)) else {"indicator": value}

    return {"left": side(left), "is": comparison, "right": side(right)}


def truth(document, series):
    whole = document if "all" in document or "any" in document else {"all": [document]}
    return evaluate(rule_from(whole), series).values


def test_a_condition_compares_an_indicator_with_a_number():
    series = made("A", [99.0, 100.0, 101.0])

    assert truth(a_condition(), series).tolist() == [0, 0, 1]
    assert truth(a_condition(comparison="at_least"), series).tolist() == [0, 1, 1]
    assert truth(a_condition(comparison="below"), series).tolist() == [1, 0, 0]
    assert truth(a_condition(comparison="at_most"), series).tolist() == [1, 1, 0]


def test_a_condition_compares_two_indicators_with_parameters():
    series = walk("A", 1)
    fast, slow = {"indicator": "ema", "period": 9}, {"indicator": "sma", "period": 21}
    close = series.close.tolist()

    above = truth(a_condition(fast, "above", slow), series)

    expected = [a > b for a, b in zip(twins.ema(close, 9)[20:], twins.sma(close, 21)[20:], strict=True)]
    assert np.isnan(above[:20]).all()
    assert above[20:].tolist() == expected


def test_crossing_needs_a_day_before():
    series = made("A", [99.0, 101.0, 101.0, 100.0, 99.0, 102.0])

    over, under = (truth(a_condition(comparison=f"crosses_{side}"), series) for side in ("above", "below"))

    np.testing.assert_array_equal(over, [np.nan, 1, 0, 0, 0, 1])
    np.testing.assert_array_equal(under, [np.nan, 0, 0, 0, 1, 0])


def test_bars_ago_looks_back_in_its_own_timeframe():
    series = made("A", np.arange(1.0, 16.0))
    three_ago = {"indicator": "close", "bars_ago": 3}
    last_week = {"indicator": "close", "timeframe": "week", "bars_ago": 1}

    np.testing.assert_array_equal(truth(a_condition(three_ago, "above", 1.5), series)[:6], [np.nan] * 3 + [0, 1, 1])
    # in the third week the last complete one is the second, one before that the first, which closed at 5
    np.testing.assert_array_equal(truth(a_condition(last_week, "at_most", 5), series), [np.nan] * 10 + [1] * 5)


def test_a_week_counts_once_it_is_over():
    series = made("A", np.arange(1.0, 13.0))

    weekly = framed(series, Timeframe.WEEK)

    assert weekly.series.close.tolist() == [5, 10, 12]
    assert weekly.series.open.tolist() == [1, 6, 11]
    np.testing.assert_allclose(weekly.series.high, np.array([5, 10, 12]) * 1.01)
    np.testing.assert_allclose(weekly.series.low, np.array([1, 6, 11]) * 0.99)
    assert weekly.series.volume.tolist() == [5_000, 5_000, 2_000]
    np.testing.assert_array_equal(weekly.by_day(weekly.series.close), [np.nan] * 5 + [5] * 5 + [10] * 2)


def test_months_are_calendar_months():
    series = made("A", np.arange(1.0, 46.0))

    monthly = framed(series, Timeframe.MONTH)

    assert [date_of(day).month for day in monthly.series.day] == [1, 2, 3]
    assert monthly.series.close[0] == 23


@st.composite
def trees(draw, depth=3):
    if depth == 0 or draw(st.booleans()):
        return draw(st.sampled_from([100.0, 105.0, 95.0])), draw(st.sampled_from(["above", "below"]))
    members = draw(st.lists(trees(depth=depth - 1), min_size=1, max_size=3))
    return draw(st.sampled_from(list(Join))), members


def as_document(tree):
    first, second = tree
    if isinstance(first, float):
        return a_condition({"indicator": "sma", "period": 3}, second, first)
    return {str(first): [as_document(member) for member in second]}


def slowly(tree, value):
    """Three-valued logic, written out."""
    first, second = tree
    if isinstance(first, float):
        return None if np.isnan(value) else (value > first if second == "above" else value < first)
    answers = [slowly(member, value) for member in second]
    if first is Join.ALL:
        return False if False in answers else None if None in answers else True
    return True if True in answers else None if None in answers else False


@given(st.lists(trees(), min_size=1, max_size=2), st.sampled_from(list(Join)), st.integers(0, 99))
def test_groups_join_as_logic_with_an_unknown_does(members, join, seed):
    close = np.round(100 + np.random.default_rng(seed).normal(0, 6, 12), 2)
    tree = (join, members)

    values = truth(as_document(tree), made("A", close))

    for value, average in zip(values, twins.sma(close.tolist(), 3), strict=True):
        assert (None if np.isnan(value) else bool(value)) is slowly(tree, average)


@pytest.mark.parametrize("name", sorted(OPERANDS))
@pytest.mark.parametrize("timeframe", [Timeframe.DAY, Timeframe.WEEK])
def test_no_day_reads_a_later_one(name, timeframe):
    series = walk("A", 4, bars=420 if timeframe is Timeframe.DAY else 700)
    rule = rule_from(
        {
            "all": [
                a_condition({"indicator": name, "timeframe": timeframe}, "above", {"indicator": "close", "bars_ago": 1})
            ]
        }
    )
    whole = evaluate(rule, series).values

    for cut in (1, 100, 301, 399):
        np.testing.assert_array_equal(evaluate(rule, series.part(slice(0, cut))).values, whole[:cut])


def test_an_average_that_ties_is_not_above():
    series = made("A", np.tile([0.1, 0.2, 0.3], 20), spread=0.0)
    three, six = ({"indicator": "sma", "period": period} for period in (3, 6))

    assert np.nansum(truth(a_condition(three, "above", six), series)) == 0
    assert np.nansum(truth(a_condition(three, "at_least", six), series)) == 55


def test_hits_are_counted_and_the_unknown_are_named_with_their_condition():
    series = {
        "HIGH": made("HIGH", np.full(30, 120.0)),
        "LOW": made("LOW", np.full(30, 80.0)),
        "YOUNG": made("YOUNG", np.full(5, 120.0)).part(slice(0, 5)),
        "GONE": made("GONE", np.full(3, 120.0)),
    }
    young = made("YOUNG", np.full(5, 120.0), first=date_of(int(series["HIGH"].day[25])))
    rule = rule_from({"all": [a_condition(), {"any": [a_condition({"indicator": "sma", "period": 20}, "above", 100)]}]})

    found = hits_on(rule, {**series, "YOUNG": young}, int(series["HIGH"].day[29]))

    assert (found.hits, found.misses, found.absent) == (("HIGH",), ("LOW",), ("GONE",))
    assert found.unknown == {"YOUNG": ("2.1: simple average(20) above 100",)}


def test_hits_of_a_day_are_the_history_s_own():
    series = {f"S{seed}": walk(f"S{seed}", seed, bars=300) for seed in range(5)}
    rule = rule_from({"any": [a_condition("rsi", "below", 35), a_condition("rsi", "above", 65)]})

    for place in (200, 250, 299):
        hits = hits_on(rule, series, int(series["S0"].day[place])).hits
        assert hits == tuple(s for s in sorted(series) if evaluate(rule, series[s]).values[place] == 1)


@pytest.mark.parametrize(
    ("document", "path", "words"),
    [
        ({"all": []}, "rule", "at least one"),
        ({"close": 1}, "rule", "needs"),
        (a_condition(), "rule", "begins"),
        ({"all": [a_condition(), {"any": [a_condition(), a_condition("magic")]}]}, "2.2", "magic"),
        ({"all": [a_condition(comparison="near")]}, "1", "near"),
        ({"all": [a_condition({"indicator": "rsi", "length": 14})]}, "1", "length"),
        ({"all": [a_condition({"indicator": "rsi", "period": 1})]}, "1", "at least 2"),
        ({"all": [a_condition({"indicator": "rsi", "period": 2.5})]}, "1", "whole number"),
        ({"all": [a_condition({"indicator": "rsi", "period": 9_999})]}, "1", "within 500"),
        ({"all": [a_condition({"indicator": "rsi", "timeframe": "hour"})]}, "1", "timeframe"),
        ({"all": [a_condition({"indicator": "rsi", "bars_ago": -1})]}, "1", "bars_ago"),
        ({"all": [a_condition(right=float("nan"))]}, "1", "number"),
        ({"all": [a_condition(right=True)]}, "1", "number"),
        ({"all": ["close > 5"]}, "1", "group or a condition"),
        ({"all": "x"}, "rule", "list"),
        ({"all": [a_condition()] * 51}, "rule", "50"),
        ({"all": [{"all": [{"all": [{"all": [{"all": [{"all": [a_condition()]}]}]}]}]}]}, "1.1.1.1.1", "deep"),
    ],
)
def test_a_rule_that_says_nothing_is_refused_and_the_place_named(document, path, words):
    with pytest.raises(Invalid, match=words) as caught:
        rule_from(document)

    assert caught.value.field == path


def test_conditions_are_read_back_in_words():
    rule = rule_from(
        {
            "all": [
                a_condition(
                    {"indicator": "macd", "timeframe": "week"},
                    "crosses_above",
                    {"indicator": "macd_signal", "timeframe": "week"},
                ),
                a_condition({"indicator": "rsi", "bars_ago": 2}, "at_least", 55),
            ]
        }
    )

    assert [str(one) for one in conditions_of(rule)] == [
        "MACD line(12, 26, 9), week crosses above MACD signal(12, 26, 9), week",
        "RSI(14), 2 ago at least 55",
    ]


def test_every_operand_computes_a_column_of_the_series_length():
    series = walk("A", 2, bars=400)

    for one in OPERANDS.values():
        column = one.column(series, **one.defaults)
        assert column.shape == series.close.shape, one.name
        assert np.isfinite(column[-1]), one.name
