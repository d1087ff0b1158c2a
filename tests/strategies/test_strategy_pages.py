"""The pages of the strategies: for whom they open, what they lead to, and what a role that may only look does not see."""

import re

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Role
from strategies.backtest_models import BacktestRun
from strategies.registry import strategies_all
from tests.people import a_desk, a_member

pytestmark = pytest.mark.django_db
PAGES = ("/strategies", "/strategies/backtests")


def a_run(desk, **changes):
    now = timezone.now()
    fields = {
        "desk": desk, "requested_by": desk.memberships.first().user, "place": 0, "strategy": "rsi", "instrument": "NSE:A",
        "params": {}, "terms": {}, "requested_at": now, "touched_at": now, "state": "done",
        "summary": {"sentence": "Do not trade on this yet.", "since": "2024-01-01", "until": "2025-01-01"},
    }  # fmt: skip
    return BacktestRun.objects.create(**(fields | changes))


def seen_by(user, path):
    client = Client()
    client.force_login(user)
    return client.get(path)


@pytest.fixture
def desk():
    return a_desk()


@pytest.fixture
def owner(desk):
    return desk.memberships.get(role=Role.OWNER).user


@pytest.mark.parametrize("path", PAGES)
def test_a_page_asks_who_is_there_and_is_kept_by_nobody(path, owner):
    away, there = Client().get(path), seen_by(owner, path)

    assert away.status_code == 302
    assert there.status_code == 200
    assert "no-store" in there["Cache-Control"]
    links = re.findall(r'href="(/strategies[^"?]*)"', there.content.decode())
    assert set(PAGES) <= set(links)


def test_the_catalogue_tells_what_each_strategy_does_its_parameters_and_its_evidence(desk, owner):
    run = a_run(desk)

    text = seen_by(owner, "/strategies").content.decode()

    assert all(f">{cls.title}<" in text for cls in strategies_all())
    assert "Do not trade on this yet." in text
    assert f"/strategies/backtests/{run.pk}" in text
    assert "rsi_bars" in text
    assert "?strategy=rsi" in text
    assert "?strategy=vwap-breakout" not in text


def test_evidence_of_another_desk_is_not_shown(owner):
    a_run(a_desk())

    assert "Do not trade on this yet." not in seen_by(owner, "/strategies").content.decode()


def test_a_stranger_s_backtest_does_not_exist(desk, owner):
    path = f"/strategies/backtests/{a_run(desk).pk}"

    assert seen_by(owner, path).status_code == 200
    assert seen_by(a_desk().memberships.get().user, path).status_code == 404


@pytest.mark.parametrize(("path", "act"), [(PAGES[0], "?strategy=rsi"), (PAGES[1], 'id="form"')])
def test_a_role_that_may_only_look_is_offered_no_act(desk, owner, path, act):
    viewer = a_member(desk, Role.VIEWER)

    assert act in seen_by(owner, path).content.decode()
    assert act not in seen_by(viewer, path).content.decode()
