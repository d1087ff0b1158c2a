"""Conversion, holdings, calculators, funds, profile, renewal: routes beside orders and quotes."""

import pytest

from tests.brokers.simulator.site import KEY, SECRET, a_client, a_site, access_token, an_order, checksum

ORDER = {"exchange": "NSE", "tradingsymbol": "RELIANCE", "transaction_type": "BUY", "variety": "regular",
         "product": "CNC", "order_type": "LIMIT", "quantity": 10, "price": 1_500}  # fmt: skip


def opened(*arguments):
    site, clock = a_site(*arguments)
    return site, clock, a_client(site)


async def data(answer):
    answer = await answer
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def positions(client):
    rows = (await data(client.get("/portfolio/positions")))["net"]
    return {row["product"]: row["quantity"] for row in rows}


def conversion(**changes):
    return {
        "exchange": "NSE",
        "tradingsymbol": "RELIANCE",
        "transaction_type": "BUY",
        "position_type": "day",
        "quantity": "4",
        "old_product": "MIS",
        "new_product": "CNC",
        **changes,
    }


# Positions


async def test_a_part_of_a_days_position_moves_to_delivery_at_its_price():
    _, _, client = opened()
    await client.post("/orders/regular", data=an_order())
    before = (await data(client.get("/portfolio/positions")))["net"][0]

    converted = await data(client.put("/portfolio/positions", data=conversion()))

    rows = {row["product"]: row for row in (await data(client.get("/portfolio/positions")))["net"]}
    assert converted is True
    assert {product: row["quantity"] for product, row in rows.items()} == {"MIS": 6, "CNC": 4}
    assert rows["CNC"]["average_price"] == pytest.approx(before["average_price"], abs=0.01)


async def test_what_was_carried_overnight_is_converted_as_such():
    site, _, client = opened("--speed", "600", "--endless-tokens")
    order = an_order(exchange="NFO", tradingsymbol="NIFTY26NOVFUT", product="NRML", quantity="65", price=None,
                     order_type="MARKET", market_protection="-1")  # fmt: skip
    await client.post("/orders/regular", data=order)
    site.venue.close_session(0)
    site.venue.open_next_day()

    wish = conversion(exchange="NFO", tradingsymbol="NIFTY26NOVFUT", quantity="65", position_type="overnight",
                      old_product="NRML", new_product="MIS")  # fmt: skip
    await data(client.put("/portfolio/positions", data=wish))

    assert await positions(client) == {"NRML": 0, "MIS": 65}


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": "11"},
        {"quantity": "0"},
        {"new_product": "MIS"},
        {"new_product": "NRML"},
        {"transaction_type": "SELL"},
        {"position_type": "overnight"},
        {"position_type": "weekly"},
    ],
)
async def test_a_conversion_of_what_is_not_there_is_refused(changes):
    _, _, client = opened()
    await client.post("/orders/regular", data=an_order())

    answer = await client.put("/portfolio/positions", data=conversion(**changes))

    assert (answer.status_code, await positions(client)) == (400, {"MIS": 10})


async def test_a_conversion_that_cannot_be_paid_for_is_refused():
    _, _, client = opened("--account", f"AB1234:{KEY}:{SECRET}:http://localhost/:4000")
    await client.post("/orders/regular", data=an_order())

    answer = await client.put("/portfolio/positions", data=conversion(quantity="10"))

    assert (answer.status_code, answer.json()["error_type"]) == (400, "MarginException")


# Holdings


async def test_the_summary_adds_the_holdings_up():
    _, _, client = opened()
    rows = await data(client.get("/portfolio/holdings"))

    summary = await data(client.get("/portfolio/holdings/summary"))

    worth = sum(row["quantity"] * row["last_price"] for row in rows)
    cost = sum(row["quantity"] * row["average_price"] for row in rows)
    assert summary["current_value"] == pytest.approx(worth)
    assert summary["total_pnl"] == pytest.approx(worth - cost)
    assert summary["total_pnl_percent"] == pytest.approx((worth - cost) * 100 / cost)


async def test_compact_holdings_are_the_quantities():
    _, _, client = opened()

    full, compact = await data(client.get("/portfolio/holdings")), await data(client.get("/portfolio/holdings/compact"))

    assert [(row["tradingsymbol"], row["quantity"]) for row in compact] == [
        (row["tradingsymbol"], row["quantity"]) for row in full
    ]


async def test_holdings_are_authorised_on_the_depositorys_page_once():
    _, _, client = opened()
    row = (await data(client.get("/portfolio/holdings")))[0]
    wish = {"isin": row["isin"], "quantity": "5"}
    request_id = (await data(client.post("/portfolio/holdings/authorise", data=wish)))["request_id"]
    page = f"/connect/portfolio/authorise/holdings/{KEY}/{request_id}"

    shown, finished = await client.get(page), await client.get(f"{page}/finish", params={"status": "success"})
    again = await client.get(page)

    after = (await data(client.get("/portfolio/holdings")))[0]
    assert (shown.status_code, finished.status_code, again.status_code) == (200, 200, 404)
    assert (row["authorised_quantity"], after["authorised_quantity"]) == (0, 5)


async def test_what_is_not_held_cannot_be_authorised():
    _, _, client = opened()

    answer = await client.post("/portfolio/holdings/authorise", data={"isin": "INE000000000", "quantity": "1"})

    assert answer.status_code == 400


# Calculators


async def test_delivery_holds_its_value_and_intraday_a_fifth():
    _, _, client = opened()

    rows = await data(client.post("/margins/orders", json=[ORDER, {**ORDER, "product": "MIS"}]))

    assert [row["total"] for row in rows] == [15_000, 3_000]
    assert [row["leverage"] for row in rows] == [1, 5]
    assert [row["var"] for row in rows] == [15_000, 3_000]


async def test_the_margin_of_an_order_is_what_the_venue_then_holds():
    _, _, client = opened()
    before = (await data(client.get("/user/margins/equity")))["net"]
    wish = {**ORDER, "product": "MIS", "price": 1_400}
    (row,) = await data(client.post("/margins/orders", json=[wish]))

    await client.post("/orders/regular", data=an_order(price="1400"))

    assert before - (await data(client.get("/user/margins/equity")))["net"] == pytest.approx(row["total"])


async def test_an_order_that_reduces_a_position_holds_nothing():
    _, _, client = opened()
    await client.post("/orders/regular", data=an_order())

    (row,) = await data(client.post("/margins/orders", json=[{**ORDER, "transaction_type": "SELL", "product": "MIS"}]))

    assert row["total"] == 0


def an_option(site, kind, *, above):
    board = site.venue.board
    level = int(board.last[board.row_of_key["NSE", "NIFTY 50"]])
    chain = sorted(
        (listing for listing in board.listings if listing.kind == kind and listing.strike > level),
        key=lambda listing: (listing.expiry, listing.strike),
    )
    return chain[above].symbol


async def test_a_spread_holds_no_more_than_it_can_lose_in_span():
    site, _, client = opened()
    common = {**ORDER, "exchange": "NFO", "product": "NRML", "quantity": 65, "price": 50}
    sold = {**common, "tradingsymbol": an_option(site, "CE", above=2), "transaction_type": "SELL"}
    bought = {**common, "tradingsymbol": an_option(site, "CE", above=4), "price": 20}

    basket = await data(client.post("/margins/basket", params={"consider_positions": "True"}, json=[bought, sold]))

    assert basket["initial"]["total"] == pytest.approx(sum(row["total"] for row in basket["orders"]))
    # Two strikes of 50 points apart, 65 units.
    assert basket["final"]["span"] == pytest.approx(100 * 65)
    assert basket["final"]["exposure"] == basket["initial"]["exposure"] > 0
    assert basket["final"]["total"] < basket["initial"]["total"]


async def test_charges_are_those_of_the_desks_own_rates():
    _, _, client = opened()
    wish = {**ORDER, "order_id": "1", "average_price": 560, "quantity": 100, "transaction_type": "SELL"}

    (note,) = await data(client.post("/charges/orders", json=[wish]))

    charges = note["charges"]
    # Delivery sold: 0.1 % tax, NSE 0.00307 %, SEBI 0.0001 %, no brokerage, GST 18 % of the fees.
    assert charges["transaction_tax"] == pytest.approx(56)
    assert charges["exchange_turnover_charge"] == pytest.approx(56_000 * 0.0000307)
    assert charges["brokerage"] == charges["stamp_duty"] == 0
    assert charges["gst"]["total"] == pytest.approx(56_000 * (0.0000307 + 0.000001) * 0.18)
    total = sum(charges[name] for name in ("transaction_tax", "exchange_turnover_charge", "sebi_turnover_charge"))
    assert charges["total"] == pytest.approx(total + charges["gst"]["total"])


@pytest.mark.parametrize("body", [b"nonsense", b"[]", b"{}", b"[1]", b'[{"exchange": "NSE"}]'])
@pytest.mark.parametrize("path", ["/margins/orders", "/margins/basket", "/charges/orders"])
async def test_a_calculator_refuses_what_is_no_list_of_orders(path, body):
    _, _, client = opened()

    answer = await client.post(path, content=body, headers={"content-type": "application/json"})

    assert (answer.status_code, answer.json()["error_type"]) == (400, "InputException")


async def test_a_charge_needs_a_price():
    _, _, client = opened()

    answer = await client.post("/charges/orders", json=[{**ORDER, "average_price": 0}])

    assert answer.status_code == 400


# Everything else


async def test_funds_are_read_and_not_traded():
    _, _, client = opened()

    (order,) = await data(client.get("/mf/orders"))
    (sip,) = await data(client.get("/mf/sips"))
    refused = [
        await client.post("/mf/orders", data={}),
        await client.delete(f"/mf/orders/{order['order_id']}"),
        await client.post("/mf/sips", data={}),
        await client.put(f"/mf/sips/{sip['sip_id']}", data={}),
        await client.delete(f"/mf/sips/{sip['sip_id']}"),
    ]

    listed = (await client.get("/mf/instruments")).text.splitlines()
    assert len(listed[0].split(",")) == 16
    assert await data(client.get(f"/mf/orders/{order['order_id']}")) == order
    assert (await data(client.get(f"/mf/sips/{sip['sip_id']}")))["sip_id"] == sip["sip_id"]
    assert (await data(client.get("/mf/holdings")))[0]["quantity"] > 0
    assert [answer.status_code for answer in refused] == [410] * 5


async def test_the_range_of_a_cover_orders_stop_lies_on_its_losing_side():
    _, _, client = opened()
    keys = {"i": ["NSE:RELIANCE", "NSE:NOBODY"]}
    last = (await data(client.get("/quote/ltp", params=keys)))["NSE:RELIANCE"]["last_price"]

    buy = await data(client.get("/instruments/trigger_range/buy", params=keys))
    sell = await data(client.get("/instruments/trigger_range/sell", params=keys))

    assert buy.keys() == {"NSE:RELIANCE"}
    assert buy["NSE:RELIANCE"]["lower"] < buy["NSE:RELIANCE"]["upper"] == last == sell["NSE:RELIANCE"]["lower"]


async def test_an_ordinary_app_gets_no_refresh_token():
    site, _, client = opened()
    app = site.sessions.app(KEY)
    token = site.sessions.begin(app, site.wall_ns())
    form = {"api_key": KEY, "request_token": token, "checksum": checksum(KEY, token, SECRET)}

    assert (await data(client.post("/session/token", data=form)))["refresh_token"] == ""


async def test_an_approved_platform_renews_its_session_once_for_each_token():
    site, _, client = opened("--refresh-tokens")
    token = site.sessions.begin(site.sessions.app(KEY), site.wall_ns())
    form = {"api_key": KEY, "request_token": token, "checksum": checksum(KEY, token, SECRET)}
    refresh = (await data(client.post("/session/token", data=form)))["refresh_token"]
    renewal = {"api_key": KEY, "refresh_token": refresh, "checksum": checksum(KEY, refresh, SECRET)}

    renewed = await data(client.post("/session/refresh_token", data=renewal))
    again = await client.post("/session/refresh_token", data=renewal)
    query = {"api_key": KEY, "refresh_token": renewed["refresh_token"]}
    revoked = await data(client.delete("/session/token", params=query))

    assert renewed["access_token"] != access_token(client)
    assert (again.status_code, again.json()["error_type"]) == (403, "TokenException")
    assert revoked is True


async def test_somebody_elses_login_to_an_app_is_refused_by_name():
    site, _, client = opened()
    answer = await client.get("/connect/login", params={"api_key": KEY, "auto": "1", "user": "ZZ9999"})
    token = answer.headers["location"].split("request_token=")[1].split("&")[0]
    form = {"api_key": KEY, "request_token": token, "checksum": checksum(KEY, token, SECRET)}

    refused = await client.post("/session/token", data=form)

    assert (refused.status_code, refused.json()["error_type"]) == (403, "PermissionException")
    assert refused.json()["message"] == "That API call is not allowed for the authenticated user"
    assert site.sessions.user(KEY, access_token(client)).user_id == "AB1234"


# Budgets


async def test_the_minute_and_the_day_of_orders_have_their_numbers():
    site, clock, client = opened("--budgets", "--orders-per-day", "12")
    answers = []
    for _ in range(14):
        answers.append(await client.post("/orders/regular", data=an_order(quantity="1")))
        clock.move(1)

    statuses = [answer.status_code for answer in answers]
    assert statuses == [200] * 12 + [400] * 2
    assert answers[-1].json()["message"] == "Maximum allowed order requests exceeded"
    clock.move(86_400)
    assert (await client.post("/orders/regular", data=an_order(quantity="1"))).status_code == 200
    assert site.state()["budgets"]["refused"] == {"day": 2}


async def test_an_account_sends_four_hundred_orders_a_minute():
    _, clock, client = opened("--budgets")
    clock.ns = clock.ns // (60 * 10**9) * 60 * 10**9
    statuses = []
    for number in range(405):
        statuses.append((await client.delete("/orders/regular/1")).status_code)
        if number % 10 == 9:
            clock.move(1)

    assert statuses == [404] * 400 + [429] * 5


async def test_the_venues_second_can_begin_elsewhere():
    _, clock, client = opened("--budgets", "--second-shift", "0.5")
    clock.ns = clock.ns // 10**9 * 10**9 + 4 * 10**8
    first = [(await client.delete("/orders/regular/1")).status_code for _ in range(10)]

    clock.move(0.2)

    second = [(await client.delete("/orders/regular/1")).status_code for _ in range(11)]
    assert (first, second) == ([404] * 10, [404] * 10 + [429])


async def test_an_order_takes_twenty_five_modifications():
    _, _, client = opened()
    placed = (await data(client.post("/orders/regular", data=an_order(price="1400"))))["order_id"]

    statuses = [
        (await client.put(f"/orders/regular/{placed}", data={"price": str(1_400 + n % 2)})).status_code
        for n in range(26)
    ]

    assert statuses == [200] * 25 + [400]
