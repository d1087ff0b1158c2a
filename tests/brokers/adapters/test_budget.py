import asyncio
import itertools
import random
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brokers.adapters.backoff import Backoff
from brokers.adapters.budget import PacedBudget
from brokers.domain.allowance import KITE_ALLOWANCE, VenueAllowance
from brokers.domain.errors import Invalid
from tests.brokers.adapters.doubles import SteppingClock


async def test_a_cold_budget_starts_empty():
    clock = SteppingClock()
    budget = PacedBudget(clock=clock)

    await budget.acquire("order")

    assert clock.elapsed_s == pytest.approx(0.125)


async def test_calls_are_evenly_spaced_whatever_was_saved_up():
    clock = SteppingClock()
    budget = PacedBudget(clock=clock)
    clock.elapsed_s = 60.0
    moments = []
    for _ in range(9):
        await budget.acquire("order")
        budget.settle("order")
        moments.append(clock.elapsed_s)

    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    assert moments[0] == 60.0
    assert min(gaps) >= 0.125


async def test_exits_go_before_entries_that_wait():
    budget = PacedBudget(clock=SteppingClock())
    went = []

    async def go(name, *, urgent):
        await budget.acquire("order", urgent=urgent)
        went.append(name)

    await asyncio.gather(
        go("entry 1", urgent=False), go("entry 2", urgent=False), go("exit 1", urgent=True), go("exit 2", urgent=True)
    )

    assert went == ["exit 1", "exit 2", "entry 1", "entry 2"]


async def test_cancels_go_before_exits_that_wait():
    budget = PacedBudget(clock=SteppingClock())
    went = []

    async def go(kind, *, urgent):
        await budget.acquire(kind, urgent=urgent)
        went.append((kind, urgent))

    await asyncio.gather(go("order", urgent=False), go("order", urgent=True), go("cancel", urgent=True))

    assert went == [("cancel", True), ("order", True), ("order", False)]


async def test_calls_that_are_not_answered_keep_their_places():
    clock = SteppingClock()
    budget = PacedBudget(clock=clock)
    for _ in range(8):
        await budget.acquire("order")
    eighth_at = clock.elapsed_s

    await budget.acquire("order")

    # seven seconds on the way at most, and the venue's second that they may have fallen into
    assert eighth_at == pytest.approx(1.0)
    assert clock.elapsed_s == pytest.approx(0.125 + 8.0)


async def test_an_answer_frees_the_place_of_its_own_call():
    clock = SteppingClock()
    budget = PacedBudget(clock=clock)
    numbers = [await budget.acquire("order") for _ in range(8)]
    clock.elapsed_s = 5.0
    budget.settle("order", numbers[-1])

    await budget.acquire("order")
    ninth_at = clock.elapsed_s
    await budget.acquire("order")

    # what was never answered ends by its own time, the oldest first
    assert ninth_at == pytest.approx(6.0)
    assert clock.elapsed_s == pytest.approx(0.125 + 8.0)


async def test_an_answer_that_comes_after_its_call_was_given_up_frees_no_other():
    clock = SteppingClock()
    budget = PacedBudget(clock=clock)
    slow = await budget.acquire("order")
    clock.elapsed_s = 7.5
    for _ in range(7):
        await budget.acquire("order")
    clock.elapsed_s = 8.9
    budget.settle("order", slow)

    await budget.acquire("order")

    assert clock.elapsed_s == pytest.approx(9.9)


@given(seed=st.integers(0, 2**32), shift_s=st.floats(0, 1), longest_s=st.floats(0.001, 6.9))
def test_no_server_second_gets_more_than_the_share_however_late_calls_arrive(seed, shift_s, longest_s):
    draw = random.Random(seed)
    clock = SteppingClock()
    budget = PacedBudget(clock=clock)
    arrivals, answers = [], []

    async def send():
        for _ in range(60):
            number = await budget.acquire("order")
            on_the_way = draw.uniform(0, longest_s)
            arrivals.append(clock.elapsed_s + on_the_way)
            answers.append((clock.elapsed_s + on_the_way + draw.uniform(0, 0.1), number))
            due = sorted(answer for answer in answers if answer[0] <= clock.elapsed_s)
            for answer in due:
                answers.remove(answer)
                budget.settle("order", answer[1])

    asyncio.run(send())

    by_second = [int(at + shift_s) for at in arrivals]
    assert max(by_second.count(second) for second in by_second) <= KITE_ALLOWANCE.desk.per_second


async def test_entries_leave_the_last_of_a_minute_to_exits():
    clock = SteppingClock()
    share = VenueAllowance(orders_per_minute=60, guardian_orders_per_minute=10, exits_per_minute_reserved=20).desk
    budget = PacedBudget(clock=clock, share=share)
    for _ in range(share.entries_per_minute):
        await budget.acquire("order")
        budget.settle("order")
    before_s = clock.elapsed_s

    for _ in range(share.per_minute - share.entries_per_minute):
        await budget.acquire("order", urgent=True)
        budget.settle("order")

    assert (share.entries_per_minute, share.per_minute) == (30, 50)
    assert clock.elapsed_s - before_s < 10
    await budget.acquire("order")
    assert clock.elapsed_s > 60


async def test_the_guardian_enters_nothing_and_keeps_to_its_share():
    clock = SteppingClock()
    budget = PacedBudget(clock=clock, share=KITE_ALLOWANCE.guardian)
    moments = []
    for _ in range(5):
        await budget.acquire("cancel", urgent=True)
        budget.settle("cancel")
        moments.append(clock.elapsed_s)

    assert KITE_ALLOWANCE.guardian.entries_per_minute == 0
    assert min(later - earlier for earlier, later in itertools.pairwise(moments)) >= 0.5


async def test_a_new_owner_counts_what_the_journal_says_the_old_one_sent():
    clock = SteppingClock()
    share = VenueAllowance(orders_per_minute=60, guardian_orders_per_minute=10, exits_per_minute_reserved=20).desk
    budget = PacedBudget(clock=clock, share=share)
    budget.inherit([clock.now() - timedelta(seconds=30)] * 45 + [clock.now() - timedelta(minutes=5)])

    used = budget.report().used_in_a_minute
    for _ in range(5):
        await budget.acquire("order", urgent=True)
        budget.settle("order")
    within_s = clock.elapsed_s
    await budget.acquire("order", urgent=True)

    assert used == 45
    assert within_s < 2
    assert clock.elapsed_s >= 30


async def test_a_desk_that_used_its_minute_up_leaves_the_guardian_its_own_part():
    clock = SteppingClock()
    budget = PacedBudget(clock=clock, share=KITE_ALLOWANCE.guardian)
    budget.inherit([clock.now() - timedelta(seconds=20)] * KITE_ALLOWANCE.desk.per_minute)

    for _ in range(KITE_ALLOWANCE.guardian_orders_per_minute):
        await budget.acquire("order", urgent=True)
        budget.settle("order")

    assert clock.elapsed_s < 42


async def test_calls_of_the_last_second_are_inherited_as_if_they_were_arriving_now():
    clock = SteppingClock()
    budget = PacedBudget(clock=clock)
    budget.inherit([clock.now()] * 8)

    await budget.acquire("order", urgent=True)

    assert clock.elapsed_s >= 1.0


async def test_a_ban_is_reported_until_it_ends():
    clock = SteppingClock()
    budget = PacedBudget(clock=clock)
    clock.elapsed_s = 5.0
    budget.pause("order", 20.0)

    said_s = budget.report().paused_s
    await budget.acquire("order", urgent=True)

    assert said_s == pytest.approx(20.0, abs=0.2)
    assert budget.report().paused_s == 0


def test_shares_that_leave_no_room_are_refused():
    with pytest.raises(Invalid, match="nothing is left for entries"):
        VenueAllowance(orders_per_minute=80)
    with pytest.raises(Invalid, match="must be below 10"):
        VenueAllowance(guardian_orders_per_second=10)
    with pytest.raises(Invalid, match="the guardian's"):
        VenueAllowance(entries_per_day=5_000)
    with pytest.raises(Invalid, match="above 0"):
        VenueAllowance(quotes_per_second=0)


def test_desk_and_guardian_together_stay_within_what_the_venue_allows():
    desk, guardian = KITE_ALLOWANCE.desk, KITE_ALLOWANCE.guardian

    assert desk.per_second + guardian.per_second <= KITE_ALLOWANCE.orders_per_second
    assert desk.per_minute + KITE_ALLOWANCE.guardian_orders_per_minute <= KITE_ALLOWANCE.orders_per_minute
    assert guardian.per_minute <= KITE_ALLOWANCE.orders_per_minute
    assert max(desk.per_day, guardian.per_day) <= KITE_ALLOWANCE.orders_per_day


async def test_kinds_do_not_wait_for_each_other():
    clock = SteppingClock()
    budget = PacedBudget(clock=clock)
    clock.elapsed_s = 5.0
    for kind in ("order", "read", "quote", "history"):
        await budget.acquire(kind)

    assert clock.elapsed_s == 5.0


async def test_a_caller_who_gives_up_leaves_no_gap():
    clock = SteppingClock()
    budget = PacedBudget(clock=clock)
    waiting = asyncio.create_task(budget.acquire("quote"))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting

    await budget.acquire("quote")

    assert clock.elapsed_s == pytest.approx(1.25)


async def test_a_pause_holds_even_the_urgent():
    clock = SteppingClock()
    budget = PacedBudget(clock=clock)
    clock.elapsed_s = 5.0
    budget.pause("order", 2.0)

    await budget.acquire("order", urgent=True)

    assert clock.elapsed_s == pytest.approx(7.0)


async def test_an_unknown_kind_is_refused():
    with pytest.raises(Invalid):
        await PacedBudget(clock=SteppingClock()).acquire("lunch")


def test_waits_double_to_a_cap_and_begin_again():
    backoff = Backoff(jitter=lambda: 1.0, first_s=1.0, cap_s=60.0)

    waits = [backoff.next_s() for _ in range(8)]
    backoff.reset()

    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    assert backoff.next_s() == 1


def test_jitter_takes_up_to_half_of_a_wait():
    assert Backoff(jitter=lambda: 0.0, first_s=8.0).next_s() == 4.0
