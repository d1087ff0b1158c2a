import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import AuditEvent, Role
from execution.models import Command, Discrepancy
from risk.models import KillSwitch
from strategies.models import Deployment
from tests.api.conftest import Caller, client_of
from tests.people import a_deployment, a_listed, a_member, a_position_row, an_account, an_order_row, cleared, confirmed

pytestmark = pytest.mark.django_db
ADD = {"strategy": "ema-crossover", "instruments": ["NSE:RELIANCE"], "params": {"fast": 5, "slow": 20}, "mode": "paper"}
PULL = {"engaged": True, "reason": "the feed looks wrong"}
RELEASE = {"engaged": False, "reason": "the feed is well"}


@pytest.fixture(autouse=True)
def _listed(db):
    a_listed()


def commands():
    return [(row.kind, row.payload) for row in Command.objects.order_by("requested_at")]


def page_of(user):
    browser = APIClient(raise_request_exception=False)
    browser.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return browser


def test_adds_a_strategy_that_does_not_run_yet(ours):
    answer = ours.post("/api/strategies/add", ADD)

    deployment = Deployment.objects.get()
    assert answer.json() == {"id": str(deployment.id), "state": "stopped"}
    assert (deployment.account, deployment.params["fast"], deployment.created_by) == (ours.account, 5, ours.user)
    assert commands() == []


def test_with_several_accounts_a_strategy_needs_one_by_name(ours):
    second = an_account(ours.desk)

    unnamed = ours.post("/api/strategies/add", ADD)
    named = ours.post("/api/strategies/add", {**ADD, "account": str(second.id)})

    assert (unnamed.status_code, unnamed.json()["error"]["field"]) == (400, "account")
    assert named.status_code == 201


def test_toggling_tells_the_desk_what_to_run(ours):
    deployment = a_deployment(ours.account)

    answer = ours.post("/api/strategies/toggle", {"id": str(deployment.id), "enabled": True})

    ((kind, payload),) = commands()
    deployment.refresh_from_db()
    assert answer.json() == {"id": str(Command.objects.get().id), "state": "accepted"}
    assert kind == "deployment_start"
    assert set(payload) == {"deployment_id", "strategy", "instruments", "params", "mode", "label"}
    assert deployment.is_enabled


def test_removing_tells_the_desk_and_hides_the_row(ours):
    deployment = a_deployment(ours.account)

    ours.post("/api/strategies/remove", {"id": str(deployment.id)})
    again = ours.post("/api/strategies/remove", {"id": str(deployment.id)})

    assert commands() == [("deployment_remove", {"deployment_id": str(deployment.id)})]
    assert again.status_code == 404


def test_starting_runs_the_enabled_in_the_mode_they_have(ours):
    enabled = a_deployment(ours.account, is_enabled=True)
    a_deployment(ours.account)

    ours.post("/api/live/start")

    ((kind, payload),) = commands()
    assert kind == "live_start"
    assert [(row["deployment_id"], row["mode"]) for row in payload["deployments"]] == [(str(enabled.id), "paper")]


def test_starting_without_an_account_named_starts_them_all(ours):
    an_account(ours.desk)

    answer = ours.post("/api/live/start").json()

    assert len(answer["commands"]) == Command.objects.count() == 2


def test_cancels_an_order_by_either_of_its_names(ours):
    order = an_order_row(ours.account)

    ours.post("/api/orders/cancel", {"id": str(order.id)})
    ours.post("/api/orders/cancel", {"id": order.client_id, "account": str(ours.account.id)})

    assert commands() == [("cancel_order", {"client_id": order.client_id})] * 2


def test_exits_the_position_that_is_meant(ours):
    a_position_row(ours.account)
    a_position_row(ours.account, book="live")
    body = {"account": str(ours.account.id), "symbol": "NSE:RELIANCE"}

    unclear = ours.post("/api/positions/exit", body)
    clear = ours.post("/api/positions/exit", {**body, "book": "live"})

    assert unclear.json()["error"]["code"] == "position.ambiguous"
    assert clear.status_code == 202
    assert commands() == [
        ("exit_position", {"book": "live", "instrument": "NSE:RELIANCE", "product": "MIS", "strategy_key": ""})
    ]


def test_a_closed_position_cannot_be_exited(ours):
    a_position_row(ours.account, quantity=0)

    answer = ours.post("/api/positions/exit", {"account": str(ours.account.id), "symbol": "NSE:RELIANCE"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "position.unknown")


def test_a_pulled_switch_stands_and_tells_every_account(ours):
    an_account(ours.desk)

    answer = ours.post("/api/risk/kill-switch", PULL)

    switch = KillSwitch.objects.get()
    assert (answer.status_code, answer.json()["state"], answer.json()["id"]) == (202, "accepted", str(switch.id))
    assert (switch.is_engaged, switch.target_id, switch.changed_by) == (True, ours.desk.id, ours.user)
    assert [kind for kind, _ in commands()] == ["kill", "kill"]


def test_pulling_twice_is_one_act(ours):
    ours.post("/api/risk/kill-switch", PULL)
    ours.post("/api/risk/kill-switch", PULL)

    assert len(commands()) == 1


def test_a_key_releases_a_switch_that_guards_no_real_money(ours):
    ours.post("/api/risk/kill-switch", PULL)

    assert ours.post("/api/risk/kill-switch", RELEASE).status_code == 202
    assert not KillSwitch.objects.get().is_engaged


@pytest.mark.parametrize("scope", ["desk", "account"])
def test_a_key_may_pull_but_not_release_a_switch_that_guards_real_money(db, redis_url, settings, scope):
    settings.REDIS_URL = redis_url
    real = Caller(is_simulated=False, is_live=True)
    which = {"scope": scope, **({"target": str(real.account.id)} if scope == "account" else {})}

    pulled = real.post("/api/risk/kill-switch", {**PULL, **which})
    released = real.post("/api/risk/kill-switch", {**RELEASE, **which})

    assert pulled.status_code == 202
    assert (released.status_code, released.json()["error"]["code"]) == (403, "risk.loosening")
    assert KillSwitch.objects.get().is_engaged


def test_the_page_releases_a_switch_that_guards_real_money_to_whoever_shows_a_second_factor(db):
    real = Caller(is_simulated=False, is_live=True)
    browser = page_of(real.user)
    browser.post("/api/risk/kill-switch", PULL, format="json")

    asked = browser.post("/api/risk/kill-switch", RELEASE, format="json")
    assert (asked.status_code, asked.json()["error"]["code"]) == (403, "second_factor.required")
    assert KillSwitch.objects.get().is_engaged
    confirmed(browser, real.user)
    assert browser.post("/api/risk/kill-switch", RELEASE, format="json").status_code == 202


def test_a_key_does_not_put_a_strategy_on_real_money(db):
    real = Caller(is_simulated=False, is_live=True)

    live = real.post("/api/strategies/add", {**ADD, "mode": "live"})
    paper = real.post("/api/strategies/add", ADD)

    assert (live.status_code, live.json()["error"]["code"]) == (403, "risk.loosening")
    assert paper.status_code == 201


def test_an_account_not_released_for_live_trading_takes_no_live_strategy(db):
    real = Caller(is_simulated=False)

    answer = page_of(real.user).post("/api/strategies/add", {**ADD, "mode": "live"}, format="json")

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "account.not_live")


def test_the_same_key_and_body_get_the_same_answer_and_act_once(ours):
    first = ours.post("/api/strategies/add", ADD, Idempotency_Key="k1")
    second = ours.post("/api/strategies/add", ADD, Idempotency_Key="k1")

    assert (second.status_code, second.json()) == (201, first.json())
    assert Deployment.objects.count() == 1


def test_the_same_key_with_another_body_is_a_conflict(ours):
    ours.post("/api/strategies/add", ADD, Idempotency_Key="k1")

    other = ours.post("/api/strategies/add", {**ADD, "params": {"fast": 6}}, Idempotency_Key="k1")
    elsewhere = ours.post("/api/live/stop", {}, Idempotency_Key="k1")

    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency.conflict")
    assert elsewhere.status_code == 409
    assert Deployment.objects.count() == 1


def test_a_write_that_failed_may_be_tried_again_under_its_key(ours):
    Deployment.objects.all().delete()
    wrong = {**ADD, "instruments": ["NSE:LATER"]}
    assert ours.post("/api/strategies/add", wrong, Idempotency_Key="k1").status_code == 404

    a_listed("LATER")

    assert ours.post("/api/strategies/add", wrong, Idempotency_Key="k1").status_code == 201


def test_two_callers_may_choose_the_same_key(ours, theirs):
    ours.post("/api/live/stop", {}, Idempotency_Key="k1")

    assert theirs.post("/api/live/stop", {}, Idempotency_Key="k1").status_code == 202
    assert Command.objects.count() == 2


def test_two_members_of_a_desk_may_choose_the_same_key(ours):
    partner = client_of(a_member(ours.desk, Role.TRADER))
    ours.post("/api/live/stop", {}, Idempotency_Key="k1")

    answer = partner.post("/api/live/stop", {}, format="json", headers={"Idempotency-Key": "k1"})

    assert answer.status_code == 202
    assert Command.objects.count() == 2


@pytest.mark.parametrize("key", ["x" * 65, "a\x01b"])
def test_a_key_that_cannot_be_kept_is_refused(ours, key):
    answer = ours.post("/api/live/stop", {}, Idempotency_Key=key)

    assert (answer.status_code, answer.json()["error"]["field"]) == (400, "Idempotency-Key")


def test_the_audit_chain_says_through_which_key_an_act_came(ours):
    ours.post("/api/live/stop")

    event = AuditEvent.objects.get(action="command.live_stop")
    assert event.through.startswith("key:wh_")
    assert event.actor == ours.user


def test_the_audit_chain_says_that_an_act_came_from_a_page(ours):
    page_of(ours.user).post("/api/live/stop", {}, format="json")

    assert AuditEvent.objects.get(action="command.live_stop").through == "session"


@pytest.mark.parametrize("path", ["/api/strategies/add", "/api/live/start"])
def test_a_demo_serves_simulated_accounts_alone(db, settings, path):
    settings.WINDHOVER_DEMO = True
    real = Caller(is_simulated=False)

    answer = real.post(path, ADD if path.endswith("add") else {})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "demo.account")


@pytest.mark.parametrize("mode", ["live", "paper"])
def test_a_key_starts_nothing_on_real_money(db, mode):
    real = Caller(is_simulated=False, is_live=True)
    deployment = a_deployment(real.account, mode=mode, is_enabled=True)

    toggled = real.post("/api/strategies/toggle", {"id": str(deployment.id), "enabled": True})
    started = real.post("/api/live/start")
    rested = real.post("/api/strategies/toggle", {"id": str(deployment.id), "enabled": False})

    expected = (403, 403, 202) if mode == "live" else (202, 202, 202)
    assert (toggled.status_code, started.status_code, rested.status_code) == expected


def test_the_page_starts_a_strategy_on_real_money_for_whoever_shows_a_second_factor(db):
    real = Caller(is_simulated=False, is_live=True)
    deployment = a_deployment(cleared(real.account), mode="live", is_enabled=True)
    browser = page_of(real.user)
    bodies = {
        "/api/strategies/add": {**ADD, "mode": "live"},
        "/api/strategies/toggle": {"id": str(deployment.id), "enabled": True},
        "/api/live/start": {},
    }

    asked = [browser.post(path, body, format="json") for path, body in bodies.items()]
    confirmed(browser, real.user)
    answered = [browser.post(path, body, format="json").status_code for path, body in bodies.items()]

    assert [(one.status_code, one.json()["error"]["code"]) for one in asked] == [(403, "second_factor.required")] * 3
    assert answered == [201, 202, 202]


def test_an_exception_of_real_money_is_accepted_by_whoever_shows_a_second_factor(db):
    real = Caller(is_simulated=False, is_live=True)
    about = {"kind": "journal_lost", "subject": "journal", "sentence": "rows are missing", "found_at": timezone.now()}
    body = {"id": Discrepancy.objects.create(account=real.account, **about).pk, "choice": "accept", "reason": "seen"}
    browser = page_of(real.user)

    asked = browser.post("/api/exceptions/settle", body, format="json")
    confirmed(browser, real.user)

    assert (asked.status_code, asked.json()["error"]["code"]) == (403, "second_factor.required")
    assert browser.post("/api/exceptions/settle", body, format="json").status_code == 202


def test_nobody_is_asked_for_a_second_factor_where_no_real_money_moves(ours):
    browser = page_of(ours.user)
    deployment = a_deployment(ours.account, mode="live", is_enabled=True)
    browser.post("/api/risk/kill-switch", PULL, format="json")

    answers = [
        browser.post("/api/risk/kill-switch", RELEASE, format="json"),
        browser.post("/api/strategies/toggle", {"id": str(deployment.id), "enabled": True}, format="json"),
        browser.post("/api/live/start", {}, format="json"),
    ]

    assert [answer.status_code for answer in answers] == [202] * 3
