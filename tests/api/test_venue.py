import pytest

from brokers.hub import HubPublisher, async_redis, topic_of

pytestmark = pytest.mark.django_db
SAID = {
    "profile": {"user_id": "AB0001", "user_name": "A Trader"},
    "margins": [{"segment": "equity", "available": "98000.50", "used": "2000.00", "net": "98000.50"}],
    "holdings": [
        {
            "exchange": "NSE",
            "tradingsymbol": "INFY",
            "quantity": 10,
            "t1_quantity": 2,
            "average_price": "1400.00",
            "last_price": "1500.05",
            "pnl": "1000.50",
        }
    ],
    "as_of": "2026-08-18T06:30:00.000000Z",
}


@pytest.fixture
def published(ours, redis_url):
    import asyncio

    async def publish():
        redis = async_redis(redis_url)
        await HubPublisher(redis).publish(topic_of(str(ours.account.id), "venue"), SAID)
        await redis.aclose()

    asyncio.run(publish())


def test_the_profile_is_what_the_venue_said_with_its_age(ours, published):
    (row,) = ours.get("/api/profile").json()["results"]

    assert row["profile"] == SAID["profile"]
    assert (row["account"], row["as_of"], row["source"]) == (str(ours.account.id), SAID["as_of"], "desk")


def test_margins_stand_by_segment(ours, published):
    (row,) = ours.get("/api/margins").json()["results"]

    assert row["segments"] == {
        "equity": {"available": "98000.50", "used": "2000.00", "net": "98000.50", "currency": "INR"}
    }


def test_holdings_are_rows_in_our_words(ours, published):
    (row,) = ours.get("/api/holdings").json()["results"]

    assert row == {
        "account": str(ours.account.id),
        "venue": "kite",
        "symbol": "NSE:INFY",
        "quantity": "10",
        "unsettled_quantity": "2",
        "average_price": "1400.00",
        "last_price": "1500.05",
        "pnl_unrealised": "1000.50",
        "currency": "INR",
        "as_of": SAID["as_of"],
        "source": "desk",
    }


def test_what_no_desk_has_read_is_null_and_not_zero(ours):
    (row,) = ours.get("/api/profile").json()["results"]

    assert (row["profile"], row["as_of"]) == (None, None)
    assert ours.get("/api/margins").json()["results"][0]["segments"] == {}
    assert ours.get("/api/holdings").json() == {"results": [], "count": 0}


@pytest.mark.parametrize("path", ["/api/profile", "/api/margins", "/api/holdings"])
def test_asks_the_database_a_fixed_number_of_times(ours, django_assert_num_queries, path):
    ours.get(path)

    # the key, and the accounts with their logins
    with django_assert_num_queries(2):
        ours.get(path)
