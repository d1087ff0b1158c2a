"""Prices received on one account's key are shown to those who may see that account, and to nobody else."""

from asyncio import run

import pytest

from brokers.hub import HubPublisher, async_redis
from tests.people import a_listed

pytestmark = pytest.mark.django_db


@pytest.fixture
def published(ours, theirs, redis_url):
    """Both desks hear the same share, each at its own price."""

    async def publish():
        redis = async_redis(redis_url)
        publisher = HubPublisher(redis)
        for caller, price in ((ours, "101"), (theirs, "202")):
            quote = {"symbol": "NSE:RELIANCE", "last_price": price, "received_at": "2026-08-18T06:30:00Z"}
            await publisher.publish(f"{caller.account.id}/quotes", {"NSE:RELIANCE": quote})
        await redis.aclose()

    run(publish())


def prices(caller, query=""):
    return [row["last_price"] for row in caller.get(f"/api/ticks{query}").json()["results"]]


def test_each_desk_sees_the_prices_of_its_own_feed(ours, theirs, published):
    assert prices(ours) == ["101"]
    assert prices(theirs) == ["202"]


def test_anothers_feed_cannot_be_asked_for(ours, theirs, published):
    assert ours.get(f"/api/ticks?account={theirs.account.id}").status_code == 404


def test_a_search_shows_the_public_list_and_no_price(ours, published):
    a_listed("RELIANCE")

    [row] = ours.get("/api/instruments?q=reliance").json()["results"]

    assert not {name for name in row if "price" in name or "bid" in name or "ask" in name}
