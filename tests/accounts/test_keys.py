import re
from datetime import timedelta
from importlib import import_module

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.utils import timezone

from accounts.models import ApiKey
from accounts.scopes import Scope, scope_needed
from accounts.selectors import api_key_find, api_keys_listed
from accounts.services import api_key_create, api_key_revoke, api_key_touch
from tests.people import NOON, a_key, a_user

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def test_a_key_is_found_by_its_text_alone():
    text = a_key(a_user(), at=NOON)

    assert api_key_find(key=text, at=NOON) is not None
    assert api_key_find(key=text[:-1] + "x", at=NOON) is None


def test_the_text_of_a_key_is_kept_nowhere():
    _, text = api_key_create(user=a_user(), label="program", at=NOON, lifetime=HOUR)

    row = ApiKey.objects.values().get()

    assert text not in str(row)
    assert len(text) >= 43


def test_an_expired_key_is_nobody():
    text = a_key(a_user(), at=NOON, lifetime=HOUR)

    assert api_key_find(key=text, at=NOON + HOUR - timedelta(seconds=1)) is not None
    assert api_key_find(key=text, at=NOON + HOUR) is None


def test_a_revoked_key_is_nobody():
    user = a_user()
    key, text = api_key_create(user=user, label="program", at=NOON, lifetime=HOUR)

    api_key_revoke(key=key, at=NOON, by=user)

    assert api_key_find(key=text, at=NOON) is None


def test_the_key_of_a_user_who_left_is_nobody():
    user = a_user()
    text = a_key(user, at=NOON)
    type(user).objects.filter(pk=user.pk).update(is_active=False)

    assert api_key_find(key=text, at=NOON) is None


def test_a_key_may_do_what_it_was_made_for_and_nothing_else():
    _, text = api_key_create(user=a_user(), label="bot", at=NOON, lifetime=HOUR, scopes=[Scope.TRADE])

    assert api_key_find(key=text, at=NOON, scope=Scope.TRADE) is not None
    assert api_key_find(key=text, at=NOON, scope=Scope.RISK) is None
    assert api_key_find(key=text, at=NOON) is None


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/api/orders", "read"),
        ("POST", "/api/orders/cancel", "trade"),
        ("DELETE", "/api/analysis/rules", "trade"),
        ("POST", "/api/options/builder/evaluate", "read"),
        ("GET", "/api/risk", "read"),
        ("POST", "/api/risk/kill-switch", "risk"),
        ("GET", "/api/account/keys", "admin"),
    ],
)
def test_each_call_needs_one_scope(method, path, scope):
    assert scope_needed(method, path) == scope


def test_the_list_says_when_a_key_was_used_and_whether_it_lives():
    user = a_user()
    used, _ = api_key_create(user=user, label="used", at=NOON, lifetime=HOUR)
    api_key_touch(key=used, at=NOON)
    gone, _ = api_key_create(user=user, label="gone", at=NOON, lifetime=HOUR)
    api_key_revoke(key=gone, at=NOON, by=user)
    api_key_create(user=user, label="old", at=NOON, lifetime=timedelta(seconds=1))

    rows = {row["label"]: row for row in api_keys_listed(user, at=NOON + timedelta(minutes=1))}

    assert {label: row["state"] for label, row in rows.items()} == {
        "used": "living",
        "gone": "revoked",
        "old": "expired",
    }
    assert rows["used"]["last_used_at"] == NOON


@pytest.fixture
def browser(client):
    user = a_user()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    client.user = user
    return client


def test_a_key_is_made_on_the_page_shown_once_and_revoked_there(browser):
    made = browser.post("/account/security/keys", {"label": "bot", "days": 30, "scopes": ["read", "risk"]})
    key = ApiKey.objects.get()
    text = re.search(r'value="(wh_[^"]+)"', made.content.decode()).group(1)

    assert api_key_find(key=text, at=timezone.now(), scope=Scope.RISK) == key
    assert text not in browser.get("/account/security").content.decode()

    browser.post(f"/account/security/keys/{key.pk}/revoke")
    assert api_key_find(key=text, at=timezone.now()) is None


@pytest.mark.parametrize(
    "wrong", [{"scopes": []}, {"scopes": ["everything"]}, {"days": 0}, {"days": 1000}, {"label": ""}]
)
def test_a_key_that_makes_no_sense_is_not_made(browser, wrong):
    answer = browser.post("/account/security/keys", {"label": "bot", "days": 30, "scopes": ["read"], **wrong})

    assert answer.status_code == 400
    assert "errorlist" in answer.content.decode()
    assert not ApiKey.objects.exists()


def test_a_person_with_a_second_factor_shows_it_before_a_key_is_made(browser):
    TOTP.activate(browser.user, "JBSWY3DPEHPK3PXP")

    answer = browser.post("/account/security/keys", {"label": "bot", "days": 30, "scopes": ["read"]})

    assert answer.url.startswith("/accounts/2fa/reauthenticate/")
    assert not ApiKey.objects.exists()


def test_keys_from_before_there_were_scopes_do_what_they_did():
    divide = import_module("accounts.migrations.0005_key_scopes").divide
    key, _ = api_key_create(user=a_user(), label="old", at=NOON, lifetime=HOUR)
    done = {}

    class Old:
        def filter(self, *, may_trade):
            return type("Rows", (), {"update": lambda _, scopes: done.update({may_trade: scopes})})()

    divide(type("Apps", (), {"get_model": lambda *_: type("Model", (), {"objects": Old()})}), None)

    assert done == {True: ["read", "trade", "risk"], False: ["read"]}
    assert key.scopes == ["read"]


def test_use_is_noted_once_a_minute(django_assert_num_queries):
    key, _ = api_key_create(user=a_user(), label="program", at=NOON, lifetime=HOUR)
    api_key_touch(key=key, at=NOON)
    key.refresh_from_db()

    with django_assert_num_queries(0):
        api_key_touch(key=key, at=NOON + timedelta(seconds=30))

    assert key.last_used_at == NOON
