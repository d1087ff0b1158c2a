"""What of each limit is used, as the risk page shows it."""

from datetime import timedelta
from decimal import Decimal

from brokers.domain.orders import Side
from risk.domain.limit_words import is_most
from risk.domain.usage import BookFacts, Placed, by_underlying, uses
from tests.risk.builders import NOW, a_holding, a_pending

INFY = "NSE:INFY"


def some_facts(**changes):
    values = {"holdings": (), "pending": (), "pnl_today_net_quote": Decimal(0), "trades": {}}
    return BookFacts(**values | changes)


def placed(quantity, value, *, ago_s=60, deployment="D1", instrument=INFY):
    return Placed(
        at=NOW - timedelta(seconds=ago_s),
        instrument=instrument,
        quantity=Decimal(quantity),
        value_quote=Decimal(value),
        deployment_id=deployment,
    )


def used(facts):
    return {name: use.used for name, use in uses(facts, at=NOW).items()}


def test_a_book_without_anything_uses_nothing():
    found = used(some_facts())

    assert set(found.values()) == {Decimal(0)}
    assert all(is_most(name) for name in found)


def test_positions_count_at_their_mark_and_open_orders_at_their_worst():
    facts = some_facts(
        holdings=(a_holding("10"), a_holding("-4", instrument=INFY)),
        pending=(a_pending("5"), a_pending("2", side=Side.SELL, instrument=INFY)),
    )

    found = used(facts)

    assert found["max_gross_exposure_quote"] == Decimal(1500 + 600)
    assert found["max_net_exposure_quote"] == Decimal(1000 - 400 + 500)
    assert found["max_position_value_quote"] == Decimal(1500)
    assert found["max_position_quantity"] == Decimal(15)
    assert found["max_open_orders"] == 2
    assert uses(facts, at=NOW)["max_position_value_quote"].of == "NSE:RELIANCE"


def test_only_a_loss_uses_the_daily_loss():
    assert used(some_facts(pnl_today_net_quote=Decimal(900)))["max_daily_loss_quote"] == 0
    assert used(some_facts(pnl_today_net_quote=Decimal(-900)))["max_daily_loss_quote"] == 900


def test_the_largest_order_of_the_day_is_remembered_beside_what_is_open():
    facts = some_facts(pending=(a_pending("3"),), placed=(placed(50, 5000), placed(3, 300, ago_s=5)))

    found = uses(facts, at=NOW)

    assert (found["max_order_value_quote"].used, found["max_order_value_quote"].most) == (300, 5000)
    assert (found["max_order_quantity"].used, found["max_order_quantity"].most) == (3, 50)
    assert found["max_order_quantity"].most_at == NOW - timedelta(seconds=60)


def test_the_pace_is_that_of_the_busiest_second_and_minute():
    ago = (200, 150.9, 150.5, 150.2, 30, 0.5)
    facts = some_facts(account_orders=tuple(NOW - timedelta(seconds=each) for each in ago))

    found = uses(facts, at=NOW)

    assert (found["max_orders_per_second"].used, found["max_orders_per_second"].most) == (1, 3)
    assert (found["max_orders_per_minute"].used, found["max_orders_per_minute"].most) == (2, 4)
    assert found["max_orders_per_second"].most_at == NOW - timedelta(seconds=150.2)
    assert found["max_orders_per_day"].used == 6


def test_a_strategy_and_an_instrument_use_what_is_theirs():
    facts = some_facts(
        holdings=(a_holding("10"), a_holding("7", instrument=INFY, deployment="D2")),
        pending=(a_pending("1", deployment="D2"),),
        placed=(placed(9, 900, deployment="D2"), placed(1, 100)),
        trades={"D1": 2, "D2": 3},
    )

    assert used(facts)["max_trades_per_day"] == 5
    of_second = uses(facts.of_deployment("D2"), at=NOW)
    assert (of_second["max_gross_exposure_quote"].used, of_second["max_trades_per_day"].used) == (800, 3)
    assert of_second["max_order_quantity"].most == 9
    assert used(facts.of_instrument(INFY))["max_position_quantity"] == 7
    assert used(facts.of_deployment("D3"))["max_trades_per_day"] == 0


def test_exposure_is_summed_by_underlying_the_largest_first():
    facts = some_facts(
        holdings=(a_holding("2", instrument=INFY), a_holding("-10")),
        pending=(a_pending("4", instrument="NFO:INFY26NOVFUT", underlying="INFY"),),
    )

    first, second = by_underlying(facts)

    assert (first.underlying, first.net_quote, first.worst_quote, first.pending) == ("RELIANCE", -1000, 1000, 0)
    assert (second.underlying, second.net_quote, second.worst_quote, second.pending) == ("INFY", 200, 600, 1)
    assert second.instruments == ("NFO:INFY26NOVFUT", INFY)


def test_leverage_and_drawdown_are_told_where_the_worth_is_known():
    facts = some_facts(holdings=(a_holding("10"),), equity_quote=Decimal(500), drawdown_fraction=Decimal("0.02"))

    found = used(facts)

    assert (found["max_leverage"], found["max_drawdown_fraction"]) == (2, Decimal("0.02"))
    assert "max_leverage" not in used(some_facts(equity_quote=Decimal(-1)))
