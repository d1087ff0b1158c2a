import asyncio
from types import SimpleNamespace

import pytest

from execution.runtime import guardian as room
from execution.runtime.clock import SystemClock
from execution.runtime.guardian import HEARTBEAT_KEY, Guardian, GuardianTerms
from execution.runtime.session import LeaseLost
from tests.execution.desk_fakes import until


class Beats:
    """The key-value store, as far as a heartbeat needs it."""

    def __init__(self):
        self.keys = []

    async def set(self, key, value, *, ex):
        self.keys.append(key)


class Unhurried(Guardian):
    """Attends until it is let go."""

    def begin(self):
        self.begun, self.go_on = [], asyncio.Event()

    async def attend(self, account_id):
        self.begun.append(account_id)
        if account_id == "broken":
            raise RuntimeError("its journal cannot be read")
        if account_id == "frozen" and len(self.begun) == 1:
            raise LeaseLost("the lease could not be renewed in time")
        await self.go_on.wait()


async def work_itself(work):
    return work()


@pytest.fixture
def watch(monkeypatch):
    """Let a guardian watch accounts without a desk for as long as a condition takes to come true."""
    monkeypatch.setattr(room, "WATCH_S", 0.01)
    monkeypatch.setattr(room, "BEAT_S", 0.01)
    monkeypatch.setattr(room, "pull_where_lost", lambda at: None)

    async def watching(accounts, condition):
        monkeypatch.setattr(room, "unattended", lambda boot_ns, deadline_s: accounts)
        guardian = Unhurried(
            SimpleNamespace(clock=SystemClock(), read=work_itself),
            SimpleNamespace(owner="guardian"),
            terms=GuardianTerms(),
            threads=(),
            redis_url="redis://127.0.0.1:9",
        )
        guardian.begin()
        guardian._redis = Beats()
        running = asyncio.create_task(guardian.run())
        try:
            await until(lambda: condition(guardian), seconds=5)
        finally:
            guardian.stop()
            guardian.go_on.set()
            await running
        return guardian

    return lambda accounts, condition: asyncio.run(watching(accounts, condition))


def test_accounts_without_a_desk_are_attended_side_by_side(watch):
    guardian = watch(["first", "second"], lambda guardian: len(guardian.begun) == 2)

    assert guardian.begun == ["first", "second"]


def test_the_heart_beats_on_while_an_account_is_attended(watch):
    beats_before = []

    def has_beaten_on(guardian):
        if guardian.begun and not beats_before:
            beats_before.append(len(guardian._redis.keys))
        return bool(beats_before) and len(guardian._redis.keys) >= beats_before[0] + 3

    guardian = watch(["slow"], has_beaten_on)

    assert set(guardian._redis.keys) == {HEARTBEAT_KEY}
    assert guardian.begun == ["slow"]


def test_an_account_that_cannot_be_attended_keeps_no_other_waiting(watch):
    guardian = watch(["broken", "second"], lambda guardian: len(guardian.begun) == 2)

    assert guardian.begun == ["broken", "second"]


def test_a_guardian_that_lost_the_lease_looks_again_as_soon_as_the_deadline_allows(watch):
    guardian = watch(["frozen"], lambda guardian: len(guardian.begun) == 2)

    assert guardian.begun == ["frozen", "frozen"]
