import re

import pytest
from axes.models import AccessAttempt
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEvent
from tests.people import a_desk, a_user

pytestmark = pytest.mark.django_db
CONFIRM, LOGIN = "/accounts/login/code/confirm/", "/accounts/login/"
PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _fresh_limits():
    cache.clear()


def ask(client, user, zerodha_id):
    return client.post(request_address(), {"email": user.email, "zerodha_id": zerodha_id})


def request_address():
    return reverse("account_request_login_code")


def code_in_letter():
    return re.search(r"^([A-Z0-9-]{6,})$", mail.outbox[0].body, re.MULTILINE).group(1)


def test_a_code_sent_to_the_right_pair_signs_in(client):
    user = a_user(zerodha_id="AB1234")
    a_desk(owner=user)

    ask(client, user, "ab1234")
    answer = client.post(CONFIRM, {"code": code_in_letter()})

    assert answer.status_code == 302
    assert client.session["_auth_user_id"] == str(user.id)
    assert client.session["zerodha_id"] == "AB1234"
    assert AuditEvent.objects.get(action="session.open").actor == user


def test_the_letter_says_which_desk_it_is_for(client):
    ask(client, a_user(zerodha_id="AB1234"), "AB1234")

    assert mail.outbox[0].subject == "Windhover: your sign-in code"
    assert "the desk at testserver" in mail.outbox[0].body


def test_a_wrong_pair_is_answered_like_a_right_one_and_gets_no_letter():
    user, right, wrong = a_user(zerodha_id="AB1234"), Client(), Client()

    sent = ask(right, user, "AB1234")
    mail.outbox.clear()
    unsent = ask(wrong, user, "XY9999")

    assert mail.outbox == []
    assert (unsent.status_code, unsent.url) == (sent.status_code, sent.url)
    assert wrong.get(CONFIRM).status_code == right.get(CONFIRM).status_code == 200


def test_an_unknown_address_is_answered_like_a_known_one_and_gets_no_letter(client):
    answer = client.post(request_address(), {"email": "nobody@example.com", "zerodha_id": "AB1234"})

    assert answer.status_code == 302
    assert mail.outbox == []


def test_a_user_without_a_zerodha_id_is_not_matched_by_an_empty_one(client):
    user = a_user()
    type(user).objects.filter(pk=user.pk).update(zerodha_id=None)

    client.post(request_address(), {"email": user.email, "zerodha_id": " "})

    assert mail.outbox == []


def test_a_wrong_code_does_not_sign_in(client):
    user = a_user(zerodha_id="AB1234")
    ask(client, user, "AB1234")

    client.post(CONFIRM, {"code": "WRONGCODE"})

    assert "_auth_user_id" not in client.session


def test_a_password_signs_in(client):
    user = a_user(password=PASSWORD)

    client.post(LOGIN, {"login": user.email, "password": PASSWORD})

    assert client.session["_auth_user_id"] == str(user.id)


def test_many_wrong_passwords_lock_the_address_out(client, settings):
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "1000/m/ip"}
    user = a_user(password=PASSWORD)
    for _ in range(settings.AXES_FAILURE_LIMIT):
        client.post(LOGIN, {"login": user.email, "password": "wrong"})

    client.post(LOGIN, {"login": user.email, "password": PASSWORD})

    assert "_auth_user_id" not in client.session


def test_a_tried_password_is_kept_nowhere(client):
    client.post(LOGIN, {"login": a_user(password=PASSWORD).email, "password": "almost the right one"})

    assert "almost the right one" not in str(AccessAttempt.objects.values().get())


def test_the_admin_has_no_sign_in_of_its_own(client):
    answer = client.get("/admin/", follow=True)

    assert answer.redirect_chain[-1][0].startswith(LOGIN)


def test_nobody_signs_up_alone(client):
    client.post("/accounts/signup/", {"email": "new@example.com", "password1": PASSWORD})

    assert not type(a_user()).objects.filter(email="new@example.com").exists()


def test_a_session_ends_when_its_user_gets_another_zerodha_id(client):
    user = a_user(password=PASSWORD)
    a_desk(owner=user)
    client.post(LOGIN, {"login": user.email, "password": PASSWORD})
    type(user).objects.filter(pk=user.pk).update(zerodha_id="ZZ9999")

    answer = client.get("/")

    assert answer.status_code == 302
    assert "_auth_user_id" not in client.session


def test_a_session_of_a_user_who_may_no_longer_sign_in_is_nobody(client):
    user = a_user(password=PASSWORD)
    client.post(LOGIN, {"login": user.email, "password": PASSWORD})
    type(user).objects.filter(pk=user.pk).update(is_active=False)

    assert client.get("/").status_code == 302
    assert Session.objects.exists()


def test_the_sign_in_page_runs_no_inline_script(client):
    policy = client.get(request_address()).headers["Content-Security-Policy"]
    scripts = next(part for part in policy.split(";") if part.strip().startswith("script-src"))

    assert "unsafe-inline" not in scripts
    assert "unsafe-eval" not in policy
    assert "frame-ancestors 'none'" in policy


def test_who_mistyped_the_pair_can_start_again(client):
    user = a_user(zerodha_id="AB1234")
    page = ask(client, user, "XX0000")
    assert "has been sent" not in client.get(page.url).content.decode()

    answer = client.post(reverse("account_logout"), {"next": request_address()}, follow=True)

    assert answer.redirect_chain[-1][0] == request_address()
    assert b"zerodha_id" in answer.content
