"""Every request of the adapter in the documented form, byte by byte as it leaves on the wire."""

import asyncio
import inspect
import json
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from urllib.parse import parse_qsl, unquote_plus

import pytest

from brokers.adapters.kite import (
    accounts,
    alerts,
    calculators,
    gtt,
    history,
    listing,
    mutual_funds,
    offsite,
    orders,
    portfolio,
    protocol,
    quotes,
    sessions,
)
from brokers.adapters.kite.calls import Act, Ask, ask
from brokers.adapters.kite.client import KiteVenue
from brokers.adapters.rest import HttpNet
from brokers.domain.alerts import AlertRule, AlertStatus, Comparison
from brokers.domain.custody import AuthorisedShare, PositionAge, PositionConversion
from brokers.domain.errors import DataError, Invalid, VenueError
from brokers.domain.gtt import GttTarget
from brokers.domain.instruments import InstrumentKind
from brokers.domain.orders import OrderType, Product, Side, Validity
from brokers.domain.protection import MarketProtection
from brokers.domain.terms import OrderChange, OrderTerms, Variety
from tests.brokers.adapters.doubles import CREDENTIALS, OpenBudget, SteppingClock, an_instrument, an_order, permit

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
INFY = an_instrument("INFY")
OPTION = an_instrument("NIFTY26NOV24500CE", exchange="NFO", kind=InstrumentKind.CALL, lot=65)
START, END = datetime(2026, 11, 19, 3, 45, tzinfo=UTC), datetime(2026, 11, 19, 10, 0, tzinfo=UTC)
MARKET = an_order()
LIMIT = an_order(order_type=OrderType.LIMIT, price="1510.50")
STOP = an_order(side=Side.SELL, order_type=OrderType.STOP_LIMIT, price="1440", trigger="1450", product=Product.DELIVERY)
SHARED = "exchange=NSE&tradingsymbol=INFY&transaction_type=BUY&quantity=10&product=MIS"
LIMITED = f"{SHARED}&order_type=LIMIT&validity=DAY&price=1510.5"
MARKETED = f"{SHARED}&order_type=MARKET&validity=DAY&market_protection=-1"
TAG = "&tag=W1TEST00001"


def a_row(**changes):
    """An order of the book, as the adapter reads it."""
    row = {
        "order_id": "1914227164488687616",
        "exchange": "NSE",
        "tradingsymbol": "INFY",
        "transaction_type": "BUY",
        "product": "MIS",
        "order_type": "LIMIT",
        "quantity": 10,
        "status": "OPEN",
    }
    return orders.report(row | changes).order


def an_alert(**changes):
    rule = {"name": "NIFTY 50", "instrument": "INDICES:NIFTY 50", "comparison": Comparison.AT_LEAST}
    return AlertRule(**rule | ({"constant": Decimal(27000)} if "other_instrument" not in changes else {}) | changes)


def placed(order=LIMIT, instrument=INFY, **terms):
    return orders.place(order, instrument, OrderTerms(**terms))


ID = "1914227164488687616"
ALERT = "name=NIFTY+50&type=simple&lhs_exchange=INDICES&lhs_tradingsymbol=NIFTY+50&lhs_attribute=LastTradedPrice"
ALERT += "&operator=%3E%3D"
CONVERSION = PositionConversion(
    instrument="NSE:INFY",
    side=Side.BUY,
    age=PositionAge.OVERNIGHT,
    quantity=Decimal(3),
    old_product=Product.DELIVERY,
    new_product=Product.INTRADAY,
)
SHARES = [AuthorisedShare(isin="INE1", quantity=Decimal(5)), AuthorisedShare(isin="INE2", quantity=Decimal(1))]
CHECKSUM = "cc6c955cadf2cc09442c0848ce8e165b8f9aa5974916de7186a9e1b6c4e7937e"
DAY = "/instruments/historical/738561/day?from=2026-11-19+00%3A00%3A00&to=2026-11-19+23%3A59%3A59"
MINUTE = "/instruments/historical/738561/minute?from=2026-11-19+09%3A15%3A00&to=2026-11-19+15%3A29%3A59"
WHOLE_DAY = (datetime(2026, 11, 18, 18, 30, tzinfo=UTC), datetime(2026, 11, 19, 18, 30, tzinfo=UTC))

# what is asked, the request line, and the form
FORMS = [
    (placed(), "POST /orders/regular", f"{LIMITED}{TAG}"),
    (placed(MARKET), "POST /orders/regular", f"{MARKETED}{TAG}"),
    (
        placed(an_order(order_type=OrderType.STOP_MARKET, trigger="1600")),
        "POST /orders/regular",
        f"{SHARED}&order_type=SL-M&validity=DAY&trigger_price=1600&market_protection=-1{TAG}",
    ),
    (
        placed(MARKET, protection=MarketProtection(percent=Decimal("2.50"))),
        "POST /orders/regular",
        f"{SHARED}&order_type=MARKET&validity=DAY&market_protection=2.5{TAG}",
    ),
    (
        placed(an_order(order_type=OrderType.LIMIT, price="1510.50", validity=Validity.IMMEDIATE)),
        "POST /orders/regular",
        f"{SHARED}&order_type=LIMIT&validity=IOC&price=1510.5{TAG}",
    ),
    (
        placed(live_minutes=5),
        "POST /orders/regular",
        f"{SHARED}&order_type=LIMIT&validity=TTL&price=1510.5&validity_ttl=5{TAG}",
    ),
    (placed(disclosed_quantity=Decimal(4)), "POST /orders/regular", f"{LIMITED}&disclosed_quantity=4{TAG}"),
    (placed(algo_id="A77"), "POST /orders/regular", f"{LIMITED}&algo_id=A77{TAG}"),
    (placed(variety=Variety.AFTER_MARKET), "POST /orders/amo", f"{LIMITED}{TAG}"),
    (
        placed(
            an_order(order_type=OrderType.LIMIT, price="1510.50", trigger="1490"),
            variety=Variety.COVER,
        ),
        "POST /orders/co",
        f"{SHARED}&order_type=LIMIT&validity=DAY&price=1510.5&trigger_price=1490{TAG}",
    ),
    (
        placed(variety=Variety.ICEBERG, iceberg_legs=3),
        "POST /orders/iceberg",
        f"{LIMITED}&iceberg_legs=3&iceberg_quantity=4{TAG}",
    ),
    (
        placed(variety=Variety.AUCTION, auction_number="7529"),
        "POST /orders/auction",
        f"{LIMITED}&auction_number=7529{TAG}",
    ),
    (orders.place_sliced(LIMIT, INFY), "POST /orders/regular", f"{LIMITED}&autoslice=true{TAG}"),
    (orders.modify(a_row(), OrderChange(price=Decimal("99.50"))), f"PUT /orders/regular/{ID}", "price=99.5"),
    (
        orders.modify(a_row(order_type="MARKET"), OrderChange(price=Decimal("99.50"))),
        f"PUT /orders/regular/{ID}",
        "order_type=LIMIT&price=99.5",
    ),
    (
        orders.modify(a_row(), OrderChange(order_type=OrderType.MARKET)),
        f"PUT /orders/regular/{ID}",
        "order_type=MARKET&market_protection=-1",
    ),
    (
        orders.modify(a_row(order_type="SL-M"), OrderChange(trigger_price=Decimal(95))),
        f"PUT /orders/regular/{ID}",
        "trigger_price=95&market_protection=-1",
    ),
    (
        orders.modify(a_row(variety="iceberg"), OrderChange(quantity=Decimal(4), disclosed_quantity=Decimal(2))),
        f"PUT /orders/iceberg/{ID}",
        "quantity=4&disclosed_quantity=2",
    ),
    (
        orders.modify(a_row(variety="co", parent_order_id="7"), OrderChange(trigger_price=Decimal(95))),
        f"PUT /orders/co/{ID}",
        "parent_order_id=7&trigger_price=95",
    ),
    (portfolio.convert(CONVERSION), "PUT /portfolio/positions",
     "exchange=NSE&tradingsymbol=INFY&transaction_type=BUY&position_type=overnight&quantity=3&old_product=CNC&new_product=MIS"),
    (
        portfolio.authorise("the-key", SHARES),
        "POST /portfolio/holdings/authorise",
        "isin=INE1&isin=INE2&quantity=5&quantity=1",
    ),
    (portfolio.authorise("the-key"), "POST /portfolio/holdings/authorise", ""),
    (alerts.create(an_alert()), "POST /alerts", f"{ALERT}&rhs_type=constant&rhs_constant=27000"),
    (
        alerts.replace("u1", an_alert(other_instrument="NSE:INFY")),
        "PUT /alerts/u1",
        f"{ALERT}&rhs_type=instrument&rhs_exchange=NSE&rhs_tradingsymbol=INFY&rhs_attribute=LastTradedPrice",
    ),
    (
        sessions.create("xxx", "yyy", "zzz"),
        "POST /session/token",
        f"api_key=xxx&request_token=yyy&checksum={CHECKSUM}",
    ),
    (
        sessions.refresh("xxx", "yyy", "zzz"),
        "POST /session/refresh_token",
        f"api_key=xxx&refresh_token=yyy&checksum={CHECKSUM}",
    ),
]  # fmt: skip

# what is asked, and the request line; there is no body
PLAIN = [
    (orders.cancel_regular(ID), f"DELETE /orders/regular/{ID}"),
    (orders.cancel(a_row(variety="amo")), f"DELETE /orders/amo/{ID}"),
    (orders.cancel(a_row(variety="co", parent_order_id="7")), f"DELETE /orders/co/{ID}?parent_order_id=7"),
    (orders.book(), "GET /orders"),
    (orders.history(ID), f"GET /orders/{ID}"),
    (orders.trades(), "GET /trades"),
    (orders.trades_of(ID), f"GET /orders/{ID}/trades"),
    (gtt.listed(), "GET /gtt/triggers"),
    (gtt.one("123"), "GET /gtt/triggers/123"),
    (gtt.delete("123"), "DELETE /gtt/triggers/123"),
    (alerts.listed(), "GET /alerts"),
    (
        alerts.listed(status=AlertStatus.ENABLED, page=2, page_size=50),
        "GET /alerts?status=enabled&page=2&page_size=50",
    ),
    (alerts.one("u1"), "GET /alerts/u1"),
    (alerts.history("u1"), "GET /alerts/u1/history"),
    (alerts.delete("u1", "u2"), "DELETE /alerts?uuid=u1&uuid=u2"),
    (portfolio.positions(), "GET /portfolio/positions"),
    (portfolio.holdings(), "GET /portfolio/holdings"),
    (portfolio.holdings_summary(), "GET /portfolio/holdings/summary"),
    (portfolio.holdings_compact(), "GET /portfolio/holdings/compact"),
    (portfolio.auctions(), "GET /portfolio/holdings/auctions"),
    (quotes.full(["NSE:INFY", "NSE:M&M"])[0], "GET /quote?i=NSE%3AINFY&i=NSE%3AM%26M"),
    (quotes.day(["NSE:NIFTY 50"])[0], "GET /quote/ohlc?i=NSE%3ANIFTY+50"),
    (quotes.last(["NSE:INFY"])[0], "GET /quote/ltp?i=NSE%3AINFY"),
    (quotes.trigger_ranges(Side.SELL, ["NSE:INFY"]), "GET /instruments/trigger_range/sell?i=NSE%3AINFY"),
    (listing.contracts(), "GET /instruments"),
    (listing.contracts("NFO"), "GET /instruments/NFO"),
    (history.bars(an_instrument(), 60, START, END)[0], f"GET {MINUTE}&continuous=0&oi=0"),
    (history.interest_bars(an_instrument(), 60, START, END)[0], f"GET {MINUTE}&continuous=0&oi=1"),
    (
        history.interest_bars(an_instrument(), 86_400, *WHOLE_DAY, is_continuous=True)[0],
        f"GET {DAY}&continuous=1&oi=1",
    ),
    (accounts.profile(), "GET /user/profile"),
    (accounts.full_profile(), "GET /user/profile/full"),
    (accounts.funds(), "GET /user/margins"),
    (accounts.segment_funds(accounts.Segment.COMMODITY), "GET /user/margins/commodity"),
    (mutual_funds.orders(), "GET /mf/orders"),
    (mutual_funds.order("9"), "GET /mf/orders/9"),
    (mutual_funds.plans(), "GET /mf/sips"),
    (mutual_funds.plan("9"), "GET /mf/sips/9"),
    (mutual_funds.holdings(), "GET /mf/holdings"),
    (mutual_funds.listing(), "GET /mf/instruments"),
    (sessions.end("k", "t"), "DELETE /session/token?api_key=k&access_token=t"),
    (sessions.revoke("k", "r"), "DELETE /session/token?api_key=k&refresh_token=r"),
]

ROW = {
    "exchange": "NSE",
    "tradingsymbol": "INFY",
    "transaction_type": "BUY",
    "product": "MIS",
    "order_type": "LIMIT",
    "variety": "regular",
    "quantity": 10,
}
PRICED = {**ROW, "price": 1510.5, "trigger_price": 0}
NOTE = {"order_id": "first", **ROW, "average_price": 1509.95}
EXECUTION = calculators.Execution(name="first", intent=LIMIT.intent, instrument=INFY, average_price=Decimal("1509.95"))

# what is asked, the request line, and the JSON body
CALCULATORS = [
    (calculators.order_margins([(LIMIT.intent, INFY)]), "POST /margins/orders", [PRICED]),
    (
        calculators.order_margins([(LIMIT.intent, INFY)], is_compact=True),
        "POST /margins/orders?mode=compact",
        [PRICED],
    ),
    (
        calculators.basket_margins([(LIMIT.intent, INFY), (LIMIT.intent, INFY)], is_compact=True),
        "POST /margins/basket?consider_positions=true&mode=compact",
        [PRICED, PRICED],
    ),
    (calculators.contract_notes([EXECUTION]), "POST /charges/orders", [NOTE]),
]


class Recorder:
    """Answers anything with an error and keeps the bytes that it was sent."""

    ANSWER = b'{"status":"error","message":"no","error_type":"InputException"}'

    def __init__(self):
        self.head, self.body = [], b""

    async def serve(self, reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.head = head.split("\r\n")
        self.body = await reader.readexactly(int(self.header("content-length") or 0))
        writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: %d\r\n\r\n" % len(self.ANSWER) + self.ANSWER)
        await writer.drain()
        writer.close()

    def header(self, name):
        return next((line.partition(": ")[2] for line in self.head if line.lower().startswith(f"{name}:")), None)

    @property
    def line(self):
        return self.head[0].removesuffix(" HTTP/1.1")


@asynccontextmanager
async def a_wire():
    recorder = Recorder()
    server = await asyncio.start_server(recorder.serve, "127.0.0.1", 0)
    net = HttpNet()
    venue = KiteVenue(
        net=net,
        budget=OpenBudget(),
        credentials=CREDENTIALS,
        clock=SteppingClock(),
        jitter=lambda: 1.0,
        api_url=f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}",
    )
    try:
        yield venue, recorder
    finally:
        await net.close()
        server.close()
        await server.wait_closed()


async def sent(call):
    """Send a call and return what arrived."""
    async with a_wire() as (venue, recorder):
        with pytest.raises((VenueError, DataError)):
            await (venue.act(call, permit) if isinstance(call, Act) else venue.ask(call))
        return recorder


def name_of(case):
    return case if isinstance(case, str) else ""


@pytest.mark.parametrize(("call", "line", "form"), FORMS, ids=name_of)
async def test_a_form_leaves_as_documented(call, line, form):
    told = await sent(call)

    assert (told.line, told.body.decode()) == (line, form)
    assert told.header("content-type") == (FORM if form else None)
    assert told.header("x-kite-version") == "3"
    # a session begins with a checksum in the place of a signature
    begins = "/session/" in line
    assert told.header("authorization") == (None if begins else "token the-key:the-token")


@pytest.mark.parametrize(("call", "line"), PLAIN, ids=name_of)
async def test_a_call_without_a_body_leaves_as_documented(call, line):
    told = await sent(call)

    assert (told.line, told.body) == (line, b"")
    assert (told.header("content-type"), told.header("x-kite-version")) == (None, "3")


@pytest.mark.parametrize(("call", "line", "rows"), CALCULATORS, ids=name_of)
async def test_a_calculator_leaves_as_json(call, line, rows):
    told = await sent(call)

    assert (told.line, json.loads(told.body)) == (line, rows)
    assert told.header("content-type") == JSON


TARGET = GttTarget(trigger_price=Decimal(1600), price=Decimal("1599.5"))
HELD = an_order(order_type=OrderType.LIMIT, price="702.5", trigger="702", product=Product.DELIVERY)


@pytest.mark.parametrize(
    ("call", "line", "kind", "values", "prices"),
    [
        (gtt.place(HELD, INFY, last_price=Decimal(798)), "POST /gtt/triggers", "single", [702], [702.5]),
        (
            gtt.place(STOP, INFY, last_price=Decimal(1500), target=TARGET),
            "POST /gtt/triggers",
            "two-leg",
            [1450, 1600],
            [1440, 1599.5],
        ),
        (
            gtt.replace("123", STOP, INFY, last_price=Decimal(1500), target=TARGET),
            "PUT /gtt/triggers/123",
            "two-leg",
            [1450, 1600],
            [1440, 1599.5],
        ),
    ],
)
async def test_a_trigger_s_condition_and_orders_travel_as_json_texts_in_a_form(call, line, kind, values, prices):
    told = await sent(call)
    form = dict(parse_qsl(told.body.decode()))
    placed_orders = json.loads(form["orders"])

    assert (told.line, form["type"], told.header("content-type")) == (line, kind, FORM)
    assert json.loads(form["condition"])["trigger_values"] == values
    assert json.loads(form["condition"]).keys() == {"exchange", "tradingsymbol", "trigger_values", "last_price"}
    assert [order["price"] for order in placed_orders] == prices
    assert {order["order_type"] for order in placed_orders} == {"LIMIT"}
    assert placed_orders[0].keys() == {
        "exchange", "tradingsymbol", "transaction_type", "quantity", "order_type", "product", "price",
    }  # fmt: skip


async def test_a_short_position_s_target_is_the_lower_leg():
    stop = an_order(order_type=OrderType.STOP_LIMIT, price="25", trigger="24", quantity=65, product=Product.CARRY)
    target = GttTarget(trigger_price=Decimal(10), price=Decimal(11))

    told = await sent(gtt.place(stop, OPTION, last_price=Decimal(15), target=target))
    form = dict(parse_qsl(told.body.decode()))

    assert json.loads(form["condition"])["trigger_values"] == [10, 24]
    assert [order["price"] for order in json.loads(form["orders"])] == [11, 25]


async def test_an_alert_that_places_orders_carries_approved_ones_in_a_basket():
    told = await sent(alerts.create(an_alert(), [(MARKET, INFY)]))
    form = dict(parse_qsl(told.body.decode()))
    basket = json.loads(form["basket"])
    (item,) = basket["items"]

    assert (form["type"], basket["type"], basket["tags"], item["type"]) == ("ato", "alert", [], "insert")
    assert (item["exchange"], item["tradingsymbol"], item["weight"]) == ("NSE", "INFY", 10)
    assert (item["params"]["order_type"], item["params"]["market_protection"]) == ("MARKET", -1)
    assert (item["params"]["variety"], item["params"]["tags"]) == ("regular", ["W1TEST00001"])


def test_quotes_are_asked_in_calls_below_the_limit_of_a_url():
    keys = [f"NFO:NIFTY26NOV{strike}CE" for strike in range(10_000, 11_000)]

    calls = quotes.full(keys)

    assert [len(call.request.params) for call in calls] == [400, 400, 200]
    assert [key for call in calls for _, key in call.request.params] == keys


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: OrderTerms(variety=Variety.ICEBERG), "iceberg_legs"),
        (lambda: OrderTerms(variety=Variety.ICEBERG, iceberg_legs=51), "iceberg_legs"),
        (lambda: OrderTerms(iceberg_legs=2), "iceberg_legs"),
        (lambda: placed(an_order(quantity=3), variety=Variety.ICEBERG, iceberg_legs=3 + 1), "iceberg_legs"),
        (lambda: OrderTerms(variety=Variety.AUCTION), "auction_number"),
        (lambda: OrderTerms(live_minutes=0), "live_minutes"),
        (lambda: OrderTerms(disclosed_quantity=Decimal(0)), "disclosed_quantity"),
        (lambda: placed(MARKET, OPTION, disclosed_quantity=Decimal(1)), "disclosed_quantity"),
        (lambda: placed(disclosed_quantity=Decimal(11)), "disclosed_quantity"),
        (lambda: placed(variety=Variety.COVER), "trigger_price"),
        (lambda: placed(an_order(quantity="1.5")), "quantity"),
        (lambda: placed(an_order(validity=Validity.IMMEDIATE), live_minutes=1), "validity"),
        (lambda: placed(autoslice=True), "autoslice"),
        (lambda: MarketProtection(percent=Decimal(0)), "market_protection"),
        (lambda: MarketProtection(percent=Decimal(101)), "market_protection"),
        (OrderChange, "price"),
        (lambda: orders.modify(a_row(), OrderChange(quantity=Decimal(11))), "quantity"),
        (lambda: gtt.place(MARKET, INFY, last_price=Decimal(10)), "order_type"),
        (lambda: gtt.place(HELD, INFY, last_price=Decimal(702)), "trigger_price"),
        (lambda: gtt.place(STOP, INFY, last_price=Decimal(1400), target=TARGET), "trigger_price"),
        (
            lambda: gtt.place(
                an_order(order_type=OrderType.LIMIT, price="702.5", trigger="702"), INFY, last_price=Decimal(798)
            ),
            "product",
        ),
        (lambda: gtt.place(HELD, INFY, last_price=Decimal(798), target=TARGET), "side"),
        (lambda: an_alert(name=" "), "name"),
        (lambda: an_alert(other_instrument="NSE:INFY", constant=Decimal(1)), "constant"),
        (alerts.delete, "alert_ids"),
        (lambda: alerts.listed(page_size=501), "page_size"),
        (lambda: replace(CONVERSION, quantity=Decimal(0)), "quantity"),
        (lambda: replace(CONVERSION, new_product=Product.DELIVERY), "new_product"),
        (lambda: replace(EXECUTION, average_price=Decimal(0)), "average_price"),
        (lambda: AuthorisedShare(isin="", quantity=Decimal(1)), "isin"),
        (lambda: quotes.trigger_ranges(Side.BUY, []), "keys"),
        (lambda: calculators.order_margins([]), "orders"),
        (lambda: history.bars(INFY, 60, START, END, is_continuous=True), "interval_s"),
    ],
)
def test_what_the_venue_would_misread_is_refused_before_it_is_sent(make, field):
    with pytest.raises(Invalid) as caught:
        make()

    assert caught.value.field == field


def builders():
    modules = (orders, gtt, alerts, portfolio, sessions, quotes, calculators, accounts, mutual_funds, listing, history)
    for module in modules:
        for name, builder in inspect.getmembers(module, inspect.isfunction):
            if builder.__module__ == module.__name__ and not name.startswith("_"):
                yield f"{module.__name__.rpartition('.')[2]}.{name}", inspect.signature(builder)


def test_whatever_places_an_order_starts_from_an_approved_one():
    acts = {name: signature for name, signature in builders() if "Act[" in str(signature.return_annotation)}
    exposing = {name for name, signature in acts.items() if "ApprovedOrder" in str(signature)}
    baskets = {name for name, signature in acts.items() if "BasketOrder" in str(signature)}

    assert exposing == {"orders.place", "orders.place_sliced", "gtt.place", "gtt.replace"}
    assert baskets == {"alerts.create", "alerts.replace"}
    # the others end, move or describe what is there, or belong to a session
    assert set(acts) - exposing - baskets == {
        "orders.modify", "orders.cancel", "orders.cancel_regular", "gtt.delete", "alerts.delete",
        "portfolio.convert", "portfolio.authorise",
        "sessions.create", "sessions.end", "sessions.refresh", "sessions.revoke",
    }  # fmt: skip


def test_every_builder_is_held_to_its_documented_form():
    """A builder without a row in the tables above would be a call that nobody has compared with Kite's reference."""
    asked = {call.request.path for call, *_ in (*FORMS, *PLAIN, *CALCULATORS)}
    source = inspect.getsource(inspect.getmodule(test_every_builder_is_held_to_its_documented_form))
    names = {name for name, signature in builders() if "Ask[" in str(signature) or "Act[" in str(signature)}

    assert asked
    assert [name for name in names if f"{name}(" not in source] == []


async def test_a_dictionary_is_no_order():
    async with a_wire() as (venue, recorder):
        with pytest.raises(AttributeError):
            await venue.place({"tradingsymbol": "INFY"}, INFY, permit)

    assert recorder.head == []


def test_no_market_order_can_be_worded_without_protection():
    for kind in (OrderType.MARKET, OrderType.STOP_MARKET):
        order = an_order(order_type=kind, trigger="10" if kind is OrderType.STOP_MARKET else None)
        for terms in (OrderTerms(), OrderTerms(variety=Variety.AFTER_MARKET), OrderTerms(algo_id="1")):
            assert float(protocol.order_fields(order.intent, INFY, terms)["market_protection"]) != 0
        changed = orders.modify(a_row(), OrderChange(order_type=kind, trigger_price=Decimal(1)))
        assert changed.request.form["market_protection"] == "-1"


def test_orders_for_the_broker_s_own_page_are_approved_and_protected():
    form = offsite.basket("the-key", [(LIMIT, INFY), (MARKET, INFY)])
    limit, market = json.loads(form.fields["data"])

    assert (form.url, form.fields["api_key"]) == ("https://kite.zerodha.com/connect/basket", "the-key")
    assert (limit["price"], limit["variety"], limit["tag"]) == (1510.5, "regular", "W1TEST00001")
    assert market["market_protection"] == -1
    with pytest.raises(Invalid):
        offsite.basket("the-key", [])


def test_a_login_page_and_a_plain_text_are_kept_apart():
    url = protocol.login_url("https://kite.zerodha.com/connect/login", "k", "abc")

    assert unquote_plus(unquote_plus(url)).endswith("?v=3&api_key=k&redirect_params=state=abc")


def test_an_ask_reads_what_it_asked_for():
    question = ask(protocol.profile(), lambda data: data)

    assert isinstance(question, Ask)
    assert question.request.kind == "read"
