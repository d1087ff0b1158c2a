import dataclasses
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from brokers.domain.orders import (
    ApprovedOrder,
    Book,
    OrderIntent,
    OrderType,
    Product,
    Purpose,
    Side,
    take_mint,
)
from tests.architecture.tree import called_name, calls, parsed, words

TYPE = "brokers/domain/orders.py"
GATE = "risk/domain/gate.py"


def an_intent(quantity="1"):
    return OrderIntent(
        account_id="A1",
        book=Book.PAPER,
        instrument="NSE:RELIANCE",
        side=Side.BUY,
        quantity=Decimal(quantity),
        order_type=OrderType.MARKET,
        product=Product.INTRADAY,
        purpose=Purpose.ENTRY,
        reason="a test",
        decided_at=datetime(2026, 8, 18, 4, 0, tzinfo=UTC),
    )


def forged(**changes):
    values = {
        "intent": an_intent(),
        "client_id": "W1",
        "approved_at": datetime(2026, 8, 18, 4, 0, tzinfo=UTC),
        "reserved_quote": Decimal(0),
        "kill_epoch": 0,
        "capability": object(),
    }
    return ApprovedOrder(**values | changes)


def test_only_the_gate_takes_the_mint():
    holders = {name for name, tree in parsed() if "take_mint" in words(tree)}

    assert holders == {TYPE, GATE}


def test_only_the_type_s_own_file_builds_one():
    builders = {name for name, tree in parsed() if any(called_name(call) == "ApprovedOrder" for call in calls(tree))}

    assert builders == {TYPE}


def test_the_capability_is_spoken_of_nowhere_else():
    speakers = {name for name, tree in parsed() if words(tree) & {"_CAPABILITY", "_mint_taken"}}

    assert speakers == {TYPE}


def test_building_one_without_the_capability_is_refused():
    with pytest.raises(PermissionError):
        forged()


@pytest.mark.parametrize("holder", ["execution.domain.engine", "risk.domain.gate"])
def test_the_mint_is_handed_out_once(holder):
    import risk.domain.gate  # noqa: F401 - takes the mint

    with pytest.raises(PermissionError):
        take_mint(holder)


def test_an_approved_order_cannot_be_changed_into_a_larger_one():
    from brokers.domain import orders

    approved = forged(capability=orders._CAPABILITY)

    with pytest.raises((PermissionError, ValueError, TypeError)):
        dataclasses.replace(approved, intent=an_intent("1000"))
