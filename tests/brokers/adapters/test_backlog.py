import asyncio
import random

import numpy as np
import pytest

from brokers.adapters.backlog import Backlog, BacklogCounters
from brokers.adapters.merging import merged
from brokers.domain.market import NANOSECONDS, BarBuilder, QuoteColumns
from brokers.ports import FeedHeartbeat, FeedMessage, FeedOrder, FeedQuotes, FeedState

MINUTE = 60
START_S = 1_000 * MINUTE


def frame(*ticks, received_ns=1, depth=None, cached=None, mark=None):
    """A frame of (token, price, cumulative volume, exchange second)."""
    token, price, volume, second = (np.array(column) for column in zip(*ticks, strict=True))
    nothing = np.full(len(ticks), np.nan)
    columns = QuoteColumns(
        token=token.astype(np.int64),
        last_price=price.astype(np.float64),
        volume=volume.astype(np.float64),
        open_interest=nothing,
        bid=nothing,
        ask=nothing,
        day_open=nothing,
        day_high=nothing,
        day_low=nothing,
        previous_close=nothing,
        exchange_ns=second.astype(np.int64) * NANOSECONDS,
        received_ns=received_ns,
        depth=depth,
        cached=cached,
        mark_price=mark,
    )
    return FeedQuotes(columns=columns, raw_bytes=10)


def rows(found):
    return [
        (int(token), float(price), float(volume), int(ns) // NANOSECONDS)
        for event in found
        for token, price, volume, ns in zip(
            event.columns.token,
            event.columns.last_price,
            event.columns.volume,
            event.columns.exchange_ns,
            strict=True,
        )
    ]


def bars_of(frames):
    """Build bars as the desk does: a frame's ticks of the ended minute, the close, then the rest."""
    builder, closed = BarBuilder(interval_s=MINUTE), []
    newest = 0
    for event in frames:
        ticks = [tick for tick in rows([event]) if tick[1] > 0]
        newest = max(newest, *(second for *_, second in rows([event])))
        edge = newest - newest % MINUTE
        for token, price, volume, second in ticks:
            if second < edge:
                builder.add([(str(token), second * NANOSECONDS, price, volume)])
        closed += builder.close_until(newest * NANOSECONDS)
        for token, price, volume, second in ticks:
            if second >= edge:
                builder.add([(str(token), second * NANOSECONDS, price, volume)])
    closed += builder.close_until((newest + 2 * MINUTE) * NANOSECONDS)
    return sorted(closed, key=lambda bar: (bar.instrument, bar.start_ns))


def a_session(seed, *, seconds=200, tokens=7):
    """Frames of a market that trades every second or so, with volumes that only grow."""
    chance = random.Random(seed)
    volume = dict.fromkeys(range(tokens), 0)
    frames = []
    for second in range(START_S, START_S + seconds):
        ticks = []
        for token in chance.sample(range(tokens), chance.randrange(1, tokens + 1)):
            volume[token] += chance.randrange(0, 50)
            ticks.append((token, chance.choice([0.0, 99.5, 100.0, 100.5, 101.0]), volume[token], second))
        frames.append(frame(*ticks))
    return frames


def test_only_the_first_the_highest_the_lowest_and_the_last_of_a_minute_are_kept():
    ticks = [(7, price, 10 + place, START_S + place) for place, price in enumerate((5.0, 6.0, 9.0, 8.0, 2.0, 4.0, 7.0))]

    found = merged([frame(tick) for tick in ticks])

    assert rows(found) == [ticks[place] for place in (0, 2, 4, 6)]


def test_every_minute_is_a_frame_of_its_own():
    ticks = [(7, 5.0, 1, START_S + second) for second in (58, 59, 60, 61)]

    found = merged([frame(*ticks)])

    assert [len(event.columns) for event in found] == [2, 2]


def test_the_age_told_is_that_of_the_oldest():
    found = merged([frame((7, 5.0, 1, START_S), received_ns=50), frame((7, 5.0, 1, START_S), received_ns=90)])

    assert [event.columns.received_ns for event in found] == [50]


def test_depth_and_marks_stay_with_their_ticks():
    depth = np.arange(30, dtype=np.float64).reshape(1, 10, 3)
    quotes = [
        frame((7, 5.0, 1, START_S), cached=np.array([True])),
        frame((8, 5.0, 1, START_S + 1), depth=depth),
    ]

    [found] = merged(quotes)

    assert found.columns.cached.tolist() == [True, False]
    assert np.isnan(found.columns.depth[0]).all()
    assert (found.columns.depth[1] == depth[0]).all()


def test_the_prices_of_margin_stay_with_their_ticks():
    marked = frame((1, 10.0, 1, START_S), (2, 20.0, 1, START_S), mark=np.array([10.5, 20.5]))
    plain = frame((1, 11.0, 2, START_S + 1))

    (found,) = merged([marked, plain])
    (unmarked,) = merged([plain, plain])

    assert found.columns.mark_price.tolist()[:2] == [10.5, 20.5]
    assert np.isnan(found.columns.mark_price[2])
    assert unmarked.columns.mark_price is None


@pytest.mark.parametrize("seed", range(8))
def test_bars_and_latest_quotes_come_out_as_from_every_tick(seed):
    frames = a_session(seed)
    chance = random.Random(seed)
    fewer = []
    while frames_left := frames[sum(len(group) for group in fewer) :]:
        fewer.append(frames_left[: chance.randrange(1, 90)])
    found = [event for group in fewer for event in merged(group)]

    assert bars_of(found) == bars_of(frames)
    assert {row[0]: row for row in rows(found)} == {row[0]: row for row in rows(frames)}
    assert sum(len(event.columns) for event in found) < sum(len(event.columns) for event in frames)


def a_backlog(**limits):
    return Backlog(counters=BacklogCounters(), **limits)


def taken(backlog):
    """Everything that waits, until the end."""
    backlog.end()

    async def read():
        found = []
        while (event := await backlog.get()) is not None:
            found.append(event)
        return found

    return asyncio.run(read())


def test_few_frames_are_handed_over_as_they_came():
    backlog = a_backlog(frames=4)
    frames = [frame((7, 5.0, 1, START_S + second)) for second in range(4)]

    assert all(backlog.put(event) for event in frames)

    assert taken(backlog) == frames


def test_many_frames_become_one_and_orders_pass_them():
    counters = BacklogCounters()
    backlog = Backlog(counters=counters, frames=4)
    orders = [FeedOrder(order=number) for number in range(30)]
    for number, order in enumerate(orders):
        backlog.put(frame((7, 5.0, number, START_S + number)))
        backlog.put(order)
        backlog.put(FeedHeartbeat(received_ns=number))
    backlog.put(FeedMessage(kind="message", text="hello"))

    found = taken(backlog)

    assert found[:31] == [*orders, FeedMessage(kind="message", text="hello")]
    quotes = [event for event in found if isinstance(event, FeedQuotes)]
    assert len(quotes) < 12
    assert rows(quotes)[-1] == (7, 5.0, 29, START_S + 29)
    assert counters.merged_packets == 30 - len(rows(quotes)) > 0


def test_quotes_are_never_merged_across_a_change_of_state():
    backlog = a_backlog(frames=2)
    lost, back = FeedState(state="disconnected", reason="."), FeedState(state="connected", reason=".")
    before = [frame((7, 5.0, 1, START_S)), frame((7, 6.0, 2, START_S + 1)), frame((7, 7.0, 3, START_S + 2))]
    after = [frame((7, 8.0, 4, START_S + 3))]

    for event in (*before, lost, back, *after):
        backlog.put(event)

    found = taken(backlog)
    assert [type(event) for event in found] == [FeedQuotes, FeedState, FeedState, FeedQuotes]
    assert rows(found[:1]) == [(7, 5.0, 1, START_S), (7, 7.0, 3, START_S + 2)]


def test_a_desk_that_is_far_too_slow_is_told_and_loses_no_order():
    backlog = a_backlog(frames=2, packets=10)
    order = FeedOrder(order="an order")
    backlog.put(order)

    answers = [backlog.put(frame(*[(token, 5.0, 1, START_S) for token in range(6)])) for _ in range(2)]
    answers.append(backlog.put(frame(*[(token, 5.0, 1, START_S) for token in range(6, 12)])))

    assert answers == [True, True, False]
    assert taken(backlog) == [order]


def test_an_error_of_a_reader_is_raised_to_the_desk():
    backlog = a_backlog()
    backlog.fail(ZeroDivisionError())

    with pytest.raises(ZeroDivisionError):
        taken(backlog)
