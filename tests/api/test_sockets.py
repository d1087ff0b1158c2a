import asyncio
import contextlib
import subprocess
from datetime import timedelta

import orjson
import pytest
from channels.db import database_sync_to_async
from channels.testing import WebsocketCommunicator
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import ApiKey, Membership
from brokers import consumers, fanout
from brokers.hub import HubPublisher, async_redis
from config.asgi import application
from config.demo import valkey
from execution import append_only
from tests.people import a_desk, a_key, an_account, an_aster_account

pytestmark = [pytest.mark.django_db(transaction=True)]
HOST = [(b"host", b"testserver")]
PAGE = [*HOST, (b"origin", b"http://testserver")]


def key_headers(key):
    return [*HOST, (b"authorization", f"Bearer {key}".encode())]


def rows():
    desk = a_desk()
    return a_key(desk.memberships.get().user), an_account(desk)


@pytest.fixture(autouse=True)
def emptied_afterwards(transactional_db):
    """Let the database be emptied after the test: the journal's table would refuse."""
    append_only.protect(connection)
    yield
    append_only.release(connection)


@pytest.fixture
def ours(redis_url, settings):
    settings.REDIS_URL = redis_url
    settings.ALLOWED_HOSTS = ["testserver"]
    return redis_url


@pytest.fixture
async def publisher(ours):
    redis = async_redis(ours)
    yield HubPublisher(redis)
    await redis.aclose()


def socket(path="/ws/live", headers=HOST):
    return WebsocketCommunicator(application, path, headers=headers)


async def next_frame(client, *, topic=None, kind=None, within=3.0):
    async with asyncio.timeout(within):
        while True:
            frame = orjson.loads(await client.receive_from(timeout=within))
            if (topic is None or frame["topic"] == topic) and (kind is None or frame["type"] == kind):
                return frame


async def closed_with(client):
    await client.connect()
    return (await client.receive_output(timeout=3))["code"]


async def test_first_a_snapshot_then_deltas_in_sequence(publisher):
    key, account = await database_sync_to_async(rows)()
    topic = f"{account.id}/quotes"
    await publisher.publish(topic, {"NSE:INFY": {"last_price": "1500.00"}})
    client = socket(headers=key_headers(key))
    await client.connect()

    snapshot = await next_frame(client, topic="quotes")
    await publisher.publish(topic, {"NSE:INFY": {"last_price": "1500.05"}, "NSE:TCS": {"last_price": "9"}})
    first = await next_frame(client, topic="quotes", kind="delta")
    await publisher.publish(topic, {"NSE:INFY": {"last_price": "1500.05"}})
    second = await next_frame(client, topic="quotes", kind="delta")

    assert snapshot["type"] == "snapshot"
    assert snapshot["data"] == {"NSE:INFY": {"last_price": "1500.00"}}
    assert (snapshot["v"], snapshot["account"]) == (1, str(account.id))
    assert first["seq"] == snapshot["seq"] + 1
    assert first["data"] == {"NSE:INFY": {"last_price": "1500.05"}, "NSE:TCS": {"last_price": "9"}}
    assert (second["seq"], second["data"]) == (first["seq"] + 1, {"NSE:TCS": None})
    await client.disconnect()


async def test_the_dashboard_carries_the_accounts_of_both_venues(publisher):
    def two_venues():
        desk = a_desk()
        return a_key(desk.memberships.get().user), an_account(desk), an_aster_account(desk)

    key, kite, aster = await database_sync_to_async(two_venues)()
    for account, net in ((kite, "10.00"), (aster, "0.1234")):
        await publisher.publish(f"{account.id}/portfolio", {"live": {"net": net}, "currency": account.currency})
    client = socket("/ws/dashboard", headers=key_headers(key))
    await client.connect()

    first, second = [await next_frame(client, topic="portfolio", kind="snapshot") for _ in range(2)]

    assert {frame["account"]: frame["data"]["currency"] for frame in (first, second)} == {
        str(kite.id): "INR",
        str(aster.id): "USDT",
    }
    await client.disconnect()


async def test_a_reader_who_asks_gets_the_snapshot_again(publisher):
    key, account = await database_sync_to_async(rows)()
    await publisher.publish(f"{account.id}/quotes", {"a": 1})
    client = socket(headers=key_headers(key))
    await client.connect()
    first = await next_frame(client, topic="quotes")

    await client.send_to(text_data='{"type": "snapshot", "topic": "quotes"}')

    again = await next_frame(client, topic="quotes", kind="snapshot")
    assert (again["seq"], again["data"]) == (first["seq"], first["data"])
    await client.disconnect()


async def test_snapshots_asked_for_over_and_over_are_one_wish_until_an_acknowledgement(publisher):
    key, account = await database_sync_to_async(rows)()
    await publisher.publish(f"{account.id}/quotes", {"n": 0})
    client = socket(headers=key_headers(key))
    await client.connect()
    first = await next_frame(client, topic="quotes")

    for _ in range(50):
        await client.send_to(text_data='{"type": "snapshot", "topic": "quotes"}')
    await next_frame(client, topic="quotes", kind="snapshot")
    more = []
    while not await client.receive_nothing(timeout=0.3):
        more.append(orjson.loads(await client.receive_from()))
    assert [frame for frame in more if frame["topic"] == "quotes"] == []

    await client.send_to(text_data=orjson.dumps({"type": "ack", "topic": "quotes", "seq": first["seq"]}).decode())
    assert (await next_frame(client, topic="quotes", kind="snapshot"))["data"] == {"n": 0}
    await client.disconnect()


async def test_many_changes_within_a_beat_become_one_delta(publisher):
    key, account = await database_sync_to_async(rows)()
    await publisher.publish(f"{account.id}/quotes", {"n": 0})
    client = socket(headers=key_headers(key))
    await client.connect()
    await next_frame(client, topic="quotes")

    for number in range(1, 21):
        await publisher.publish(f"{account.id}/quotes", {"n": number})
    seen = []
    while not seen or seen[-1] != 20:
        seen.append((await next_frame(client, topic="quotes", kind="delta"))["data"]["n"])

    assert len(seen) <= 3
    await client.disconnect()


async def test_a_reader_who_does_not_acknowledge_gets_one_snapshot_instead_of_a_queue(publisher, monkeypatch):
    monkeypatch.setattr(consumers, "AHEAD", 2)
    monkeypatch.setattr(fanout, "FLUSH_S", 0.02)
    key, account = await database_sync_to_async(rows)()
    await publisher.publish(f"{account.id}/quotes", {"n": 0})
    client = socket(headers=key_headers(key))
    await client.connect()
    await next_frame(client, topic="quotes")
    for number in range(1, 9):
        await publisher.publish(f"{account.id}/quotes", {"n": number})
        await asyncio.sleep(0.05)
    got = []
    while not await client.receive_nothing(timeout=0.1):
        got.append(orjson.loads(await client.receive_from()))

    await client.send_to(text_data=orjson.dumps({"type": "ack", "topic": "quotes", "seq": got[-1]["seq"]}).decode())

    caught_up = await next_frame(client, topic="quotes", kind="snapshot")
    assert len([frame for frame in got if frame["topic"] == "quotes"]) == 2
    assert caught_up["data"] == {"n": 8}
    await client.disconnect()


async def test_the_dashboard_has_every_topic_of_the_page(publisher):
    key, _ = await database_sync_to_async(rows)()
    client = socket("/ws/dashboard", headers=key_headers(key))
    await client.connect()

    topics = {(await next_frame(client))["topic"] for _ in range(11)}

    assert topics == {
        "portfolio",
        "positions",
        "orders",
        "strategies",
        "risk",
        "feeds",
        "switches",
        "quotes",
        "signals",
        "equity",
        "inbox",
    }
    await client.disconnect()


async def test_nobody_hears_another_desks_account(publisher):
    key, _ = await database_sync_to_async(rows)()
    _, theirs = await database_sync_to_async(rows)()
    await publisher.publish(f"{theirs.id}/quotes", {"secret": 1})
    client = socket(f"/ws/live?account={theirs.id}", headers=key_headers(key))
    await client.connect()

    await publisher.publish(f"{theirs.id}/quotes", {"secret": 2})

    assert await client.receive_nothing(timeout=0.6)
    await client.disconnect()


async def test_a_browser_is_let_in_by_its_session(publisher):
    def signed_in():
        desk = a_desk()
        an_account(desk)
        browser = Client()
        browser.force_login(desk.memberships.get().user, backend="allauth.account.auth_backends.AuthenticationBackend")
        session = browser.session
        session["zerodha_id"] = desk.memberships.get().user.zerodha_id
        session.save()
        return browser.cookies["windhover_session"].value

    cookie = await database_sync_to_async(signed_in)()
    client = socket(headers=[*PAGE, (b"cookie", f"windhover_session={cookie}".encode())])
    await client.connect()

    assert (await next_frame(client))["type"] == "snapshot"
    await client.disconnect()


async def test_nobody_gets_in_without_a_key_or_session(ours):
    assert await closed_with(socket(headers=PAGE)) == consumers.NOT_SIGNED_IN


async def test_an_expired_key_does_not_get_in(ours):
    key, _ = await database_sync_to_async(rows)()
    await database_sync_to_async(ApiKey.objects.update)(expires_at=timezone.now() - timedelta(seconds=1))

    assert await closed_with(socket(headers=key_headers(key))) == consumers.NOT_SIGNED_IN


@pytest.mark.parametrize(
    "headers",
    [
        [(b"host", b"testserver"), (b"origin", b"http://evil.example")],
        [(b"host", b"evil.example"), (b"origin", b"http://evil.example")],
        [(b"host", b"testserver")],
    ],
    ids=["foreign page", "foreign host", "browser without origin"],
)
async def test_a_page_that_is_not_ours_does_not_get_in(ours, headers):
    assert await closed_with(socket(headers=headers)) == consumers.NOT_OURS


async def test_who_loses_the_right_to_listen_is_let_go(ours, monkeypatch):
    monkeypatch.setattr(consumers, "PING_S", 0.05)
    monkeypatch.setattr(consumers, "CHECK_S", 0.05)
    key, _ = await database_sync_to_async(rows)()
    client = socket(headers=key_headers(key))
    await client.connect()
    await next_frame(client)

    await database_sync_to_async(Membership.objects.update)(is_active=False)

    async with asyncio.timeout(3):
        while (message := await client.receive_output(timeout=3))["type"] != "websocket.close":
            pass
    assert message["code"] == consumers.NOT_SIGNED_IN


async def test_a_ping_comes_while_nothing_happens(ours, monkeypatch):
    monkeypatch.setattr(consumers, "PING_S", 0.05)
    key, _ = await database_sync_to_async(rows)()
    client = socket(headers=key_headers(key))
    await client.connect()

    assert (await next_frame(client, kind="ping"))["v"] == 1
    await client.disconnect()


@contextlib.contextmanager
def a_valkey(path):
    valkey.prepare_socket(path)
    server = subprocess.Popen(valkey.command(valkey.find_server(), path), stdout=subprocess.DEVNULL)
    try:
        valkey.wait_until_answering(path)
        yield
    finally:
        server.kill()
        server.wait(timeout=10)


async def test_a_redis_that_goes_away_is_told_and_so_is_its_return(settings, tmp_path, monkeypatch):
    monkeypatch.setattr(fanout, "BACKOFF_S", (0.05,))
    path = tmp_path / "v.sock"
    settings.ALLOWED_HOSTS, settings.REDIS_URL = ["testserver"], f"unix://{path}"
    key, account = await database_sync_to_async(rows)()
    client = socket(headers=key_headers(key))
    with a_valkey(path):
        await client.connect()
        await next_frame(client, topic="quotes", kind="snapshot")
        # time for the subscription to stand before its server goes
        await asyncio.sleep(0.3)

    gone = await next_frame(client, topic="hub", kind="event")
    with a_valkey(path):
        back = await next_frame(client, topic="hub", kind="event", within=5)
        redis = async_redis(settings.REDIS_URL)
        await HubPublisher(redis).publish(f"{account.id}/quotes", {"n": 1})
        await redis.aclose()
        heard = await next_frame(client, topic="quotes", kind="delta")
        await client.disconnect()

    assert (gone["data"], back["data"]) == ({"connected": False}, {"connected": True})
    assert heard["data"] == {"n": 1}


async def test_what_is_not_ours_to_understand_is_ignored(publisher):
    key, account = await database_sync_to_async(rows)()
    client = socket(headers=key_headers(key))
    await client.connect()
    await next_frame(client, topic="quotes")

    for text in (
        "not json",
        "[]",
        '{"type": "ack"}',
        '{"type": "ack", "topic": "quotes", "seq": "x"}',
        '{"type": "?"}',
    ):
        await client.send_to(text_data=text)
    await publisher.publish(f"{account.id}/quotes", {"alive": True})

    assert (await next_frame(client, topic="quotes", kind="delta"))["data"] == {"alive": True}
    await client.disconnect()


async def test_an_address_without_a_socket_is_refused(ours):
    connected, code = await socket("/ws/nothing", headers=PAGE).connect()

    assert (connected, code) == (False, 4404)
