"""`/ws/oi`: whose topics a reader gets, which chain, and that its desk hears of it."""

import asyncio
from types import SimpleNamespace

import orjson
import pytest
from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.db import connection

from brokers.hub import HubPublisher, async_redis, sync_redis
from config.asgi import application
from execution import append_only
from options.desk_line import DeskLine, chain_topic
from tests.options.frames import EXPIRIES
from tests.options.kept import a_desk_leaves, a_tracked, list_options
from tests.people import a_desk, a_key, a_member, an_account

pytestmark = pytest.mark.django_db(transaction=True)
HOST = [(b"host", b"testserver")]
NEAR = chain_topic("NIFTY", EXPIRIES[0].isoformat())


@pytest.fixture(autouse=True)
def emptied_afterwards(transactional_db):
    """Let the database be emptied after the test: the journal's table would refuse."""
    append_only.protect(connection)
    yield
    append_only.release(connection)


@pytest.fixture(autouse=True)
def listening(fresh_redis, settings):
    settings.ALLOWED_HOSTS = ["testserver"]


@database_sync_to_async
def _somebody(*, follows=True):
    desk = a_desk()
    owner = desk.memberships.get().user
    caller = SimpleNamespace(user=owner, account=an_account(desk, owner=owner), desk=desk)
    if follows:
        list_options()
        a_tracked(caller)
        a_desk_leaves(caller)
    caller.key = a_key(owner)
    return caller


async def a_socket(caller, path="/ws/oi", *, key=None):
    headers = [*HOST, (b"authorization", f"Bearer {key or caller.key}".encode())]
    client = WebsocketCommunicator(application, path, headers=headers)
    await client.connect()
    return client


async def frames(client, count):
    async with asyncio.timeout(5):
        return [orjson.loads(await client.receive_from(timeout=5)) for _ in range(count)]


async def publish(url, topics):
    redis = async_redis(url)
    await HubPublisher(redis).publish_all(topics)
    await redis.aclose()


async def test_first_a_snapshot_of_open_interest_then_each_change_at_once(redis_url):
    caller = await _somebody()
    topic = f"{caller.account.pk}/oi"
    redis = async_redis(redis_url)
    publisher = HubPublisher(redis)
    await publisher.publish(topic, {"NIFTY": {"pcr": 1.1}})
    client = await a_socket(caller)

    [snapshot] = await frames(client, 1)
    await publisher.publish(topic, {"NIFTY": {"pcr": 1.2}})
    [delta] = await frames(client, 1)
    await redis.aclose()
    await client.disconnect()

    assert (snapshot["type"], snapshot["topic"], snapshot["data"]) == ("snapshot", "oi", {"NIFTY": {"pcr": 1.1}})
    assert (delta["type"], delta["data"]) == ("delta", {"NIFTY": {"pcr": 1.2}})
    assert delta["seq"] == snapshot["seq"] + 1


async def test_the_chain_that_was_asked_for_comes_beside_it_and_its_desk_is_told(redis_url):
    caller = await _somebody()
    await publish(redis_url, {f"{caller.account.pk}/{NEAR}": {"head": {"forward": 24_000.0}}})

    client = await a_socket(caller, "/ws/oi?underlying=NIFTY")
    found = {one["topic"]: one for one in await frames(client, 2)}
    redis = async_redis(redis_url)
    for _ in range(100):
        watched = await DeskLine(redis).watched(str(caller.account.pk))
        if watched:
            break
        await asyncio.sleep(0.05)
    await redis.aclose()
    await client.disconnect()

    assert found[NEAR]["data"] == {"head": {"forward": 24_000.0}}
    assert watched == {NEAR}


async def test_an_expiry_can_be_named():
    caller = await _somebody()
    far = EXPIRIES[2].isoformat()

    client = await a_socket(caller, f"/ws/oi?underlying=NIFTY&expiry={far}")
    topics = {one["topic"] for one in await frames(client, 2)}
    await client.disconnect()

    assert topics == {"oi", chain_topic("NIFTY", far)}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("underlying=RELIANCE", "not followed"),
        ("underlying=NIFTY&expiry=2027-01-26", "not followed"),
        ("underlying=NIFTY&expiry=soon", "no date"),
    ],
)
async def test_a_chain_that_is_not_there_is_refused_in_a_sentence_and_the_rest_comes(query, said):
    caller = await _somebody()

    client = await a_socket(caller, f"/ws/oi?{query}")
    found = await frames(client, 2)
    await client.disconnect()

    refused = next(one for one in found if one["type"] == "event")
    assert said in refused["data"]["refused"]
    assert {one["topic"] for one in found} == {"oi", "chain"}


async def test_a_colleague_of_the_owner_hears_nothing_of_their_chains():
    caller = await _somebody()
    key = await database_sync_to_async(lambda: a_key(a_member(caller.desk)))()

    client = await a_socket(caller, "/ws/oi?underlying=NIFTY", key=key)
    found = await frames(client, 1)
    is_silent = await client.receive_nothing(timeout=0.5)
    await client.disconnect()

    assert found[0]["topic"] == "chain"
    assert "not followed" in found[0]["data"]["refused"]
    assert is_silent


async def test_who_is_not_signed_in_is_let_go():
    client = WebsocketCommunicator(application, "/ws/oi", headers=[*HOST, (b"authorization", b"Bearer wh_nobody")])
    await client.connect()

    assert (await client.receive_output(timeout=3))["code"] == 4401


async def test_with_redis_away_nobody_is_watched_and_nothing_breaks(settings):
    redis = async_redis("unix:///nowhere/at/all.sock")
    line = DeskLine(redis)

    assert await line.watched("account") == frozenset()
    assert await line.leave("account", {"NIFTY": b""}) is False
    await redis.aclose()
    assert sync_redis() is not None
