import json
import re
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib import admin
from django.test import Client
from django.utils import timezone

from brokers.market_models import CurrencyRate
from execution.models import Lease
from tests.people import NOON, a_user, an_aster_account, bearer

pytestmark = pytest.mark.django_db
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@pytest.fixture
def visitor(ours, settings):
    settings.WINDHOVER_KITE_API_URL = settings.WINDHOVER_KITE_STREAM_URL = "http://127.0.0.1:1"
    client = Client()
    client.force_login(ours.user, backend=BACKEND)
    return client


def desk_data(page):
    return json.loads(re.search(r'id="desk-data"[^>]*>(.*?)</script>', page, re.DOTALL).group(1))


def test_a_stranger_is_sent_to_sign_in(client):
    answer = client.get("/")

    assert answer.status_code == 302
    assert answer.url.startswith("/accounts/login/code/")


def test_the_desk_shows_its_callers_accounts_alone(visitor, ours, theirs):
    page = visitor.get("/").content.decode()

    assert [row["id"] for row in desk_data(page)["accounts"]] == [str(ours.account.id)]
    assert str(theirs.account.id) not in page


def test_one_account_needs_no_choice_and_no_rate(visitor, ours):
    page = visitor.get("/").content.decode()

    assert (desk_data(page)["is_mixed"], desk_data(page)["has_perpetuals"]) == (False, False)
    for part in ('id="scope"', 'id="pnl-fx"', 'id="pnl-funding"'):
        assert part not in page


def test_two_venues_can_be_looked_at_together_or_apart(visitor, ours):
    perps = an_aster_account(ours.desk)

    page = visitor.get("/").content.decode()

    assert [row["currency"] for row in desk_data(page)["accounts"]] == ["INR", "USDT"]
    assert (desk_data(page)["is_mixed"], desk_data(page)["has_perpetuals"]) == (True, True)
    assert f'<option value="{perps.pk}">{perps.label}</option>' in page
    for part in ('id="pnl-fx"', 'id="pnl-funding"', 'data-column="liquidation"'):
        assert part in page


def test_two_currencies_come_with_the_rate_between_them_where_one_is_known(visitor, ours, settings):
    settings.WINDHOVER_USDT_INR = None
    an_hour_ago = timezone.now() - timedelta(hours=1)
    an_aster_account(ours.desk)
    assert desk_data(visitor.get("/").content.decode())["fx"] == []

    CurrencyRate.objects.create(base="USDT", quote="INR", rate=Decimal("88.50"), source="the bank", at=an_hour_ago)

    [rate] = desk_data(visitor.get("/").content.decode())["fx"]
    assert (rate["base"], rate["quote"], rate["rate"], rate["source"]) == ("USDT", "INR", "88.5", "the bank")
    assert datetime.fromisoformat(rate["as_of"]) == an_hour_ago


def test_the_desk_opens_with_a_key(ours):
    assert ours.get("/").status_code == 200
    assert Client().get("/", headers=bearer("wh_nobody")).status_code == 302


def test_no_script_runs_that_the_page_did_not_name(visitor):
    answer = visitor.get("/")
    policy = answer.headers["Content-Security-Policy"]
    scripts = next(part for part in policy.split(";") if part.strip().startswith("script-src"))
    nonce = re.search(r"'nonce-([^']+)'", scripts).group(1)
    tags = re.findall(r"<script\b[^>]*>", answer.content.decode())

    assert "unsafe" not in scripts
    assert all(f'nonce="{nonce}"' in tag or "application/json" in tag for tag in tags)
    assert not re.search(r"\son\w+=", answer.content.decode())


def test_the_desk_is_kept_by_no_cache(visitor):
    assert "no-store" in visitor.get("/").headers["Cache-Control"]


def test_the_health_of_a_desk_without_accounts_is_well(client, redis_url, settings, fresh_redis):
    answer = client.get("/health")

    assert answer.status_code == 200, answer.json()
    assert {"status", "checks"} == set(answer.json())
    assert {"database", "redis", "desk", "feeds"} == set(answer.json()["checks"])


def test_a_lease_that_nobody_renews_breaks_the_health(client, ours, fresh_redis):
    Lease.objects.create(account=ours.account, renewed_at=NOON)

    answer = client.get("/health")

    assert (answer.status_code, answer.json()["checks"]["desk"]["ok"]) == (503, False)


def test_a_redis_that_is_away_breaks_the_health_and_no_address_is_told(client, settings, tmp_path):
    from brokers.hub import sync_redis

    settings.REDIS_URL = f"unix://{tmp_path}/nobody.sock"
    sync_redis.cache_clear()
    try:
        answer = client.get("/health")
    finally:
        sync_redis.cache_clear()

    assert answer.status_code == 503
    assert answer.json()["checks"]["redis"]["ok"] is False
    assert str(tmp_path) not in answer.content.decode()


@pytest.mark.parametrize("model", sorted(m._meta.label for m in admin.site._registry), ids=str)
def test_every_page_of_the_admin_opens(db, model, ours):
    from django.apps import apps

    operator = a_user(is_operator=True)
    client = Client()
    client.force_login(operator, backend=BACKEND)
    meta = apps.get_model(model)._meta

    assert client.get(f"/admin/{meta.app_label}/{meta.model_name}/").status_code == 200


def test_the_admin_shows_no_secret(db, ours):
    client = Client()
    client.force_login(a_user(is_operator=True), backend=BACKEND)

    page = client.get(f"/admin/brokers/tradingaccount/{ours.account.id}/change/").content.decode()

    assert "v1:" not in page
    assert "the-secret-of-the-account" not in page


@pytest.mark.parametrize(
    "name", ["accounts/auditevent", "execution/journalevent", "execution/order", "risk/killswitch"]
)
def test_what_is_append_only_cannot_be_added_by_hand(db, name):
    client = Client()
    client.force_login(a_user(is_operator=True), backend=BACKEND)

    assert client.get(f"/admin/{name}/add/").status_code == 403


def test_an_address_that_does_not_exist_has_a_page(client):
    answer = client.get("/nowhere")

    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")


def test_the_way_to_the_broker_begins_for_members_who_may_act(visitor, ours, theirs):
    answer = visitor.get(f"/brokers/{ours.account.id}/login")

    assert answer.status_code == 302
    assert "state" in answer.url
    assert "the-secret" not in answer.url
    assert visitor.get(f"/brokers/{theirs.account.id}/login").status_code == 404


def test_a_broker_that_cannot_be_reached_brings_back_to_the_account_with_a_sentence(visitor, ours, settings):
    settings.WINDHOVER_KITE_API_URL = "https://api.kite.trade"

    answer = visitor.get(f"/brokers/{ours.account.id}/login")

    assert (answer.status_code, answer.url) == (302, f"/brokers/accounts/{ours.account.id}")


def test_an_answer_of_the_broker_that_nobody_asked_for_is_refused(visitor, monkeypatch):
    from brokers import views

    asked = []
    monkeypatch.setattr(views, "login_exchange", lambda **kwargs: asked.append(kwargs))

    answer = visitor.get("/brokers/login/return?request_token=abc&state=guessed")

    assert (answer.status_code, answer.url, asked) == (302, "/brokers/accounts", [])


def test_the_brokers_answer_is_taken_once(visitor, ours, monkeypatch):
    from brokers import views

    asked = []
    monkeypatch.setattr(views, "login_exchange", lambda **kwargs: asked.append(kwargs["request_token"]))
    visitor.get(f"/brokers/{ours.account.id}/login")
    state = visitor.session["venue_login"]["state"]

    for _ in range(2):
        visitor.get(f"/brokers/login/return?request_token=abc&state={state}")

    assert asked == ["abc"]


def test_a_schema_of_the_api_is_served_to_callers(ours):
    assert ours.get("/api/schema").status_code == 200
