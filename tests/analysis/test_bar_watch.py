"""Alerts on indicators of closed bars: their values, their gaps and what fires."""

import numpy as np
import pytest

from analysis.domain.alerts import Alert, Direction, Subject
from analysis.domain.bar_watch import BarWatch
from analysis.domain.daily import daily_series
from analysis.domain.live_figures import figure_named, live_figure, offered_live
from analysis.domain.operands import OPERANDS, operand
from brokers.domain.errors import Invalid
from brokers.domain.market import NANOSECONDS, Bar
from tests.analysis.candles import walk

LENGTH = 300 * NANOSECONDS
SERIES = ("NSE:X", 300)


def bars_of(closes, *, name="NSE:X", first=0):
    return [a_bar(first + place, close, name=name) for place, close in enumerate(closes)]


def a_bar(place, close, *, name="NSE:X"):
    return Bar(
        instrument=name,
        interval_s=300,
        start_ns=place * LENGTH,
        open=close,
        high=close + 1.0,
        low=close - 1.0,
        close=close,
        volume=1_000.0,
    )


def walked(count):
    series = walk("X", 5, bars=count)
    columns = zip(series.open, series.high, series.low, series.close, series.volume, strict=True)
    return [
        Bar(
            instrument="NSE:X",
            interval_s=300,
            start_ns=place * LENGTH,
            **dict(zip(("open", "high", "low", "close", "volume"), map(float, row), strict=True)),
        )
        for place, row in enumerate(columns)
    ]


def an_alert(figure="close@5m", level=100.0, direction="above", *, name="NSE:X", number=1, **changes):
    return Alert(id=number, subject=Subject(name, figure), direction=Direction(direction), level=level, **changes)


def a_watch(*alerts, past=()):
    watch = BarWatch()
    for alert in alerts:
        watch.add(alert)
    if past:
        watch.backfill(SERIES, past)
    return watch


def whole(_bar):
    return True


def broken(_bar):
    return False


def values(firings):
    return [one.value for one in firings]


@pytest.mark.parametrize("name", [one["name"] for one in offered_live()["operands"]])
def test_every_figure_is_what_its_batch_indicator_says_of_the_same_bars(name):
    figure = live_figure(name, "5m", {})
    bars = walked(330)
    watch = a_watch(an_alert(str(figure), -1e12, "below"), past=bars[:300])

    told = []
    for bar in bars[300:]:
        watch.take([bar], whole)
        told.append(watch.value(Subject("NSE:X", str(figure))))

    columns = {
        part: np.array([getattr(bar, part) for bar in bars]) for part in ("open", "high", "low", "close", "volume")
    }
    series = daily_series("X", np.arange(len(bars)), **columns)
    expected = operand(name).column(series, **figure.parameters)[300:]
    np.testing.assert_allclose(told, expected, rtol=1e-9, atol=1e-9)


def test_every_indicator_of_the_rules_can_be_watched_but_one_without_a_lasting_level():
    assert {one["name"] for one in offered_live()["operands"]} == set(OPERANDS) - {"obv"}


@pytest.mark.parametrize(
    "name",
    [
        "rsi@5m",
        "rsi(14)@7m",
        "rsi(14)",
        "rsi(x)@5m",
        "nothing(1)@5m",
        "rsi(0)@5m",
        "macd(26,12,9)@5m",
        "obv@5m",
        "rsi(1)@5m",
    ],
)
def test_a_name_that_is_no_figure_is_refused(name):
    with pytest.raises(Invalid):
        figure_named(name)


def test_a_parameter_with_more_digits_than_its_name_shows_is_refused():
    with pytest.raises(Invalid, match="digits"):
        live_figure("bollinger_upper", "5m", {"deviations": 2.0000001})


def test_a_figure_has_a_name_and_words():
    figure = live_figure("macd_signal", "15m", {"fast": 5})

    assert (str(figure), figure.text) == ("macd_signal(5,26,9)@15m", "MACD signal(5, 26, 9), 15 min")
    assert figure_named(str(figure)) == figure


@pytest.mark.parametrize(
    ("figure", "bars"),
    [("rsi(14)@5m", 340), ("sma(500)@5m", 5_000), ("close@5m", 1), ("change(9)@5m", 10), ("strength@5m", 253)],
)
def test_a_figure_asks_for_what_it_needs_to_settle(figure, bars):
    assert figure_named(figure).bars_needed == bars


def test_a_level_fires_at_the_close_that_crosses_it_and_not_within_the_past():
    watch = a_watch(an_alert(), past=bars_of([99.0, 101.0, 99.0]))

    fired = [watch.take([bar], whole) for bar in bars_of([99.5, 100.0, 101.0], first=3)]

    assert list(map(values, fired)) == [[], [100.0], []]
    assert fired[1][0].at_ns == 5 * LENGTH


def test_a_recurring_alert_waits_for_the_way_back():
    watch = a_watch(an_alert(is_recurring=True, hysteresis=2.0), past=bars_of([99.0]))

    fired = [values(watch.take([bar], whole)) for bar in bars_of([101.0, 99.0, 101.0, 97.0, 102.0], first=1)]

    assert fired == [[101.0], [], [], [], [102.0]]


def test_what_is_reached_when_the_watch_begins_fires_only_where_it_was_armed():
    fresh, armed = an_alert(number=1), an_alert(number=2, waits_for_cross=False)
    watch = BarWatch()
    for alert in (fresh, armed):
        watch.add(alert)

    fired = watch.backfill(SERIES, bars_of([99.0, 101.0, 102.0]))

    assert [(one.alert.id, one.value) for one in fired] == [(2, 102.0)]


def test_bars_that_close_before_the_past_has_come_wait_for_it():
    watch = a_watch(an_alert())
    early = watch.take(bars_of([101.0], first=3), whole)
    owed = watch.owed()
    fired = watch.backfill(SERIES, bars_of([98.0, 99.0, 99.5]))

    assert (early, values(fired), owed, watch.owed()) == ([], [101.0], {SERIES: 1}, {})


def test_missed_bars_come_from_the_past_in_their_order():
    watch = a_watch(an_alert(is_recurring=True), past=bars_of([99.0]))
    watch.lose()
    late = watch.take(bars_of([99.0], first=4), broken)
    fired = watch.backfill(SERIES, bars_of([99.0, 101.0, 98.0, 103.0, 99.0]))

    assert (late, values(fired), watch.owed()) == ([], [101.0, 103.0], {})


def test_candles_that_do_not_reach_a_broken_bar_are_asked_for_again_and_then_it_stands():
    watch = a_watch(an_alert(), past=bars_of([99.0]))
    watch.take(bars_of([101.0], first=1), broken)

    looks = [values(watch.backfill(SERIES, bars_of([99.0]))) for _ in range(3)]

    assert looks == [[], [], [101.0]]
    assert watch.owed() == {}


def test_candles_asked_for_before_ticks_were_lost_close_no_gap():
    watch = a_watch(an_alert(), past=bars_of([99.0]))
    watch.lose()

    fired = watch.backfill(SERIES, bars_of([99.0, 101.0]), is_seamless=False)

    assert values(fired) == [101.0]
    assert watch.owed() == {SERIES: 1}


def test_a_bar_that_is_known_already_is_not_taken_twice():
    watch = a_watch(an_alert(is_recurring=True), past=bars_of([99.0, 99.0]))

    assert watch.take(bars_of([101.0], first=1), whole) == []


def test_many_instruments_come_and_go_without_touching_one_another():
    alerts = [an_alert("sma(2)@5m", 100.0, name=f"NSE:S{number}", number=number) for number in range(40)]
    watch = BarWatch()
    for alert in alerts:
        watch.add(alert)
    for alert in alerts:
        watch.backfill((alert.subject.instrument, 300), bars_of([98.0, 99.0], name=alert.subject.instrument))
    for alert in alerts[:20]:
        watch.remove(alert)
    again = an_alert("sma(2)@5m", 100.0, name="NSE:NEW", number=99)
    watch.add(again)
    fired = watch.take([bar for one in alerts for bar in bars_of([103.0], name=one.subject.instrument, first=2)], whole)

    assert [one.alert.id for one in fired] == list(range(20, 40))
    assert set(values(fired)) == {101.0}
    assert watch.owed() == {("NSE:NEW", 300): 100}
    assert "NSE:S1" not in {name for name, _ in watch.series()}


def test_an_alert_without_a_value_says_why():
    watch = a_watch(an_alert("sma(5)@5m"), an_alert("close@5m", number=2))
    before = watch.lacking()
    watch.backfill(SERIES, bars_of([99.0]))

    assert before[1] == "simple average(5), 5 min has no value: its candles are on their way."
    assert watch.lacking() == {1: "simple average(5), 5 min has no value: there are too few bars of it yet."}
    assert watch.series_of(1) == SERIES
    assert len(watch) == len(watch.alerts()) == 2


@pytest.mark.parametrize("name", ["strength@5m", "change(100)@5m"])
def test_a_figure_that_needs_more_bars_than_one_that_runs_gets_them_and_disturbs_nothing(name):
    bars = walked(260)
    running, longer = an_alert(level=1e12), an_alert(name, -1e12, "below", number=2)
    watch = a_watch(running, past=bars[255:256])
    watch.add(longer)
    told = [watch.value(running.subject) for bar in bars[256:258] if not watch.take([bar], whole)]
    before, owed = watch.lacking(), watch.owed()
    watch.backfill(SERIES, bars[:257])

    assert told == [bar.close for bar in bars[256:258]]
    assert (list(before), owed) == ([2], {SERIES: figure_named(name).bars_needed})
    assert watch.value(longer.subject) == a_watch(longer, past=bars[:258]).value(longer.subject)
    assert (watch.lacking(), watch.owed()) == ({}, {})


def test_what_the_last_bars_tell_is_forgotten_with_its_last_alert():
    alert = an_alert("change(1)@5m", 0.0)
    watch = a_watch(alert, past=bars_of([99.0]))
    watch.remove(alert)
    watch.add(an_alert("change(1)@5m", 0.0, number=2))
    watch.backfill(SERIES, bars_of([50.0]))

    assert watch.lacking() != {}
    assert 1 not in watch
    assert 2 in watch
