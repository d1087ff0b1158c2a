"""A hosted account learns at the next look that it was taken back to paper, or released."""

from contextlib import suppress
from types import SimpleNamespace

import pytest

from brokers.models import TradingAccount
from brokers.services import account_release
from execution.domain.events import ReleaseChanged
from execution.runtime import store
from execution.runtime.polling import Inbox
from tests.execution.conftest import NOON


class Machine:
    """Reads at once; its clock stands still, so that the market's facts are not looked at."""

    clock = SimpleNamespace(now=lambda: NOON, boot_ns=lambda: -(10**18))

    async def read(self, work):
        return work()


class Session:
    """The part of a session that an inbox uses while nothing but the account changes."""

    def __init__(self, account):
        known = settings_of(account)
        self.machine = Machine()
        self.facts = store.account_facts(str(account.pk))
        self.limits, self.is_released = known.limits, known.is_released
        self.live = SimpleNamespace(heed_login=lambda epoch, reason: None)
        self.taken = []
        self.inbox = Inbox(self)

    def take(self, event):
        self.taken.append(event)

    def look(self):
        with suppress(StopIteration):  # nothing here waits, so no loop is needed
            self.inbox.poll().send(None)


def settings_of(account):
    return store.settings_of(str(account.pk), str(account.desk_id))


@pytest.mark.parametrize(
    ("is_live", "is_simulated", "is_released"),
    [(True, False, True), (False, False, False), (False, True, True), (True, True, True)],
)
def test_an_account_opens_live_when_released_or_when_no_real_money_can_move(
    account, is_live, is_simulated, is_released
):
    TradingAccount.objects.update(is_live=is_live, is_simulated=is_simulated)

    assert settings_of(account).is_released is is_released


def test_a_desk_hears_of_a_recall_and_of_a_release_once_each(account, owner):
    TradingAccount.objects.update(is_simulated=False, is_live=True)
    session = Session(account)
    session.look()
    assert session.taken == []

    account_release(account=account, is_live=False, by=owner, at=NOON)
    session.look()
    session.look()
    TradingAccount.objects.update(is_live=True)
    session.look()

    assert session.taken == [
        ReleaseChanged(at=NOON, is_released=False),
        ReleaseChanged(at=NOON, is_released=True),
    ]
