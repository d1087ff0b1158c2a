"""Each fault of the script does to a client what it says, through the same doors a client uses."""

import json

import pytest

from brokers.simulator.fault_rules import RULES, FaultKind
from brokers.simulator.runner import _step
from tests.brokers.simulator.site import KEY, a_client, a_site, access_token, an_order
from tests.brokers.simulator.test_stream import Connection, connected

REST = {"limit": {"price": "1420"}, "market": {"order_type": "MARKET", "price": None, "market_protection": "-1"}}


async def strike(client, kind, **fields):
    answer = await client.post("/sim/faults", json={"kind": kind, **fields})
    assert answer.status_code == 200, answer.text
    return answer.json()


async def book(client):
    return (await client.get("/orders")).json()["data"]


async def place(client, path="/orders/regular", **changes):
    return await client.post(path, data=an_order(**changes))


async def test_too_many_requests_places_nothing():
    client = a_client(a_site()[0])
    await strike(client, "http_429", method="POST", path="/orders")

    refused, accepted = await place(client), await place(client)

    assert (refused.status_code, refused.json()["message"]) == (429, "Too many requests")
    assert (accepted.status_code, len(await book(client))) == (200, 1)


@pytest.mark.parametrize(("kind", "status", "rows"), [("http_5xx_before", 503, 0), ("http_5xx_after", 502, 1)])
async def test_gateway_fails_before_or_after_acceptance(kind, status, rows):
    client = a_client(a_site()[0])
    await strike(client, kind, method="POST")

    answer = await place(client)

    assert (answer.status_code, len(await book(client))) == (status, rows)


async def test_a_web_page_comes_in_place_of_the_answer():
    client = a_client(a_site()[0])
    await strike(client, "html_body", method="POST")

    answer = await place(client)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html")
    assert answer.text.startswith("<!doctype html>")
    assert len(await book(client)) == 1


async def test_an_order_that_timed_out_was_accepted():
    client = a_client(a_site()[0])
    await strike(client, "order_timed_out")
    await client.get("/user/profile")

    answer = await place(client)

    assert (answer.status_code, len(await book(client))) == (400, 1)
    assert answer.json()["message"] == (
        "Order request timed out. Please check the order book and confirm before placing again."
    )


async def test_orders_above_the_shrunken_freeze_quantity_never_reach_the_book():
    client = a_client(a_site()[0])
    await strike(client, "freeze_refusal", quantity=9, count=0)

    refused, small = await place(client, quantity="10"), await place(client, quantity="9")

    assert (refused.status_code, small.status_code) == (400, 200)
    assert "freeze quantity of 9" in refused.json()["message"]
    assert [row["quantity"] for row in await book(client)] == [9]


async def test_an_order_fills_piece_by_piece():
    site, clock = a_site()
    client = a_client(site)
    await strike(client, "partial_fills", fraction=0.4, seconds=30)
    await place(client)

    filled = []
    for _ in range(4):
        filled.append((await book(client))[0]["filled_quantity"])
        clock.move(31)
        _step(site)

    assert filled == [4, 8, 10, 10]
    assert (await book(client))[0]["status"] == "COMPLETE"


async def test_an_order_hangs_in_validation_and_then_goes_on():
    site, clock = a_site()
    client = a_client(site)
    await strike(client, "stuck_pending", seconds=20)
    placed = (await place(client)).json()["data"]["order_id"]
    (hanging,) = await book(client)
    cancelled = await client.delete(f"/orders/regular/{placed}")

    clock.move(21)
    _step(site)

    (row,) = await book(client)
    assert (hanging["status"], hanging["exchange_order_id"]) == ("VALIDATION PENDING", None)
    assert (cancelled.status_code, "being processed" in cancelled.json()["message"]) == (400, True)
    assert (row["order_id"], row["status"]) == (placed, "COMPLETE")


async def test_a_protected_market_order_rests_until_it_is_changed():
    site, clock = a_site()
    client = a_client(site)
    await strike(client, "protection_rests", fraction=0.5)
    placed = (await place(client, **REST["market"])).json()["data"]["order_id"]
    for _ in range(5):
        clock.move(1)
        _step(site)
    (rests,) = await book(client)

    await client.put(f"/orders/regular/{placed}", data={"price": "1530"})

    (chased,) = await book(client)
    assert (rests["status"], rests["filled_quantity"], rests["order_type"]) == ("OPEN", 5, "LIMIT")
    assert rests["tags"] == ["mktp", "mktp:0.50"]
    assert (chased["status"], chased["filled_quantity"]) == ("COMPLETE", 10)


async def test_a_limit_order_does_not_care_for_resting_protection():
    client = a_client(a_site()[0])
    await strike(client, "protection_rests")

    await place(client)

    assert (await book(client))[0]["status"] == "COMPLETE"


async def test_the_exchange_cancels_for_the_price():
    client = a_client(a_site()[0])
    await strike(client, "lpp_cancel")

    await place(client)

    (row,) = await book(client)
    assert (row["status"], row["filled_quantity"]) == ("CANCELLED", 0)
    assert "LPP" in row["status_message"]


async def test_a_triggered_stop_is_cancelled_for_the_price():
    site, clock = a_site("--speed", "600")
    client = a_client(site)
    last = (await client.get("/quote/ltp", params={"i": "NSE:RELIANCE"})).json()["data"]["NSE:RELIANCE"]["last_price"]
    await strike(client, "lpp_cancel")
    stop = {"order_type": "SL-M", "price": None, "market_protection": "-1", "transaction_type": "SELL"}
    await place(client, **stop, trigger_price=f"{last - 0.1:.1f}")
    waiting = (await book(client))[0]["status"]

    for _ in range(2_000):
        if (await book(client))[0]["status"] != "TRIGGER PENDING":
            break
        clock.move(0.1)
        _step(site)

    (row,) = await book(client)
    assert (waiting, row["status"], row["filled_quantity"]) == ("TRIGGER PENDING", "CANCELLED", 0)


async def statuses(connection):
    return [json.loads(frame)["data"]["status"] for frame in await connection.frames() if isinstance(frame, str)]


async def test_news_of_an_order_arrives_twice():
    async with connected() as (_, _, client, connection):
        await strike(client, "duplicate_frames")
        await place(client, **REST["limit"])

        assert await statuses(connection) == ["OPEN", "OPEN"]


async def test_news_of_an_order_arrives_late():
    async with connected() as (site, clock, client, connection):
        await strike(client, "late_frames", seconds=5)
        await place(client, **REST["limit"])

        at_once = await statuses(connection)
        clock.move(6)
        site.announce()

        assert (at_once, await statuses(connection)) == ([], ["OPEN"])


async def test_news_of_an_order_is_overtaken_by_the_next():
    async with connected() as (_, _, client, connection):
        await strike(client, "reorder_frames")
        placed = (await place(client, **REST["limit"])).json()["data"]["order_id"]

        await client.delete(f"/orders/regular/{placed}")

        assert await statuses(connection) == ["CANCELLED", "OPEN"]


async def test_news_that_nothing_overtakes_comes_after_a_while():
    async with connected() as (site, clock, client, connection):
        await strike(client, "reorder_frames", seconds=2)
        await place(client, **REST["limit"])

        clock.move(3)
        site.announce()

        assert await statuses(connection) == ["OPEN"]


async def test_open_streams_break_off():
    async with connected() as (_, _, client, connection):
        answer = await strike(client, "drop_socket")

        assert answer["struck"] == 1
        assert (await connection.next())["type"] == "websocket.close"
        assert (await client.get("/user/profile")).status_code == 200


async def test_the_session_dies_with_its_streams():
    async with connected() as (_, _, client, connection):
        answer = await strike(client, "token_death", account="AB1234")

        assert answer["struck"] == 1
        assert (await client.get("/user/profile")).json()["error_type"] == "TokenException"
        assert (await connection.next())["type"] == "websocket.close"


async def test_order_calls_from_a_strange_address_are_refused_and_reads_are_not():
    client = a_client(a_site()[0])
    await strike(client, "address_refused")

    read, refused, accepted = await client.get("/orders"), await place(client), await place(client)

    assert [answer.status_code for answer in (read, refused, accepted)] == [200, 403, 200]
    assert "IP address" in refused.json()["message"]
    assert len(await book(client)) == 1


async def test_a_plan_without_market_data_takes_orders_alone():
    site, _ = a_site()
    client = a_client(site)
    await strike(client, "no_market_data", count=0)

    refused, placed = await client.get("/quote/ltp", params={"i": "NSE:INFY"}), await place(client)
    connection = Connection(site, access_token(client))
    handshake = await connection.next()
    await connection.close()

    assert (refused.status_code, refused.json()["message"]) == (403, "Insufficient permission for that call.")
    assert (placed.status_code, handshake["type"]) == (200, "websocket.close")


async def test_holdings_are_sold_once_they_are_authorised():
    client = a_client(a_site()[0])
    await strike(client, "holdings_unauthorised", count=0)
    sale = {"transaction_type": "SELL", "product": "CNC", "price": "1480"}
    refused = await place(client, **sale)
    request_id = (await client.post("/portfolio/holdings/authorise")).json()["data"]["request_id"]
    await client.get(f"/connect/portfolio/authorise/holdings/{KEY}/{request_id}/finish")

    accepted = await place(client, **sale)

    assert (refused.status_code, refused.json()["error_type"]) == (428, "HoldingException")
    assert (accepted.status_code, len(await book(client))) == (200, 1)


async def test_the_exchange_cancels_what_waits():
    client = a_client(a_site()[0])
    await place(client, **REST["limit"])

    answer = await strike(client, "exchange_cancel")

    assert answer["struck"] == 1
    assert [row["status"] for row in await book(client)] == ["CANCELLED"]


async def test_a_fourth_connection_is_refused_where_budgets_are_enforced():
    site, _ = a_site("--budgets")
    token = access_token(a_client(site))
    connections = [Connection(site, token) for _ in range(4)]

    answers = [(await connection.next())["type"] for connection in connections]

    for connection in connections:
        await connection.close()
    assert answers == ["websocket.accept"] * 3 + ["websocket.close"]


async def test_a_fault_stays_on_until_it_is_switched_off():
    client = a_client(a_site()[0])
    await strike(client, "http_429", count=0, path="/user")
    on = [(await client.get("/user/profile")).status_code for _ in range(3)]

    left = (await client.delete("/sim/faults", params={"kind": "http_429"})).json()

    assert (on, left) == ([429, 429, 429], {"waiting": 0})
    assert (await client.get("/user/profile")).status_code == 200


async def test_the_script_tells_what_waits_and_what_has_struck():
    client = a_client(a_site()[0])
    await strike(client, "http_429", count=2, path="/user")
    await client.get("/user/profile")

    script = (await client.get("/sim/faults")).json()

    (waiting,) = script["waiting"]
    kinds = {entry["kind"]: entry for entry in script["kinds"]}
    assert (waiting["kind"], waiting["left"], waiting["struck"], waiting["path"]) == ("http_429", 1, 1, "/user")
    assert kinds.keys() == set(FaultKind)
    assert kinds["http_429"]["struck"] == 1
    assert kinds["silent_socket"]["defaults"] == {"seconds": 30.0}


@pytest.mark.parametrize(
    ("fault", "field", "allowed"),
    [
        ({"kind": "nonsense"}, "kind", "lose_reply, "),
        ({"kind": "http_429", "status": 500}, "status", "account, venue, count, method, path"),
        ({"kind": "http_5xx_after", "status": 404}, "status", "500 to 599"),
        ({"kind": "late_frames", "seconds": -1}, "seconds", "0 to 86400"),
        ({"kind": "late_frames", "seconds": "soon"}, "seconds", "0 to 86400"),
        ({"kind": "partial_fills", "fraction": 1}, "fraction", "from 0, below 1"),
        ({"kind": "lose_reply", "method": "PATCH"}, "method", "GET, POST, PUT, DELETE"),
        ({"kind": "lose_reply", "count": True}, "count", "0 (until switched off) to 1000000"),
    ],
)
async def test_a_wrong_fault_is_refused_with_what_would_be_allowed(fault, field, allowed):
    answer = await a_client(a_site()[0]).post("/sim/faults", json=fault)

    data = answer.json()["data"]
    assert (answer.status_code, data["field"]) == (400, field)
    assert data["allowed"].startswith(allowed)
    assert field in answer.json()["message"]


def test_every_fault_says_what_it_does_in_one_sentence():
    assert RULES.keys() == set(FaultKind)
    assert all(rule.does.endswith(".") and rule.does.count(".") <= 2 for rule in RULES.values())
