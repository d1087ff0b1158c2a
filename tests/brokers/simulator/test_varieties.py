"""Orders of every variety: after market, cover, iceberg, auction, in slices, with a time to live."""

import pytest

from brokers.simulator.runner import _step
from tests.brokers.simulator.site import a_client, a_site, an_order

FAR = "1420"


async def place(client, variety="regular", **changes):
    return await client.post(f"/orders/{variety}", data=an_order(**changes))


async def placed(client, variety="regular", **changes):
    answer = await place(client, variety, **changes)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]["order_id"]


async def book(client):
    return (await client.get("/orders")).json()["data"]


async def last_price(client, name="RELIANCE"):
    key = f"NSE:{name}"
    return (await client.get("/quote/ltp", params={"i": key})).json()["data"][key]["last_price"]


def opened(*arguments):
    site, clock = a_site(*arguments)
    return site, clock, a_client(site)


# After market


async def test_an_order_given_after_the_close_trades_at_the_next_open():
    site, _, client = opened("--speed", "600", "--endless-tokens")
    site.venue.close_session(0)
    order_id = await placed(client, "amo")
    evening = (await book(client))[0]["status"]

    site.venue.open_next_day()
    night = (await book(client))[0]["status"]
    _step(site)

    (row,) = await book(client)
    assert (evening, night) == ("AMO REQ RECEIVED", "AMO REQ RECEIVED")
    assert (row["order_id"], row["status"], row["variety"]) == (order_id, "COMPLETE", "amo")


async def test_an_order_after_market_is_changed_and_cancelled_before_the_open():
    site, _, client = opened("--endless-tokens")
    site.venue.close_session(0)
    order_id = await placed(client, "amo")

    await client.put(f"/orders/amo/{order_id}", data={"price": "1500"})
    history = [row["status"] for row in (await client.get(f"/orders/{order_id}")).json()["data"]]
    await client.delete(f"/orders/amo/{order_id}")

    (row,) = await book(client)
    assert history == ["AMO REQ RECEIVED", "MODIFY AMO REQ RECEIVED", "AMO REQ RECEIVED"]
    assert (row["price"], row["status"]) == (1500, "CANCELLED")


async def test_an_order_after_market_is_refused_while_the_market_is_open():
    _, _, client = opened()

    answer = await place(client, "amo")

    assert (answer.status_code, await book(client)) == (400, [])


# Cover


async def test_a_cover_order_is_followed_by_its_stop_and_leaves_at_the_market():
    _, _, client = opened()
    first = await placed(client, "co", trigger_price="1400")

    parent, stop = await book(client)
    await client.delete(f"/orders/co/{stop['order_id']}", params={"parent_order_id": first})

    positions = (await client.get("/portfolio/positions")).json()["data"]["net"]
    rows = await book(client)
    assert (parent["order_id"], parent["status"], parent["parent_order_id"]) == (first, "COMPLETE", None)
    assert (stop["status"], stop["parent_order_id"], stop["transaction_type"]) == ("TRIGGER PENDING", first, "SELL")
    assert (stop["quantity"], stop["trigger_price"]) == (10, 1400)
    assert [row["status"] for row in rows] == ["COMPLETE", "COMPLETE"]
    assert [row["quantity"] for row in positions] == [0]


async def test_the_stop_of_a_cover_order_grows_with_its_first_leg():
    site, clock, client = opened()
    await client.post("/sim/faults", json={"kind": "partial_fills", "fraction": 0.3, "seconds": 60})
    await placed(client, "co", trigger_price="1400")
    before = [row["quantity"] for row in await book(client)][1]

    clock.move(61)
    _step(site)

    assert (before, [row["quantity"] for row in await book(client)][1]) == (3, 6)


async def test_a_cover_order_that_never_filled_is_cancelled_without_a_stop():
    _, _, client = opened()
    first = await placed(client, "co", price=FAR, trigger_price="1400")

    await client.delete(f"/orders/co/{first}")

    assert [row["status"] for row in await book(client)] == ["CANCELLED"]


@pytest.mark.parametrize("changes", [{"trigger_price": "1600"}, {"product": "CNC", "trigger_price": "1400"}, {}])
async def test_a_cover_order_without_a_sound_stop_is_refused(changes):
    _, _, client = opened()

    assert (await place(client, "co", **changes)).status_code == 400


async def test_the_type_of_a_cover_order_stands():
    _, _, client = opened()
    first = await placed(client, "co", price=FAR, trigger_price="1400")

    answer = await client.put(f"/orders/co/{first}", data={"order_type": "MARKET", "market_protection": "-1"})

    assert answer.status_code == 400


# Iceberg


async def test_an_iceberg_shows_one_leg_after_the_other():
    _, _, client = opened()
    await placed(client, "iceberg", quantity="25", iceberg_legs="3", iceberg_quantity="10", tag="ICE")

    rows = await book(client)

    legs = [row["meta"]["iceberg"] for row in rows]
    assert [row["quantity"] for row in rows] == [10, 10, 5]
    assert {row["tag"] for row in rows} == {"ICE"}
    assert [(leg["leg"], leg["legs"], leg["remaining_quantity"]) for leg in legs] == [(1, 3, 15), (2, 3, 5), (3, 3, 0)]
    assert {(leg["leg_quantity"], leg["total_quantity"]) for leg in legs} == {(10, 25)}


async def test_an_iceberg_ends_with_its_cancelled_leg():
    site, clock, client = opened()
    leg = await placed(client, "iceberg", quantity="20", iceberg_legs="2", iceberg_quantity="10", price=FAR)

    await client.delete(f"/orders/iceberg/{leg}")
    clock.move(1)
    _step(site)

    assert [row["status"] for row in await book(client)] == ["CANCELLED"]


@pytest.mark.parametrize(("legs", "size"), [("1", "20"), ("51", "1"), ("2", "9"), ("3", "10"), (None, None)])
async def test_an_iceberg_whose_legs_do_not_add_up_is_refused(legs, size):
    _, _, client = opened()

    answer = await place(client, "iceberg", quantity="20", iceberg_legs=legs, iceberg_quantity=size)

    assert answer.status_code == 400


# Auction


async def test_what_is_sold_in_an_auction_goes_at_the_close():
    site, _, client = opened()
    auctions = (await client.get("/portfolio/holdings/auctions")).json()["data"]
    (held,) = [row for row in auctions if row["tradingsymbol"] == "RELIANCE"]
    sale = {"transaction_type": "SELL", "product": "CNC", "auction_number": held["auction_number"]}
    cheap = await placed(client, "auction", **sale, price="1380")
    dear = await placed(client, "auction", **sale, price="1600")
    open_rows = [row["status"] for row in await book(client)]

    site.venue.close_session(0)

    rows = {row["order_id"]: row for row in await book(client)}
    assert open_rows == ["OPEN", "OPEN"]
    assert (rows[cheap]["status"], rows[cheap]["average_price"]) == ("COMPLETE", 1380)
    assert rows[dear]["status"] == "CANCELLED"
    assert rows[cheap]["auction_number"] == held["auction_number"]


@pytest.mark.parametrize("changes", [{"auction_number": "999999"}, {"transaction_type": "BUY"}, {"quantity": "1000"}])
async def test_what_no_auction_takes_is_refused(changes):
    _, _, client = opened()
    auctions = (await client.get("/portfolio/holdings/auctions")).json()["data"]
    number = next(row["auction_number"] for row in auctions if row["tradingsymbol"] == "RELIANCE")
    sale = {"transaction_type": "SELL", "product": "CNC", "auction_number": number, **changes}

    assert (await place(client, "auction", **sale)).status_code == 400


# Slices

BIG = {"exchange": "NFO", "tradingsymbol": "NIFTY26NOVFUT", "product": "MIS", "order_type": "MARKET", "price": None,
       "market_protection": "-1", "autoslice": "true"}  # fmt: skip


async def test_an_order_above_the_freeze_quantity_is_sliced():
    _, _, client = opened("--account", "AB1234:simulatedkey0001:simulatedsecret0001:http://localhost/:100000000000")

    data = (await place(client, **BIG, quantity="3900", tag="BIG")).json()["data"]

    rows = await book(client)
    assert [child["order_id"] for child in data["children"]] == [row["order_id"] for row in rows]
    assert [row["quantity"] for row in rows] == [1755, 1755, 390]
    assert all(row["tags"][:3] == ["BIG", "autoslice", f"autoslice:{data['order_id']}"] for row in rows)


async def test_slices_are_refused_one_by_one_and_answered_as_a_list():
    _, _, client = opened("--slices", "list")
    await client.post("/sim/faults", json={"kind": "autoslice_mixed", "quantity": 3})

    children = (await place(client, quantity="10", autoslice="true")).json()["data"]

    assert [sorted(child) for child in children] == [["order_id"], ["error"], ["order_id"], ["error"]]
    assert children[1]["error"]["error_type"] == "MarginException"
    assert [row["quantity"] for row in await book(client)] == [3, 3]


async def test_more_than_ten_slices_are_refused():
    _, _, client = opened()

    answer = await place(client, **BIG, quantity="19500")

    assert (answer.status_code, await book(client)) == (400, [])


# Time to live


async def test_an_order_ends_with_its_minutes():
    site, _, client = opened("--speed", "600")
    await placed(client, price=FAR, validity="TTL", validity_ttl="2")

    statuses = []
    for _ in range(10):
        _step(site)
        statuses.append((await book(client))[0]["status"])

    assert statuses[:6] == ["OPEN"] * 6
    assert statuses[-1] == "CANCELLED"
    assert (await book(client))[0]["validity_ttl"] == 2


async def test_a_time_to_live_needs_minutes():
    _, _, client = opened()

    assert (await place(client, validity="TTL")).status_code == 400


async def test_an_order_is_changed_under_its_own_variety_alone():
    _, _, client = opened()
    order_id = await placed(client, price=FAR)

    answer = await client.delete(f"/orders/iceberg/{order_id}")

    assert answer.status_code == 400
    assert "iceberg" in answer.json()["message"]
