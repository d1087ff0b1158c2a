from datetime import date

import pytest

from accounts.models import AuditEvent
from accounts.services import desk_create, user_create
from brokers.domain.errors import Invalid, NotFound
from brokers.models import ListedInstrument, TradingAccount
from strategies.models import Deployment, DeploymentState
from strategies.selectors import catalogue_rows, deployments_visible
from strategies.services import deployment_add, deployment_remove, deployment_toggle
from tests.strategies.builders import DECIDED_AT

pytestmark = pytest.mark.django_db

LISTED = (("NSE", "RELIANCE", "EQ"), ("NSE", "NIFTY 50", "INDEX"), ("NFO", "NIFTY2681824200CE", "CE"))


@pytest.fixture
def user():
    return user_create(email="a@example.test", at=DECIDED_AT)


@pytest.fixture
def account(user):
    desk = desk_create(name="A", owner=user, at=DECIDED_AT)
    for token, (exchange, symbol, kind) in enumerate(LISTED):
        ListedInstrument.objects.create(
            venue="kite",
            exchange=exchange,
            symbol=symbol,
            kind=kind,
            token=token,
            segment=exchange,
            tick_size="0.05",
            lot_size=1,
            listed_on=date(2026, 8, 18),
        )
    return TradingAccount.objects.create(
        desk=desk, owner=user, venue="kite", label="A", venue_user_id="AB1234", currency="INR"
    )


def add(account, user, **changes):
    asked = {"strategy": "ema-crossover", "instruments": ["NSE:RELIANCE"], "params": {}, "mode": "paper"}
    return deployment_add(account=account, by=user, **asked | changes)


def test_a_new_deployment_rests_with_all_its_parameters(account, user):
    deployment = add(account, user, params={"fast": 5})

    assert (deployment.state, deployment.is_enabled) == (DeploymentState.STOPPED, False)
    assert (deployment.params["fast"], deployment.params["slow"]) == (5, 21)


def test_adding_is_audited(account, user):
    deployment = add(account, user, at=DECIDED_AT)

    event = AuditEvent.objects.get(action="deployment.add")
    assert (event.actor, event.subject, event.at) == (user, str(deployment.pk), DECIDED_AT)
    assert event.details["instruments"] == ["NSE:RELIANCE"]


@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"strategy": "no-such"}, NotFound, "strategy"),
        ({"params": {"fast": -3}}, Invalid, "params.fast"),
        ({"instruments": []}, Invalid, "instruments"),
        ({"instruments": "NSE:RELIANCE"}, Invalid, "instruments"),
        ({"instruments": ["RELIANCE"]}, Invalid, "instruments"),
        ({"instruments": [7]}, Invalid, "instruments"),
        ({"instruments": ["NSE:NOSUCH"]}, NotFound, "instruments"),
        ({"instruments": ["NSE:NIFTY 50"]}, Invalid, "instruments"),
        ({"instruments": ["NSE:RELIANCE", "nse:RELIANCE"]}, Invalid, "instruments"),
        ({"instruments": ["NSE:RELIANCE"] * 51}, Invalid, "instruments"),
        ({"params": {"product": "NRML"}}, Invalid, "params.product"),
        ({"instruments": ["NFO:NIFTY2681824200CE"], "params": {"product": "CNC"}}, Invalid, "params.product"),
        ({"instruments": ["NFO:NIFTY2681824200CE"], "params": {"direction": "both"}}, Invalid, "params.direction"),
        ({"params": {"product": "PERP"}}, Invalid, "params.product"),
        ({"mode": "dream"}, Invalid, "mode"),
        ({"mode": "live"}, Invalid, "mode"),
    ],
)
def test_what_cannot_run_is_refused_by_field_and_leaves_nothing(account, user, changes, error, field):
    with pytest.raises(error) as caught:
        add(account, user, **changes)

    assert caught.value.field == field
    assert not Deployment.objects.exists()
    assert not AuditEvent.objects.filter(action="deployment.add").exists()


@pytest.mark.parametrize("released", [{"is_live": True}, {"is_simulated": True}])
def test_live_needs_a_released_or_a_simulated_account(account, user, released):
    TradingAccount.objects.filter(pk=account.pk).update(**released)
    account.refresh_from_db()

    assert add(account, user, mode="live").mode == "live"


def test_a_disabled_account_takes_no_deployment(account, user):
    account.is_enabled = False

    with pytest.raises(Invalid, match="is disabled"):
        add(account, user)


@pytest.mark.parametrize("enabled", [True, False])
def test_a_toggle_is_a_wish_that_may_be_repeated(account, user, enabled):
    deployment = add(account, user)

    for _ in range(2):
        deployment_toggle(deployment=deployment, enabled=enabled, by=user)

    assert Deployment.objects.get().is_enabled is enabled
    assert deployment.is_enabled is enabled
    assert AuditEvent.objects.filter(action=f"deployment.{'enable' if enabled else 'disable'}").count() == 2


def test_a_removed_deployment_keeps_its_row_and_leaves_the_list(account, user):
    deployment_remove(deployment=add(account, user), by=user, at=DECIDED_AT)

    assert Deployment.objects.get().removed_at == DECIDED_AT
    assert not deployments_visible(user).exists()


@pytest.mark.parametrize(
    "act",
    [
        lambda deployment, by: deployment_remove(deployment=deployment, by=by),
        lambda deployment, by: deployment_toggle(deployment=deployment, enabled=True, by=by),
    ],
)
def test_a_removed_deployment_cannot_be_acted_on(account, user, act):
    deployment = add(account, user)
    deployment_remove(deployment=deployment, by=user)

    with pytest.raises(NotFound):
        act(deployment, user)


def test_only_members_see_a_desk_s_deployments(account, user):
    deployment = add(account, user)
    stranger = user_create(email="b@example.test", at=DECIDED_AT)

    assert list(deployments_visible(user, account_id=account.pk)) == [deployment]
    assert not deployments_visible(stranger).exists()


def test_the_list_is_read_in_one_query(account, user, django_assert_num_queries):
    for _ in range(3):
        add(account, user)

    with django_assert_num_queries(1):
        labels = [row.account.label for row in deployments_visible(user)]

    assert labels == ["A"] * 3


def test_the_catalogue_lists_every_strategy():
    assert [row["slug"] for row in catalogue_rows()] == [
        "agent-panel",
        "ema-crossover",
        "mean-reversion",
        "rsi",
        "vwap-breakout",
    ]


@pytest.mark.parametrize("params", [{}, {"product": "CNC"}, {"product": "NRML", "direction": "both"}])
def test_a_perpetual_takes_whatever_product_a_strategy_speaks_of(account, user, params):
    ListedInstrument.objects.create(
        venue="kite",
        exchange="ASTER",
        symbol="BTCUSDT",
        kind="PERP",
        token=99,
        segment="PERP",
        tick_size="0.1",
        lot_size=1,
        listed_on=date(2026, 8, 18),
    )

    assert add(account, user, instruments=["ASTER:BTCUSDT"], params=params).instruments == ["ASTER:BTCUSDT"]


def test_the_form_offers_no_product_that_is_the_venues_alone():
    products = next(p for p in catalogue_rows()[0]["params"] if p["name"] == "product")

    assert products["choices"] == ["CNC", "MIS", "NRML"]
