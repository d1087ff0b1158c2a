"""Kite's REST wire as the simulator speaks it."""

import gzip

import pytest

from brokers.simulator.kite_sessions import session_checksum
from brokers.simulator.runner import _step
from tests.brokers.simulator.site import KEY, SECRET, a_client, a_site, an_order, checksum


@pytest.fixture(scope="module")
def shared():
    return a_site()[0]


async def error_of(response):
    body = response.json()
    assert body["status"] == "error"
    return response.status_code, body["error_type"], body["message"]


# Signing in


def test_checksum_is_the_published_one():
    known = "cc6c955cadf2cc09442c0848ce8e165b8f9aa5974916de7186a9e1b6c4e7937e"

    assert session_checksum("xxx", "yyy", "zzz") == known


async def test_login_comes_back_with_a_token_that_can_be_exchanged_once(shared):
    client = a_client(shared, signed_in=False)
    params = {"v": "3", "api_key": KEY, "auto": "1", "redirect_params": "state=a%26b"}

    answer = await client.get("/connect/login", params=params)
    address = answer.next_request.url
    form = {
        "api_key": KEY,
        "request_token": address.params["request_token"],
        "checksum": checksum(KEY, address.params["request_token"], SECRET),
    }
    first, second = [await client.post("/session/token", data=form) for _ in range(2)]

    assert answer.status_code == 302
    assert (address.params["action"], address.params["status"], address.params["state"]) == ("login", "success", "a&b")
    assert first.json()["data"]["user_id"] == "AB1234"
    assert await error_of(second) == (403, "TokenException", "Token is invalid or has expired.")


async def test_login_page_has_one_button_and_escapes_what_it_is_given(shared):
    client = a_client(shared, signed_in=False)

    page = await client.get("/connect/login", params={"api_key": KEY, "redirect_params": '"><script>'})

    assert page.text.count("<button") == 1
    assert "<script>" not in page.text


async def test_wrong_checksum_and_late_token_are_refused():
    site, clock = a_site()
    client = a_client(site, signed_in=False)
    token = site.sessions.begin(site.sessions.app(KEY), clock())
    form = {"api_key": KEY, "request_token": token, "checksum": "0" * 64}

    wrong = await client.post("/session/token", data=form)
    clock.move(301)
    late = await client.post("/session/token", data={**form, "checksum": checksum(KEY, token, SECRET)})

    assert (await error_of(wrong))[:2] == (await error_of(late))[:2] == (403, "TokenException")


async def test_second_login_and_logout_end_a_session():
    site, _ = a_site()
    first = a_client(site)
    second = a_client(site)
    key, token = second.headers["Authorization"].removeprefix("token ").split(":")

    assert (await first.get("/user/profile")).status_code == 403
    gone = await second.delete("/session/token", params={"api_key": key, "access_token": token})

    assert gone.json() == {"status": "success", "data": True}
    assert (await error_of(await second.get("/orders")))[:2] == (403, "TokenException")


# Orders


async def test_order_goes_from_receipt_to_book_trades_position_and_ledger():
    site, _ = a_site()
    client = a_client(site)

    placed = (await client.post("/orders/regular", data=an_order(tag="desk1"))).json()["data"]["order_id"]

    (order,) = (await client.get("/orders")).json()["data"]
    trades = (await client.get(f"/orders/{placed}/trades")).json()["data"]
    (position,) = (await client.get("/portfolio/positions")).json()["data"]["net"]
    ledger = (await client.get("/sim/ledger")).json()["fills"]
    assert (order["order_id"], order["status"], order["tag"], order["tags"]) == (placed, "COMPLETE", "desk1", ["desk1"])
    assert sum(trade["quantity"] for trade in trades) == order["filled_quantity"] == position["quantity"] == 10
    assert [row["trade_id"] for row in ledger] == [trade["trade_id"] for trade in trades]
    assert sum(row["price_paise"] * row["quantity"] for row in ledger) == round(position["buy_value"] * 100)


async def test_resting_order_can_be_modified_and_cancelled():
    client = a_client(a_site()[0])
    placed = (await client.post("/orders/regular", data=an_order(price="1400"))).json()["data"]["order_id"]

    modified = await client.put(f"/orders/regular/{placed}", data={"price": "1405.5"})
    cancelled = await client.delete(f"/orders/regular/{placed}")
    again = await client.delete(f"/orders/regular/{placed}")

    history = (await client.get(f"/orders/{placed}")).json()["data"]
    assert modified.json()["data"] == cancelled.json()["data"] == {"order_id": placed}
    assert history[-1]["status"] == "CANCELLED"
    assert (history[-1]["price"], history[-1]["modified"]) == (1405.5, True)
    assert [row["status"] for row in history[:4]] == [
        "PUT ORDER REQ RECEIVED",
        "VALIDATION PENDING",
        "OPEN PENDING",
        "OPEN",
    ]
    assert (await error_of(again))[:2] == (400, "InputException")


async def test_market_order_shows_as_a_limit_order_with_the_protection_tags():
    client = a_client(a_site()[0])
    form = an_order(order_type="MARKET", price=None, market_protection="-1", tag="m1")

    await client.post("/orders/regular", data=form)

    (order,) = (await client.get("/orders")).json()["data"]
    assert (order["order_type"], order["market_protection"]) == ("LIMIT", 0)
    assert order["tags"] == ["m1", "mktp", "mktp:0.50"]


@pytest.mark.parametrize(
    ("changes", "status", "kind", "words"),
    [
        ({"order_type": "MARKET", "price": None}, 400, "InputException", "Market orders without market protection"),
        ({"quantity": "ten"}, 400, "InputException", "`quantity`"),
        ({"price": "NaN"}, 400, "InputException", "`price`"),
        ({"price": "1400.001"}, 400, "InputException", "tick size"),
        ({"tradingsymbol": None}, 400, "InputException", "`tradingsymbol`"),
        ({"tradingsymbol": "NOPE"}, 400, "InputException", "does not exist"),
        ({"tag": "a" * 21}, 400, "InputException", "`tag`"),
        ({"quantity": "90000"}, 400, "MarginException", "Insufficient funds. Required margin is"),
    ],
)
async def test_refused_order_leaves_no_row(shared, changes, status, kind, words):
    client = a_client(shared)
    before = (await client.get("/orders")).json()["data"]

    refused = await client.post("/orders/regular", data=an_order(**changes))

    assert (await error_of(refused))[:2] == (status, kind)
    assert words in refused.json()["message"]
    assert (await client.get("/orders")).json()["data"] == before


async def test_order_of_another_user_is_not_found():
    accounts = [f"{user}:key{user}:secret{user}:http://localhost:1/x:100000" for user in ("AA0001", "BB0002")]
    site, _ = a_site("--account", accounts[0], "--account", accounts[1])
    first = a_client(site, user=("keyAA0001", "secretAA0001"))
    second = a_client(site, user=("keyBB0002", "secretBB0002"))
    placed = (await first.post("/orders/regular", data=an_order(price="1400"))).json()["data"]["order_id"]

    stolen = await second.delete(f"/orders/regular/{placed}")

    assert (await error_of(stolen))[:2] == (404, "OrderException")
    assert (await second.get("/orders")).json()["data"] == []


# The market


async def test_instruments_are_a_csv_of_twelve_columns(shared):
    client = a_client(shared)

    everything = (await client.get("/instruments")).text.splitlines()
    options = (await client.get("/instruments/NFO")).text.splitlines()

    assert everything[0].split(",")[0] == "instrument_token"
    assert {len(line.split(",")) for line in everything} == {12}
    assert any(line.startswith("256265,1001,NIFTY 50,") for line in everything)
    assert all(line.endswith(",NFO") for line in options[1:])
    assert all(int(line.split(",")[0]) // 256 == int(line.split(",")[1]) for line in everything[1:])


async def test_dump_is_compressed_for_a_client_that_takes_it(shared):
    client = a_client(shared)

    async with client.stream("GET", "/instruments/BFO", headers={"Accept-Encoding": "gzip"}) as response:
        raw = b"".join([part async for part in response.aiter_raw()])

    assert response.headers["content-encoding"] == "gzip"
    assert gzip.decompress(raw).startswith(b"instrument_token,")


async def test_quotes_leave_out_what_does_not_exist(shared):
    client = a_client(shared)
    keys = {"i": ["NSE:RELIANCE", "NSE:NIFTY 50", "NSE:NOPE", "nonsense"]}

    for path in ("/quote", "/quote/ohlc", "/quote/ltp"):
        data = (await client.get(path, params=keys)).json()["data"]
        assert set(data) == {"NSE:RELIANCE", "NSE:NIFTY 50"}
        assert data["NSE:RELIANCE"]["last_price"] > 0


async def test_candles_reach_from_past_days_into_the_running_minute(shared):
    client = a_client(shared)
    params = {"from": "2026-11-19 15:13:00", "to": "2026-11-20 15:30:00", "oi": "1"}

    candles = (await client.get("/instruments/historical/256265/minute", params=params)).json()["data"]["candles"]

    assert [candle[0] for candle in candles] == [
        "2026-11-19T15:13:00+0530",
        "2026-11-19T15:14:00+0530",
        "2026-11-20T09:15:00+0530",
    ]
    assert {len(candle) for candle in candles} == {7}
    ltp = (await client.get("/quote/ltp", params={"i": "NSE:NIFTY 50"})).json()["data"]["NSE:NIFTY 50"]["last_price"]
    assert candles[-1][4] == ltp


async def test_day_candles_answer_a_range_of_days(shared):
    client = a_client(shared)
    params = {"from": "2026-11-16", "to": "2026-11-20"}

    candles = (await client.get("/instruments/historical/256265/day", params=params)).json()["data"]["candles"]

    assert [candle[0][:10] for candle in candles] == [f"2026-11-{day}" for day in (16, 17, 18, 19, 20)]


@pytest.mark.parametrize(
    ("path", "params", "words"),
    [
        ("256265/minute", {"from": "2026-01-01", "to": "2026-11-20"}, "interval exceeds max limit: 60 days"),
        ("256265/week", {"from": "2026-11-01", "to": "2026-11-20"}, "invalid interval"),
        ("1/minute", {"from": "2026-11-19", "to": "2026-11-20"}, "invalid token"),
        ("256265/minute", {"from": "yesterday", "to": "2026-11-20"}, "invalid from date"),
        ("256265/minute", {"from": "2026-11-20"}, "`to`"),
        ("256265/minute", {"from": "2026-11-20", "to": "2026-11-19"}, "from is after to"),
    ],
)
async def test_wrong_history_request_says_what_is_wrong(shared, path, params, words):
    refused = await a_client(shared).get(f"/instruments/historical/{path}", params=params)

    assert refused.status_code == 400
    assert words in refused.json()["message"]


# Transport


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nothing", 404), ("PATCH", "/orders", 405), ("POST", "/orders/bo", 400)]
)
async def test_unknown_routes_and_methods_answer_in_the_envelope(shared, method, path, status):
    response = await a_client(shared).request(method, path, data=an_order() if method == "POST" else None)

    assert (await error_of(response))[0] == status


async def test_missing_or_malformed_authorization_is_a_dead_token(shared):
    client = a_client(shared, signed_in=False)

    for header in ({}, {"Authorization": "Bearer x"}, {"Authorization": "token a:b"}, {"Authorization": "token ü:é"}):
        response = await client.get("/orders", headers={k: v.encode() for k, v in header.items()})
        assert (await error_of(response))[:2] == (403, "TokenException")


async def test_page_of_another_site_cannot_steer_the_simulator(shared):
    response = await a_client(shared).get("/sim/state", headers={"Host": "evil.example"})

    assert response.status_code == 400


async def test_budgets_hold_per_calendar_second_when_asked_for():
    site, clock = a_site("--budgets")
    client = a_client(site)

    answers = [(await client.get("/quote/ltp", params={"i": "NSE:INFY"})).status_code for _ in range(2)]
    limited = await client.get("/quote/ltp", params={"i": "NSE:INFY"})
    clock.move(1)
    later = await client.get("/quote/ltp", params={"i": "NSE:INFY"})

    assert answers == [200, 429]
    assert limited.json() == {
        "status": "error",
        "message": "Too many requests",
        "error_type": "NetworkException",
        "data": None,
    }
    assert later.status_code == 200


# Faults


async def test_reply_is_lost_after_the_order_was_accepted():
    site, _ = a_site()
    client = a_client(site)
    await client.post("/sim/faults", json={"kind": "status_after", "method": "POST", "path": "/orders", "status": 504})

    answer = await client.post("/orders/regular", data=an_order(tag="lost1"))

    (order,) = (await client.get("/orders")).json()["data"]
    assert (answer.status_code, order["tag"], order["status"]) == (504, "lost1", "COMPLETE")


async def test_status_before_acceptance_places_nothing():
    site, _ = a_site()
    client = a_client(site)
    fault = {"kind": "status_before", "method": "POST", "path": "/orders", "status": 502, "body": "<html>bad</html>"}
    await client.post("/sim/faults", json=fault)

    answer = await client.post("/orders/regular", data=an_order())

    assert (answer.status_code, answer.text) == (502, "<html>bad</html>")
    assert (await client.get("/orders")).json()["data"] == []


async def test_delayed_order_has_an_id_at_once_and_a_row_later():
    site, clock = a_site()
    client = a_client(site)
    await client.post("/sim/faults", json={"kind": "delay_visibility", "seconds": 90})
    placed = (await client.post("/orders/regular", data=an_order())).json()["data"]["order_id"]

    absent = (await client.get("/orders")).json()["data"], (await client.get(f"/orders/{placed}")).status_code
    clock.move(91)
    site.place_due()

    (order,) = (await client.get("/orders")).json()["data"]
    assert absent == ([], 404)
    assert (order["order_id"], order["status"]) == (placed, "COMPLETE")


async def test_killed_token_is_dead():
    site, _ = a_site()
    client = a_client(site)

    await client.post("/sim/faults", json={"kind": "kill_token", "account": "AB1234"})

    assert (await client.get("/user/profile")).status_code == 403


async def test_faults_do_not_exist_unless_allowed():
    site, _ = a_site()
    site.faults_allowed = False

    answer = await a_client(site).post("/sim/faults", json={"kind": "kill_token"})

    assert answer.status_code == 404


async def test_bad_fault_is_named():
    answer = await a_client(a_site()[0]).post("/sim/faults", content=b"{nonsense")

    assert answer.status_code == 400


async def test_state_tells_where_the_run_stands():
    site, clock = a_site("--speed", "60")
    client = a_client(site)
    before = (await client.get("/sim/state")).json()

    clock.move(0.25)
    _step(site)

    after = (await client.get("/sim/state")).json()
    assert (before["phase"], before["seed"], before["replay"], before["finished"]) == ("open", 7, None, False)
    assert after["steps"] == before["steps"] + 1
    assert after["market_time"] > before["market_time"]
