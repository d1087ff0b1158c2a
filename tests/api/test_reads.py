from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from brokers.domain.clock import venue_day_of
from execution.models import EquityPoint, Fill, JournalEvent
from tests.api.conftest import Caller
from tests.people import NOON, a_deployment, a_position_row, an_account, an_aster_account, an_order_row

pytestmark = pytest.mark.django_db
ORDER = {
    "id",
    "client_id",
    "venue_order_id",
    "account",
    "venue",
    "symbol",
    "side",
    "quantity",
    "filled",
    "price",
    "trigger_price",
    "type",
    "product",
    "status",
    "origin",
    "strategy",
    "reason",
    "created_at",
    "updated_at",
}
POSITION = {
    "account",
    "venue",
    "symbol",
    "quantity",
    "average_price",
    "last_price",
    "pnl_realised",
    "pnl_unrealised",
    "charges",
    "currency",
    "strategy",
    "as_of",
}


def results(caller, path):
    content = caller.get(path).json()
    assert content["count"] == len(content["results"])
    return content["results"]


def a_fill_row(order, **fields):
    row = {
        "book": order.book,
        "venue_day": venue_day_of(timezone.now()),
        "instrument": order.instrument,
        "venue_order_id": "V1",
        "trade_id": f"T{Fill.objects.count()}",
        "side": order.side,
        "quantity": 10,
        "price": Decimal("1400.05"),
        "product": order.product,
        "filled_at": timezone.now(),
        **fields,
    }
    return Fill.objects.create(account=order.account, order=order, **row)


def an_event(account, *, kind="signal", at=NOON, payload=None):
    seq = JournalEvent.objects.filter(account=account).count() + 1
    said = payload or {"deployment_id": "d", "instrument": "NSE:RELIANCE", "exposure": "1", "reason": "fast above slow"}
    return JournalEvent.objects.create(
        account=account, seq=seq, at=at, kind=kind, payload=said, lease_token=1, previous_hash="", hash=str(seq)
    )


def fill_the_desk(caller, rows):
    """Give the caller's account `rows` of everything."""
    for number in range(rows):
        a_deployment(caller.account)
        order = an_order_row(caller.account, deployment=caller.account.deployments.first())
        a_fill_row(order)
        a_position_row(caller.account, strategy_key=f"s{number}", venue_day=venue_day_of(timezone.now()))
        an_event(caller.account)


def test_orders_have_the_agreed_keys_and_text_for_figures(ours):
    an_order_row(ours.account)

    (row,) = results(ours, "/api/orders")

    assert set(row) >= ORDER
    assert (row["symbol"], row["quantity"], row["price"], row["status"]) == ("NSE:RELIANCE", "10", "1400.05", "OPEN")
    assert row["created_at"] == "2026-08-18T06:30:00.000000Z"


def test_orders_come_newest_first_up_to_the_limit(ours):
    old = an_order_row(ours.account)
    new = an_order_row(ours.account, created_at=NOON + timedelta(seconds=1))

    assert [row["client_id"] for row in results(ours, "/api/orders")] == [new.client_id, old.client_id]
    assert [row["client_id"] for row in results(ours, "/api/orders?limit=1")] == [new.client_id]


def test_an_account_in_the_query_keeps_its_rows_alone(ours):
    second = an_account(ours.desk)
    an_order_row(ours.account)
    mine = an_order_row(second)

    assert [row["client_id"] for row in results(ours, f"/api/orders?account={second.id}")] == [mine.client_id]


def test_positions_have_the_agreed_keys(ours):
    a_position_row(ours.account, venue_day=venue_day_of(timezone.now()))

    (row,) = results(ours, "/api/positions")

    assert set(row) >= POSITION
    assert (row["quantity"], row["currency"]) == ("10", "INR")


def test_trades_are_the_fills(ours):
    a_fill_row(an_order_row(ours.account))

    (row,) = results(ours, "/api/trades")

    assert (row["symbol"], row["side"], row["price"]) == ("NSE:RELIANCE", "BUY", "1400.05")


def test_the_portfolio_parts_gain_from_charges_and_live_from_paper(ours):
    content = ours.get("/api/portfolio").json()

    assert {"currency", "equity", "cash", "pnl_today", "exposure", "accounts", "as_of", "live", "paper"} <= set(content)
    assert set(content["pnl_today"]) == {"realised", "unrealised", "charges", "fees", "funding", "net"}
    assert set(content["exposure"]) == {"gross", "net"}


def test_every_signal_has_its_reason(ours):
    an_event(ours.account)
    an_event(ours.account, kind="order", payload={"x": 1})

    (row,) = results(ours, "/api/signals")

    assert row["reason"] == "fast above slow"


@pytest.mark.parametrize("path", ["/api/signals", "/api/journal"])
def test_since_keeps_what_is_newer(ours, path):
    an_event(ours.account, at=NOON)
    an_event(ours.account, at=NOON + timedelta(minutes=1))

    assert len(results(ours, f"{path}?since=2026-08-18T06:30:30Z")) == 1


def test_the_status_names_accounts_feeds_and_switches(ours):
    content = ours.get("/api/status").json()

    assert {"desk", "version", "mode", "market", "accounts", "feeds", "strategies", "switches"} <= set(content)
    (account,) = content["accounts"]
    assert {"id", "venue", "label", "state", "live", "lease_age_s", "token_expires_at"} <= set(account)


def test_a_market_without_hours_stands_beside_those_that_have_them(ours):
    an_aster_account(ours.desk)

    content = ours.get("/api/status").json()

    assert content["market"]["PERP"] == "continuous"
    assert "NSE-EQ" in content["market"]
    perps = content["accounts"][1]
    assert (perps["venue"], perps["currency"], perps["state"], perps["token_expires_at"]) == (
        "aster",
        "USDT",
        "live",
        None,
    )


def test_a_desk_of_perpetuals_alone_has_no_exchange_that_closes(db, fresh_redis):
    perps = Caller()
    perps.account.delete()
    an_aster_account(perps.desk)

    assert perps.get("/api/status").json()["market"] == {"PERP": "continuous"}


def test_each_venues_curve_is_of_its_own_newest_day(ours):
    perps = an_aster_account(ours.desk)
    points = [
        (ours.account, datetime(2026, 8, 18, 4, 0, tzinfo=UTC)),
        (ours.account, datetime(2026, 8, 17, 19, 0, tzinfo=UTC)),  # half past midnight in Mumbai
        (ours.account, datetime(2026, 8, 17, 18, 0, tzinfo=UTC)),  # the day before there
        (perps, datetime(2026, 8, 21, 0, 0, tzinfo=UTC)),
        (perps, datetime(2026, 8, 20, 23, 59, tzinfo=UTC)),  # the day before in UTC
    ]
    for account, at in points:
        EquityPoint.objects.create(account=account, book="live", market_at=at, net_quote=Decimal(1))

    rows = results(ours, "/api/equity")

    assert [(row["account"], row["at"][:16]) for row in rows] == [
        (str(ours.account.pk), "2026-08-17T19:00"),
        (str(ours.account.pk), "2026-08-18T04:00"),
        (str(perps.pk), "2026-08-21T00:00"),
    ]


def test_the_risk_answer_has_limits_switches_and_breaches(ours):
    ours.post("/api/risk/kill-switch", {"engaged": True, "reason": "test"})

    content = ours.get("/api/risk").json()

    assert {"limits", "switches", "breaches"} <= set(content)
    assert content["switches"][0]["engaged"] is True


def test_the_catalogue_stands_beside_what_is_deployed(ours):
    deployment = a_deployment(ours.account)

    content = ours.get("/api/strategies").json()

    assert {row["slug"] for row in content["catalogue"]} == {
        "agent-panel",
        "ema-crossover",
        "mean-reversion",
        "rsi",
        "vwap-breakout",
    }
    assert [row["id"] for row in content["results"]] == [str(deployment.id)]


@pytest.mark.parametrize("path", ["/api/orders", "/api/positions", "/api/journal", "/api/ticks", "/api/equity"])
def test_an_empty_desk_has_empty_lists(ours, path):
    assert ours.get(path).json() == {"results": [], "count": 0}


@pytest.mark.parametrize(
    ("path", "queries"),
    [
        ("/api/orders", 2),
        ("/api/trades", 2),
        ("/api/positions", 6),
        ("/api/portfolio", 6),
        ("/api/signals", 3),
        ("/api/journal", 2),
        ("/api/ticks", 2),
        ("/api/equity", 2),
        ("/api/strategies", 2),
        ("/api/risk", 5),
        ("/api/status", 8),
    ],
)
@pytest.mark.parametrize("rows", [1, 5])
def test_asks_the_database_as_often_for_many_rows_as_for_one(ours, django_assert_num_queries, path, queries, rows):
    fill_the_desk(ours, rows)
    # the first call of a key notes its use
    ours.get(path)

    with django_assert_num_queries(queries):
        answer = ours.get(path)

    assert answer.status_code == 200
