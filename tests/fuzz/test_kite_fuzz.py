"""Whatever the venue sends, the adapter answers with values or with its own errors, and counts it.

The suite takes a sample. All of it: `WINDHOVER_FUZZ_CASES=200000 ./run test tests/fuzz -s`, with
`WINDHOVER_FUZZ_SEED` to walk another way; the seed and the counts are printed.
"""

import os
import sys
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

from brokers.adapters.backoff import Backoff
from brokers.adapters.kite import errors, payloads
from brokers.adapters.kite.client import KiteVenue
from brokers.adapters.kite.feed import KiteFeed
from brokers.domain.errors import DataError, Retryable, VenueError
from brokers.ports import FeedHeartbeat, FeedMessage, FeedOrder, FeedQuotes, FeedState, Reply
from tests.brokers.adapters.doubles import (
    CREDENTIALS,
    OpenBudget,
    SteppingClock,
    an_instrument,
    an_order,
    permit,
)
from tests.fuzz.mutations import damaged_bytes, damaged_frame, damaged_json
from tests.fuzz.samples import BODIES, FRAMES, ORDER, REFUSAL, TEXTS

CASES = int(os.environ.get("WINDHOVER_FUZZ_CASES", "6000"))
SEED = int(os.environ.get("WINDHOVER_FUZZ_SEED", "20261120"))
WRITES = ("place", "modify", "cancel")
STATUSES = (200, 200, 200, 200, 200, 302, 400, 403, 429, 500, 502)
STARTS, ENDS = datetime(2026, 11, 20, 3, 45, tzinfo=UTC), datetime(2026, 11, 20, 3, 47, tzinfo=UTC)
OTHERS = [*BODIES.values(), *TEXTS, *FRAMES]


@dataclass
class Wire:
    """Answers every request with the case's reply, and plays the case's frames to a stream's reader."""

    reply: Reply | None = None
    frames: list = field(default_factory=list)

    async def request(self, method, url, *, before_write=None, **details):
        if before_write is not None:
            before_write()
        return self.reply

    async def connect(self, url, *, headers=None):
        return self

    async def send(self, text):
        raise AssertionError("nothing was subscribed")

    async def recv(self):
        if not self.frames:
            raise Retryable("the script is over")
        return self.frames.pop()

    async def close(self):
        self.frames.clear()


def a_venue(wire):
    return KiteVenue(
        net=wire,
        budget=OpenBudget(),
        credentials=CREDENTIALS,
        clock=SteppingClock(),
        jitter=lambda: 1.0,
        api_url="https://api.venue.test",
    )


def calls(wire, venue):
    """Every way in which the adapter reads an answer."""
    resting = payloads.order(ORDER)
    instrument = an_instrument()

    async def session():
        return payloads.session(errors.data_of(wire.reply, is_write=True))

    return {
        "place": lambda: venue.place(an_order(), instrument, permit),
        "modify": lambda: venue.modify(resting, price=resting.price, trigger_price=None, before_write=permit),
        "cancel": lambda: venue.cancel("1", permit),
        "orders": venue.orders,
        "trades": venue.trades,
        "positions": venue.positions,
        "holdings": venue.holdings,
        "margins": venue.margins,
        "profile": venue.profile,
        "quotes": lambda: venue.quotes(["NSE:INFY"]),
        "history": lambda: venue.history(instrument, 60, STARTS, ENDS),
        "instruments": venue.instruments,
        "end_session": venue.end_session,
        "session": session,
    }


def a_body(random, name):
    """A damaged answer of this call, or a damaged refusal."""
    body = BODIES[name] if random.random() < 0.9 else REFUSAL
    if name == "instruments" or random.random() < 0.4:
        return damaged_bytes(random, body, OTHERS)
    return damaged_json(random, body)


async def test_no_answer_makes_the_adapter_raise_anything_but_its_own_errors():
    random, wire, counts = Random(SEED), Wire(), Counter()
    readers = calls(wire, a_venue(wire))
    names = sorted(readers)

    for number in range(CASES // 2):
        name = names[number % len(names)]
        wire.reply = Reply(status=random.choice(STATUSES), headers={}, body=a_body(random, name))
        try:
            await readers[name]()
            counts[name, "read"] += 1
        except (VenueError, DataError) as error:
            counts[name, type(error).__name__] += 1
        except Exception as escaped:
            escaped.add_note(f"seed {SEED}, case {number}, {name} answered {wire.reply!r:.2000}")
            raise

    show("answers", counts)
    assert counts.total() == CASES // 2
    assert all(counts[name, "read"] for name in names), "a reader that never read was not tried"
    # a write that was answered at all is confirmed, definitely refused, or in doubt: it may never be sent again
    assert {outcome for name, outcome in counts if name in WRITES} <= {"read", "Ambiguous", "Rejected", "NeedsLogin"}


def a_stream_frame(random):
    if random.random() < 0.5:
        return damaged_frame(random, random.choice(FRAMES), FRAMES)
    text = random.choice(TEXTS)
    body = damaged_json(random, text) if random.random() < 0.6 else damaged_bytes(random, text, OTHERS)
    # a websocket text frame is UTF-8 by the time anybody reads it
    return body.decode("utf-8", "replace")


async def test_no_frame_ends_the_stream_and_every_one_is_counted():
    random = Random(SEED + 1)
    frames = [a_stream_frame(random) for _ in range(CASES - CASES // 2)]
    binary = sum(isinstance(frame, bytes) for frame in frames)
    wire = Wire(frames=frames)
    backoff = Backoff(jitter=lambda: 1.0, first_s=1.0, cap_s=1.0)
    feed = KiteFeed(
        net=wire, credentials=CREDENTIALS, clock=SteppingClock(), backoff=backoff, stream_url="wss://stream.test"
    )
    counts, total = Counter(), len(frames)

    async for event in feed.events():
        match event:
            case FeedState(state="disconnected"):
                await feed.close()
            case FeedState(reason="The stream is open."):
                pass
            case FeedQuotes(columns=columns):
                counts["quotes"] += 1
                assert len(columns) > 0
            case FeedHeartbeat() | FeedMessage() | FeedOrder() | FeedState():
                counts[type(event).__name__] += 1

    counts["unread texts"] = feed.unread_texts
    show("frames", counts)
    show("decoder", Counter({name: getattr(feed.counters, name) for name in feed.counters.__slots__}))
    assert counts.total() == total
    assert feed.counters.frames == binary
    assert min(feed.counters.malformed_frames, feed.counters.dropped_packets, feed.counters.packets) > 0
    assert min(counts["quotes"], counts["FeedOrder"], counts["unread texts"]) > 0


def show(what, counts):
    lines = [f"\nfuzz {what}: seed {SEED}, {counts.total()} counted"]
    for key, count in sorted(counts.items(), key=str):
        lines.append(f"  {' '.join(key) if isinstance(key, tuple) else key:<40} {count:>8}")
    sys.stdout.write("\n".join(lines) + "\n")
