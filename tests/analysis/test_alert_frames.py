"""Alerts over frames: what one comparison of columns finds is what asking every alert at every tick finds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.domain.alert_frames import FIGURES, FrameWatch
from analysis.domain.alerts import Alert, Direction, Subject
from brokers.domain.errors import Invalid, NotFound
from brokers.domain.market import QuoteColumns
from tests.analysis.test_alerts import Asked

NAMES = {7: "NSE:A", 9: "NSE:B", 12: "NSE:C"}


def a_frame(*ticks, at_ns=5, cached=None, mark=None):
    """Return a frame of (token, last price[, open interest]) ticks."""
    rows = [(*tick, 0.0)[:3] for tick in ticks]
    price = np.array([row[1] for row in rows], dtype=np.float64)
    zero = np.zeros(price.size)
    return QuoteColumns(
        token=np.array([row[0] for row in rows], dtype=np.int64),
        last_price=price,
        volume=zero,
        open_interest=np.array([row[2] for row in rows], dtype=np.float64),
        bid=zero,
        ask=price,
        day_open=zero,
        day_high=zero,
        day_low=zero,
        previous_close=np.full(price.size, 100.0),
        exchange_ns=np.full(price.size, at_ns, dtype=np.int64),
        received_ns=99,
        cached=None if cached is None else np.array(cached),
        mark_price=None if mark is None else np.array(mark),
    )


def an_alert(number=1, token=7, level=100.0, figure="last_price", **changes):
    subject = Subject(NAMES.get(token, "NSE:D"), figure)
    return Alert(id=number, **{"subject": subject, "direction": Direction.ABOVE, "level": level, **changes})


def a_watch(*alerts):
    watch, tokens = FrameWatch(), {name: token for token, name in NAMES.items()}
    for alert in alerts:
        watch.add(alert, tokens[alert.subject.instrument])
    return watch


def asked_one_by_one(alerts, frames):
    """Ask every alert at every tick, in the words of its definition."""
    asked, found = [Asked(alert) for alert in alerts], []
    for place, frame in enumerate(frames):
        for token, price, interest in frame:
            for one in asked:
                subject = one.alert.subject
                value = {"last_price": price, "open_interest": interest}[subject.figure]
                if subject.instrument == NAMES.get(token) and value > 0 and one.take(value):
                    found.append((place, one.alert.id, value))
    return found


@st.composite
def alerts_on_frames(draw):
    alerts = [
        an_alert(
            number,
            token=draw(st.sampled_from(sorted(NAMES))),
            figure=draw(st.sampled_from(["last_price", "open_interest"])),
            direction=draw(st.sampled_from(Direction)),
            level=float(draw(st.integers(95, 105))),
            waits_for_cross=draw(st.booleans()),
            is_recurring=draw(st.booleans()),
            hysteresis=float(draw(st.integers(0, 3))),
        )
        for number in range(draw(st.integers(0, 12)))
    ]
    tick = st.tuples(st.sampled_from([7, 9, 12, 500]), st.integers(94, 106).map(float), st.integers(0, 106).map(float))
    return alerts, draw(st.lists(st.lists(tick, max_size=9), max_size=12))


@given(alerts_on_frames())
def test_none_is_missed_and_none_invented_over_frames(drawn):
    alerts, frames = drawn
    watch = a_watch(*alerts)

    found = [
        (place, firing.alert.id, firing.value)
        for place, frame in enumerate(frames)
        for firing in watch.take(a_frame(*frame))
    ]

    assert sorted(found) == sorted(asked_one_by_one(alerts, frames))


def test_a_level_that_is_passed_and_left_within_one_frame_fires_each_time():
    watch = a_watch(an_alert(is_recurring=True))

    fired = watch.take(a_frame((7, 99.0), (9, 1.0), (7, 101.0), (7, 99.0), (7, 102.0)))

    assert [firing.value for firing in fired] == [101.0, 102.0]


def test_what_is_kept_from_before_the_subscription_fires_nothing():
    watch = a_watch(an_alert(waits_for_cross=False))

    assert watch.take(a_frame((7, 101.0), cached=[True])) == []
    assert len(watch.take(a_frame((7, 101.0), (7, 99.0), cached=[False, True]))) == 1
    assert len(watch) == 0


def test_a_tick_without_the_exchanges_time_is_dated_by_its_arrival():
    watch = a_watch(an_alert(waits_for_cross=False), an_alert(2, level=102.0, waits_for_cross=False))

    assert [firing.at_ns for firing in watch.take(a_frame((7, 101.0), at_ns=0))] == [99]
    assert [firing.at_ns for firing in watch.take(a_frame((7, 103.0), at_ns=5))] == [5]


@pytest.mark.parametrize(
    ("figure", "expected"),
    [("last_price", 105.0), ("ask", 105.0), ("change", 5.0), ("mark_price", 104.0), ("open_interest", 8.0)],
)
def test_each_figure_is_its_column(figure, expected):
    values = FIGURES[figure].column(a_frame((7, 105.0, 8.0), mark=[104.0]))

    assert values.tolist() == pytest.approx([expected])


@pytest.mark.parametrize("figure", ["bid", "volume", "mark_price"])
def test_what_a_quote_leaves_out_reaches_nothing(figure):
    watch = a_watch(an_alert(figure=figure, direction=Direction.BELOW, waits_for_cross=False))

    assert watch.take(a_frame((7, 105.0))) == []


def test_an_alert_that_was_taken_back_fires_no_more():
    alert = an_alert(waits_for_cross=False)
    watch = a_watch(alert)
    watch.remove(alert)

    assert watch.take(a_frame((7, 101.0))) == []
    with pytest.raises(NotFound):
        watch.remove(alert)


def test_a_figure_that_no_quote_tells_is_refused():
    with pytest.raises(Invalid, match="no quote tells"):
        FrameWatch().add(an_alert(figure="colour"), 7)


def test_an_alert_added_between_frames_is_watched_from_the_next():
    watch = a_watch(an_alert(waits_for_cross=False, level=200.0))
    watch.take(a_frame((7, 101.0)))
    watch.add(an_alert(2, token=7, waits_for_cross=False), 7)

    assert [firing.alert.id for firing in watch.take(a_frame((7, 101.0)))] == [2]
