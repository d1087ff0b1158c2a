import json
from decimal import Decimal

from execution.domain.codec import rfc3339
from execution.domain.events import FeedChanged, Link
from tests.builders import DEPLOYMENT, NIFTY, RELIANCE
from tests.execution.domain.desk_script import DeskScript


def the_views(desk):
    views = desk.engine.views(desk.now)
    json.dumps(views)
    return views


def a_long_desk(**options):
    desk = DeskScript(**options).start()
    desk.bar(101.0)
    desk.fill(price="101")
    desk.tick(103.0)
    return desk


def test_every_topic_is_plain_json_before_anything_happened():
    views = the_views(DeskScript().start(deployment=False))

    assert sorted(views) == [
        "feeds",
        "inbox",
        "orders",
        "portfolio",
        "positions",
        "quotes",
        "risk",
        "strategies",
        "switches",
    ]


def test_a_position_shows_its_profit_and_its_share_of_the_charges():
    [row] = the_views(a_long_desk())["positions"].values()

    assert (row["quantity"], row["average_price"], row["last_price"]) == ("99", "101.00", "103.00")
    assert (row["pnl_realised"], row["pnl_unrealised"]) == ("0.00", "198.00")
    assert Decimal(row["charges"]) > 0
    assert (row["strategy"], row["queued_exit"]) == ("Threshold", None)


def test_the_portfolio_keeps_paper_apart_from_live():
    live = the_views(a_long_desk())["portfolio"]

    day = {key: Decimal(value) for key, value in live["pnl_today"].items()}
    assert day["net"] == day["realised"] + day["unrealised"] - day["charges"]
    assert live["exposure"] == {"gross": "10197.00", "net": "10197.00"}
    assert live["paper"]["pnl_today"]["net"] == "0.00"
    assert live["live"]["pnl_today"] == live["pnl_today"]


def test_equity_is_cash_and_the_days_net():
    portfolio = the_views(a_long_desk(config={"cash_quote": Decimal(500_000)}))["portfolio"]

    assert Decimal(portfolio["equity"]) == Decimal(500_000) + Decimal(portfolio["pnl_today"]["net"])


def test_an_order_shows_the_lifecycles_own_words():
    [row] = the_views(a_long_desk())["orders"].values()

    assert (row["status"], row["filled"], row["average_price"], row["type"]) == ("FILLED", "99", "101.00", "LIMIT")
    assert (row["symbol"], row["strategy"], row["origin"]) == ("NSE:RELIANCE", "Threshold", "DESK")


def test_a_quote_shows_its_age_and_goes_stale():
    desk = DeskScript().start()
    desk.tick()
    desk.pass_time(2, ticking=False)
    row = the_views(desk)["quotes"][RELIANCE.key]
    assert (row["last_price"], row["bid"], row["age_s"], row["stale"]) == ("95.00", "94.95", "2.000", False)

    desk.run(FeedChanged(at=desk.now, state=Link.SILENT, reason="nothing for 8 s"))

    assert the_views(desk)["quotes"][RELIANCE.key]["stale"]
    assert the_views(desk)["feeds"]["reason"] == "nothing for 8 s"


def test_watched_instruments_are_quoted_without_a_strategy():
    desk = DeskScript(config={"watch": (NIFTY.key,)}).start(deployment=False)

    desk.tick(25_000.0, NIFTY)

    assert the_views(desk)["quotes"][NIFTY.key]["last_price"] == "25000.00"


def test_a_strategy_shows_its_last_reason():
    row = the_views(a_long_desk())["strategies"][DEPLOYMENT]

    assert (row["state"], row["last_reason"], row["mode"]) == ("running", "RELIANCE: closed at 101 at 10:01", "live")
    assert row["exposures"] == {"NSE:RELIANCE": "1"}


def test_limits_show_what_is_used_and_when_they_last_spoke():
    desk = DeskScript(limits={"max_orders_per_day": 1}).start()
    desk.bar(101.0)
    desk.fill()
    desk.bar(95.0)
    desk.fill()
    desk.bar(101.0)

    rows = the_views(desk)["risk"]

    assert (rows["orders_per_day"]["used"], rows["orders_per_day"]["limit"]) == ("2", "1")
    assert rows["orders_per_day"]["headroom"] == "0"
    assert rows["orders_per_day"]["last_fired_at"]
    assert rows["price_band"]["used"] is None
    assert rows["gross_exposure"]["limit"] == "2000000"


def test_switches_and_inbox_are_shown():
    desk = DeskScript().start()
    desk.act("kill", scope="deployment", target_id=DEPLOYMENT, reason="odd")
    desk.answer("WAAB1200000099", "confirmed")

    views = the_views(desk)

    assert views["switches"][f"deployment:{DEPLOYMENT}"]["engaged"]
    assert not views["switches"]["account"]["engaged"]
    [entry] = views["inbox"].values()
    assert entry["kind"] == "unknown_order"


def test_an_order_and_its_fills_carry_the_markets_time():
    desk = a_long_desk()
    [row] = the_views(desk)["orders"].values()
    [order] = desk.engine.state.orders.values()

    assert row["market_at"] == rfc3339(order.market_at)
    assert row["filled_at"] == rfc3339(order.fills[-1].filled_at)


def test_a_quote_shows_its_tick():
    desk = DeskScript().start()
    desk.tick()

    assert the_views(desk)["quotes"][RELIANCE.key]["tick_size"] == f"{RELIANCE.tick_size:f}"
