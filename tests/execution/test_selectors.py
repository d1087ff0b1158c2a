from decimal import Decimal

import pytest

from accounts.services import user_create
from execution import books, selectors
from execution.domain.commands import Record
from execution.journal import Batch
from execution.models import Fill, Order, PositionRow
from tests.execution.conftest import NOON, an_account
from tests.execution.desk_fakes import RELIANCE, list_instrument

QUERIES = {
    selectors.orders_rows: 1,
    selectors.trades_rows: 1,
    selectors.positions_rows: 5,
    selectors.portfolio: 5,
    selectors.signals_rows: 2,
    selectors.journal_rows: 1,
    selectors.ticks_rows: 1,
    selectors.equity_curve: 1,
    selectors.strategies_rows: 1,
    selectors.risk: 4,
    selectors.needs_you: 1,
    selectors.status: 7,
}


@pytest.fixture
def published(monkeypatch):
    """What the desks have published, without a Redis."""
    frames = {}

    def read(topics):
        return {topic: frames[topic] for topic in topics if topic in frames}

    monkeypatch.setattr(selectors, "snapshots", read)
    monkeypatch.setattr(books, "snapshots", read)
    return frames


@pytest.fixture
def trading(account, journal, published):
    """An account that holds ten shares bought at 1500 and quoted at 1510."""
    list_instrument()
    day = Record(kind="day", at=NOON, payload={"venue_day": "2026-08-18", "marks": {}})
    journal.write(Batch(account_id=str(account.pk), token=1, records=(day,))).result(10)
    hold(account)
    published[f"{account.pk}/quotes"] = {
        "at": "2026-08-18T06:30:00.000000Z",
        "data": {"NSE:RELIANCE": {"symbol": "NSE:RELIANCE", "last_price": "1510", "source": "stream"}},
    }
    return account


def hold(account):
    common = {
        "account": account,
        "book": "live",
        "instrument": RELIANCE.key,
        "product": "MIS",
        "venue_day": NOON.date(),
    }
    order = Order.objects.create(
        **common,
        client_id="W1",
        side="BUY",
        quantity=10,
        filled_quantity=10,
        average_price=1500,
        order_type="LIMIT",
        purpose="ENTRY",
        status="FILLED",
        origin="DESK",
        created_at=NOON,
        updated_at=NOON,
    )
    Fill.objects.create(
        **common, order=order, venue_order_id="1", trade_id="t", side="BUY", quantity=10, price=1500, filled_at=NOON
    )
    PositionRow.objects.create(
        **common, quantity=10, average_price=1500, day_average=1500, realised_today_quote=0, updated_at=NOON
    )


@pytest.mark.parametrize("selector", QUERIES, ids=lambda selector: selector.__name__)
def test_asks_the_database_as_often_for_many_accounts_as_for_one(
    selector, trading, owner, published, django_assert_max_num_queries
):
    for code in ("CD5678", "EF9012"):
        hold(an_account(owner, code=code))

    with django_assert_max_num_queries(QUERIES[selector]):
        selector(owner)


@pytest.mark.parametrize("selector", QUERIES, ids=lambda selector: selector.__name__)
def test_shows_a_stranger_nothing(selector, trading, published):
    stranger = user_create(email="stranger@example.com", at=NOON)

    answer = selector(stranger)

    assert str(trading.pk) not in str(answer)
    assert "RELIANCE" not in str(answer)


def test_values_the_day_with_the_latest_quotes(trading, owner):
    answer = selectors.portfolio(owner)

    today = answer["pnl_today"]
    assert today["unrealised"] == "100.00"
    assert Decimal(today["charges"]) > 0
    assert Decimal(today["net"]) == Decimal("100.00") - Decimal(today["charges"])
    assert answer["exposure"] == {"gross": "15100.00", "net": "15100.00"}


def test_paper_is_never_mixed_into_the_live_figures(trading, owner):
    PositionRow.objects.update(book="paper")

    answer = selectors.portfolio(owner)

    assert answer["pnl_today"]["unrealised"] == "0.00"
    assert answer["paper"]["pnl_today"]["unrealised"] == "100.00"


def test_the_rows_of_positions_add_up_to_the_portfolio(trading, owner):
    rows = selectors.positions_rows(owner)

    assert sum(Decimal(row["pnl_net"]) for row in rows) == Decimal(selectors.portfolio(owner)["pnl_today"]["net"])
