"""The pages of the analysis: for whom they open, and what a role that may only look does not see."""

import json
import re
from unittest.mock import patch

import pytest
from django.test import Client
from django.urls import NoReverseMatch

from accounts.models import Role
from tests.people import a_desk, a_member

pytestmark = pytest.mark.django_db

PAGES = (
    "/analysis",
    "/analysis/movers",
    "/analysis/triggers",
    "/analysis/rules",
    "/analysis/alerts",
    "/analysis/stock/NSE:M%26M",
)


def seen_by(user, path):
    client = Client()
    client.force_login(user)
    return client.get(path)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_asks_who_is_there(path):
    answer = Client().get(path)

    assert answer.status_code == 302
    assert "/accounts/login/" in answer["Location"]


@pytest.mark.parametrize("path", PAGES)
def test_a_page_leads_to_the_others_and_is_kept_by_nobody(path):
    owner = a_desk().memberships.get().user

    answer = seen_by(owner, path)

    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    links = re.findall(r'href="(/analysis[^"?]*)"', answer.content.decode())
    assert set(PAGES[:-1]) <= set(links)


def test_an_instruments_name_reaches_the_page_as_data():
    owner = a_desk().memberships.get().user

    text = seen_by(owner, "/analysis/stock/NSE:M%26M").content.decode()

    (data,) = re.findall(r'<script id="analysis-data" type="application/json">(.*?)</script>', text)
    assert json.loads(data)["instrument"] == "NSE:M&M"
    assert "/#start=NSE%3AM%26M" in text


def test_a_page_leads_to_backtests_once_their_page_stands():
    owner = a_desk().memberships.get().user

    def told(found):
        with patch("analysis.views.reverse", side_effect=found):
            text = seen_by(owner, "/analysis").content.decode()
        (data,) = re.findall(r'<script id="analysis-data" type="application/json">(.*?)</script>', text)
        return json.loads(data)["backtests"]

    assert told(lambda name: f"/{name}") == "/strategies_backtests"
    assert told(NoReverseMatch()) == ""


@pytest.mark.parametrize(
    ("path", "act"),
    [("/analysis", 'id="run"'), ("/analysis/rules", 'id="save-form"'), ("/analysis/alerts", 'id="alert-form"')],
)
def test_a_role_that_may_only_look_is_offered_no_act(path, act):
    desk = a_desk()
    viewer = a_member(desk, Role.VIEWER)

    assert act in seen_by(desk.memberships.get(role=Role.OWNER).user, path).content.decode()
    assert act not in seen_by(viewer, path).content.decode()
