"""A second factor: turned on, asked for at signing in, shown again before what loosens, and locked by wrong codes."""

import re
import time
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time
from axes.models import AccessAttempt
from django.core.cache import cache
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from rest_framework.exceptions import PermissionDenied

from accounts import second_factor
from accounts.models import SignIn
from tests.people import a_user

pytestmark = pytest.mark.django_db
PASSWORD, SECRET, LOGIN = "correct horse battery", "JBSWY3DPEHPK3PXP", "/accounts/login/"


@pytest.fixture(autouse=True)
def _fresh_limits():
    cache.clear()


@pytest.fixture
def person():
    user = a_user(password=PASSWORD)
    TOTP.activate(user, SECRET)
    RecoveryCodes.activate(user)
    of_age(timedelta(days=2))
    return user


def of_age(age):
    Authenticator.objects.filter(type="totp").update(created_at=timezone.now() - age)


def code(secret=SECRET):
    counters = list(yield_hotp_counters_from_time())
    return format_hotp_value(hotp_value(secret, counters[len(counters) // 2]))


def by_password(client, user):
    return client.post(LOGIN, {"login": user.email, "password": PASSWORD})


def asked(client):
    """Return a request as the client's next one would be."""
    request = RequestFactory().get("/")
    request.session = client.session
    request.user = SignIn.objects.filter(outcome="opened").latest("at").user
    return request


def test_signing_in_asks_for_a_code_and_takes_it(client, person):
    first = by_password(client, person)
    assert (first.url, "_auth_user_id" in client.session) == (reverse("mfa_authenticate"), False)

    client.post(first.url, {"code": code()})

    assert client.session["_auth_user_id"] == str(person.pk)
    assert SignIn.objects.get(outcome="opened").way == "password, authenticator"


def test_a_recovery_code_signs_in_once(person):
    one = RecoveryCodes(Authenticator.objects.get(type="recovery_codes")).get_unused_codes()[0]
    clients = [Client(), Client()]
    for client in clients:
        by_password(client, person)
        client.post(reverse("mfa_authenticate"), {"code": one})

    assert ["_auth_user_id" in client.session for client in clients] == [True, False]


def test_a_wrong_code_does_not_sign_in_and_is_noted(client, person):
    by_password(client, person)

    client.post(reverse("mfa_authenticate"), {"code": "000000" if code() != "000000" else "000001"})

    assert "_auth_user_id" not in client.session
    assert SignIn.objects.get().outcome == "refused"


def test_many_wrong_codes_lock_even_the_right_one_out(client, person, settings):
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "1000/m/ip"}
    by_password(client, person)
    for _ in range(settings.AXES_FAILURE_LIMIT):
        client.post(reverse("mfa_authenticate"), {"code": "x"})
    cache.clear()

    client.post(reverse("mfa_authenticate"), {"code": code()})

    assert "_auth_user_id" not in client.session
    assert AccessAttempt.objects.get().username == person.email


def test_no_secret_of_it_lies_in_the_database_in_the_clear(person):
    seed = second_factor.SealedSecrets().decrypt(Authenticator.objects.get(type="recovery_codes").data["seed"])

    rows = str(list(Authenticator.objects.values()))

    assert SECRET not in rows
    assert seed not in rows


def test_a_secret_from_before_they_were_sealed_still_works(client, person):
    Authenticator.objects.filter(type="totp").update(data={"secret": SECRET})
    by_password(client, person)

    client.post(reverse("mfa_authenticate"), {"code": code()})

    assert "_auth_user_id" in client.session


def test_signing_in_with_it_confirms_it_for_five_minutes(client, person, monkeypatch):
    by_password(client, person)
    client.post(reverse("mfa_authenticate"), {"code": code()})
    request, now = asked(client), time.time()

    assert second_factor.is_confirmed(request)
    second_factor.require(request)
    monkeypatch.setattr(second_factor.time, "time", lambda: now + second_factor.CONFIRMED_FOR_S + 1)

    assert not second_factor.is_confirmed(request)
    with pytest.raises(PermissionDenied) as refused:
        second_factor.require(request)
    assert refused.value.get_codes() == "second_factor.required"


def test_confirming_it_again_leads_back(client, person, monkeypatch):
    by_password(client, person)
    client.post(reverse("mfa_authenticate"), {"code": code()})
    cache.clear()

    answer = client.post(f"{reverse('mfa_reauthenticate')}?next=/account/security", {"code": code()})

    assert answer.url == "/account/security"
    assert second_factor.is_confirmed(asked(client))


def test_who_has_none_is_told_to_turn_one_on(client):
    by_password(client, a_user(password=PASSWORD))

    with pytest.raises(PermissionDenied, match="turn one on"):
        second_factor.require(asked(client))


def test_one_that_was_just_turned_on_does_not_count_yet(client, person, settings):
    by_password(client, person)
    client.post(reverse("mfa_authenticate"), {"code": code()})
    age = timedelta(hours=settings.WINDHOVER_SECOND_FACTOR_COUNTS_AFTER_H)
    of_age(age - timedelta(minutes=1))
    since = second_factor.counts_since(person)

    with pytest.raises(PermissionDenied, match=f"yours counts from {since:%d %b %Y %H:%M} UTC on") as refused:
        second_factor.require(asked(client))
    of_age(age + timedelta(minutes=1))
    second_factor.require(asked(client))

    assert refused.value.get_codes() == "second_factor.required"


def test_new_recovery_codes_do_not_make_an_old_one_young(client, person):
    since = second_factor.counts_since(person)

    RecoveryCodes.activate(person)

    assert second_factor.counts_since(person) == since < timezone.now()


def test_a_key_never_confirms(client, person):
    by_password(client, person)
    client.post(reverse("mfa_authenticate"), {"code": code()})
    request = asked(client)
    request.auth = object()

    assert not second_factor.is_confirmed(request)


def test_it_is_turned_on_and_off_in_the_browser_and_told_by_letter(
    client, mailoutbox, django_capture_on_commit_callbacks
):
    user = a_user(password=PASSWORD)
    by_password(client, user)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    page = client.get(reverse("mfa_activate_totp"))
    secret = client.session["mfa.totp.secret"]
    assert page.status_code == 200

    with django_capture_on_commit_callbacks(execute=True):
        client.post(reverse("mfa_activate_totp"), {"code": code(secret)})
    shown = client.get("/account/security").content.decode()
    assert re.search(r"10 recovery codes\s+left", shown)

    [letter] = mailoutbox
    since = second_factor.counts_since(user)
    assert letter.to == [user.email]
    assert f"from {since:%Y-%m-%d %H:%M} UTC on" in letter.body

    client.post(reverse("mfa_deactivate_totp"))
    assert not second_factor.is_on(user)
