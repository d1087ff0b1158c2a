"""The scan: thirteen checks against their definitions, the future unread, nobody skipped in silence."""

import csv
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from analysis.domain.adjustments import ActionKind, CorporateAction, Rename, adjusted, joined
from analysis.domain.checks import QUESTIONS, Check, grade_of
from analysis.domain.daily import Basis, date_of
from analysis.domain.measures import Measures
from analysis.domain.movers import Span, movers
from analysis.domain.scanner import Cause, Scanner
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


@pytest.mark.parametrize("seed", range(4))
def test_each_check_equals_its_words(seed):
    series = {f"S{n}": walk(f"S{n}", 100 * seed + n, bars=BARS, drift=0.002 * n - 0.004) for n in range(6)}
    scores = {symbol: twins.strength(one.close.tolist()) for symbol, one in series.items()}

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


def test_columns_of_a_scan_are_not_changed_by_the_next():
    series = a_market()
    scanner, days = Scanner(a_universe(series), series), series["S0"].day
    first = plain(scanner.scan(date_of(int(days[300]))))
    scanner.study(date_of(int(days[0])), date_of(int(days[-1])))
    scanner.scan(date_of(int(days[350])))

    assert plain(scanner.scan(date_of(int(days[300])))) == first
