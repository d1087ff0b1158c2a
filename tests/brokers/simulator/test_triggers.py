"""GTT and alerts fire on prices, once, and tell what became of their orders."""

import json

import pytest

from brokers.simulator.runner import _step
from tests.brokers.simulator.site import a_client, a_site


async def last_price(client, name="RELIANCE"):
    key = f"NSE:{name}"
    return (await client.get("/quote/ltp", params={"i": key})).json()["data"][key]["last_price"]


def gtt(values, last, *, kind="single", side="SELL", prices=None, product="CNC", **changes):
    condition = {"exchange": "NSE", "tradingsymbol": "RELIANCE", "trigger_values": values, "last_price": last}
    orders = [
        {
            "exchange": "NSE",
            "tradingsymbol": "RELIANCE",
            "transaction_type": side,
            "quantity": 5,
            "order_type": "LIMIT",
            "product": product,
            "price": price,
        }
        for price in prices or values
    ]
    return {"type": kind, "condition": json.dumps(condition), "orders": json.dumps(orders), **changes}


def alert(last, operator=">=", **changes):
    return {
        "name": "Reliance",
        "type": "simple",
        "lhs_exchange": "NSE",
        "lhs_tradingsymbol": "RELIANCE",
        "lhs_attribute": "LastTradedPrice",
        "operator": operator,
        "rhs_type": "constant",
        "rhs_constant": f"{last:.2f}",
        **changes,
    }


def opened():
    site, _ = a_site("--speed", "600")
    return site, a_client(site)


async def walk(site, client, until, steps=1_500):
    for _ in range(steps):
        _step(site)
        if await until(client):
            return
    raise AssertionError("nothing fired")


async def one(client, number):
    return (await client.get(f"/gtt/triggers/{number}")).json()["data"]


async def test_a_single_trigger_fires_once_and_keeps_its_orders_result():
    site, client = opened()
    last = await last_price(client)
    wish = gtt([round(last - 0.2, 1)], last, prices=[round(last * 0.97, 1)])
    number = (await client.post("/gtt/triggers", data=wish)).json()["data"]["trigger_id"]
    waiting = await one(client, number)

    async def fired(client):
        return (await one(client, number))["status"] == "triggered"

    await walk(site, client, fired)

    done = await one(client, number)
    orders = (await client.get("/orders")).json()["data"]
    result = done["orders"][0]["result"]
    assert (waiting["status"], waiting["orders"][0]["result"]) == ("active", None)
    assert [order["order_id"] for order in orders] == [result["order_result"]["order_id"]]
    assert (result["order_result"]["status"], result["order_result"]["rejection_reason"]) == ("success", "")
    assert result["triggered_at"] <= last - 0.2 + 0.001
    assert json.loads(result["meta"])["gtt"] == number


async def test_a_two_leg_trigger_fires_one_leg_and_leaves_the_other():
    site, client = opened()
    last = await last_price(client)
    near, far = round(last - 0.2, 1), round(last * 1.3, 1)
    wish = gtt([near, far], last, kind="two-leg", prices=[round(last * 0.97, 1), round(last * 1.05, 1)])
    number = (await client.post("/gtt/triggers", data=wish)).json()["data"]["trigger_id"]

    async def fired(client):
        return (await one(client, number))["status"] == "triggered"

    await walk(site, client, fired)

    results = [order["result"] is not None for order in (await one(client, number))["orders"]]
    assert results == [True, False]


async def test_a_trigger_whose_order_is_refused_says_so():
    site, client = opened()
    last = await last_price(client)
    # Nobody holds so many shares.
    wish = gtt([round(last - 0.2, 1)], last, prices=[round(last * 0.97, 1)])
    wish["orders"] = wish["orders"].replace('"quantity": 5', '"quantity": 50000')
    number = (await client.post("/gtt/triggers", data=wish)).json()["data"]["trigger_id"]

    async def fired(client):
        return (await one(client, number))["status"] == "triggered"

    await walk(site, client, fired)

    result = (await one(client, number))["orders"][0]["result"]["order_result"]
    assert result["status"] == "failed"
    assert "holdings" in result["rejection_reason"]


async def test_a_trigger_is_changed_and_deleted():
    _, client = opened()
    last = await last_price(client)
    number = (await client.post("/gtt/triggers", data=gtt([round(last * 0.9, 1)], last))).json()["data"]["trigger_id"]

    await client.put(f"/gtt/triggers/{number}", data=gtt([round(last * 0.8, 1)], last))
    changed = await one(client, number)
    await client.delete(f"/gtt/triggers/{number}")

    listed = (await client.get("/gtt/triggers")).json()["data"]
    assert changed["condition"]["trigger_values"] == [round(last * 0.8, 1)]
    assert [row["status"] for row in listed] == ["deleted"]
    assert (await client.delete(f"/gtt/triggers/{number}")).status_code == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"type": "three-leg"},
        {"condition": "nonsense"},
        {"condition": "[]"},
        {"orders": "[]"},
        {"orders": "[1]"},
        {"orders": '{"a": 1}'},
    ],
)
async def test_a_wrong_trigger_is_refused(changes):
    _, client = opened()
    wish = {**gtt([1_000], 1_494), **changes}

    answer = await client.post("/gtt/triggers", data=wish)

    assert (answer.status_code, answer.json()["error_type"]) == (400, "InputException")
    assert (await client.get("/gtt/triggers")).json()["data"] == []


@pytest.mark.parametrize("wish", [gtt([1_000], 1_494, product="MIS"), gtt([1_000, 2_000], 1_494), gtt([0], 1_494)])
async def test_a_trigger_that_could_not_work_is_refused(wish):
    _, client = opened()

    assert (await client.post("/gtt/triggers", data=wish)).status_code == 400


async def test_somebody_elses_trigger_is_not_found():
    _, client = opened()

    assert (await client.get("/gtt/triggers/77")).status_code == 404


# Alerts


async def test_an_alert_counts_each_time_its_condition_comes_true():
    site, client = opened()
    last = await last_price(client)
    uuid = (await client.post("/alerts", data=alert(last + 0.3))).json()["data"]["uuid"]

    async def fired_twice(client):
        return (await client.get(f"/alerts/{uuid}")).json()["data"]["alert_count"] >= 2

    await walk(site, client, fired_twice)

    history = (await client.get(f"/alerts/{uuid}/history")).json()["data"]
    assert len(history) >= 2
    assert history[0]["created_at"] >= history[1]["created_at"]
    assert all(row["meta"][0]["last_price"] >= last + 0.3 for row in history)
    assert history[0]["condition"].startswith('LastTradedPrice("NSE:RELIANCE") >= ')


async def test_an_alert_that_triggers_an_order_places_its_basket_and_rests():
    site, client = opened()
    last = await last_price(client)
    params = {"transaction_type": "BUY", "product": "MIS", "order_type": "LIMIT", "quantity": 3, "price": 1_520}
    basket = {"name": "b", "type": "alert", "items": [
        {"type": "insert", "tradingsymbol": "RELIANCE", "exchange": "NSE", "weight": 1, "params": params}]}  # fmt: skip
    wish = alert(last - 0.3, "<=", type="ato", basket=json.dumps(basket))
    uuid = (await client.post("/alerts", data=wish)).json()["data"]["uuid"]

    async def fired(client):
        return (await client.get(f"/alerts/{uuid}")).json()["data"]["status"] == "disabled"

    await walk(site, client, fired)

    (order,) = (await client.get("/orders")).json()["data"]
    (firing,) = (await client.get(f"/alerts/{uuid}/history")).json()["data"]
    assert (order["quantity"], order["transaction_type"]) == (3, "BUY")
    assert firing["order_meta"] == [order["order_id"]]


async def test_alerts_are_listed_changed_and_deleted_softly():
    _, client = opened()
    created = (await client.post("/alerts", data=alert(9_000))).json()["data"]
    index = alert(90_000, lhs_exchange="INDICES", lhs_tradingsymbol="NIFTY 50", name="Index")
    other = (await client.post("/alerts", data=index)).json()["data"]

    await client.put(f"/alerts/{created['uuid']}", data=alert(9_500))
    first_page = (await client.get("/alerts", params={"page": "1", "page_size": "1"})).json()["data"]
    deleted = await client.delete("/alerts", params={"uuid": [created["uuid"], other["uuid"]]})

    assert (first_page[0]["uuid"], first_page[0]["rhs_constant"], len(first_page)) == (created["uuid"], 9_500, 1)
    assert deleted.json() == {"status": "success", "data": None}
    assert (await client.get("/alerts")).json()["data"] == []
    assert len((await client.get("/alerts", params={"status": "deleted"})).json()["data"]) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"operator": "!="},
        {"type": "loud"},
        {"lhs_tradingsymbol": "NOBODY"},
        {"rhs_type": "guess"},
        {"type": "ato"},
        {"type": "ato", "basket": "{}"},
        {"rhs_constant": "much"},
        {"lhs_exchange": "INDICES"},
    ],
)
async def test_a_wrong_alert_is_refused(changes):
    _, client = opened()

    answer = await client.post("/alerts", data=alert(9_000, **changes))

    assert answer.status_code == 400


async def test_one_price_is_compared_with_another():
    site, client = opened()
    wish = alert(0, ">", rhs_type="instrument", rhs_exchange="NSE", rhs_tradingsymbol="TATASTEEL")
    uuid = (await client.post("/alerts", data=wish)).json()["data"]["uuid"]

    _step(site)

    assert (await client.get(f"/alerts/{uuid}")).json()["data"]["alert_count"] == 1
