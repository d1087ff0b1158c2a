"""The scan: thirteen checks against their definitions, the future unread, nobody skipped in silence."""

import csv
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from analysis.domain.adjustments import ActionKind, CorporateAction, Rename, adjusted, joined
from analysis.domain.breadth import breadth, sectors
from analysis.domain.checks import QUESTIONS, Check, grade_of
from analysis.domain.daily import Basis, date_of
from analysis.domain.measures import Measures
from analysis.domain.movers import Span, change_at, changes, movers
from analysis.domain.performance import ratings, relative_strength
from analysis.domain.scanner import Cause, Scanner
from analysis.domain.trend import COUNTED, Flow, Verdict, trend_at
from analysis.domain.universe import Membership, Universe, own_list
from brokers.domain.errors import DataError, Invalid
from tests.analysis import twins
from tests.analysis.candles import FIRST, RENAMES, made, recorded, recorded_actions, walk
from tests.reference import reference_file

BARS = 420


def a_market(count=6, **options):
    return {f"S{seed}": walk(f"S{seed}", seed, bars=BARS, **options) for seed in range(count)}


def a_universe(symbols, **changes):
    stays = tuple(Membership(symbol=symbol) for symbol in symbols)
    return Universe(**{"name": "TEST", "memberships": stays, "known_since": FIRST, **changes})


def last_day(series):
    return date_of(max(int(one.day[-1]) for one in series.values()))


def plain(scan):
    """Everything of a scan that a reader sees."""
    rows = [
        (row.symbol, row.traded_as, row.close, row.change, row.checks, row.score, row.grade, row.rating, row.triggers)
        for row in scan.rows
    ]
    return rows, scan.remarks, scan.caveat


def slow_checks(series, rating):
    """The thirteen once more, on lists, from the words of their definitions."""
    close, high, low, volume = (column.tolist() for column in (series.close, series.high, series.low, series.volume))
    s50, s150, s200 = (twins.sma(close, period)[-1] for period in (50, 150, 200))
    s200_before = twins.sma(close[:-20], 200)[-1]
    s150s = twins.sma(close, 150)
    stage = None
    for i in range(169, len(close)):
        change = s150s[i] / s150s[i - 20] - 1
        if close[i] > s150s[i] and change > 0.01:
            stage = 2
        elif close[i] < s150s[i] and change < -0.01:
            stage = 4
        else:
            stage = {2: 3, 4: 1}.get(stage, stage)
    return {
        Check.ABOVE_LONG_AVERAGES: close[-1] > max(s150, s200),
        Check.AVERAGE_150_ABOVE_200: s150 > s200,
        Check.AVERAGE_50_ABOVE_LONG: s50 > max(s150, s200),
        Check.AVERAGE_200_RISING: s200 > s200_before,
        Check.ABOVE_AVERAGE_50: close[-1] > s50,
        Check.ABOVE_YEAR_LOW: close[-1] >= 1.3 * min(low[-252:]),
        Check.NEAR_YEAR_HIGH: close[-1] >= 0.75 * max(high[-252:]),
        Check.RSI_STRONG: twins.rsi(close, 14)[-1] > 50,
        Check.ADX_TRENDING: twins.adx(high, low, close, 14)[-1] > 25,
        Check.VOLUME_ABOVE_AVERAGE: volume[-1] > sum(volume[-51:-1]) / 50,
        Check.STAGE_TWO: stage == 2,
        Check.SLOPE_UP: twins.regression_slope(close, 50)[-1] > 0,
        Check.RELATIVE_STRENGTH: rating > 70,
    }


def slow_strength(close):
    back = {bars: close[-1] / close[-1 - bars] - 1 for bars in (63, 126, 189, 252)}
    return 0.4 * back[63] + 0.2 * (back[126] + back[189] + back[252])


@pytest.mark.parametrize("seed", range(4))
def test_each_check_equals_its_words(seed):
    series = {f"S{n}": walk(f"S{n}", 100 * seed + n, bars=BARS, drift=0.002 * n - 0.004) for n in range(6)}
    scores = {symbol: slow_strength(one.close.tolist()) for symbol, one in series.items()}

    scan = Scanner(a_universe(series), series).scan(last_day(series))

    assert len(scan.rows) == 6
    for row in scan.rows:
        lower = sum(other < scores[row.symbol] for other in scores.values())
        expected = slow_checks(series[row.symbol], 100 * lower / 5)
        assert {check.check: check.passed for check in row.checks} == expected
        assert row.score == sum(expected.values())
        assert row.rating == pytest.approx(100 * lower / 5)


def test_every_check_shows_its_figure_and_its_threshold():
    series = a_market()

    for row in Scanner(a_universe(series), series).scan(last_day(series)).rows:
        assert [check.check for check in row.checks] == [question.check for question in QUESTIONS]
        assert len(row.checks) == 13
        for check in row.checks:
            assert check.figure is not None
            assert check.threshold is not None
            if check.check is not Check.STAGE_TWO:
                reached = check.figure >= check.threshold
                assert check.passed == reached or check.figure == pytest.approx(check.threshold)


@pytest.mark.parametrize(
    ("score", "grade"),
    [(13, "A+"), (12, "A+"), (11, "A"), (9, "A"), (8, "B"), (6, "B"), (5, "C"), (4, "C"), (3, "D"), (0, "D")],
)
def test_grades_follow_the_score(score, grade):
    assert grade_of(score) == grade


def test_a_rising_stock_is_a_super_performer():
    close = 100 * 1.004 ** np.arange(BARS)
    volume = np.r_[np.full(BARS - 1, 1_000.0), 2_000.0]
    series = {"UP": made("UP", close, volume=volume), "FLAT": made("FLAT", np.full(BARS, 50.0))}

    top, other = Scanner(a_universe(series), series).scan(last_day(series)).rows

    assert (top.symbol, top.score, top.grade, top.is_super_performer) == ("UP", 13, "A+", True)
    assert (other.symbol, other.is_super_performer) == ("FLAT", False)


def test_a_price_that_stands_still_ties_with_its_averages_and_passes_none_of_them():
    series = {"FLAT": made("FLAT", np.full(BARS, 100.1), spread=0.0), "UP": walk("UP", 1, bars=BARS)}

    flat = next(row for row in Scanner(a_universe(series), series).scan(last_day(series)).rows if row.symbol == "FLAT")

    passed = {check.check for check in flat.checks if check.passed}
    assert not passed & {
        Check.ABOVE_LONG_AVERAGES,
        Check.AVERAGE_150_ABOVE_200,
        Check.AVERAGE_50_ABOVE_LONG,
        Check.AVERAGE_200_RISING,
        Check.ABOVE_AVERAGE_50,
    }


# the future ---------------------------------------------------------------------------------------


def test_no_bar_after_the_day_is_used():
    series = a_market()
    on = date_of(int(series["S0"].day[350]))
    before = plain(Scanner(a_universe(series), series).scan(on))
    random = np.random.default_rng(9)

    def another_future(one):
        scaled = random.uniform(0.2, 5.0, BARS) * (one.day > one.day[350]) + (one.day <= one.day[350])
        columns = {name: getattr(one, name) * scaled for name in ("open", "high", "low", "close", "volume")}
        return replace(one, **columns)

    changed = {symbol: another_future(one) for symbol, one in series.items()}
    cut = {symbol: one.until(int(one.day[350])) for symbol, one in series.items()}

    assert plain(Scanner(a_universe(series), changed).scan(on)) == before
    assert plain(Scanner(a_universe(series), cut).scan(on)) == before


def test_no_action_after_the_day_is_used():
    raw = a_market()
    on = date_of(int(raw["S0"].day[350]))
    later = CorporateAction(symbol="S0", ex_date=date_of(int(raw["S0"].day[351])), factor=3.0, kind=ActionKind.SHARES)

    def scanned(actions):
        series = {symbol: adjusted(one, actions, Basis.FORWARD) for symbol, one in raw.items()}
        return plain(Scanner(a_universe(raw), series).scan(on))

    assert scanned([later]) == scanned([])


def test_prices_shown_are_the_day_s_own_after_a_split():
    raw = a_market()
    whole = raw["S0"]
    halved = np.where(np.arange(BARS) >= 300, 0.5, 1.0)
    columns = {name: getattr(whole, name) * halved for name in ("open", "high", "low", "close")}
    split = replace(whole, **columns, volume=whole.volume / halved)
    action = CorporateAction(symbol="S0", ex_date=date_of(int(whole.day[300])), factor=2.0, kind=ActionKind.SHARES)

    def row_of(one):
        series = {**raw, "S0": adjusted(one, [action] if one is split else [], Basis.FORWARD)}
        return next(row for row in Scanner(a_universe(raw), series).scan(last_day(raw)).rows if row.symbol == "S0")

    unsplit, shown = row_of(whole), row_of(split)
    assert shown.close == pytest.approx(unsplit.close / 2)
    assert [check.passed for check in shown.checks] == [check.passed for check in unsplit.checks]
    assert shown.checks[0].threshold == pytest.approx(unsplit.checks[0].threshold / 2)


def test_a_series_that_was_adjusted_by_hindsight_is_refused():
    series = adjusted(made("ABC", [1.0] * 5), [], Basis.BACKWARD)

    with pytest.raises(DataError, match="backward"):
        Measures(series)


def test_members_are_those_of_the_day():
    series = a_market(3)
    on = date_of(int(series["S0"].day[350]))
    stays = (
        Membership(symbol="S0"),
        Membership(symbol="S1", until=date_of(int(series["S0"].day[349]))),
        Membership(symbol="S2", since=date_of(int(series["S0"].day[351]))),
    )

    scan = Scanner(a_universe(series, memberships=stays), series).scan(on)

    assert [row.symbol for row in scan.rows] == ["S0"]
    assert scan.rows[0].rating is None


def test_survivorship_is_said_aloud():
    early, late = date(2021, 1, 4), date(2025, 10, 1)
    recorded_late = a_universe(["A"], known_since=date(2025, 9, 1))

    assert "survivors" in recorded_late.on(early).caveat
    assert recorded_late.on(late).caveat == ""
    assert "not recorded" in a_universe(["A"], known_since=None).on(late).caveat
    assert "survivors" in own_list("mine", ["A"], since=late).on(early).caveat


def test_a_universe_without_members_is_refused():
    with pytest.raises(Invalid):
        Universe(name="NONE", memberships=())


@pytest.mark.reference
def test_a_study_says_of_each_day_what_its_scan_says():
    raw = joined(recorded("nse_eod_raw_nifty50_2019-10_2026-05.parquet"), RENAMES)
    actions = recorded_actions()
    series = {symbol: adjusted(one, actions, Basis.FORWARD) for symbol, one in raw.items()}
    scanner = Scanner(a_universe(sorted(series), known_since=date(2025, 9, 1)), series, RENAMES)

    study = scanner.study(date(2021, 1, 1), date(2026, 5, 31))

    assert study.caveats
    assert study.score.shape[0] > 1_300
    for row in (0, 411, 987, -1):
        on = date_of(int(study.day[row]))
        scan = scanner.scan(on)
        scores = {one.symbol: one.score for one in scan.rows if one.score is not None}
        counts = {one.symbol: len(one.triggers) for one in scan.rows}
        kept = {symbol: int(study.score[row, place]) for place, symbol in enumerate(study.symbols)}
        assert {symbol: score for symbol, score in kept.items() if score >= 0} == scores
        for symbol, count in counts.items():
            assert study.trigger_count[row, study.symbols.index(symbol)] == count


# nobody skipped -----------------------------------------------------------------------------------


def test_everybody_is_a_row_or_a_remark():
    series = {
        **a_market(2),
        "YOUNG": walk("YOUNG", 7, bars=60, first=date_of(int(a_market(1)["S0"].day[360]))),
        "STILL": replace(walk("STILL", 8, bars=BARS), volume=np.zeros(BARS)),
        "GONE": walk("GONE", 9, bars=300),
    }
    members = [*series, "UNKNOWN"]
    rename = Rename(old="S1OLD", new="S1", on=date(2099, 1, 1))

    scan = Scanner(a_universe(members), series, [rename]).scan(last_day(series))

    assert {remark.symbol: remark.cause for remark in scan.remarks} == {
        "YOUNG": Cause.TOO_SHORT,
        "STILL": Cause.ZERO_VOLUME,
        "GONE": Cause.NOT_TRADED,
        "UNKNOWN": Cause.NO_CANDLES,
        "S1": Cause.RENAMED,
    }
    assert {row.symbol for row in scan.rows} | {"GONE", "UNKNOWN"} == set(members)
    assert next(row for row in scan.rows if row.symbol == "S1").traded_as == "S1OLD"


@pytest.mark.reference
def test_three_months_are_too_short_for_the_checks_but_have_movers_and_triggers():
    series = recorded("nse_eod_raw_all_eq_2026-03_2026-05.parquet")
    some = {symbol: series[symbol] for symbol in sorted(series)[:400]}

    scan = Scanner(a_universe(some), some).scan(date(2026, 5, 29))

    assert all(row.score is None and row.checks == () for row in scan.rows)
    assert {remark.symbol for remark in scan.remarks if remark.cause is Cause.TOO_SHORT} == {
        row.symbol for row in scan.rows
    }
    assert sum(len(row.triggers) for row in scan.rows) > 300
    assert len(movers(scan.rows, Span.DAYS_20).gainers) == 10
    assert set(movers(scan.rows, Span.DAYS_60).too_short) == {row.symbol for row in scan.rows}


@pytest.mark.reference
def test_recorded_history_scans_under_its_names_of_the_day():
    raw = joined(recorded("nse_eod_raw_nifty50_2019-10_2026-05.parquet"), RENAMES)
    with reference_file("nifty50.csv", folder="market").open() as file:
        rows = list(csv.DictReader(file))
    universe = Universe(
        name="NIFTY 50",
        memberships=tuple(
            Membership(
                symbol=row["symbol"],
                since=date.fromisoformat(row["member_from"]) if row["member_from"] else None,
                until=date.fromisoformat(row["member_to"]) if row["member_to"] else None,
            )
            for row in rows
        ),
    )
    actions = recorded_actions()
    series = {symbol: adjusted(one, actions, Basis.FORWARD) for symbol, one in raw.items()}

    scan = Scanner(universe, series, RENAMES).scan(date(2022, 6, 1))

    assert (
        len(scan.rows) + len({r.symbol for r in scan.remarks if r.cause in {Cause.NO_CANDLES, Cause.NOT_TRADED}}) == 50
    )
    assert next(row for row in scan.rows if row.symbol == "SHRIRAMFIN").traded_as == "SRTRANSFIN"
    assert "survivors" in scan.caveat


# strength, movers, breadth, trend -----------------------------------------------------------------


def test_relative_strength_equals_its_formula():
    close = walk("A", 3, bars=300).close

    assert relative_strength(close)[-1] == pytest.approx(slow_strength(close.tolist()))
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
    rows = Scanner(a_universe(series), series).scan(last_day(series)).rows

    day, week, five = (movers(rows, span) for span in (Span.DAY_1, Span.WEEK, Span.DAYS_5))

    assert [move.symbol for move in day.gainers] == ["UP"]
    assert [move.symbol for move in day.losers] == ["DOWN"]
    assert day.gainers[0].change == pytest.approx(110 / 102 - 1)
    assert week.too_short == five.too_short == ("DOWN", "SAME", "UP")


def test_weeks_and_months_count_from_the_last_close_before_them():
    # 1 January 2024 was a Monday: 25 weekdays end on Friday 2 February
    close = np.arange(1.0, 26.0)
    series = {"A": made("A", close)}
    rows = Scanner(a_universe(series), series).scan(last_day(series)).rows

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
    rows = Scanner(a_universe(series), series).scan(last_day(series)).rows

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


def test_columns_of_a_scan_are_not_changed_by_the_next():
    series = a_market()
    scanner, days = Scanner(a_universe(series), series), series["S0"].day
    first = plain(scanner.scan(date_of(int(days[300]))))
    scanner.study(date_of(int(days[0])), date_of(int(days[-1])))
    scanner.scan(date_of(int(days[350])))

    assert plain(scanner.scan(date_of(int(days[300])))) == first
