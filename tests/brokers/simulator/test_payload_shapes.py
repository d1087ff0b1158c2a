"""The simulator's bodies have the keys of the venue's official samples."""

import csv
import io
import json

import pytest

from brokers.simulator import kite_payloads
from brokers.simulator.orders import OrderEvent, Status
from tests.brokers.simulator.builders import NOW, STOCK, a_request, an_engine
from tests.brokers.simulator.site import a_client, a_site, an_order
from tests.reference import reference_file

pytestmark = pytest.mark.reference
# Rows of the sample differ between themselves: older ones lack what newer ones have.
ABSENT_IN_OURS = {"orders": {"terminal_id", "auction_number"}, "holdings": set(), "profile": set()}


def sample(name):
    return json.loads(reference_file(f"{name}.json", folder="kite").read_text())["data"]


def keys_of(rows):
    return set().union(*(row.keys() for row in rows))


@pytest.fixture
async def traded():
    site, _ = a_site()
    client = a_client(site)
    await client.post("/orders/regular", data=an_order())
    return client


async def data(client, path, **params):
    return (await client.get(path, params=params)).json()["data"]


@pytest.mark.parametrize(("path", "name"), [("/orders", "orders"), ("/trades", "trades")])
async def test_books_have_the_rows_of_the_sample(traded, path, name):
    wanted = keys_of(sample(name)) - ABSENT_IN_OURS.get(name, set())

    assert keys_of(await data(traded, path)) == wanted


async def test_positions_have_the_rows_of_the_sample(traded):
    ours, theirs = await data(traded, "/portfolio/positions"), sample("positions")

    assert ours.keys() == theirs.keys()
    assert keys_of(ours["net"]) == keys_of(ours["day"]) == keys_of(theirs["net"])


@pytest.mark.parametrize(
    ("path", "name"),
    [("/user/profile", "profile"), ("/user/margins", "margins"), ("/user/margins/equity", "margins_equity")],
)
async def test_user_bodies_have_the_keys_of_the_sample(traded, path, name):
    ours, theirs = await data(traded, path), sample(name)

    assert ours.keys() == theirs.keys()
    for key, value in theirs.items():
        if isinstance(value, dict):
            assert ours[key].keys() == value.keys()


async def test_holdings_have_the_rows_of_the_sample(traded):
    assert keys_of(await data(traded, "/portfolio/holdings")) == keys_of(sample("holdings"))


@pytest.mark.parametrize(("path", "name"), [("/quote", "quote"), ("/quote/ohlc", "ohlc"), ("/quote/ltp", "ltp")])
async def test_quotes_have_the_keys_of_the_sample(traded, path, name):
    ours = (await data(traded, path, i="NSE:INFY"))["NSE:INFY"]
    theirs = sample(name)["NSE:INFY"]

    assert ours.keys() == theirs.keys()
    assert ours.get("ohlc", {}).keys() == theirs.get("ohlc", {}).keys()
    assert [len(ours["depth"][side]) for side in ours.get("depth", ())] == [5, 5][: 2 * ("depth" in theirs)]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/user/profile/full", "full_profile"),
        ("/portfolio/holdings/summary", "holdings_summary"),
        ("/portfolio/holdings/compact", "holdings_compact"),
        ("/portfolio/holdings/auctions", "auctions_list"),
        ("/mf/orders", "mf_orders"),
        ("/mf/sips", "mf_sips"),
        ("/mf/holdings", "mf_holdings"),
    ],
)
async def test_reads_have_the_keys_of_the_sample(traded, path, name):
    ours, theirs = await data(traded, path), sample(name)

    if isinstance(theirs, list):
        ours, theirs = ours[0], theirs[0]
    assert ours.keys() == theirs.keys()


@pytest.mark.parametrize(
    ("path", "name"),
    [("/margins/orders", "order_margins"), ("/charges/orders", "virtual_contract_note")],
)
async def test_calculators_have_the_keys_of_the_sample(traded, path, name):
    wish = {"exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": "BUY", "variety": "regular"}
    wish |= {"product": "CNC", "order_type": "MARKET", "quantity": 1, "average_price": 1_500}

    (ours,) = (await traded.post(path, json=[wish])).json()["data"]

    (theirs, *_) = sample(name)
    assert ours.keys() == theirs.keys()
    assert ours["charges"].keys() == theirs["charges"].keys()
    assert ours["charges"]["gst"].keys() == theirs["charges"]["gst"].keys()


async def test_a_basket_has_the_keys_of_the_sample(traded):
    wish = {"exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": "BUY", "product": "MIS", "quantity": 1}

    ours = (await traded.post("/margins/basket", json=[wish])).json()["data"]

    theirs = sample("basket_margins")
    assert ours.keys() == theirs.keys()
    assert ours["final"].keys() == theirs["final"].keys()


async def test_triggers_and_alerts_have_the_keys_of_the_sample(traded):
    condition = {"exchange": "NSE", "tradingsymbol": "INFY", "trigger_values": [100_000], "last_price": 1_500}
    order = {"exchange": "NSE", "tradingsymbol": "INFY", "transaction_type": "SELL", "quantity": 1,
             "order_type": "LIMIT", "product": "CNC", "price": 1_600}  # fmt: skip
    form = {"type": "single", "condition": json.dumps(condition), "orders": json.dumps([order])}
    placed = (await traded.post("/gtt/triggers", data=form)).json()["data"]
    wish = {"name": "n", "type": "simple", "lhs_exchange": "INDICES", "lhs_tradingsymbol": "NIFTY 50",
            "lhs_attribute": "LastTradedPrice", "operator": ">=", "rhs_type": "constant", "rhs_constant": "1"}  # fmt: skip
    created = (await traded.post("/alerts", data=wish)).json()["data"]

    trigger = await data(traded, f"/gtt/triggers/{placed['trigger_id']}")
    (fired,) = await data(traded, f"/alerts/{created['uuid']}/history")

    theirs, fired_there = sample("gtt_get_order"), sample("alerts_history")[0]
    assert placed.keys() == sample("gtt_place_order").keys()
    assert trigger.keys() == theirs.keys()
    assert trigger["condition"].keys() == theirs["condition"].keys()
    assert trigger["orders"][0].keys() == theirs["orders"][0].keys()
    assert created.keys() == sample("alerts_create").keys()
    assert fired.keys() == fired_there.keys()
    assert fired["meta"][0].keys() == fired_there["meta"][0].keys()


async def test_the_list_of_funds_has_the_columns_of_the_sample(traded):
    theirs = reference_file("mf_instruments.csv", folder="kite").read_text().splitlines()[0]

    assert (await traded.get("/mf/instruments")).text.splitlines()[0] == theirs


async def test_token_exchange_has_the_keys_of_the_sample():
    body = kite_payloads.session("AB1234", "key", "token", NOW.market_ns)

    assert body.keys() >= sample("generate_session").keys() - {"email"}


def test_order_frames_have_the_keys_of_the_postback():
    engine = an_engine()
    order = engine.place("AB1234", a_request(), NOW)
    event = OrderEvent(account="AB1234", status=Status.COMPLETE, order=order)

    ours = kite_payloads.order_update(event, app_id=1, api_secret="secret")

    wanted = json.loads(reference_file("postback.json", folder="kite").read_text())
    assert ours.keys() == wanted.keys()
    assert order.row == STOCK


async def test_instrument_dump_has_the_columns_of_the_sample(traded):
    theirs = reference_file("instruments_all.csv", folder="kite").read_text().splitlines()[0]

    ours = (await traded.get("/instruments")).text

    rows = list(csv.DictReader(io.StringIO(ours)))
    assert ours.splitlines()[0] == theirs
    assert {row["segment"] for row in rows} == {"INDICES", "NSE", "NFO-FUT", "BFO-FUT", "NFO-OPT", "BFO-OPT"}
