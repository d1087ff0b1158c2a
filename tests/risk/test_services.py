from decimal import Decimal
from uuid import uuid4

import pytest

from accounts.models import AuditEvent
from accounts.services import desk_create, user_create
from brokers.domain.errors import DataError, Invalid
from brokers.models import TradingAccount
from risk.models import Breach, KillSwitch, LimitSet
from risk.selectors import breaches, limits_for, switch_rows, switches_for
from risk.services import limits_set, switch_set
from tests.risk.builders import NOW, some_limits

pytestmark = pytest.mark.django_db

ALL = {
    "max_daily_loss_quote": "5000",
    "max_order_value_quote": "100000",
    "max_gross_exposure_quote": "1000000",
    "max_position_value_quote": "500000",
    "max_orders_per_second": "5",
    "max_orders_per_day": 500,
    "price_band_fraction": "0.03",
    "max_quote_age_s": "10",
}


@pytest.fixture
def user():
    return user_create(email="a@example.test", at=NOW)


@pytest.fixture
def account(user):
    desk = desk_create(name="A", owner=user, at=NOW)
    return TradingAccount.objects.create(
        desk=desk, owner=user, venue="kite", label="A", venue_user_id="AB1234", currency="INR"
    )


def pull(account, user, *, engaged=True, scope="account", target=None, reason="enough"):
    return switch_set(
        scope=scope,
        desk_id=account.desk_id,
        target_id=target or account.pk,
        engaged=engaged,
        reason=reason,
        by=user,
        at=NOW,
    )


def test_limits_come_back_as_the_gate_takes_them(account, user):
    limits_set(account=account, values=ALL, by=user, at=NOW)

    assert limits_for(account) == some_limits()


def test_an_account_without_limits_may_not_trade(account):
    with pytest.raises(DataError, match="has no limits"):
        limits_for(account)


def test_the_first_set_must_name_every_limit(account, user):
    with pytest.raises(Invalid) as caught:
        limits_set(account=account, values={"max_daily_loss_quote": "1"}, by=user, at=NOW)

    assert caught.value.field == "max_order_value_quote"
    assert not LimitSet.objects.exists()


def test_later_changes_keep_the_other_limits(account, user):
    limits_set(account=account, values=ALL, by=user, at=NOW)

    limits_set(account=account, values={"max_daily_loss_quote": "4000.50"}, by=user, at=NOW)

    assert limits_for(account) == some_limits(max_daily_loss_quote="4000.50")


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("max_loss", "1", "limit.unknown"),
        ("max_daily_loss_quote", "much", "limit.not_a_number"),
        ("max_daily_loss_quote", "inf", "limit.not_a_number"),
        ("max_daily_loss_quote", "0", "limit.not_positive"),
        ("max_daily_loss_quote", "1e16", "limit.too_large"),
        ("max_daily_loss_quote", "1.001", "limit.places"),
        ("max_orders_per_day", "1.5", "limit.not_whole"),
        ("price_band_fraction", "3", "limit.not_a_fraction"),
    ],
)
def test_a_wrong_limit_is_named_and_changes_nothing(account, user, name, value, code):
    limits_set(account=account, values=ALL, by=user, at=NOW)

    with pytest.raises(Invalid) as caught:
        limits_set(account=account, values={name: value}, by=user, at=NOW)

    assert (caught.value.code, caught.value.field) == (code, name)
    assert limits_for(account) == some_limits()


def test_loosening_is_recorded_by_name(account, user):
    limits_set(account=account, values=ALL, by=user, at=NOW)

    limits_set(account=account, values={"max_daily_loss_quote": "6000"}, by=user, at=NOW)

    event = AuditEvent.objects.get(action="limits.loosen")
    assert event.details["loosened"] == ["max_daily_loss_quote"]
    assert event.actor == user


def test_tightening_is_recorded_as_a_change(account, user):
    limits_set(account=account, values=ALL, by=user, at=NOW)

    limits_set(account=account, values={"max_daily_loss_quote": "1"}, by=user, at=NOW)

    assert not AuditEvent.objects.filter(action="limits.loosen").exists()
    assert AuditEvent.objects.filter(action="limits.set").count() == 2


def test_a_pulled_switch_is_seen_by_the_gate(account, user):
    pull(account, user)

    switches = switches_for(account)

    assert switches.objection(None) == "the account's kill switch is engaged: enough"
    assert switches.epoch == 1


def test_every_change_of_a_switch_grows_its_epoch(account, user):
    pull(account, user)

    switch, changed = pull(account, user, engaged=False)

    assert changed
    assert (switch.is_engaged, switch.epoch) == (False, 2)


def test_pulling_a_pulled_switch_changes_nothing(account, user):
    pull(account, user)

    switch, changed = pull(account, user, reason="again")

    assert not changed
    assert (switch.epoch, switch.reason) == (1, "enough")
    assert AuditEvent.objects.filter(action="switch.engage").count() == 1


def test_the_desk_s_switch_stops_all_its_accounts(account, user):
    pull(account, user, scope="desk", target=account.desk_id)

    assert "desk's kill switch" in switches_for(account).objection("D1")


def test_another_desk_s_switch_is_not_seen(account, user):
    other = desk_create(name="B", owner=user, at=NOW)
    switch_set(scope="desk", desk_id=other.pk, target_id=other.pk, engaged=True, reason="x", by=user, at=NOW)

    assert switches_for(account).objection(None) is None


@pytest.mark.parametrize(("scope", "reason", "field"), [("world", "x", "scope"), ("account", "  ", "reason")])
def test_a_malformed_switch_is_refused(account, user, scope, reason, field):
    with pytest.raises(Invalid) as caught:
        pull(account, user, scope=scope, reason=reason)

    assert caught.value.field == field
    assert not KillSwitch.objects.exists()


def test_a_stranger_sees_neither_switches_nor_breaches(account, user):
    pull(account, user)
    Breach.objects.create(account=account, rule="order_value", reason="too large", fired_at=NOW)
    stranger = user_create(email="b@example.test", at=NOW)

    assert (switch_rows(stranger), breaches(stranger)) == ([], [])
    assert switch_rows(user)[0]["reason"] == "enough"
    assert breaches(user)[0]["rule"] == "order_value"


def test_breaches_of_one_account_come_newest_first(account, user):
    for rule in ("older", "newer"):
        Breach.objects.create(account=account, rule=rule, reason="x", fired_at=NOW.replace(minute=len(rule)))
    Breach.objects.filter(rule="newer").update(fired_at=NOW.replace(minute=59))

    assert [row["rule"] for row in breaches(user, account_id=account.pk)] == ["newer", "older"]
    assert breaches(user, account_id=uuid4()) == []


def test_a_count_limit_stays_a_whole_number(account, user):
    limits = limits_set(account=account, values=ALL, by=user, at=NOW)

    assert isinstance(limits.max_orders_per_second, int)
    assert isinstance(limits.max_daily_loss_quote, Decimal)
