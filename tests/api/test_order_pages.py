import json
import re

import pytest
from django.test import Client

from tests.api.conftest import client_of
from tests.people import a_member, an_order_row

pytestmark = pytest.mark.django_db
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@pytest.fixture
def visitor(ours):
    client = Client()
    client.force_login(ours.user, backend=BACKEND)
    return client


def test_an_order_is_told_by_its_id(ours):
    order = an_order_row(ours.account)

    answer = ours.get(f"/api/orders/{order.pk}")

    told = answer.json()
    assert answer.status_code == 200
    assert (told["order"]["id"], told["steps"], told["fills"], told["is_final"]) == (str(order.pk), [], [], False)
    assert set(told["latency_ms"]) == {
        "decision_to_journal",
        "journal_to_venue",
        "venue_to_first_fill",
        "first_to_last_fill",
    }


def test_another_desks_order_does_not_exist(ours, theirs, visitor):
    order = an_order_row(theirs.account)

    answer = ours.get(f"/api/orders/{order.pk}")

    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "order.unknown")
    assert visitor.get(f"/orders/{order.pk}").status_code == 404


def test_a_viewer_may_look(ours):
    order = an_order_row(ours.account)

    assert client_of(a_member(ours.desk)).get(f"/api/orders/{order.pk}").status_code == 200


def test_a_query_that_means_nothing_is_refused(ours):
    order = an_order_row(ours.account)

    assert ours.get(f"/api/orders/{order.pk}?limit=3").status_code == 400


def test_the_page_names_its_order_and_is_kept_by_no_cache(visitor, ours):
    order = an_order_row(ours.account)

    answer = visitor.get(f"/orders/{order.pk}")

    given = json.loads(re.search(r'id="order-data"[^>]*>(.*?)</script>', answer.content.decode(), re.DOTALL).group(1))
    assert (answer.status_code, given["id"], given["may_act"]) == (200, str(order.pk), True)
    assert "no-store" in answer.headers["Cache-Control"]


def test_a_visitor_without_a_session_is_sent_to_sign_in(ours, client):
    order = an_order_row(ours.account)

    assert client.get(f"/orders/{order.pk}").status_code == 302
