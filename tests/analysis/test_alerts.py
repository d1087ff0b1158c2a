"""Alerts: none missed and none invented, against a pass that asks every alert at every tick."""

import gzip
import json
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.domain.alerts import Alert, AlertBook, Direction, Subject
from brokers.domain.errors import Invalid, NotFound
from brokers.simulator.market import SyntheticMarket
from tests.reference import reference_file

A, B = Subject("NSE:A"), Subject("NSE:B")


def an_alert(number=1, direction=Direction.ABOVE, level=100.0, subject=A, **changes):
    return Alert(id=number, subject=subject, direction=direction, level=level, **changes)


class Asked:
    """One alert asked at every tick, in the words of its definition."""

    def __init__(self, alert):
        self.alert = alert
        self.armed = not alert.waits_for_cross
        self.done = self.has_fired = False

    def take(self, value):
        alert = self.alert
        above = alert.direction is Direction.ABOVE
        if self.done:
            return False
        if self.armed:
            if (value >= alert.level) if above else (value <= alert.level):
                self.armed, self.has_fired, self.done = False, True, not alert.is_recurring
                return True
            return False
        distance = alert.hysteresis if self.has_fired else 0.0
        gone_back = (value < alert.level - distance) if above else (value > alert.level + distance)
        self.armed = gone_back
        return False


def brute_force(alerts, ticks):
    asked = [Asked(alert) for alert in alerts]
    return [
        (place, one.alert.id)
        for place, (subject, value) in enumerate(ticks)
        for one in asked
        if one.alert.subject == subject and one.take(value)
    ]


def watched(alerts, ticks):
    book = AlertBook(alerts)
    return [
        (place, firing.alert.id)
        for place, (subject, value) in enumerate(ticks)
        for firing in book.take(subject, value, place)
    ]


values = st.integers(90, 110).map(float) | st.just(float("nan"))
ticks = st.lists(st.tuples(st.sampled_from([A, B, Subject("NSE:A", "open_interest")]), values), max_size=120)


@st.composite
def alert_lists(draw):
    count = draw(st.integers(0, 25))
    return [
        an_alert(
            number=number,
            direction=draw(st.sampled_from(Direction)),
            level=float(draw(st.integers(90, 110))),
            subject=draw(st.sampled_from([A, B, Subject("NSE:A", "open_interest")])),
            waits_for_cross=draw(st.booleans()),
            is_recurring=draw(st.booleans()),
            hysteresis=float(draw(st.integers(0, 4))),
        )
        for number in range(count)
    ]


@given(alert_lists(), ticks)
def test_none_is_missed_and_none_invented(alerts, tape):
    assert watched(alerts, tape) == brute_force(alerts, tape)


@given(alert_lists(), ticks, st.data())
def test_alerts_that_come_and_go_between_ticks_are_watched_while_they_are_there(alerts, tape, data):
    book, asked, found, expected = AlertBook(), {}, [], []
    for place, (subject, value) in enumerate(tape):
        for alert in alerts:
            turn = data.draw(st.integers(0, 9)) if place % 10 == 0 else 9
            if turn == 0 and alert.id in book:
                book.remove(alert.id)
                del asked[alert.id]
            elif turn == 1 and alert.id not in book:
                book.add(alert)
                asked[alert.id] = Asked(alert)
        found += [(place, firing.alert.id) for firing in book.take(subject, value, place)]
        fired = [key for key, one in asked.items() if one.alert.subject == subject and one.take(value)]
        expected += [(place, key) for key in fired]
        asked = {key: one for key, one in asked.items() if not one.done}
        assert len(book) == len(asked)
    assert sorted(found) == sorted(expected)


@pytest.mark.reference
def test_none_is_missed_on_a_recorded_stream():
    subject, tape = Subject("ASTER:BTCUSDT"), []
    with gzip.open(reference_file("ticks/binance_usdm_ws_btcusdt_2024-08-08T2354.jsonl.gz"), "rt") as file:
        for line in file:
            message = json.loads(line.split(" ", 1)[1])
            if message.get("stream", "").endswith("@trade"):
                tape.append((subject, float(message["data"]["p"])))
    low, high = min(value for _, value in tape), max(value for _, value in tape)
    step = (high - low) / 150
    alerts = [
        an_alert(
            number=number,
            subject=subject,
            direction=list(Direction)[number % 2],
            level=round(low + step * (number // 2), 1),
            waits_for_cross=number % 3 != 0,
            is_recurring=number % 5 != 0,
            hysteresis=[0.0, 5.0, 40.0][number % 3],
        )
        for number in range(300)
    ]

    found = watched(alerts, tape)

    assert found == brute_force(alerts, tape)
    assert len(found) > 300


def test_none_is_missed_on_the_simulator_s_tape():
    market = SyntheticMarket(day=date(2026, 11, 20), rng=np.random.default_rng(3), step_seconds=15.0)
    keys = [Subject(f"{one.exchange}:{one.symbol}") for one in market.board.listings]
    opening, tape = market.board.last / 100.0, []
    for _ in range(120):
        prints = market.advance().prints
        tape += [(keys[row], price / 100.0) for row, price in zip(prints.rows, prints.price.tolist(), strict=True)]
    traded = sorted({subject for subject, _ in tape})[:40]
    levels = dict(zip(keys, opening.tolist(), strict=True))
    alerts = [
        an_alert(
            number=number,
            subject=traded[number % 40],
            direction=list(Direction)[number % 2],
            level=round(levels[traded[number % 40]] * (1 + (number // 40 - 5) / 1_000), 2),
            waits_for_cross=number % 3 > 0,
            is_recurring=number % 4 > 0,
            hysteresis=[0.0, 0.5][number % 2],
        )
        for number in range(400)
    ]
    tape = [(subject, price) for subject, price in tape if subject in set(traded)]

    found = watched(alerts, tape)

    assert found == brute_force(alerts, tape)
    assert len(found) > 30


def test_a_level_that_is_reached_already_waits_to_be_crossed_or_fires_at_once():
    tape = [(A, 105.0), (A, 106.0)]

    assert watched([an_alert()], tape) == []
    assert watched([an_alert(waits_for_cross=False)], tape) == [(0, 1)]


def test_a_recurring_alert_fires_again_only_after_it_went_back_past_its_hysteresis():
    tape = [(A, value) for value in (99, 100, 99, 101, 97, 100)]

    once = watched([an_alert()], tape)
    again = watched([an_alert(is_recurring=True)], tape)
    calm = watched([an_alert(is_recurring=True, hysteresis=2.0)], tape)

    assert once == [(1, 1)]
    assert again == [(1, 1), (3, 1), (5, 1)]
    # the first crossing needs no distance: the level was asked for
    assert calm == [(1, 1), (5, 1)]


def test_a_firing_says_what_it_saw():
    (firing,) = AlertBook([an_alert(waits_for_cross=False)]).take(A, 101.5, 7)

    assert (firing.value, firing.at_ns, firing.alert.level) == (101.5, 7, 100.0)


def test_an_id_is_watched_once_and_removed_once():
    book = AlertBook([an_alert()])

    with pytest.raises(Invalid, match="already"):
        book.add(an_alert())
    book.remove(1)
    with pytest.raises(NotFound):
        book.remove(1)
    assert book.take(A, 500.0, 1) == []


@pytest.mark.parametrize("changes", [{"level": float("nan")}, {"level": float("inf")}, {"hysteresis": -1.0}])
def test_an_alert_without_a_level_is_refused(changes):
    with pytest.raises(Invalid):
        an_alert(**changes)


def test_an_alert_that_fired_elsewhere_waits_for_its_whole_way_back():
    tape = [(A, value) for value in (99, 101, 97, 100)]

    fresh = watched([an_alert(is_recurring=True, hysteresis=2.0)], tape)
    moved = watched([an_alert(is_recurring=True, hysteresis=2.0, has_fired=True)], tape)

    assert fresh == [(1, 1), (3, 1)]
    assert moved == [(3, 1)]


def test_what_an_alert_waits_for_is_told_once():
    book = AlertBook([an_alert(is_recurring=True), an_alert(number=2, level=90.0)])
    book.take(A, 95.0, 1)
    armed = book.turned()
    book.take(A, 101.0, 2)

    assert armed == {1: True}
    assert book.turned() == {1: False}
    assert book.turned() == {}


def test_a_removed_alert_turns_no_more():
    book = AlertBook([an_alert(is_recurring=True)])
    book.take(A, 95.0, 1)
    book.remove(1)

    assert book.turned() == {}


def test_the_bounds_of_a_figure_are_the_nearest_on_either_side():
    book = AlertBook(
        [
            an_alert(waits_for_cross=False),
            an_alert(number=2, direction=Direction.BELOW, level=80.0, waits_for_cross=False),
        ]
    )

    assert book.bounds(A) == (80.0, 100.0)
    assert book.bounds(B) == (float("-inf"), float("inf"))
