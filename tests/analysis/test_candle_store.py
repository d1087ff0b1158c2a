"""The candle store: files in, histories out, nothing taken twice, raw prices kept, only the missing asked for."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.candles import candles_of, candles_take, fingerprint, study_series, universe_named
from analysis.domain.candle_files import Candle, read_candles
from analysis.domain.daily import Basis, date_of
from analysis.domain.fetching import fetch_plan
from analysis.domain.packing import unpacked
from analysis.models import CandleYear, ChangedName, ListedAction, ListMember
from brokers.domain.errors import DataError
from tests.analysis.candles import recorded, weekdays

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
FULL = """SYMBOL, SERIES, DATE1, PREV_CLOSE, OPEN_PRICE, HIGH_PRICE, LOW_PRICE, LAST_PRICE, CLOSE_PRICE, AVG_PRICE, TTL_TRD_QNTY, TURNOVER_LACS
ABC, EQ, 29-May-2026, 99.00, 100.00, 110.00, 90.00, 105.10, 105.00, 101.00, 1000, 1.00
ABC, N1, 29-May-2026, 99.00, 1.00, 1.00, 1.00, 1.00, 1.00, 1.00, 10, 1.00
BAD, EQ, 29-May-2026, 99.00, 100.00, 90.00, 95.00, 105.10, 105.00, 101.00, 1000, 1.00
"""
UDIFF = """TradDt,BizDt,Sgmt,Src,FinInstrmTp,FinInstrmId,ISIN,TckrSymb,SctySrs,OpnPric,HghPric,LwPric,ClsPric,LastPric,TtlTradgVol
2026-05-29,2026-05-29,CM,NSE,STK,1,INE0,ABC,EQ,100.00,110.00,90.00,105.00,105.10,1000
"""
PLAIN = "symbol,date,open,high,low,close,volume\nabc,2026-05-29,100,110,90,105,1000\n"
ABC = Candle(symbol="ABC", day=date(2026, 5, 29), open=100.0, high=110.0, low=90.0, close=105.0, volume=1000.0)


def a_candle(day, close=100.0, symbol="ABC"):
    return Candle(symbol=symbol, day=day, open=close, high=close, low=close, close=close, volume=1.0)


def take(rows, exchange="NSE"):
    return candles_take(exchange=exchange, candles=rows, source="test", at=NOW)


@pytest.mark.parametrize("text", [UDIFF, PLAIN])
def test_each_form_of_file_is_read(text):
    found = read_candles(text.splitlines())

    assert (found.candles, found.refused) == ((ABC,), ())


def test_other_series_are_left_out_and_impossible_rows_are_named():
    found = read_candles(FULL.splitlines())

    assert found.candles == (ABC,)
    assert [line for line, _ in found.refused] == [4]
    assert "BAD" in found.refused[0][1]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("ABC,2026-05-29,x,110,90,105,1", "open is no number"),
        ("ABC,2026-05-29,nan,110,90,105,1", "open is no number"),
        ("ABC,2026-05-29,0,110,0,105,1", "not positive"),
        ("ABC,2026-05-29,100,110,90,105,-1", "volume is negative"),
        ("ABC,29/05/2026,100,110,90,105,1", "no day"),
        (",2026-05-29,100,110,90,105,1", "no symbol"),
        ("ABC,2026-05-29,100", "no number"),
    ],
)
def test_a_row_that_cannot_be_believed_is_named_with_its_line(row, reason):
    found = read_candles([PLAIN.splitlines()[0], row, "", "ABC,2026-05-29,100,110,90,105,1000"])

    assert found.candles == (ABC,)
    assert found.refused[0][0] == 2
    assert reason in found.refused[0][1]


def test_a_file_of_something_else_is_refused_whole():
    with pytest.raises(DataError, match="no column for close, high"):
        read_candles(["symbol,date,open", "ABC,2026-05-29,1"])


@pytest.mark.django_db
def test_what_was_taken_is_read_back_whole_over_the_years():
    days = weekdays(date(2024, 12, 27), 6)
    taken = take([a_candle(day, 100.25 + place) for place, day in enumerate(days)])

    series = candles_of()["NSE:ABC"]

    assert (taken.instruments, taken.added, taken.changed, taken.alike) == (1, 6, 0, 0)
    assert CandleYear.objects.count() == 2
    assert [date_of(day) for day in series.day] == days
    assert series.close.tolist() == [100.25 + place for place in range(6)]
    assert series.basis is Basis.RAW


@pytest.mark.django_db
def test_the_same_file_again_changes_nothing():
    rows = [a_candle(day) for day in weekdays(date(2026, 1, 1), 5)]
    take(rows)
    before, digest = list(CandleYear.objects.values()), fingerprint()

    again = candles_take(exchange="NSE", candles=rows, source="again", at=NOW + timedelta(days=1))

    assert (again.added, again.changed, again.alike) == (0, 0, 5)
    assert list(CandleYear.objects.values()) == before
    assert fingerprint() == digest


@pytest.mark.django_db
def test_later_days_join_and_corrected_ones_replace():
    days = weekdays(date(2026, 1, 1), 6)
    take([a_candle(day) for day in days[1:4]])

    taken = take([a_candle(days[2], 101.0), a_candle(days[0]), a_candle(days[5])])

    assert (taken.added, taken.changed, taken.alike) == (2, 1, 0)
    assert candles_of(["NSE:ABC"])["NSE:ABC"].close.tolist() == [100.0, 100.0, 101.0, 100.0, 100.0]


@pytest.mark.django_db
def test_a_candle_of_a_day_that_has_not_begun_stops_the_import():
    # at noon UTC it is the 21st in Mumbai; by 19:00 the 22nd has begun there
    with pytest.raises(DataError, match="has not begun"):
        take([a_candle(date(2026, 11, 20)), a_candle(date(2026, 11, 22))])
    assert not CandleYear.objects.exists()

    candles_take(exchange="NSE", candles=[a_candle(date(2026, 11, 22))], source="t", at=NOW + timedelta(hours=7))
    assert CandleYear.objects.exists()


@pytest.mark.django_db
def test_reading_asks_once_however_many_there_are(django_assert_num_queries):
    take([a_candle(day, symbol=f"S{number}") for number in range(30) for day in weekdays(date(2025, 12, 29), 5)])

    with django_assert_num_queries(1):
        assert len(candles_of()) == 30
    with django_assert_num_queries(1):
        assert candles_of(["NSE:S1", "NSE:NONE"]).keys() == {"NSE:S1"}
    with django_assert_num_queries(3):
        study_series()


@pytest.mark.django_db
def test_a_study_reads_one_adjusted_history_and_the_store_keeps_the_raw_ones():
    days = weekdays(date(2026, 1, 1), 6)
    take([a_candle(day, symbol="OLD") for day in days[:3]] + [a_candle(day, 50.0, symbol="NEW") for day in days[3:]])
    ChangedName.objects.create(old="NSE:OLD", new="NSE:NEW", on=days[3])
    ListedAction.objects.create(instrument="NSE:NEW", ex_date=days[3], factor=2.0, kind="shares", source="test")

    series, renames = study_series(["NSE:NEW"])

    assert series["NSE:NEW"].close.tolist() == [100.0] * 6
    assert series["NSE:NEW"].basis is Basis.FORWARD
    assert [rename.old for rename in renames] == ["NSE:OLD"]
    assert candles_of()["NSE:NEW"].close.tolist() == [50.0] * 3


@pytest.mark.django_db
def test_the_fingerprint_follows_candles_actions_and_names():
    seen = [fingerprint()]
    take([a_candle(date(2026, 1, 1))])
    seen.append(fingerprint())
    ListedAction.objects.create(instrument="NSE:ABC", ex_date=date(2026, 1, 2), factor=2.0, kind="shares", source="t")
    seen.append(fingerprint())
    ChangedName.objects.create(old="NSE:OLD", new="NSE:ABC", on=date(2026, 1, 2))
    seen.append(fingerprint())

    assert len(set(seen)) == 4
    assert fingerprint(["NSE:ABC"]) == fingerprint(["NSE:ABC"])


@pytest.mark.django_db
def test_a_list_says_from_when_its_membership_is_known():
    ListMember.objects.create(universe="MINE", instrument="NSE:A", since=date(2025, 1, 1), sector="Metals")
    ListMember.objects.create(universe="MINE", instrument="NSE:B", since=date(2026, 1, 1))
    ListMember.objects.create(universe="OLD", instrument="NSE:A")

    mine, old = universe_named("MINE"), universe_named("OLD")

    assert mine is not None
    assert old is not None
    assert mine.on(date(2025, 6, 1)).symbols == ("NSE:A",)
    assert mine.on(date(2025, 6, 1)).caveat == ""
    assert mine.sector_of() == {"NSE:A": "Metals"}
    assert "survivors" in old.on(date(2025, 6, 1)).caveat
    assert universe_named("NONE") is None


def test_damaged_bytes_are_refused():
    with pytest.raises(DataError, match="damaged"):
        unpacked(b"123")


@pytest.mark.reference
@pytest.mark.django_db
def test_recorded_candles_survive_the_store_to_the_last_bit():
    series = recorded("nse_eod_raw_nifty50_2019-10_2026-05.parquet")
    chosen = {symbol: series[symbol] for symbol in ("RELIANCE", "NESTLEIND", "LTIM")}
    rows = [
        Candle(symbol=symbol, day=date_of(day), open=o, high=h, low=low, close=c, volume=v)
        for symbol, one in chosen.items()
        for day, o, h, low, c, v in zip(one.day, one.open, one.high, one.low, one.close, one.volume, strict=True)
    ]

    take(rows)

    for symbol, one in candles_of().items():
        for column in ("day", "open", "high", "low", "close", "volume"):
            np.testing.assert_array_equal(getattr(one, column), getattr(chosen[symbol.removeprefix("NSE:")], column))


SESSIONS = weekdays(date(2026, 1, 1), 40)


@given(st.lists(st.sets(st.sampled_from(SESSIONS)), min_size=1, max_size=4), st.integers(1, 30))
def test_a_plan_asks_for_what_is_missing_and_nothing_else(have, longest):
    symbols = [f"S{number}" for number in range(len(have))]
    stored = {symbol: frozenset(days) for symbol, days in zip(symbols, have, strict=True)}

    plan = fetch_plan(symbols, SESSIONS, stored, days_per_call=longest)

    for symbol in symbols:
        asked = [day for call in plan if call.symbol == symbol for day in SESSIONS if call.since <= day <= call.until]
        assert asked == [day for day in SESSIONS if day not in stored[symbol]]
    assert all((call.until - call.since).days < longest for call in plan)


def test_an_interrupted_fetch_goes_on_where_it_stopped():
    plan = fetch_plan(["A", "B"], SESSIONS, {}, days_per_call=14)
    done: dict[str, set[date]] = {"A": set(), "B": set()}
    for call in plan[:3]:
        done[call.symbol] |= {day for day in SESSIONS if call.since <= day <= call.until}

    rest = fetch_plan(
        ["A", "B"], SESSIONS, {symbol: frozenset(days) for symbol, days in done.items()}, days_per_call=14
    )

    assert rest == plan[3:]
    assert fetch_plan(["A"], SESSIONS, {"A": frozenset(SESSIONS)}) == []


def test_days_for_which_the_venue_had_nothing_are_not_asked_again():
    empty = {"A": frozenset(SESSIONS[:30])}

    (call,) = fetch_plan(["A"], SESSIONS, {}, empty)

    assert (call.since, call.until) == (SESSIONS[30], SESSIONS[39])
