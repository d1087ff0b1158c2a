"""What is kept of chains goes once it is old, and nothing else does."""

from datetime import timedelta

import pytest
from django.utils import timezone

from options.chain_store import ChainStore
from options.clearing import chains_clear
from options.models import ChainAlertFired, ChainDay, ChainMinute
from options.tasks import clear_task
from tests.options.kept import a_desk_leaves, a_tracked

pytestmark = pytest.mark.django_db


@pytest.fixture
def store(settings, tmp_path):
    settings.WINDHOVER_STATE = tmp_path
    settings.WINDHOVER_CHAIN_DAYS, settings.WINDHOVER_CHAIN_ALERT_DAYS = 30, 7
    return ChainStore(tmp_path / "chains")


def kept(store, caller, days_ago, *, row, chains):
    """Keep a minute, a told alert, a day's volatility and a snapshot of so many days ago."""
    at = timezone.now() - timedelta(days=days_ago)
    store.write(str(caller.user.pk), "NIFTY", at.date(), chains)
    ChainMinute.objects.create(tracked=row, day=at.date(), expiry=at.date(), at=at, call_oi=1.0, put_oi=1.0)
    ChainAlertFired.objects.create(tracked=row, measure="pcr", expiry=at.date(), at=at, text="told")
    ChainDay.objects.create(tracked=row, day=at.date(), at=at, iv_30d=0.13)


def ages(rows):
    today = timezone.now().date()
    return sorted((today - day).days for day in rows)


def test_what_is_older_than_it_is_kept_goes_and_the_rest_stays(ours, theirs, store):
    chains = a_desk_leaves(ours).chains[:1]
    rows = {one.user.pk: a_tracked(one) for one in (ours, theirs)}
    for days_ago in (1, 8, 31):
        kept(store, ours, days_ago, row=rows[ours.user.pk], chains=chains)
    kept(store, theirs, 8, row=rows[theirs.user.pk], chains=chains)

    cleared = chains_clear(now=timezone.now())

    assert (cleared.minutes, cleared.fired, cleared.days) == (1, 3, 1)
    assert ages(ChainMinute.objects.values_list("day", flat=True)) == [1, 8, 8]
    assert ages(at.date() for at in ChainAlertFired.objects.values_list("at", flat=True)) == [1]
    assert ages(ChainDay.objects.values_list("day", flat=True)) == [1, 8, 8, 31]
    assert ages(store.days(str(ours.user.pk), "NIFTY")) == [1, 8]
    assert ages(store.days(str(theirs.user.pk), "NIFTY")) == [8]


def test_one_users_snapshots_are_cleared_without_touching_anothers(ours, theirs, store):
    chains = a_desk_leaves(ours).chains[:1]
    day = timezone.now().date()
    for one in (ours, theirs):
        store.write(str(one.user.pk), "NIFTY", day - timedelta(days=31), chains)

    gone = store.clear(str(ours.user.pk), before=day)

    assert gone == 1
    assert store.days(str(ours.user.pk), "NIFTY") == []
    assert ages(store.days(str(theirs.user.pk), "NIFTY")) == [31]


def test_with_nothing_kept_there_is_nothing_to_clear(ours, store):
    clear_task(unknown="ignored")

    assert store.users() == []
