"""A day's list against the deployments that trade on it."""

from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from accounts.models import AuditEvent, Outbox
from brokers.listings import list_version
from brokers.listings_sync import list_take
from execution.listing_changes import listing_changes_apply
from execution.models import Command
from execution.tasks import listing_changes_apply_run
from tests.brokers.domain.test_search import listed
from tests.people import NOON, a_deployment, a_desk, an_account

pytestmark = pytest.mark.django_db

RELIANCE = listed("NSE:RELIANCE")
OTHER = listed("NSE:OTHER")


def take(*instruments, day=0):
    at = NOON + timedelta(days=day)
    list_take(venue="kite", instruments=instruments, unreadable=0, is_simulated=True, at=at)
    return list_version("kite")


@pytest.fixture
def deployment():
    take(RELIANCE, OTHER)
    return a_deployment(an_account(a_desk()), is_enabled=True, state="running")


@pytest.mark.parametrize(
    ("now_listed", "sentence"),
    [
        ((OTHER,), "NSE:RELIANCE is listed no longer"),
        ((OTHER, replace(RELIANCE, symbol="RIL")), "NSE:RELIANCE is now called NSE:RIL"),
        ((OTHER, replace(RELIANCE, lot_size=5)), "the lot of NSE:RELIANCE was 1 and is now 5"),
    ],
)
def test_a_deployment_on_a_contract_that_changed_stops_and_says_why(deployment, now_listed, sentence):
    version = take(*now_listed, day=1)

    assert listing_changes_apply(venue="kite", version=version, at=NOON) == 1

    deployment.refresh_from_db()
    assert (deployment.is_enabled, deployment.last_reason) == (False, sentence)
    command = Command.objects.get(account=deployment.account)
    assert (command.kind, command.payload["reason"]) == ("deployment_stop", sentence)
    assert AuditEvent.objects.filter(action="deployment.contract_changed", subject=str(deployment.pk)).exists()


def test_what_did_not_change_goes_on(deployment):
    version = take(RELIANCE, replace(OTHER, lot_size=5), day=1)

    assert listing_changes_apply(venue="kite", version=version, at=NOON) == 0
    assert not Command.objects.exists()


def test_a_change_is_applied_once_and_a_new_start_stands(deployment):
    version = take(OTHER, replace(RELIANCE, lot_size=5), day=1)
    listing_changes_apply_run(venue="kite", version=str(version))
    listing_changes_apply_run(venue="kite", version=str(version))
    type(deployment).objects.update(is_enabled=True)

    later = take(replace(RELIANCE, lot_size=5), day=1)

    assert listing_changes_apply(venue="kite", version=later, at=NOON) == 0
    assert Command.objects.count() == 1


def test_an_unknown_list_changes_nothing(deployment):
    assert listing_changes_apply(venue="kite", version=uuid4(), at=NOON) == 0


def test_a_list_with_changes_asks_for_them_to_be_applied(deployment):
    version = take(OTHER, day=1)

    [row] = Outbox.objects.filter(task="execution.listing_changes_apply")
    assert row.arguments == {"venue": "kite", "version": str(version)}
