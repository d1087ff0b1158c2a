"""Sessions and sign-ins: listed, ended, told by letter, and told alike for known and unknown addresses."""

from unittest.mock import patch

import pytest
from axes.models import AccessAttempt
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import AuditEvent, SignIn
from accounts.sign_in import SignInAdapter
from accounts.sign_ins import browser_name, refusal_note
from tests.people import NOON, a_user

pytestmark = pytest.mark.django_db
PASSWORD, LOGIN, CONFIRM = "correct horse battery", "/accounts/login/", "/accounts/login/code/confirm/"


@pytest.fixture(autouse=True)
def _fresh_limits():
    cache.clear()


@pytest.fixture
def person():
    return a_user(password=PASSWORD)


def signed_in(user, browser="Mozilla/5.0 (Windows NT 10.0) Chrome/130.0", client=None):
    client = client or Client()
    client.post(LOGIN, {"login": user.email, "password": PASSWORD}, headers={"User-Agent": browser})
    return client


def test_the_page_lists_where_one_is_signed_in(person):
    here, _ = signed_in(person), signed_in(person, "Mozilla/5.0 (iPhone) Safari/605.1")

    page = here.get("/account/security").content.decode()

    assert "Chrome on Windows" in page
    assert "Safari on iPhone" in page
    assert page.count("This browser") == 1


def test_a_session_that_is_ended_is_nobody(person):
    here, there = signed_in(person), signed_in(person)
    row = SignIn.objects.get(session_key=there.session.session_key)

    here.post(reverse("session_end", args=[row.pk]))

    assert there.get("/account/security").status_code == 302
    assert here.get("/account/security").status_code == 200
    assert AuditEvent.objects.filter(action="session.end", actor=person).exists()


def test_all_others_are_ended_at_once(person):
    here, others = signed_in(person), [signed_in(person) for _ in range(2)]

    here.post(reverse("sessions_end_others"))

    assert [client.get("/account/security").status_code for client in (here, *others)] == [200, 302, 302]


def test_anothers_session_is_not_there_to_be_ended(person):
    theirs, mine = signed_in(person), signed_in(a_user(password=PASSWORD))
    row = SignIn.objects.get(user=person)

    assert mine.post(reverse("session_end", args=[row.pk])).status_code == 404
    assert theirs.get("/account/security").status_code == 200


def test_a_changed_password_keeps_this_session_in_the_list(person):
    here = signed_in(person)
    new = "another horse battery"

    here.post(reverse("account_change_password"), {"oldpassword": PASSWORD, "password1": new, "password2": new})

    assert SignIn.objects.get().session_key == here.session.session_key
    assert "This browser" in here.get("/account/security").content.decode()


def test_a_browser_that_was_never_seen_is_told_by_letter(person):
    known = signed_in(person)
    signed_in(person, client=known)
    known.logout()
    mail.outbox.clear()

    signed_in(person)

    [letter] = mail.outbox
    assert letter.to == [person.email]
    assert "never did before" in letter.body
    assert "127.0.0.1" in letter.subject


def test_a_browser_that_comes_back_is_no_news(person):
    client = signed_in(person)
    client.post(reverse("account_logout"))
    mail.outbox.clear()

    signed_in(person, client=client)

    assert mail.outbox == []
    assert SignIn.objects.filter(outcome="opened").count() == 2


@pytest.mark.parametrize(("told", "kept"), [("fe80::1%eth0", "fe80::1"), ("/run/desk.sock", None), ("", None)])
def test_an_address_that_no_database_takes_is_not_kept(person, told, kept):
    refusal_note(RequestFactory(REMOTE_ADDR=told).get("/"), person.email, at=NOON)

    row = SignIn.objects.get()
    assert (row.user, row.address) == (person, kept)


def test_the_mark_of_a_browser_is_kept_as_a_digest_and_from_scripts(person):
    client = signed_in(person)
    cookie = client.cookies["windhover_device"]

    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert cookie.value not in str(SignIn.objects.values())


def test_refused_tries_stand_in_the_history_of_whom_they_were_about(person):
    Client().post(LOGIN, {"login": person.email, "password": "wrong"})

    assert "Refused" in signed_in(person).get("/account/security").content.decode()


def test_code_guesses_lock_the_address_out(person, settings):
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "1000/m/ip", "request_login_code": "1000/m/ip"}
    settings.ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS = 100
    client = Client()
    asks_for_code(client, person.email, person.zerodha_id)
    for _ in range(settings.AXES_FAILURE_LIMIT):
        client.post(CONFIRM, {"code": "WRONG1"})

    assert AccessAttempt.objects.get().username == person.email
    assert "_auth_user_id" not in signed_in(person).session


def asks_for_code(client, email, zerodha_id):
    return client.post(reverse("account_request_login_code"), {"email": email, "zerodha_id": zerodha_id})


def work_of(act):
    """Return how often the database was asked, a letter written and a password hashed."""
    with (
        CaptureQueriesContext(connection) as asked,
        patch.object(SignInAdapter, "render_mail", autospec=True, side_effect=SignInAdapter.render_mail) as letters,
        patch.object(MD5PasswordHasher, "encode", autospec=True, side_effect=MD5PasswordHasher.encode) as hashed,
    ):
        act()
    return len(asked), letters.call_count, hashed.call_count


def test_asking_for_a_code_is_the_same_work_for_a_known_and_an_unknown_address(person):
    asks_for_code(Client(), "warm@example.com", "XX0000")
    another = a_user().email

    known = work_of(lambda: asks_for_code(Client(), person.email, person.zerodha_id))
    unknown = work_of(lambda: asks_for_code(Client(), "nobody@example.com", "XX0000"))
    wrong_pair = work_of(lambda: asks_for_code(Client(), another, "XX0000"))

    assert known == unknown == wrong_pair
    assert known[1] == 1


def test_a_wrong_code_is_the_same_work_for_a_known_and_an_unknown_address(person):
    known, unknown = Client(), Client()
    asks_for_code(known, person.email, person.zerodha_id)
    asks_for_code(unknown, "nobody@example.com", "XX0000")

    assert work_of(lambda: known.post(CONFIRM, {"code": "WRONG1"})) == work_of(
        lambda: unknown.post(CONFIRM, {"code": "WRONG1"})
    )


def test_a_wrong_password_is_the_same_work_for_a_known_and_an_unknown_address(person):
    def tries(address):
        return work_of(lambda: Client().post(LOGIN, {"login": address, "password": "wrong"}))

    tries("warm@example.com")

    assert tries(person.email) == tries("nobody@example.com")


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) Chrome/130.0 Safari/537.36 Edg/130.0", "Edge on Linux"),
        ("Mozilla/5.0 (Linux; Android 14) Chrome/130.0 Safari/537.36", "Chrome on Android"),
        ("curl/8", "An unknown browser"),
    ],
)
def test_a_browser_is_named_by_what_it_says(said, name):
    assert browser_name(said) == name
