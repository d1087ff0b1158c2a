"""Splits and bonuses: adjusted histories agree with the vendors', the raw ones stay as they are."""

from datetime import date

import numpy as np
import pytest

from analysis.domain.adjustments import ActionKind, CorporateAction, Rename, action_kind, adjusted, joined, name_on
from analysis.domain.daily import Basis, daily_series, date_of, day_number
from brokers.domain.errors import DataError, Invalid
from tests.analysis.candles import RENAMES, made, recorded, recorded_actions, weekdays


def a_split(symbol="ABC", place=5, factor=2.0, kind=ActionKind.SHARES):
    return CorporateAction(symbol=symbol, ex_date=weekdays(date(2024, 1, 1), 20)[place], factor=factor, kind=kind)


KITE = "nse_eod_adj_kite_nifty50_2020-10_2025-09.parquet"
DHAN = "dhan_eod_adj_nifty50_and_index_2023-01_2026-05.parquet"
# The list of actions was derived from steps above 0.8 %: it lacks the many small special dividends that Kite takes out
# of these four, and actions of stocks that were not in the compared set.
SMALL_DIVIDENDS = {"COALINDIA", "HEROMOTOCO", "ONGC", "POWERGRID"}
NOT_LISTED = {"BPCL", "ITC", "RELIANCE", "TATACONSUM", "UPL"}
BUDGET_SATURDAY = date(2025, 2, 1)


def differences(vendor, actions, *, apart):
    """Return how many closes agree, and where the others are, as (symbol, date)."""
    raw = joined(recorded("nse_eod_raw_nifty50_2019-10_2026-05.parquet"), RENAMES)
    agreeing, differing = 0, set()
    for symbol, theirs in recorded(vendor).items():
        if symbol not in raw or symbol in apart:
            continue
        ours = adjusted(raw[symbol], actions, Basis.BACKWARD)
        days, mine, other = np.intersect1d(ours.day, theirs.day, return_indices=True)
        wrong = np.abs(ours.close[mine] / theirs.close[other] - 1) >= 0.005
        agreeing += np.count_nonzero(~wrong)
        differing |= {(symbol, date_of(int(day))) for day in days[wrong]}
    return agreeing, differing


@pytest.mark.reference
def test_adjusted_closes_agree_with_kite_s_to_half_a_per_cent():
    actions = [action for action in recorded_actions() if action.ex_date <= date(2025, 9, 30)]

    agreeing, differing = differences(KITE, actions, apart=SMALL_DIVIDENDS)

    assert agreeing > 55_000
    # on that special session the two sources have different closes of a few stocks, adjusted or not
    assert {day for _, day in differing} <= {BUDGET_SATURDAY}


@pytest.mark.reference
def test_splits_and_bonuses_alone_agree_with_dhan_s_to_half_a_per_cent():
    actions = [
        action
        for action in recorded_actions()
        if action.kind is ActionKind.SHARES or (action.symbol, action.ex_date.year) == ("HINDUNILVR", 2025)
    ]

    agreeing, differing = differences(DHAN, actions, apart=NOT_LISTED)

    assert agreeing > 30_000
    assert differing == set()


@pytest.mark.reference
def test_without_the_actions_they_do_not_agree():
    _, differing = differences(KITE, [], apart=SMALL_DIVIDENDS)

    assert len({symbol for symbol, _ in differing}) > 10


@pytest.mark.reference
def test_volumes_of_splits_and_bonuses_agree_with_the_vendor_s():
    raw = joined(recorded("nse_eod_raw_nifty50_2019-10_2026-05.parquet"), RENAMES)
    theirs = recorded(KITE)
    actions = [action for action in recorded_actions() if action.ex_date <= date(2025, 9, 30)]

    for symbol in ("HDFCBANK", "NESTLEIND", "TATASTEEL", "DRREDDY"):
        ours = adjusted(raw[symbol], actions, Basis.BACKWARD)
        _, mine, other = np.intersect1d(ours.day, theirs[symbol].day, return_indices=True)
        assert np.median(ours.volume[mine][:200] / theirs[symbol].volume[other][:200]) == pytest.approx(1.0, abs=0.03)


@pytest.mark.parametrize("basis", [Basis.FORWARD, Basis.BACKWARD])
def test_a_split_leaves_no_jump_and_the_value_traded_as_it_was(basis):
    raw = made("ABC", [100.0] * 5 + [50.0] * 5, volume=[10.0] * 5 + [20.0] * 5)

    ours = adjusted(raw, [a_split()], basis)

    assert np.ptp(ours.close) == 0.0
    np.testing.assert_array_equal(ours.close * ours.volume, raw.close * raw.volume)
    np.testing.assert_array_equal(ours.close / ours.scale, raw.close)
    assert raw.basis is Basis.RAW


def test_a_demerger_moves_no_volume():
    raw = made("ABC", [100.0] * 5 + [40.0] * 5)

    ours = adjusted(raw, [a_split(factor=2.5, kind=ActionKind.VALUE)], Basis.BACKWARD)

    np.testing.assert_array_equal(ours.close, 40.0)
    np.testing.assert_array_equal(ours.volume, raw.volume)


def test_forward_prices_do_not_know_a_later_action():
    raw = made("ABC", [100.0] * 5 + [50.0] * 5)

    before, after = adjusted(raw, [], Basis.FORWARD), adjusted(raw, [a_split()], Basis.FORWARD)

    np.testing.assert_array_equal(before.close[:5], after.close[:5])


def test_actions_of_others_are_not_applied():
    raw = made("ABC", [100.0] * 10)

    assert np.all(adjusted(raw, [a_split(symbol="XYZ")], Basis.BACKWARD).close == 100.0)


def test_adjusting_twice_is_refused():
    once = adjusted(made("ABC", [100.0] * 10), [a_split()], Basis.FORWARD)

    with pytest.raises(DataError, match="already"):
        adjusted(once, [a_split()], Basis.FORWARD)


@pytest.mark.parametrize("factor", [0.0, -2.0, float("inf"), float("nan")])
def test_a_factor_that_is_none_is_refused(factor):
    with pytest.raises(Invalid):
        a_split(factor=factor)


@pytest.mark.parametrize(
    ("factor", "kind"),
    [(10.00003, "shares"), (1.33265, "shares"), (0.2, "shares"), (1.0131, "value"), (2.67221, "value")],
)
def test_a_split_is_told_from_a_demerger_by_its_ratio(factor, kind):
    assert action_kind(factor) == kind


def test_a_renamed_stock_has_one_history_under_its_new_name():
    days = weekdays(date(2024, 1, 1), 10)
    older, newer = made("OLD", [1.0] * 6), made("NEW", [2.0] * 4, first=days[6])
    rename = Rename(old="OLD", new="NEW", on=days[6])

    found = joined({"OLD": older, "NEW": newer}, [rename])

    assert found.keys() == {"NEW"}
    np.testing.assert_array_equal(found["NEW"].close, [1.0] * 6 + [2.0] * 4)
    assert [name_on("NEW", day, [rename]) for day in (days[5], days[6])] == ["OLD", "NEW"]


def test_a_rename_without_candles_after_it_keeps_the_history():
    found = joined({"OLD": made("OLD", [1.0] * 6)}, [Rename(old="OLD", new="NEW", on=date(2025, 1, 1))])

    assert found["NEW"].symbol == "NEW"
    assert len(found["NEW"]) == 6


def test_two_names_that_traded_on_one_day_are_no_rename():
    series = {"OLD": made("OLD", [1.0] * 6), "NEW": made("NEW", [2.0] * 6)}

    with pytest.raises(DataError, match="one day"):
        joined(series, [Rename(old="OLD", new="NEW", on=date(2024, 1, 8))])


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"day": np.array([1, 1, 2])}, "out of order"),
        ({"close": np.array([1.0, np.nan, 1.0])}, "positive and finite"),
        ({"low": np.array([1.0, 0.0, 1.0])}, "positive and finite"),
        ({"high": np.array([1.0, 0.5, 1.0])}, "outside"),
        ({"volume": np.array([1.0, -1.0, 1.0])}, "volume"),
        ({"volume": np.array([1.0, np.nan, 1.0])}, "volume"),
    ],
)
def test_corrupt_candles_stop_here(changes, problem):
    columns = {name: np.ones(3) for name in ("open", "high", "low", "close", "volume")}

    with pytest.raises(DataError, match=problem):
        daily_series("ABC", changes.pop("day", np.array([1, 2, 3])), **{**columns, **changes})


def test_days_and_dates_are_one_another_s_names():
    assert day_number(date(1970, 1, 2)) == 1
