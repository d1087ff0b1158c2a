from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from brokers.domain.clock import UTC_ZONE, venue_day_of
from brokers.hub import topic_of
from brokers.market_models import CurrencyRate
from brokers.models import ListedInstrument
from execution import books
from execution.models import Fill, FundingRow, MarginRow
from strategies.models import Deployment
from tests.people import a_listed, a_position_row, an_aster_account, an_order_row

pytestmark = pytest.mark.django_db

BTC = "ASTER:BTCUSDT"
AN_HOUR_AGO = timezone.now() - timedelta(hours=1)
TODAY = venue_day_of(timezone.now())
TODAY_UTC = venue_day_of(timezone.now(), UTC_ZONE)


@pytest.fixture
def perps(ours):
    a_listed("BTCUSDT", exchange="ASTER", kind="PERP", venue="aster", segment="PERP", tick_size=Decimal("0.1"))
    return an_aster_account(ours.desk, owner=ours.user)


@pytest.fixture
def held(ours, perps, monkeypatch):
    """Hold a share in rupees and a bitcoin in USDT, live, with a little profit in each."""
    a_position_row(
        ours.account, book="live", quantity=10, average_price=Decimal(1400), day_average=Decimal(1400), venue_day=TODAY
    )
    a_position_row(
        perps,
        book="live",
        instrument=BTC,
        product="PERP",
        quantity=Decimal("0.5"),
        average_price=Decimal(60_000),
        day_average=Decimal(60_000),
        venue_day=TODAY_UTC,
    )
    frames = {
        topic_of(str(ours.account.pk), "quotes"): quotes_frame("NSE:RELIANCE", "1410"),
        topic_of(str(perps.pk), "quotes"): quotes_frame(BTC, "60010", mark="60020"),
    }
    monkeypatch.setattr(books, "snapshots", lambda topics: {name: frames[name] for name in topics if name in frames})
    return ours


def quotes_frame(symbol, last, *, mark=None):
    row = {"symbol": symbol, "last_price": last, "exchange_at": "2026-08-18T06:30:00Z", "source": "feed"}
    return {"at": "2026-08-18T06:30:00Z", "data": {symbol: {**row, "mark_price": mark} if mark else row}}


def a_rate(rate="80", *, at=AN_HOUR_AGO, source="the operator's bank"):
    return CurrencyRate.objects.create(base="USDT", quote="INR", rate=Decimal(rate), source=source, at=at)


def a_perpetual_fill(account, **fields):
    order = an_order_row(
        account, book="live", instrument=BTC, product="PERP", status="FILLED", client_id=fields.pop("client_id", "C1")
    )
    row = {
        "book": "live",
        "venue_day": TODAY_UTC,
        "instrument": BTC,
        "venue_order_id": "V1",
        "trade_id": "T1",
        "side": "SELL",
        "quantity": Decimal("0.5"),
        "price": Decimal(57_000),
        "product": "PERP",
        "fee_quote": Decimal("9.975"),
        "filled_at": timezone.now(),
        **fields,
    }
    return Fill.objects.create(account=account, order=order, **row)


def numbers(value):
    """Find every number that is no text, anywhere in an answer."""
    if isinstance(value, dict):
        return [found for one in value.values() for found in numbers(one)]
    if isinstance(value, list):
        return [found for one in value for found in numbers(one)]
    return [value] if isinstance(value, float) else []


def test_one_total_stands_where_the_rate_is_known_with_its_source_and_time(held, perps):
    rate = a_rate()

    portfolio = held.get("/api/portfolio").json()

    assert portfolio["currency"] == "INR"
    # 10 × 10 rupees and 0.5 × 20 USDT at 80
    assert Decimal(portfolio["pnl_today"]["unrealised"]) == 100 + 10 * 80
    [line] = portfolio["fx"]
    assert (line["base"], line["quote"], line["rate"], line["source"]) == ("USDT", "INR", "80", "the operator's bank")
    assert line["as_of"].startswith(rate.at.astimezone(UTC).isoformat()[:19])
    assert portfolio["unconverted"] == []


def test_without_a_rate_the_other_currency_stays_apart_and_is_named(held, perps, settings):
    settings.WINDHOVER_USDT_INR = None

    portfolio = held.get("/api/portfolio").json()

    assert Decimal(portfolio["pnl_today"]["unrealised"]) == 100
    assert portfolio["unconverted"] == [str(perps.pk)]
    own = next(row for row in portfolio["accounts"] if row["id"] == str(perps.pk))
    assert (own["currency"], Decimal(own["live"]["pnl_today"]["unrealised"]), own["home"]) == ("USDT", 10, None)


def test_a_rate_of_tomorrow_is_not_known_today(held, perps, settings):
    settings.WINDHOVER_USDT_INR = None
    a_rate(at=timezone.now() + timedelta(hours=1))

    assert held.get("/api/portfolio").json()["unconverted"] == [str(perps.pk)]


def test_each_account_has_its_own_currency_rate_source_and_time(held, perps):
    a_rate()

    rows = held.get("/api/portfolio").json()["accounts"]

    assert [(row["venue"], row["currency"]) for row in rows] == [("kite", "INR"), ("aster", "USDT")]
    home = rows[1]["home"]
    assert (home["currency"], home["rate"], home["rate_source"]) == ("INR", "80", "the operator's bank")
    assert home["rate_as_of"]
    assert Decimal(home["live_net"]) == 10 * 80


def test_one_account_alone_is_shown_in_its_own_currency(held, perps):
    portfolio = held.get(f"/api/portfolio?account={perps.pk}").json()

    assert portfolio["currency"] == "USDT"
    assert Decimal(portfolio["pnl_today"]["net"]) == 10


@pytest.mark.parametrize("path", ["/api/portfolio", "/api/positions", "/api/trades", "/api/funding"])
def test_no_amount_is_a_float(held, perps, path):
    a_rate()
    a_perpetual_fill(perps)

    assert numbers(held.get(path).json()) == []


def test_positions_of_both_venues_stand_in_one_list(held, perps):
    MarginRow.objects.create(
        account=perps,
        book="live",
        instrument=BTC,
        position_side="BOTH",
        quantity=Decimal("0.5"),
        entry_price=Decimal(60_000),
        leverage=10,
        margin_mode="crossed",
        mark_price=Decimal(60_020),
        liquidation_price=Decimal("54301.5"),
        liquidation_source="venue",
        updated_at=timezone.now(),
    )

    share, bitcoin = held.get("/api/positions").json()["results"]

    assert (share["venue"], share["currency"], share["leverage"], share["liquidation_price"]) == (
        "kite",
        "INR",
        None,
        None,
    )
    assert (bitcoin["venue"], bitcoin["currency"], bitcoin["quantity"]) == ("aster", "USDT", "0.5")
    assert (bitcoin["leverage"], bitcoin["margin_mode"]) == (10, "crossed")
    prices = [Decimal(bitcoin[name]) for name in ("liquidation_price", "mark_price", "pnl_unrealised")]
    assert prices == [Decimal("54301.5"), 60_020, 10]
    assert {"fees", "funding", "pnl_net", "notional", "liquidation_source"} <= set(bitcoin)


def test_trades_name_their_fee_and_whose_hand_it_was(held, perps):
    a_perpetual_fill(perps)
    a_perpetual_fill(perps, source="liquidation", trade_id="T2", client_id="autoclose-1")

    rows = held.get("/api/trades").json()["results"]

    assert {row["source"] for row in rows} == {"trade", "liquidation"}
    assert {(row["fee"], row["currency"]) for row in rows} == {("9.975", "USDT")}


def test_funding_is_listed_newest_first_with_its_rate(held, perps):
    for number, amount in enumerate(("-0.42", "0.17")):
        FundingRow.objects.create(
            account=perps,
            book="live",
            payment_id=f"p{number}",
            instrument=BTC,
            position_side="BOTH",
            amount_quote=Decimal(amount),
            asset="USDT",
            rate=Decimal("0.0001"),
            source="venue",
            venue_day=date(2026, 8, 18),
            paid_at=datetime(2026, 8, 18, 8 * number, tzinfo=UTC),
            booked_at=timezone.now(),
        )

    answer = held.get("/api/funding").json()

    assert [(row["amount"], row["rate"], row["currency"]) for row in answer["results"]] == [
        ("0.17", "0.0001", "USDT"),
        ("-0.42", "0.0001", "USDT"),
    ]
    assert held.get(f"/api/funding?account={held.account.pk}").json()["count"] == 0


@pytest.mark.parametrize("path", ["portfolio", "positions", "trades", "funding"])
def test_wrong_callers_and_queries_are_told_so(ours, theirs, anybody, perps, path):
    assert anybody.get(f"/api/{path}").status_code == 401
    assert theirs.get(f"/api/{path}?account={perps.pk}").status_code == 404
    for query, status in (("colour=red", 400), ("account=none", 400), ("account=", 400)):
        answer = ours.get(f"/api/{path}?{query}")
        assert (answer.status_code, bool(answer.json()["error"]["code"])) == (status, True)


@pytest.mark.parametrize("path", ["portfolio", "positions", "trades", "funding"])
def test_a_stranger_sees_nothing_of_either_venue(held, theirs, perps, path):
    a_perpetual_fill(perps)

    assert str(perps.pk) not in theirs.get(f"/api/{path}").content.decode()


@pytest.mark.parametrize(("path", "most"), [("portfolio", 14), ("positions", 9), ("trades", 2), ("funding", 4)])
def test_two_venues_cost_a_fixed_number_of_queries(held, perps, django_assert_max_num_queries, path, most):
    a_rate()
    held.get(f"/api/{path}")

    with django_assert_max_num_queries(most):
        held.get(f"/api/{path}")


@pytest.mark.parametrize(("instrument", "venue"), [("NSE:RELIANCE", "kite"), (BTC, "aster")])
def test_a_strategy_goes_to_the_account_where_its_instrument_trades(ours, perps, instrument, venue):
    a_listed()
    params = {"order_value_quote": "500"}
    body = {"strategy": "ema-crossover", "instruments": [instrument], "params": params, "mode": "paper"}

    answer = ours.post("/api/strategies/add", body)

    assert answer.status_code == 201, answer.json()
    assert Deployment.objects.get().account.venue == venue


def test_no_strategy_in_usdt_takes_the_value_that_is_meant_in_rupees(ours, perps):
    body = {"strategy": "ema-crossover", "instruments": [BTC], "params": {}, "mode": "paper"}

    answer = ours.post("/api/strategies/add", body)

    assert answer.status_code == 400
    assert answer.json()["error"]["field"] == "params.order_value_quote"
    assert "USDT" in answer.json()["error"]["message"]
    assert not Deployment.objects.exists()


@pytest.mark.parametrize("instruments", [["NSE:RELIANCE", BTC], ["ASTER:BTCUSDT", "ASTER:BTCUSDT2"]])
def test_a_strategy_that_could_go_to_several_accounts_must_name_one(ours, perps, instruments):
    an_aster_account(ours.desk, owner=ours.user)
    body = {"strategy": "ema-crossover", "instruments": instruments, "params": {}, "mode": "paper"}

    answer = ours.post("/api/strategies/add", body)

    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "account")


def test_an_instrument_of_the_other_venue_is_refused_by_name(ours, perps):
    body = {
        "strategy": "ema-crossover",
        "instruments": [BTC],
        "params": {},
        "mode": "paper",
        "account": str(ours.account.pk),
    }

    answer = ours.post("/api/strategies/add", body)

    assert answer.status_code in (400, 404)
    assert "instruments" in answer.json()["error"]["field"]


def test_the_search_tells_the_step_and_the_least_order_of_a_perpetual(ours, perps):
    steps = {"quantity_step": Decimal("0.001"), "min_notional": Decimal(5), "status": "TRADING"}
    ListedInstrument.objects.filter(symbol="BTCUSDT").update(**steps)
    a_listed("BTCOLDUSDT", exchange="ASTER", kind="PERP", venue="aster", status="SETTLING", tick_size=Decimal("0.1"))

    rows = {row["symbol"]: row for row in ours.get("/api/instruments?q=btc").json()["results"]}

    assert (rows[BTC]["kind"], rows[BTC]["currency"], rows[BTC]["takes_orders"]) == ("PERP", "USDT", True)
    assert (rows[BTC]["quantity_step"], rows[BTC]["min_notional"]) == ("0.001", "5")
    assert not rows["ASTER:BTCOLDUSDT"]["takes_orders"]


@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("portfolio", "unconverted"),
        ("positions", "liquidation_price"),
        ("trades", "fee_source"),
        ("funding", "received"),
    ],
)
def test_the_schema_says_what_the_figures_mean(ours, path, word):
    schema = ours.get("/api/schema", Accept="application/vnd.oai.openapi+json").json()

    assert word in schema["paths"][f"/api/{path}"]["get"]["description"]


def test_the_health_needs_no_key_and_says_no_name(anybody, perps):
    answer = anybody.get("/health")

    assert {"status", "checks"} <= set(answer.json())
    assert perps.label not in answer.content.decode()
