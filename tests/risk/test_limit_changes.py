from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from accounts.models import AuditEvent
from accounts.services import desk_create, user_create
from brokers.domain.errors import Invalid
from brokers.models import TradingAccount
from execution.runtime import store
from risk.domain.levels import Level
from risk.domain.loosening import LOOSENING_DELAY
from risk.models import LevelLimit, LimitChange
from risk.selectors import STORED, level_rows, limits_for, waiting_changes
from risk.services import level_limit_set, limits_set, loosenings_apply
from tests.risk.builders import NOW, RELIANCE, some_limits
from tests.risk.test_services import ALL

pytestmark = pytest.mark.django_db

LATER = NOW + LOOSENING_DELAY
# facts that no desk tells its gate yet: a limit of them would bind nothing
NOT_TOLD = {
    "max_margin_fraction",
    "min_cash_fraction",
    "circuit_gap_fraction",
    "max_scenario_loss_quote",
    "max_delta_notional_quote",
    "max_var_quote",
}


@pytest.fixture
def user():
    return user_create(email="a@example.test", at=NOW)


@pytest.fixture
def account(user):
    desk = desk_create(name="A", owner=user, at=NOW)
    found = TradingAccount.objects.create(
        desk=desk, owner=user, venue="kite", label="A", venue_user_id="AB1234", currency="INR"
    )
    limits_set(account=found, values=ALL, by=user, at=NOW)
    return found


def change(account, user, at=NOW, **values):
    return limits_set(account=account, values=values, by=user, at=at)


def set_level(account, level, target, name, value, *, at=NOW, currency=""):
    return level_limit_set(
        desk_id=account.desk_id, level=level, target=target, name=name, value=value, currency=currency, by=None, at=at
    )


def test_only_what_the_gate_is_told_of_can_be_set(account, user):
    assert set(STORED).isdisjoint(NOT_TOLD)

    with pytest.raises(Invalid) as caught:
        change(account, user, max_margin_fraction="0.8")
    assert caught.value.code == "limit.unknown"


def test_tightening_holds_at_once(account, user):
    now = change(account, user, max_daily_loss_quote="4000", max_open_orders="5", entry_windows_ist="09:20-14:00")

    assert limits_for(account) == now
    assert (now.max_daily_loss_quote, now.max_open_orders) == (4000, 5)
    assert [str(window) for window in now.entry_windows_ist] == ["09:20-14:00"]
    assert not LimitChange.objects.exists()


def test_loosening_takes_effect_after_its_delay(account, user):
    now = change(account, user, max_daily_loss_quote="6000")

    assert now == some_limits()
    assert loosenings_apply(account_id=account.pk, at=LATER - timedelta(seconds=1)) == 0
    assert loosenings_apply(account_id=account.pk, at=LATER) == 1
    assert loosenings_apply(account_id=account.pk, at=LATER) == 0
    assert limits_for(account) == some_limits(max_daily_loss_quote="6000")
    assert AuditEvent.objects.get(action="limits.loosened").details["after"] == "6000"


def test_a_limit_may_be_taken_away_after_the_delay(account, user):
    change(account, user, instruments_allowed=[RELIANCE])
    change(account, user, instruments_allowed="")

    assert limits_for(account).instruments_allowed == frozenset({RELIANCE})
    loosenings_apply(account_id=account.pk, at=LATER)
    assert limits_for(account).instruments_allowed is None


def test_a_later_decision_takes_a_waiting_one_back(account, user):
    change(account, user, max_daily_loss_quote="9000")
    change(account, user, max_daily_loss_quote="3000")

    assert loosenings_apply(account_id=account.pk, at=LATER) == 0
    assert limits_for(account).max_daily_loss_quote == 3000
    assert LimitChange.objects.get().withdrawn_at == NOW


def test_what_tightens_and_what_loosens_part_ways_in_one_change(account, user):
    now = change(account, user, max_daily_loss_quote="6000", max_order_value_quote="50000")

    assert (now.max_daily_loss_quote, now.max_order_value_quote) == (5000, 50_000)
    event = AuditEvent.objects.get(action="limits.loosen")
    assert event.details["loosened"] == ["max_daily_loss_quote"]
    assert event.details["effective_at"] == LATER.isoformat()


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"max_orders_per_minute": "4"}, "limit.contradiction"),
        ({"max_daily_loss_quote": ""}, "limit.not_a_number"),
        ({"max_spread_fraction": "0.00001"}, "limit.places"),
        ({"entry_windows_ist": "later"}, "limit.window"),
    ],
)
def test_a_wrong_change_changes_nothing(account, user, values, code):
    with pytest.raises(Invalid) as caught:
        change(account, user, **values)

    assert caught.value.code == code
    assert limits_for(account) == some_limits()


def test_every_level_binds_its_own(account, user):
    deployment = str(uuid4())
    set_level(account, Level.DESK, str(account.desk_id), "max_order_value_quote", "900", currency="INR")
    set_level(account, Level.USER, str(account.owner_id), "max_order_quantity", "9")
    set_level(account, Level.STRATEGY, deployment, "max_gross_exposure_quote", "800", currency="INR")
    set_level(account, Level.INSTRUMENT, RELIANCE, "max_position_quantity", "7")

    bounding = limits_for(account).over(deployment_id=deployment, instrument=RELIANCE)

    assert bounding.limits.max_order_value_quote == 900
    assert bounding.origin["max_order_value_quote"].level is Level.DESK
    assert (bounding.limits.max_order_quantity, bounding.limits.max_position_quantity) == (9, 7)
    assert bounding.own.max_gross_exposure_quote == 800
    assert {row["level"] for row in level_rows(user)} == {"desk", "user", "strategy", "instrument"}


def test_money_of_another_currency_does_not_bind(account):
    set_level(account, Level.DESK, str(account.desk_id), "max_order_value_quote", "5", currency="USDT")

    assert limits_for(account).levels == ()


def test_of_two_desks_the_tighter_limit_of_a_user_holds(account, user):
    other = desk_create(name="B", owner=user, at=NOW)
    for desk_id, value in ((account.desk_id, "8"), (other.pk, "5")):
        level_limit_set(
            desk_id=desk_id,
            level=Level.USER,
            target=str(user.pk),
            name="max_order_quantity",
            value=value,
            by=user,
            at=NOW,
        )

    assert limits_for(account).levels[0].values["max_order_quantity"] == 5


def test_a_level_s_limit_loosens_after_the_delay_too(account, user):
    place = (account, Level.DESK, str(account.desk_id), "max_order_quantity")
    assert set_level(*place, "10")
    assert not set_level(*place, "20")
    assert not set_level(*place, None)
    assert [row["after"] for row in waiting_changes(user)] == [None]

    assert loosenings_apply(account_id=account.pk, at=LATER) == 1
    assert not LevelLimit.objects.exists()


def test_a_looser_figure_replaces_the_row_after_the_delay(account):
    place = (account, Level.DESK, str(account.desk_id), "max_order_quantity")
    set_level(*place, "10")
    set_level(*place, "20")

    loosenings_apply(account_id=account.pk, at=LATER)

    assert LevelLimit.objects.get().figure == "20"


@pytest.mark.parametrize(
    ("level", "name", "currency", "code"),
    [
        (Level.DESK, "max_daily_loss_quote", "INR", "limit.unknown"),
        (Level.ACCOUNT, "max_order_quantity", "", "limit.unknown"),
        (Level.STRATEGY, "circuit_gap_fraction", "", "limit.unknown"),
        (Level.DESK, "max_order_value_quote", "", "limit.currency"),
        (Level.DESK, "max_order_quantity", "INR", "limit.currency"),
    ],
)
def test_a_limit_that_means_nothing_at_a_level_is_refused(account, level, name, currency, code):
    with pytest.raises(Invalid) as caught:
        set_level(account, level, "x", name, "1", currency=currency)

    assert caught.value.code == code
    assert not LevelLimit.objects.exists()


def test_a_stranger_sees_neither_levels_nor_what_waits(account, user):
    set_level(account, Level.DESK, str(account.desk_id), "max_order_quantity", "10")
    change(account, user, max_daily_loss_quote="6000")
    stranger = user_create(email="b@example.test", at=NOW)

    assert (level_rows(stranger), waiting_changes(stranger)) == ([], [])
    assert len(waiting_changes(user)) == 1


def test_a_desk_reads_its_limits_with_what_has_become_due(account, user):
    change(account, user, at=NOW.replace(year=2000), max_daily_loss_quote="6000")
    set_level(account, Level.DESK, str(account.desk_id), "max_order_quantity", "10")

    limits = store.settings_of(str(account.pk), str(account.desk_id)).limits

    assert limits.max_daily_loss_quote == Decimal(6000)
    assert limits.over(deployment_id=None, instrument=RELIANCE).limits.max_order_quantity == 10


def test_of_an_account_that_is_gone_nothing_is_due(account):
    assert loosenings_apply(account_id=uuid4(), at=LATER) == 0
