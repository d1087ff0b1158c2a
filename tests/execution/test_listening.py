import asyncio
from types import SimpleNamespace

import pytest

from brokers.domain.errors import Invalid
from brokers.domain.instruments import InstrumentKind
from brokers.ports import FeedMessage, FeedMode
from execution.runtime.clock import SystemClock
from execution.runtime.listening import Listening
from execution.runtime.machine import Follow
from tests.brokers.adapters.doubles import START, an_instrument

FULL, QUOTE = FeedMode.FULL, FeedMode.QUOTE
SHARES = {f"NSE:S{number}": an_instrument(f"S{number}", token=number) for number in range(1, 7)}
INDEX = {"NSE:NIFTY 50": an_instrument("NIFTY 50", token=99, kind=InstrumentKind.INDEX)}

OPTIONS = [an_instrument(f"O{token}", token=token, kind=InstrumentKind.CALL) for token in (50, 51, 52)]


class Feed:
    """Remembers what it was asked, and carries so many instruments."""

    def __init__(self, capacity=9_000):
        self.capacity = capacity
        self.asked = []
        self.tokens = set()

    async def subscribe(self, tokens, mode=FULL):
        if len(self.tokens | set(tokens)) > self.capacity:
            raise Invalid("too many", code="feed.too_many", details={"capacity": self.capacity})
        self.tokens |= set(tokens)
        self.asked.append((mode, list(tokens)))

    async def unsubscribe(self, tokens):
        self.tokens -= set(tokens)
        self.asked.append(("none", list(tokens)))

    def figures(self):
        return {"frames": 3}


class Log:
    def warning(self, *_, **__):
        """Nobody reads it here."""


def a_session(*, followed=(), mode=QUOTE):
    state = SimpleNamespace(
        positions=SimpleNamespace(open=list), open_orders=list, deployments={}, baskets_at_work={}, baskets={}
    )

    async def learn(_names):
        return None

    return SimpleNamespace(
        instruments=SHARES | INDEX,
        followed=frozenset(followed),
        engine=SimpleNamespace(state=state),
        machine=SimpleNamespace(follow=Follow(mode=mode), clock=SystemClock()),
        paper=SimpleNamespace(know=list),
        learn_instruments=learn,
        alerts=[],
        log=Log(),
    )


def works_on(session, *names):
    session.engine.state.deployments = {"one": SimpleNamespace(spec=SimpleNamespace(instruments=names))}


def test_what_is_wanted_is_heard_in_full():
    feed = Feed()
    listening = Listening(a_session())

    asyncio.run(listening.want(["NSE:S1", "NSE:S2", "NSE:GONE"], feed))

    assert feed.asked == [(FULL, [1, 2])]


def test_only_the_difference_is_told():
    feed = Feed()
    listening = Listening(a_session())

    async def scenario():
        await listening.want(["NSE:S1", "NSE:S2"], feed)
        await listening.want(["NSE:S2", "NSE:S3"], feed)
        await listening.follow(feed)

    asyncio.run(scenario())

    assert feed.asked == [(FULL, [1, 2]), ("none", [1]), (FULL, [3])]


def test_a_new_feed_is_told_everything():
    first, second = Feed(), Feed()
    listening = Listening(a_session())

    async def scenario():
        await listening.want(["NSE:S1"], first)
        await listening.follow(second)

    asyncio.run(scenario())

    assert second.asked == [(FULL, [1])]


def test_what_is_only_followed_is_heard_less_closely_until_it_is_worked_on():
    session = a_session(followed=SHARES)
    feed, listening = Feed(), Listening(session)

    async def scenario():
        works_on(session, "NSE:S1")
        await listening.want(["NSE:S1", "NSE:S2", "NSE:S3"], feed)
        works_on(session, "NSE:S1", "NSE:S3")
        await listening.follow(feed)

    asyncio.run(scenario())

    assert feed.asked == [(FULL, [1]), (QUOTE, [2, 3]), (FULL, [3])]


def test_an_index_bears_the_time_and_is_heard_in_full():
    session = a_session(followed=SHARES | INDEX)
    feed = Feed()

    asyncio.run(Listening(session).want(["NSE:S1", "NSE:NIFTY 50"], feed))

    assert feed.asked == [(FULL, [99]), (QUOTE, [1])]


def test_without_an_index_one_instrument_in_full_tells_the_time():
    session = a_session(followed=SHARES)
    feed = Feed()

    asyncio.run(Listening(session).want(["NSE:S1", "NSE:S2"], feed))

    assert feed.asked == [(FULL, [1]), (QUOTE, [2])]


def test_more_than_the_streams_carry_leaves_out_what_is_only_followed_and_says_so_once():
    session = a_session(followed=set(SHARES) - {"NSE:S6"})
    works_on(session, "NSE:S5")
    feed, listening = Feed(capacity=3), Listening(session)

    async def scenario():
        await listening.want(sorted(SHARES), feed)
        await listening.want([*sorted(SHARES), "NSE:NIFTY 50"], feed)

    asyncio.run(scenario())

    assert feed.asked[:2] == [(FULL, [5, 6]), (QUOTE, [1])]
    assert {5, 6} <= feed.tokens
    assert [alert.sentence for alert in session.alerts] == ["too many; those beyond it are not listened to"]


def test_chains_come_before_what_is_only_followed_and_after_what_is_traded():
    session = a_session(followed=set(SHARES))
    works_on(session, "NSE:S4")
    feed, listening = Feed(capacity=4), Listening(session)
    listening.hear_besides([OPTIONS[2], OPTIONS[0], OPTIONS[1]])

    asyncio.run(listening.want(sorted(SHARES), feed))

    assert feed.tokens == {4, 52, 50, 51}
    assert listening.left_out == {1, 2, 3, 5, 6}


def test_what_comes_to_be_traded_takes_the_place_of_a_chain_s_last_option():
    session = a_session(followed=set(SHARES))
    feed, listening = Feed(capacity=3), Listening(session)
    listening.hear_besides(OPTIONS)

    async def scenario():
        works_on(session, "NSE:S1")
        await listening.want(sorted(SHARES), feed)
        works_on(session, "NSE:S1", "NSE:S2")
        await listening.follow(feed)

    asyncio.run(scenario())

    assert feed.tokens == {1, 2, 50}
    assert {51, 52} <= listening.left_out
    assert feed.asked[-2:] == [("none", [51]), (FULL, [2])]


def test_whoever_wishes_for_little_is_not_crowded_out_by_whoever_wishes_for_much():
    feed, listening = Feed(capacity=3), Listening(a_session())
    listening.hear_besides(OPTIONS, owner="chains")
    listening.hear_besides([SHARES["NSE:S6"]], owner="alerts")

    asyncio.run(listening.want(["NSE:S1"], feed))

    assert feed.tokens == {1, 6, 50}


def test_room_that_is_given_back_is_used():
    feed, listening = Feed(capacity=2), Listening(a_session())

    async def scenario():
        listening.hear_besides(OPTIONS)
        await listening.want(["NSE:S1"], feed)
        await listening.want([], feed)

    asyncio.run(scenario())

    assert feed.tokens == {50, 51}


def test_another_feed_is_asked_for_everything_again():
    small, large = Feed(capacity=1), Feed()
    listening = Listening(a_session())

    async def scenario():
        await listening.want(["NSE:S1", "NSE:S2"], small)
        await listening.follow(large)

    asyncio.run(scenario())

    assert (small.tokens, large.tokens) == ({1}, {1, 2})
    assert listening.left_out == frozenset()


def test_what_is_refused_for_another_reason_than_room_costs_nothing_else():
    class Strict(Feed):
        async def subscribe(self, tokens, mode=FULL):
            if 2 in tokens:
                raise Invalid("no contract is known by 2", code="feed.unknown_token")
            await super().subscribe(tokens, mode)

    session = a_session(followed={"NSE:S2"})
    feed = Strict()

    asyncio.run(Listening(session).want(["NSE:S1", "NSE:S2"], feed))

    assert feed.tokens == {1}
    assert len(session.alerts) == 1


@pytest.mark.parametrize(("kind", "level"), [("error", "warning"), ("message", "info")])
def test_the_venue_s_words_are_kept_for_the_owner(kind, level):
    session = a_session()
    listening = Listening(session)

    listening.note(FeedMessage(kind=kind, text="scheduled maintenance"), START)

    assert listening.shown()["messages"] == [
        {"at": "2026-11-20T04:00:00.000000Z", "kind": kind, "text": "scheduled maintenance"}
    ]
    assert session.alerts[0].level == level
