"""A perpetual account's rows: projected from its journal, and equal to what the desk itself shows."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from brokers.domain.perpetual_terms import VenueWallet
from brokers.market_models import CurrencyRate
from brokers.models import ListedInstrument
from execution import books
from execution.domain.commands import Record
from execution.domain.events import WalletSeen
from execution.journal import Batch
from execution.models import Fill, FundingRow, MarginRow, Order, PositionRow
from execution.projections import touched_by
from execution.selectors import orders_rows, positions_rows, trades_rows
from strategies.models import Deployment
from tests.builders import DEPLOYMENT
from tests.execution.conftest import NOON, an_account
from tests.execution.domain.perpetual_script import BTC, PerpetualScript
from tests.execution.domain.test_perpetuals import MIDNIGHT

MONEY = ("pnl_realised", "pnl_unrealised", "charges", "fees", "funding", "pnl_net", "notional", "average_price")
MARGIN = ("position_side", "leverage", "margin_mode", "isolated_margin", "liquidation_price", "liquidation_source")


class Written(PerpetualScript):
    """A scripted desk whose journal is a real one, batch by batch."""

    def __init__(self, account, journal, **options):
        self.row, self.thread = account, journal
        super().__init__(**options)

    def act(self, kind, /, command_id="", **payload):
        return super().act(kind, command_id or str(uuid4()), **payload)

    def _check(self, commands):
        super()._check(commands)
        records = tuple(command for command in commands if isinstance(command, Record))
        if records:
            touched = touched_by(records, self.engine.state)
            batch = Batch(account_id=str(self.row.pk), token=1, records=records, touched=touched)
            self.thread.write(batch).result(10)


@pytest.fixture
def published(monkeypatch):
    frames = {}
    monkeypatch.setattr(books, "snapshots", lambda topics: {t: frames[t] for t in topics if t in frames})
    return frames


@pytest.fixture
def usdt(owner):
    account = an_account(owner, code="0xabc")
    account.venue, account.currency, account.auth_scheme = "aster", "USDT", "agent"
    account.save()
    ListedInstrument.objects.create(
        venue="aster",
        exchange="ASTER",
        symbol="BTCUSDT",
        token=BTC.token,
        kind="PERP",
        name="BTC",
        tick_size="0.1",
        lot_size=1,
        segment="PERP",
        listed_on=NOON.date(),
    )
    Deployment.objects.create(
        pk=DEPLOYMENT,
        account=account,
        strategy="ema-crossover",
        instruments=[BTC.key],
        mode="live",
        created_by=account.owner,
    )
    return account


@pytest.fixture
def desk(usdt, journal, published):
    """A desk that bought at 101.2, paid a fee and funding, and stands at a mark of 103.25."""
    desk = Written(usdt, journal).start()
    desk.venue.liquidation = Decimal("91.5")
    desk.bar(101.0)
    desk.fill()
    desk.funding("-1.5")
    desk.read_books()
    desk.mark = 103.25
    desk.tick(104.0)
    wallet = VenueWallet(asset="USDT", wallet_quote=Decimal(1000), cross_wallet_quote=Decimal(1000))
    desk.run(WalletSeen(at=desk.now, wallets=(wallet,)))
    show(desk, published)
    return desk


def show(desk, published):
    for name in ("quotes", "portfolio"):
        published[f"{desk.row.pk}/{name}"] = {"at": "2026-08-22T23:21:00.000000Z", "data": desk.view(name)}


def test_the_rows_of_the_database_are_what_the_desk_shows(desk, owner):
    [row] = positions_rows(owner)
    [shown] = desk.view("positions").values()

    assert {name: row[name] for name in (*MONEY, *MARGIN)} == {name: shown[name] for name in (*MONEY, *MARGIN)}
    assert (row["mark_price"], row["last_price"]) == ("103.25", "104.00")


def test_the_portfolio_of_the_database_is_the_desks(desk, owner):
    row = books.portfolio_row(books.account_days(owner, None, now=NOON), now=NOON)

    shown = desk.view("portfolio")["live"]
    assert row["currency"] == "USDT"
    assert (row["pnl_today"], row["cash"], row["equity"]) == (shown["pnl_today"], shown["cash"], shown["equity"])
    parts = [Decimal(row["pnl_today"][name]) for name in ("realised", "unrealised", "fees", "funding")]
    assert abs(sum(parts) - Decimal(row["pnl_today"]["net"])) <= Decimal("0.0002")


def test_a_fill_keeps_its_fee_and_who_told_it(desk, owner):
    [trade] = trades_rows(owner)
    [order] = orders_rows(owner)

    assert Decimal(trade["fee"]) == Fill.objects.get().fee_quote > 0
    assert (trade["fee_source"], trade["source"]) == ("assumed rate", "trade")
    assert (order["validity"], order["reduce_only"], order["source"]) == ("GTC", False, "")


def test_a_forced_fill_says_whose_hand_it_was(desk, owner):
    desk.forced("99.009")

    sources = {(row["source"], row["fee_source"]) for row in trades_rows(owner)}
    assert sources == {("trade", "assumed rate"), ("liquidation", "venue")}
    assert Order.objects.get(client_id="EXT-BTCUSDT:900").source == "liquidation"


def test_a_payment_is_one_row_however_often_it_is_told(desk, owner):
    desk.funding("-1.5")

    [row] = books.funding_rows(owner)
    assert (row["amount"], row["currency"], row["strategy"], row["source"]) == (
        "-1.5",
        "USDT",
        "ema-crossover",
        "venue",
    )
    assert row["rate"] == "0.0001"
    assert PositionRow.objects.get().funding_today_quote == Decimal("-1.5")


def test_a_strangers_funding_is_not_shown(desk):
    from accounts.services import user_create

    assert books.funding_rows(user_create(email="stranger@example.com", at=NOON)) == []


def test_the_margin_row_goes_with_the_position(desk):
    assert MarginRow.objects.get().liquidation_price == Decimal("91.5")

    desk.bar(91.0)
    desk.fill(price="91")
    desk.read_books()

    assert not MarginRow.objects.exists()


def test_the_days_fees_and_funding_end_with_the_day(desk):
    desk.now = MIDNIGHT + timedelta(seconds=1)
    desk.tick()

    row = PositionRow.objects.get()
    assert (row.fees_today_quote, row.funding_today_quote, row.venue_day.isoformat()) == (0, 0, "2026-08-23")
    assert FundingRow.objects.count() == 1


def test_what_was_held_before_the_desk_came_is_a_row(usdt, journal, published, owner):
    desk = Written(usdt, journal)
    desk.venue.carried = {BTC.key: Decimal("2.5")}
    desk.start(deployment=False)
    show(desk, published)

    [row] = positions_rows(owner)

    assert (row["quantity"], row["strategy_key"]) == ("2.5", "")


# --- beside an account in rupees


@pytest.fixture
def rupees(owner, published):
    account = an_account(owner, code="AB1234")
    PositionRow.objects.create(
        account=account,
        book="live",
        instrument="NSE:RELIANCE",
        product="MIS",
        quantity=0,
        average_price=0,
        realised_today_quote=Decimal(500),
        venue_day=NOON.date(),
        updated_at=NOON,
    )
    return account


def rate(value, at=NOON):
    CurrencyRate.objects.create(base="USDT", quote="INR", rate=value, source="the bank", at=at)


def portfolio(owner):
    at = MIDNIGHT
    return books.portfolio_row(books.account_days(owner, None, now=at), now=at)


def test_two_currencies_are_added_up_at_home_and_each_account_keeps_its_own(desk, rupees, owner):
    rate("88")

    row = portfolio(owner)

    net = Decimal(desk.view("portfolio")["live"]["pnl_today"]["net"])
    assert row["currency"] == "INR"
    assert abs(Decimal(row["pnl_today"]["net"]) - (500 + net * 88)) <= Decimal("0.02")
    own = {account["currency"]: account for account in row["accounts"]}
    assert own["USDT"]["live"]["net"] == desk.view("portfolio")["live"]["pnl_today"]["net"]
    assert own["USDT"]["home"]["rate_source"] == "the bank"
    assert own["INR"]["home"] is None


def test_holding_usdt_brings_what_the_rate_moved_since_the_day_began(desk, rupees, owner):
    rate("88", at=MIDNIGHT - timedelta(days=2))
    rate("89", at=MIDNIGHT - timedelta(hours=1))

    row = portfolio(owner)

    [line] = row["fx"]
    shown = desk.view("portfolio")["live"]
    held = Decimal(shown["equity"]) - Decimal(shown["pnl_today"]["net"])
    assert (line["rate"], line["day_rate"], line["source"]) == ("89", "88", "the bank")
    assert (Decimal(line["held"]), Decimal(line["pnl"])) == (held, round(held, 2))
    assert row["pnl_today"]["fx"] == line["pnl"]
    whole = Decimal(row["pnl_today"]["net"]) + Decimal(line["pnl"])
    assert Decimal(row["pnl_today"]["net_with_fx"]) == pytest.approx(whole, abs=Decimal("0.02"))
    assert "fx" not in row["paper"]["pnl_today"]


def test_without_a_rate_an_account_is_named_and_left_out(desk, rupees, owner, settings):
    settings.WINDHOVER_USDT_INR, settings.WINDHOVER_USDT_INR_ON = None, None

    row = portfolio(owner)

    assert row["unconverted"] == [str(desk.row.pk)]
    assert row["pnl_today"]["net"] == "500.00"
    assert row["fx"] == []


def test_paper_money_is_never_in_the_total(desk, rupees, owner):
    rate("88")
    PositionRow.objects.filter(account=rupees).update(book="paper")

    row = portfolio(owner)

    assert row["paper"]["net"] == "500.00"
    net = Decimal(desk.view("portfolio")["live"]["pnl_today"]["net"])
    assert abs(Decimal(row["live"]["net"]) - net * 88) <= Decimal("0.02")


@pytest.mark.parametrize("accounts", [1, 3])
def test_asks_the_database_as_often_for_many_accounts_as_for_one(accounts, desk, owner, django_assert_max_num_queries):
    rate("88")
    for number in range(accounts - 1):
        an_account(owner, code=f"CD{number}678")

    with django_assert_max_num_queries(8):
        portfolio(owner)
