from datetime import UTC, datetime, timedelta

from brokers.adapters.budget import PacedBudget
from execution.domain.commands import RecordKind
from execution.models import JournalEvent
from execution.runtime import store
from execution.runtime.headroom import with_ban, with_minute
from tests.brokers.adapters.doubles import SteppingClock

NOON = datetime(2026, 8, 18, 6, 30, tzinfo=UTC)


def journal(account, *rows):
    for seq, (kind, at, payload) in enumerate(rows, start=1):
        JournalEvent.objects.create(
            account=account, seq=seq, at=at, kind=kind, payload=payload, lease_token=1, previous_hash="", hash=str(seq)
        )


def test_a_new_owner_reads_what_the_last_minute_sent(account):
    ago = [NOON - timedelta(seconds=seconds) for seconds in (300, 50, 40, 30, 20)]
    journal(
        account,
        (RecordKind.INTENT, ago[0], {"client_id": "W1", "intent": {"book": "live"}}),
        (RecordKind.INTENT, ago[1], {"client_id": "W2", "intent": {"book": "live"}}),
        (RecordKind.INTENT, ago[1], {"client_id": "W4", "intent": {"book": "live"}}),
        (RecordKind.OUTCOME, ago[2], {"client_id": "W4", "write": "place", "result": "not_sent"}),
        (RecordKind.INTENT, ago[2], {"client_id": "W3", "intent": {"book": "paper"}}),
        (RecordKind.WRITE, ago[3], {"write": "cancel"}),
        (RecordKind.WRITE, ago[4], {"write": None}),
    )

    decided = store.orders_decided(str(account.pk), NOON - timedelta(seconds=65))

    assert decided == [ago[1], ago[3]]


async def test_the_minute_stands_among_the_limits():
    clock = SteppingClock()
    budget = PacedBudget(clock=clock)
    await budget.acquire("order")

    row = with_minute({"daily_loss": {}}, budget, NOON)["orders_per_minute"]

    assert (row["used"], row["limit"], row["headroom"], row["last_reason"]) == ("1", "360", "359", "")


def test_a_ban_is_told_with_its_end():
    budget = PacedBudget(clock=SteppingClock())
    budget.pause("order", 20.0)

    row = with_minute({}, budget, NOON)["orders_per_minute"]

    assert row["last_reason"] == "the venue takes no orders until 12:00:20"
    assert with_ban({}, budget, NOON)["orders_banned_until"] == "2026-08-18T06:30:20.000000Z"


def test_without_a_session_there_is_no_ban_to_tell():
    assert with_minute({}, None, NOON) == {}
    assert with_ban({}, None, NOON) == {"orders_banned_until": None}
