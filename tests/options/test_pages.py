"""The pages themselves: for whom they are, and that they lead to each other."""

import pytest
from django.test import Client
from django.urls import reverse

from tests.people import a_user

pytestmark = pytest.mark.django_db
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
PAGES = ("options", "options_oi", "options_volatility", "options_gamma", "options_straddle", "options_alerts")


@pytest.fixture
def visitor():
    client = Client()
    client.force_login(a_user(), backend=BACKEND)
    return client


@pytest.mark.parametrize("name", PAGES)
def test_a_stranger_is_sent_to_sign_in(client, name):
    answer = client.get(reverse(name))

    assert answer.status_code == 302
    assert answer.url.startswith("/accounts/login/")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_marked_in_the_rail_and_in_its_tabs_and_is_kept_nowhere(visitor, name):
    answer = visitor.get(reverse(name))

    page = answer.content.decode()
    assert page.count('aria-current="page"') == 2
    assert f'href="{reverse(name)}" aria-current="page"' in page
    assert "no-store" in answer["Cache-Control"]


def test_every_page_of_the_options_is_offered_to_the_search(visitor):
    page = visitor.get(reverse("options")).content.decode()

    for name in PAGES:
        assert f'<a href="{reverse(name)}" data-find="options">' in page


def test_a_page_answers_reading_alone(visitor):
    assert visitor.post(reverse("options")).status_code == 405
