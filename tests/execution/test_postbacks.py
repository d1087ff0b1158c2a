import asyncio
import hashlib
import json
import threading
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial

import pytest
from django.core.cache import cache
from django.db import connections
from django.test import Client

from accounts.vault import seal
from brokers import hub
from brokers.postbacks import postback_keep
from brokers.selectors import binding_of
from execution.runtime.clock import SystemClock
from execution.runtime.desk import RedisDoorbell
from execution.runtime.hosting import host
from execution.runtime.lease import DatabaseLease, LeaseTerms
from execution.threads import DatabaseThread
from tests.execution.desk_fakes import World, list_instrument, log_in, until

SECRET = "the-secret-of-the-app"


def a_postback(number=1, *, status="COMPLETE", secret=SECRET, user_id="AB1234", **changes):
    row = {
        "user_id": user_id,
        "app_id": 1,
        "order_id": f"26112100000{number:04}",
        "order_timestamp": "2026-11-20 10:00:00",
        "exchange_update_timestamp": "2026-11-20 10:00:00",
        "exchange_timestamp": "2026-11-20 10:00:00",
        "status": status,
        "exchange": "NSE",
        "tradingsymbol": "RELIANCE",
        "instrument_token": 738561,
        "order_type": "LIMIT",
        "transaction_type": "BUY",
        "validity": "DAY",
        "variety": "regular",
        "product": "MIS",
        "quantity": 1,
        "filled_quantity": 1,
        "pending_quantity": 0,
        "cancelled_quantity": 0,
        "unfilled_quantity": 0,
        "price": 100,
        "trigger_price": 0,
        "average_price": 100,
        "placed_by": user_id,
        **changes,
    }
    proof = hashlib.sha256(f"{row['order_id']}{row['order_timestamp']}{secret}".encode()).hexdigest()
    return json.dumps({**row, "checksum": proof}).encode()


@pytest.fixture
def redis(settings, redis_url):
    settings.REDIS_URL = redis_url
    hub.sync_redis.cache_clear()
    hub.sync_redis().flushall()
    cache.clear()
    yield redis_url
    hub.sync_redis().close()
    hub.sync_redis.cache_clear()


@pytest.fixture
def world(account, journal, tmp_path, settings, redis):
    settings.WINDHOVER_KITE_API_URL = "http://127.0.0.1:9"
    settings.WINDHOVER_KITE_STREAM_URL = "ws://127.0.0.1:9"
    account.api_secret = seal(SECRET, binding=binding_of(account, "api_secret"))
    account.save()
    list_instrument()
    log_in(account)
    threads = [DatabaseThread("reader"), DatabaseThread("lease")]
    for thread in threads:
        thread.start()
    lease = DatabaseLease(owner="desk1", terms=LeaseTerms(), clock=SystemClock(), thread=threads[1])
    yield World(journal=journal, reader=threads[0], lease=lease, folder=tmp_path)
    for thread in threads:
        thread.stop()


@asynccontextmanager
async def hosting(world, account, redis_url):
    """Host the account with a real doorbell; yield the number of the books' reads."""
    taker = hub.async_redis(redis_url)
    bell = RedisDoorbell(redis_url, SystemClock())
    machine = replace(world.machine, doorbell=bell, hints=partial(hub.take_hints, taker))
    orders, reads = world.venue.orders, []

    async def counted():
        reads.append(1)
        return await orders()

    world.venue.orders = counted
    drain = asyncio.Event()
    task = asyncio.create_task(host(machine, await machine.lease.claim(str(account.pk)), drain))
    try:
        await until(lambda: bool(world.feeds))
        await asyncio.sleep(1.5)  # what a start reads by itself
        reads.clear()
        yield reads
    finally:
        drain.set()
        await asyncio.wait([task], timeout=10)
        await taker.aclose()
        await bell._redis.aclose()


def post(account, bodies):
    """Call the account's door as the venue would; return the answers' codes."""
    client = Client()
    return {client.post(f"/postbacks/{account.postback_door}", body, "application/json").status_code for body in bodies}


def flood(account, bodies):
    for body in bodies:
        postback_keep(account_id=str(account.pk), body=body)


def post_apart(account, bodies):
    try:
        return post(account, bodies)
    finally:
        # the test client leaves a thread's connection open, and a pool would wait for it for ever
        connections.close_all()


async def told(account, bodies):
    return await asyncio.to_thread(post_apart, account, bodies)


def test_a_thousand_postbacks_in_a_second_lead_to_at_most_two_reads(world, account, redis):
    async def scenario():
        async with hosting(world, account, redis) as reads:
            began = asyncio.get_running_loop().time()
            await asyncio.to_thread(flood, account, [a_postback(number) for number in range(1000)])
            took_s = asyncio.get_running_loop().time() - began
            await asyncio.sleep(2.5)
            return len(reads), took_s

    reads, took_s = asyncio.run(scenario())

    # one as they begin, and one for each second that they went on
    assert 1 <= reads <= int(took_s) + 2, f"{reads} reads of the books for 1000 postbacks in {took_s:.2f} s"


def test_what_is_said_again_is_not_asked_for_again(world, account, redis):
    async def scenario():
        async with hosting(world, account, redis) as reads:
            for _ in range(3):
                await told(account, [a_postback(7)])
                await asyncio.sleep(1.2)
            once = len(reads)
            await told(account, [a_postback(7, filled_quantity=0, status="CANCELLED")])
            await asyncio.sleep(1.2)
            return once, len(reads)

    assert asyncio.run(scenario()) == (1, 2)


@pytest.mark.parametrize(
    "forged",
    [
        a_postback(secret="guessed"),
        a_postback(user_id="ZZ9999"),
        b"not json",
        b"[]",
        b"",
        a_postback().replace(b'"order_id": "', b'"order_id": "9'),
    ],
)
def test_a_forged_postback_leads_to_no_read(world, account, redis, forged):
    async def scenario():
        async with hosting(world, account, redis) as reads:
            codes = await told(account, [forged])
            await asyncio.sleep(1.2)
            return codes, len(reads)

    assert asyncio.run(scenario()) == ({200}, 0)


def test_an_address_nobody_has_is_not_found(account, redis, client):
    assert client.post("/postbacks/guessed", b"{}", "application/json").status_code == 404


def test_a_body_too_large_is_refused_and_not_kept(account, redis):
    assert post(account, [b"x" * 9_000]) == {413}
    assert not hub.sync_redis().exists(hub.hints_of(str(account.pk)))


@pytest.mark.parametrize("length", ["many", "1e3", "9" * 5_000])
def test_a_length_that_is_no_number_is_refused_and_nothing_is_kept(account, redis, client, length):
    door = f"/postbacks/{account.postback_door}"

    assert client.post(door, b"{}", "application/json", CONTENT_LENGTH=length).status_code == 400
    assert not hub.sync_redis().exists(hub.hints_of(str(account.pk)))


def test_only_so_many_hints_wait_and_one_ring_announces_them(account, redis):
    post(account, [a_postback(number) for number in range(100)])

    assert hub.sync_redis().llen(hub.hints_of(str(account.pk))) == hub.MOST_HINTS
    assert hub.sync_redis().llen(hub.doorbell_of(str(account.pk))) == 1


def test_a_postback_is_answered_while_redis_is_away(account, settings, tmp_path):
    settings.REDIS_URL = f"unix://{tmp_path}/nobody.sock"
    hub.sync_redis.cache_clear()
    cache.clear()
    try:
        assert post(account, [a_postback()]) == {200}
    finally:
        hub.sync_redis.cache_clear()


def test_the_web_opens_no_secret_for_a_postback(account, redis, monkeypatch):
    from accounts import vault

    opened = []
    monkeypatch.setattr(vault, "_parts", lambda sealed: opened.append(threading.current_thread()))

    post(account, [a_postback()])

    assert opened == []
