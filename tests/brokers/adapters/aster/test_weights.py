import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from brokers.adapters.aster.door import Door
from brokers.adapters.aster.market import RateLimit
from brokers.adapters.aster.weights import WEIGHT, AsterBudget, own_pace
from brokers.domain.allowance import ASTER_ALLOWANCE
from brokers.domain.errors import Invalid
from tests.brokers.adapters.doubles import SteppingClock


def a_limit(kind, limit, interval="MINUTE", count=1):
    return RateLimit(kind=kind, interval=interval, interval_count=count, limit=limit)


def a_budget(clock=None, **words):
    return AsterBudget(clock=clock or SteppingClock(), **words)


async def spend(budget, clock, kind, *, weight, until_s, urgent=False):
    """Make calls of a kind as fast as they are let go, and return when each went."""
    moments = []
    while clock.elapsed_s < until_s:
        budget.settle(kind, await budget.acquire(kind, weight=weight, urgent=urgent))
        if clock.elapsed_s < until_s:
            moments.append(clock.elapsed_s)
    return moments


def most_in_a_minute(moments, weight):
    return max(sum(weight for at in moments if start <= at < start + 60) for start in moments)


@pytest.mark.parametrize("weight", [1, 5, 40])
async def test_polling_takes_seventy_percent_of_a_minute_at_most(weight):
    clock = SteppingClock()
    budget = a_budget(clock)
    budget.settle("read", await budget.acquire("read"))
    clock.elapsed_s = 120.0  # as much is saved up as ever will be

    moments = await spend(budget, clock, "read", weight=weight, until_s=270)

    assert most_in_a_minute(moments, weight) + weight >= 0.65 * 2400
    assert most_in_a_minute(moments, weight) <= 0.7 * 2400 + weight


async def test_when_polling_has_used_its_part_an_exit_and_an_entry_still_go_at_once():
    clock = SteppingClock()
    budget = a_budget(clock)
    await spend(budget, clock, "read", weight=40, until_s=120)
    moments = {}

    for name, kind, urgent in (("entry", "order", False), ("exit", "order", True), ("cancel", "cancel", True)):
        before = clock.elapsed_s
        await budget.acquire(kind, urgent=urgent)
        moments[name] = clock.elapsed_s - before

    assert max(moments.values()) < 0.1


async def test_entries_stop_before_exits_do():
    clock = SteppingClock()
    pace = own_pace(clock)
    for _ in range(2000):
        await pace.acquire(WEIGHT, ahead_s=42.0)
        if clock.elapsed_s > 0:
            break

    budget = a_budget(clock, pace=pace)
    before = clock.elapsed_s
    await budget.acquire("cancel", urgent=True)

    assert clock.elapsed_s - before < 0.1


async def test_the_address_is_one_for_all_its_accounts():
    clock = SteppingClock()
    pace = own_pace(clock)
    budgets = [a_budget(clock, pace=pace) for _ in range(3)]
    went = []

    async def poll(budget):
        went.extend(await spend(budget, clock, "read", weight=20, until_s=130))

    await asyncio.gather(*map(poll, budgets))

    assert most_in_a_minute(sorted(went), 20) <= 0.7 * 2400 + 60


async def test_orders_are_paced_below_both_of_the_exchange_s_ceilings():
    clock = SteppingClock()
    clock.elapsed_s = 60.0

    moments = await spend(a_budget(clock), clock, "order", weight=1, urgent=True, until_s=200)

    in_ten_seconds = max(sum(start <= at < start + 10 for at in moments) for start in moments)
    assert in_ten_seconds <= 300 - 4 * 10
    assert most_in_a_minute(moments, 1) <= 1200 - ASTER_ALLOWANCE.guardian_orders_per_minute


async def test_the_guardian_s_part_is_never_the_desk_s():
    desk, guardian = ASTER_ALLOWANCE.desk, ASTER_ALLOWANCE.guardian

    assert desk.per_second + guardian.per_second <= 30
    assert desk.per_minute + ASTER_ALLOWANCE.guardian_orders_per_minute <= 1200


async def test_what_the_exchange_has_counted_stops_polling_and_leaves_orders_their_room():
    clock = SteppingClock()
    budget = a_budget(clock)
    budget.settle("read", await budget.acquire("read"))
    budget.heed({"X-MBX-USED-WEIGHT-1M": "1680"})
    clock_before = clock.elapsed_s

    await budget.acquire("order", urgent=True)
    order_waited = clock.elapsed_s - clock_before
    await budget.acquire("read")

    assert order_waited < 0.2
    assert clock.elapsed_s - clock_before > 10


@pytest.mark.parametrize("headers", [{}, {"x-mbx-used-weight-1m": "1679"}, {"X-MBX-USED-WEIGHT-1M": "much"}])
async def test_little_used_or_not_told_stops_nothing(headers):
    clock = SteppingClock()
    budget = a_budget(clock)

    budget.heed(headers)
    await budget.acquire("read")

    assert clock.elapsed_s < 1


async def test_orders_rest_when_the_exchange_has_counted_nearly_all():
    clock = SteppingClock()
    budget = a_budget(clock)
    budget.heed({"x-mbx-order-count-10s": "271"})

    await budget.acquire("order", urgent=True)

    assert clock.elapsed_s >= 1.0


async def test_the_exchange_s_own_ceilings_go_before_those_we_knew():
    clock = SteppingClock()
    clock.elapsed_s = 60.0
    budget = a_budget(clock)
    budget.learn([a_limit("REQUEST_WEIGHT", 1200), a_limit("ORDERS", 120), a_limit("ORDERS", 30, "SECOND", 10)])

    moments = await spend(budget, clock, "read", weight=5, until_s=200)
    orders = await spend(budget, clock, "order", weight=1, urgent=True, until_s=300)

    assert most_in_a_minute(moments, 5) <= 0.7 * 1200 + 5
    assert most_in_a_minute(orders, 1) <= 120


async def test_a_larger_or_unknown_ceiling_changes_no_share():
    budget = a_budget()
    before = budget.report().per_minute

    budget.learn(
        [a_limit("ORDERS", 12_000), a_limit("WHATEVER", 1, "FORTNIGHT"), a_limit("ORDERS", 9_000, "SECOND", 10)]
    )

    assert budget.report().per_minute == before == ASTER_ALLOWANCE.desk.per_minute


async def test_an_order_that_gave_its_turn_up_stands_in_no_other_s_way():
    class Stuck:
        async def acquire(self, kind, *, weight, ahead_s):
            await asyncio.Event().wait()

    clock = SteppingClock()
    clock.elapsed_s = 60.0
    budget = a_budget(clock, pace=Stuck(), share=replace(ASTER_ALLOWANCE.desk, per_second=1))
    clock.elapsed_s = 120.0
    waiting = asyncio.create_task(budget.acquire("order"))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    budget._pace = own_pace(clock)

    await budget.acquire("cancel", urgent=True)

    assert clock.elapsed_s - 120.0 < 1.5  # and not until nobody could still wait for an answer


async def test_an_earlier_owner_s_orders_count():
    clock = SteppingClock()
    budget = a_budget(clock)

    budget.inherit([clock.now() - timedelta(seconds=30)] * 5)

    assert budget.report().used_in_a_minute == 5


async def test_an_unknown_kind_of_call_is_refused():
    budget = a_budget()
    with pytest.raises(Invalid):
        await budget.acquire("lunch")
    with pytest.raises(Invalid):
        budget.settle("lunch")


async def test_a_ban_of_the_address_is_shown_with_the_orders_budget():
    clock = SteppingClock()
    door = Door(clock=clock)
    budget = a_budget(clock, door=door)
    before = budget.report().paused_s

    await door.shut(status=418, headers={"Retry-After": "120"}, banned_until_ms=None)

    assert (before, budget.report().paused_s) == (0.0, pytest.approx(120.0))
