import asyncio
import json
from datetime import UTC, datetime

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from brokers.hub import HubPublisher, channel_of

NOON = datetime(2026, 8, 18, 6, 30, tzinfo=UTC)
TOPIC = "account/quotes"


class FakeRedis:
    """Keeps what is set and published; may be away."""

    def __init__(self):
        self.kept, self.sent, self.is_away = {}, [], False

    def pipeline(self, transaction):
        return FakePipeline(self)


class FakePipeline:
    def __init__(self, redis):
        self.redis, self.calls = redis, []

    def set(self, key, text, ex):
        self.calls.append(("set", key, text))

    def publish(self, channel, text):
        self.calls.append(("publish", channel, text))

    async def execute(self):
        if self.redis.is_away:
            raise RedisConnectionError("away")
        for act, name, text in self.calls:
            frame = json.loads(text)
            if act == "set":
                self.redis.kept[name] = frame
            else:
                self.redis.sent.append(frame)


@pytest.fixture
def redis():
    return FakeRedis()


@pytest.fixture
def publisher(redis):
    return HubPublisher(redis, now=lambda: NOON)


def publish(publisher, *states):
    async def run():
        for state in states:
            await publisher.publish(TOPIC, state)

    asyncio.run(run())


def test_first_tells_everything_then_what_changed(publisher, redis):
    publish(publisher, {"a": 1, "b": 2}, {"a": 1, "b": 3})

    assert [(frame["type"], frame["data"]) for frame in redis.sent] == [
        ("snapshot", {"a": 1, "b": 2}),
        ("delta", {"b": 3}),
    ]
    assert redis.sent[1]["seq"] == redis.sent[0]["seq"] + 1


def test_what_is_gone_is_told_as_null(publisher, redis):
    publish(publisher, {"a": 1, "b": 2}, {"a": 1})

    assert redis.sent[-1]["data"] == {"b": None}


def test_says_nothing_when_nothing_changed(publisher, redis):
    publish(publisher, {"a": 1}, {"a": 1})

    assert len(redis.sent) == 1


def test_keeps_the_whole_state_as_the_snapshot(publisher, redis):
    publish(publisher, {"a": 1, "b": 2}, {"a": 1, "b": 3})

    kept = redis.kept[channel_of(TOPIC)]
    assert (kept["type"], kept["topic"], kept["account"]) == ("snapshot", "quotes", "account")
    assert kept["data"] == {"a": 1, "b": 3}
    assert kept["seq"] == redis.sent[-1]["seq"]


def test_a_failure_is_counted_and_the_next_frame_is_whole(publisher, redis):
    publish(publisher, {"a": 1})
    redis.is_away = True
    publish(publisher, {"a": 2})
    redis.is_away = False
    publish(publisher, {"a": 3, "b": 4})

    assert publisher.counters.failed == 1
    assert (redis.sent[-1]["type"], redis.sent[-1]["data"]) == ("snapshot", {"a": 3, "b": 4})


def test_a_redis_that_hangs_holds_nobody_up(redis, monkeypatch):
    async def hang(self):
        await asyncio.sleep(60)

    monkeypatch.setattr(FakePipeline, "execute", hang)
    monkeypatch.setattr("brokers.hub.BOUND_S", 0.05)
    publisher = HubPublisher(redis, now=lambda: NOON)

    publish(publisher, {"a": 1})

    assert publisher.counters.failed == 1


def test_a_later_publisher_counts_above_an_earlier_one(redis):
    first = HubPublisher(redis, now=lambda: NOON)
    publish(first, *({"a": number} for number in range(50)))

    second = HubPublisher(redis, now=lambda: NOON.replace(second=1))
    publish(second, {"a": 0})

    assert redis.sent[-1]["seq"] > redis.sent[-2]["seq"]
