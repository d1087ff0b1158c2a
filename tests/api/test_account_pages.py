import re

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, Role
from brokers.domain.errors import Invalid
from brokers.models import SessionState, TradingAccount, VenueLogin
from execution.connections import account_add
from execution.models import Command, Lease
from risk.models import LimitSet
from tests.people import (
    a_deployment,
    a_desk,
    a_member,
    a_position_row,
    a_user,
    an_account,
    an_order_row,
    cleared,
    confirmed,
)

pytestmark = pytest.mark.django_db

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
FORM = {
    "venue": "kite",
    "venue_user_id": "ab1234",
    "relation": "self",
    "label": "Mine",
    "api_key": "thekeyofthisapp1",
    "api_secret": "thesecretofthisapp1",
}


@pytest.fixture(autouse=True)
def nearby(settings):
    settings.WINDHOVER_KITE_API_URL = settings.WINDHOVER_KITE_STREAM_URL = "http://127.0.0.1:1"


def browser_of(user):
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client


@pytest.fixture
def desk():
    return a_desk()


@pytest.fixture
def owner(desk):
    return desk.memberships.get().user


@pytest.fixture
def browser(owner):
    return browser_of(owner)


def text_of(answer):
    return answer.content.decode()


def said(answer):
    return re.findall(r'<p class="says[^"]*"[^>]*>(.*?)</p>', text_of(answer))


def test_an_empty_list_teaches_the_first_step(browser):
    page = text_of(browser.get("/brokers/accounts"))

    assert "Connect your first account" in page
    assert "developer console" in page


def test_a_list_shows_each_account_and_its_next_act(browser, desk):
    out, in_ = an_account(desk, logged_in=False), an_account(desk)

    page = text_of(browser.get("/brokers/accounts"))

    assert f"/brokers/{out.pk}/login" in page
    assert f"/brokers/accounts/{in_.pk}/logout" in page
    assert "Simulated" in page
    assert "…ikey" in page
    assert "apikey" not in page


def test_the_list_costs_the_same_few_queries_for_every_account(browser, desk, django_assert_max_num_queries):
    for _ in range(3):
        cleared(an_account(desk, is_simulated=False))

    with django_assert_max_num_queries(30):
        browser.get("/brokers/accounts")


def test_pages_of_an_account_are_its_desks_alone(browser):
    theirs = an_account(a_desk())

    paths = ["", "/connect/egress", "/connect/test", "/connect/login", "/connect/addresses"]
    assert {browser.get(f"/brokers/accounts/{theirs.pk}{path}").status_code for path in paths} == {404}
    assert browser.post(f"/brokers/accounts/{theirs.pk}/logout").status_code == 404
    assert str(theirs.pk) not in text_of(browser.get("/brokers/accounts"))


def test_a_stranger_is_sent_to_sign_in(client, desk):
    account = an_account(desk)

    for path in ("/brokers/accounts", "/brokers/accounts/connect", f"/brokers/accounts/{account.pk}"):
        assert client.get(path).status_code == 302


@pytest.mark.parametrize("verb", ["logout", "rekey", "route", "disable", "remove", "release", "test", "describe"])
def test_who_may_look_may_not_act(desk, verb):
    account = an_account(desk)
    before = TradingAccount.objects.values().get()

    answer = browser_of(a_member(desk, Role.VIEWER)).post(
        f"/brokers/accounts/{account.pk}/{verb}", {"api_secret": "another", "label": "Theirs"}, follow=True
    )

    assert said(answer) == ["Your role may look but not act."]
    assert TradingAccount.objects.values().get() == before
    assert "Store" not in text_of(answer)


def test_connecting_makes_an_account_with_small_limits_and_no_desk_before_its_first_login(browser, owner):
    answer = browser.post("/brokers/accounts/connect", FORM, follow=True)

    account = TradingAccount.objects.get()
    assert answer.redirect_chain[-1][0] == f"/brokers/accounts/{account.pk}/connect/addresses"
    assert account.postback_door in text_of(answer)
    assert (account.owner, account.venue_user_id, account.is_live) == (owner, "AB1234", False)
    assert LimitSet.objects.get(account=account).max_orders_per_second == 3
    assert not Lease.objects.exists()
    browser.get(f"/brokers/{account.pk}/login")
    assert Lease.objects.filter(account=account).exists()


def test_only_who_may_act_begins_a_login_and_beginning_it_again_changes_nothing(browser, desk):
    account = an_account(desk, logged_in=False)

    viewer = browser_of(a_member(desk, Role.VIEWER))
    assert viewer.get(f"/brokers/{account.pk}/login").status_code == 404
    assert not Lease.objects.exists()
    browser.get(f"/brokers/{account.pk}/login")
    kept = Lease.objects.values().get()
    browser.get(f"/brokers/{account.pk}/login")
    assert Lease.objects.values().get() == kept


def test_a_newcomer_without_a_desk_gets_one(browser):
    newcomer = a_user()

    browser_of(newcomer).post("/brokers/accounts/connect", FORM)

    assert TradingAccount.objects.get().desk.memberships.get().user == newcomer


def test_several_accounts_of_one_person_stand_beside_each_other(browser):
    browser.post("/brokers/accounts/connect", FORM)
    browser.post("/brokers/accounts/connect", {**FORM, "venue_user_id": "cd5678", "relation": "spouse"})
    again = browser.post("/brokers/accounts/connect", FORM)

    assert list(TradingAccount.objects.order_by("venue_user_id").values_list("relation", flat=True)) == [
        "self",
        "spouse",
    ]
    assert "connected already" in text_of(again)


def test_a_new_key_without_its_secret_is_refused(browser, desk):
    account = an_account(desk)

    answer = browser.post(f"/brokers/accounts/{account.pk}/rekey", {"api_key": "anotherkey"}, follow=True)

    assert said(answer) == ["A new API key comes with its own API secret."]


def test_a_new_key_ends_the_session_of_the_old_one_as_its_page_says_before(browser, desk):
    account = an_account(desk)
    before = VenueLogin.objects.get()
    path = f"/brokers/accounts/{account.pk}"
    assert "A new API key ends the session" in text_of(browser.get(path))

    answer = browser.post(f"{path}/rekey", {"api_key": "anotherkey", "api_secret": "its-secret"}, follow=True)

    login = VenueLogin.objects.get()
    assert said(answer) == [
        "Stored and encrypted. No session of the old key is used any more: log in with the new one."
    ]
    assert (login.state, login.access_token, login.epoch) == (SessionState.NEEDS_LOGIN, "", before.epoch + 1)
    assert "The API key was changed; log in again with the new one." in text_of(answer)
    assert "A new API key ends the session" not in text_of(answer)
    assert AuditEvent.objects.filter(action="login.end").count() == 1


@pytest.mark.parametrize("api_key", ["", "apikey"])
def test_a_new_secret_alone_leaves_the_session_as_it_is(browser, desk, api_key):
    account = an_account(desk)

    browser.post(f"/brokers/accounts/{account.pk}/rekey", {"api_key": api_key, "api_secret": "another"})

    assert VenueLogin.objects.get().state == SessionState.LIVE


def test_an_account_that_never_traded_is_removed(browser, desk, owner):
    browser.post("/brokers/accounts/connect", FORM)
    account = TradingAccount.objects.get()

    answer = browser.post(f"/brokers/accounts/{account.pk}/remove", follow=True)

    assert said(answer) == ["Mine is removed."]
    assert not TradingAccount.objects.exists()
    assert AuditEvent.objects.get(action="account.remove").actor == owner


@pytest.mark.parametrize(
    ("make", "word"), [(an_order_row, "1 order"), (a_position_row, "1 position"), (a_deployment, "1 strategy")]
)
def test_an_account_that_holds_anything_is_kept_and_says_what(browser, desk, make, word):
    account = an_account(desk, logged_in=False)
    make(account)

    answer = browser.post(f"/brokers/accounts/{account.pk}/remove", follow=True)

    assert word in said(answer)[0]
    assert "Disable it instead" in said(answer)[0]
    assert TradingAccount.objects.exists()


def test_a_logged_in_account_is_neither_disabled_nor_removed(browser, desk):
    account = an_account(desk)

    for verb in ("disable", "remove"):
        answer = browser.post(f"/brokers/accounts/{account.pk}/{verb}", follow=True)
        assert "ut first" in said(answer)[0]

    VenueLogin.objects.update(state=SessionState.NEEDS_LOGIN)
    browser.post(f"/brokers/accounts/{account.pk}/disable")
    assert not TradingAccount.objects.get().is_enabled
    assert "is disabled" in said(browser.get(f"/brokers/{account.pk}/login", follow=True))[0]


@pytest.mark.parametrize(
    ("make", "fields", "word"),
    [
        (a_position_row, {"book": "live"}, "1 open position,"),
        (an_order_row, {"book": "live", "status": "OPEN"}, "1 working order,"),
        (an_order_row, {"book": "live", "status": "UNKNOWN"}, "1 working order,"),
    ],
)
def test_an_account_with_something_open_is_not_disabled_and_says_what(browser, desk, make, fields, word):
    account = an_account(desk, logged_in=False)
    make(account, **fields)

    answer = browser.post(f"/brokers/accounts/{account.pk}/disable", follow=True)

    assert word in said(answer)[0]
    assert TradingAccount.objects.get().is_enabled


def test_an_account_whose_business_is_over_is_disabled(browser, desk):
    account = an_account(desk, logged_in=False)
    a_position_row(account, book="live", quantity=0)
    a_position_row(account, book="paper", quantity=10)
    an_order_row(account, book="live", status="FILLED")

    browser.post(f"/brokers/accounts/{account.pk}/disable")

    assert not TradingAccount.objects.get().is_enabled


def connected_at(desk, *, is_simulated):
    user = desk.memberships.get().user
    return account_add(desk=desk, owner=user, by=user, at=timezone.now(), is_simulated=is_simulated, **FORM)


def test_an_account_of_real_money_is_connected_at_one_desk_alone(desk, owner):
    connected_at(desk, is_simulated=False)

    with pytest.raises(Invalid, match="connected already") as refused:
        connected_at(a_desk(name="Another desk"), is_simulated=False)

    assert (refused.value.code, refused.value.field) == ("account.exists", "venue_user_id")
    assert owner.email not in refused.value.message
    assert TradingAccount.objects.count() == 1


def test_a_simulated_account_is_every_desks_own(desk):
    connected_at(desk, is_simulated=True)
    connected_at(a_desk(), is_simulated=True)

    assert TradingAccount.objects.count() == 2


def test_going_live_takes_a_word_and_a_way_in_order(browser, desk):
    account = cleared(an_account(desk, is_simulated=False))

    unasked = browser.post(f"/brokers/accounts/{account.pk}/release", {"word": "live"}, follow=True)
    assert not TradingAccount.objects.get().is_live
    assert "This needs a second factor" in text_of(unasked)
    confirmed(browser, account.owner)
    browser.post(f"/brokers/accounts/{account.pk}/release", {"word": "yes"})
    assert not TradingAccount.objects.get().is_live
    browser.post(f"/brokers/accounts/{account.pk}/release", {"word": "live"})
    assert TradingAccount.objects.get().is_live
    assert AuditEvent.objects.filter(action="account.release").count() == 1
    browser.post(f"/brokers/accounts/{account.pk}/recall")
    assert not TradingAccount.objects.get().is_live


@pytest.mark.parametrize("path", ["strategies/toggle", "live/start"])
def test_nothing_starts_live_on_a_way_that_is_not_in_order(browser, desk, path, db):
    account = an_account(desk, is_simulated=False, is_live=True)
    deployment = a_deployment(account, mode="live", is_enabled=path == "live/start")
    body = {"id": str(deployment.id), "enabled": True} if path == "strategies/toggle" else {"account": str(account.pk)}
    confirmed(browser, account.owner)

    answer = browser.post(f"/api/{path}", body, content_type="application/json")

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "account.egress_missing")
    cleared(account)
    assert browser.post(f"/api/{path}", body, content_type="application/json").status_code == 202


@pytest.mark.parametrize("path", ["strategies/toggle", "live/start"])
def test_nothing_starts_live_on_an_account_that_was_taken_back_to_paper(browser, desk, path, db):
    account = an_account(desk, is_simulated=False, is_live=True)
    cleared(account)
    deployment = a_deployment(account, mode="live", is_enabled=path == "live/start")
    browser.post(f"/brokers/accounts/{account.pk}/recall")
    body = {"id": str(deployment.id), "enabled": True} if path == "strategies/toggle" else {"account": str(account.pk)}
    confirmed(browser, account.owner)

    answer = browser.post(f"/api/{path}", body, content_type="application/json")

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "account.not_live")
    assert not Command.objects.exists()


def test_another_way_out_says_what_it_leaves_running(browser, desk, settings):
    settings.WINDHOVER_KITE_API_URL = settings.WINDHOVER_KITE_LOGIN_URL = "http://127.0.0.1:9"
    account = cleared(an_account(desk, is_simulated=False, is_live=True))

    answer = browser.post(f"/brokers/accounts/{account.pk}/route", {"egress_address": "127.0.0.2"}, follow=True)

    assert "live strategies open nothing, and exit what they hold." in text_of(answer)
    assert not TradingAccount.objects.get().is_live


def test_the_admin_neither_releases_an_account_nor_changes_its_way_out(desk, db):
    account = an_account(desk, is_simulated=False)
    operator = a_user()
    operator.is_staff = operator.is_superuser = True
    operator.save()

    answer = browser_of(operator).post(
        f"/admin/brokers/tradingaccount/{account.pk}/change/",
        {
            "desk": str(desk.pk),
            "owner": str(account.owner_id),
            "label": "Renamed",
            "is_live": "on",
            "egress_address": "192.0.2.9",
        },
    )

    account.refresh_from_db()
    assert (answer.status_code, account.label) == (302, "Renamed")
    assert (account.is_live, account.is_enabled, account.egress_address) == (False, True, "")


def test_a_session_whose_time_is_up_is_shown_as_over_before_anybody_noticed(browser, desk):
    account = an_account(desk, is_simulated=False)
    VenueLogin.objects.update(expires_at=timezone.now())

    page = text_of(browser.get(f"/brokers/accounts/{account.pk}"))

    assert "Needs login" in page
    assert "ended at 06:00" in page


@pytest.mark.parametrize("path", ["email/", "password/change/", "2fa/"])
def test_a_persons_own_pages_stand_in_the_frame(path):
    answer = browser_of(a_user(password="a long and unusual sentence")).get(f"/accounts/{path}")

    assert answer.status_code == 200
    assert 'class="rail"' in text_of(answer)


def test_what_is_kept_of_a_connected_account_is_sealed(owner, desk):
    account = account_add(desk=desk, owner=owner, by=owner, at=timezone.now(), is_simulated=True, **FORM)

    assert FORM["api_secret"] not in str(TradingAccount.objects.values().get(pk=account.pk))
