import threading
import time
from datetime import UTC, datetime

import pytest
from django.db import transaction

from brokers.domain.market import NANOSECONDS
from execution.models import Lease
from execution.runtime import lease as leases
from execution.runtime.lease import DatabaseLease, LeaseTerms
from execution.threads import DatabaseThread


class SteppedClock:
    """Boot time that moves when told."""

    def __init__(self, boot_ns=1_000 * NANOSECONDS):
        self.ns = boot_ns

    def now(self):
        return datetime(2026, 8, 18, 6, 30, tzinfo=UTC)

    def boot_ns(self):
        return self.ns

    def pass_s(self, seconds):
        self.ns += int(seconds * NANOSECONDS)


@pytest.fixture
def clock():
    return SteppedClock()


@pytest.fixture(autouse=True)
def host_clock(monkeypatch):
    """Judge by the stepped clock on both databases; the server's own clock has its own tests."""
    monkeypatch.setattr(leases, "_is_postgresql", lambda: False)


def a_holder(clock, name="desk1", **terms):
    return DatabaseLease(owner=name, terms=LeaseTerms(**terms), clock=clock, thread=None)


def test_claims_a_free_lease_with_the_next_token(account, clock):
    grant = a_holder(clock).claim_now(str(account.pk))

    assert grant.token == 2
    assert grant.permitted_until_boot_ns == clock.ns + int(4.5 * NANOSECONDS)


def test_leaves_a_held_lease_alone(account, clock):
    a_holder(clock).claim_now(str(account.pk))

    assert a_holder(clock, "desk2").claim_now(str(account.pk)) is None


def test_claims_nothing_that_is_not_wanted_to_run(account, clock):
    Lease.objects.update(wants_to_run=False)

    assert a_holder(clock).claim_now(str(account.pk)) is None


def test_takes_over_an_expired_lease_and_refuses_the_former_owner(account, clock):
    first, second = a_holder(clock), a_holder(clock, "desk2")
    grant = first.claim_now(str(account.pk))
    clock.pass_s(5.1)

    assert second.claim_now(str(account.pk)).token == grant.token + 1
    assert first.renew_now(grant) is None


def test_does_not_renew_what_has_expired(account, clock):
    holder = a_holder(clock)
    grant = holder.claim_now(str(account.pk))
    clock.pass_s(5.1)

    assert holder.renew_now(grant) is None


def test_renewal_counts_from_before_the_question_was_asked(account, clock):
    holder = a_holder(clock)
    grant = holder.claim_now(str(account.pk))
    clock.pass_s(1)

    renewed = holder.renew_now(grant)

    assert renewed.permitted_until_boot_ns == grant.permitted_until_boot_ns + NANOSECONDS


def test_a_lease_of_another_boot_has_expired(account, clock):
    a_holder(clock).claim_now(str(account.pk))
    Lease.objects.update(boot_id="another-boot")

    assert a_holder(clock, "desk2").claim_now(str(account.pk)).token == 3


def test_a_released_lease_is_free_at_once(account, clock):
    holder = a_holder(clock)
    holder.release_now(holder.claim_now(str(account.pk)))

    assert a_holder(clock, "desk2").claim_now(str(account.pk)).token == 3


def test_a_stale_release_takes_nothing_from_the_new_owner(account, clock):
    first = a_holder(clock)
    stale = first.claim_now(str(account.pk))
    clock.pass_s(5.1)
    second = a_holder(clock, "desk2")
    grant = second.claim_now(str(account.pk))

    first.release_now(stale)

    assert second.renew_now(grant) is not None


def test_of_many_who_claim_at_once_one_wins(account, clock):
    barrier, grants = threading.Barrier(8), []

    def claim(number):
        from django.db import connection

        barrier.wait(5)
        grants.append(a_holder(clock, f"desk{number}").claim_now(str(account.pk)))
        connection.close()

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    won = [grant for grant in grants if grant is not None]
    assert [len(grants), len(won), won[0].token] == [8, 1, 2]


@pytest.mark.postgres
def test_postgresql_judges_by_its_own_clock(account, monkeypatch):
    monkeypatch.undo()
    first, second = a_holder(SteppedClock(), ttl_s=0.2, margin_s=0.1), a_holder(SteppedClock(0), "desk2")
    first.claim_now(str(account.pk))

    assert second.claim_now(str(account.pk)) is None
    threading.Event().wait(0.3)
    assert second.claim_now(str(account.pk)).token == 3


def stuck_in_a_pipeline():
    """Stand where `executemany` does between two of its rows: PostgreSQL waits for the rest, and counts no idle time."""
    from django.db import connection

    Lease.objects.select_for_update().get()
    raw = connection.connection.pgconn
    raw.enter_pipeline_mode()
    raw.send_query_params(b"SELECT 1", None)
    raw.send_flush_request()
    raw.flush()


def stuck_between_two_statements():
    Lease.objects.select_for_update().get()


@pytest.mark.postgres
@pytest.mark.parametrize("stand_still", [stuck_in_a_pipeline, stuck_between_two_statements])
def test_an_owner_that_is_frozen_within_a_transaction_does_not_keep_its_lease(account, monkeypatch, stand_still):
    monkeypatch.undo()
    has_locked, may_go_on = threading.Event(), threading.Event()
    assert a_holder(SteppedClock(), ttl_s=1.5).claim_now(str(account.pk)).token == 2

    def freeze():
        with transaction.atomic():
            stand_still()
            has_locked.set()
            may_go_on.wait(20)

    frozen = DatabaseThread("frozen", owner="desk1")
    frozen.start()
    frozen.run(freeze)
    has_locked.wait(10)
    second, deadline = a_holder(SteppedClock(), "desk2"), time.monotonic() + 10
    while (grant := second.claim_now(str(account.pk))) is None and time.monotonic() < deadline:
        time.sleep(0.1)
    may_go_on.set()
    frozen.stop()

    assert grant is not None, "the lease was kept by a transaction that stood still"
    assert grant.token == 3


@pytest.mark.postgres
def test_an_owner_that_stands_still_within_a_transaction_does_not_keep_the_lease(account, clock):
    has_locked, may_go_on, was_let_go = threading.Event(), threading.Event(), []

    def stand_still():
        with transaction.atomic():
            Lease.objects.select_for_update().get()
            has_locked.set()
            was_let_go.append(may_go_on.wait(20))

    frozen = DatabaseThread("frozen")
    frozen.start()
    job = frozen.run(stand_still)
    has_locked.wait(10)

    grant = a_holder(clock, "desk2").claim_now(str(account.pk))
    may_go_on.set()
    job.result(20)
    frozen.stop()

    assert grant.token == 2
    assert was_let_go[0], "the claim waited until the other had gone on by itself"
