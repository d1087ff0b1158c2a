"""Limits by the API: their use, tightening at once, loosening later, and sentences for bad input."""

from datetime import datetime, time, timedelta
from decimal import Decimal

import orjson
import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import AuditEvent, Role
from brokers.domain.clock import IST, venue_day_of
from brokers.domain.orders import Book
from brokers.hub import channel_of, sync_redis, topic_of
from execution.models import EquityPoint
from execution.risk_book import limits_watch
from risk.liveness import shadow_run
from risk.liveness_models import LimitMark, ShadowBreach, UnitWorth
from risk.models import Breach, LimitChange, LimitSet
from risk.selectors import limits_for
from risk.services import level_limit_set, limits_set, switch_set
from tests.api.conftest import Caller, client_of
from tests.people import NOON, a_deployment, a_desk, a_listed, a_member, a_position_row, an_account, an_order_row

pytestmark = pytest.mark.django_db


@pytest.fixture
def committed(django_capture_on_commit_callbacks):
    """Let what waits for a commit happen at the end of a block, as it does after a request."""
    return lambda: django_capture_on_commit_callbacks(execute=True)


FIRST = {
    "max_daily_loss_quote": "5000",
    "max_order_value_quote": "100000",
    "max_gross_exposure_quote": "1000000",
    "max_position_value_quote": "500000",
    "max_orders_per_second": 5,
    "max_orders_per_day": 500,
    "price_band_fraction": "0.03",
    "max_quote_age_s": "10",
}


def bounded(caller):
    limits_set(account=caller.account, values=FIRST, by=caller.user, at=timezone.now())
    return caller


@pytest.fixture
def mine(ours):
    a_listed()
    return bounded(ours)


def page_of(user):
    browser = APIClient(raise_request_exception=False)
    browser.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return browser


def set_limit(caller, name, value, **body):
    return caller.post("/api/risk/limits", {"account": str(caller.account.id), "name": name, "value": value, **body})


def rows_of(caller, **only):
    (account,) = caller.get("/api/risk/limits").json()["accounts"]
    return [row for row in account["limits"] if all(row[name] == value for name, value in only.items())]


def test_a_limit_is_shown_with_what_each_book_uses_of_it(mine):
    today = timezone.localdate()
    a_position_row(mine.account, quantity=-40, average_price=1000, day_average=1000, venue_day=today)
    an_order_row(mine.account, quantity=20, price=1500, venue_day=today, created_at=timezone.now())

    (row,) = rows_of(mine, name="max_gross_exposure_quote")

    assert row["used"]["paper"] == {"used": "40000", "share": "0.0400", "headroom": "960000", "of": ""}
    assert row["used"]["live"]["used"] == "0"
    assert (row["label"], row["limit"], row["holds"], row["shadow"]) == ("Gross exposure", "1000000.00", True, None)
    (largest,) = rows_of(mine, name="max_order_value_quote")
    assert largest["nearest"]["paper"]["used"] == "30000"


def test_exposure_stands_by_underlying_live_and_paper_apart(mine):
    a_position_row(mine.account, quantity=10, day_average=1000)
    a_position_row(mine.account, quantity=3, day_average=1000, book="live")

    (account,) = mine.get("/api/risk/limits").json()["accounts"]

    (paper,), (live,) = account["exposure"]["paper"], account["exposure"]["live"]
    assert (paper["underlying"], paper["net"], paper["worst"]) == ("RELIANCE", "10000.00", "10000.00")
    assert live["net"] == "3000.00"


def test_a_tighter_limit_holds_at_once(mine):
    answer = set_limit(mine, "max_order_value_quote", "90000")

    assert (answer.status_code, answer.json()["state"], answer.json()["effective_at"]) == (200, "applied", None)
    assert LimitSet.objects.get().max_order_value_quote == 90000
    assert AuditEvent.objects.filter(action="limits.set", actor=mine.user).exists()


def test_a_looser_limit_waits_and_can_be_taken_back(mine):
    answer = set_limit(mine, "max_order_value_quote", "110000")

    assert answer.json()["state"] == "waiting"
    assert LimitSet.objects.get().max_order_value_quote == 100000
    (waiting,) = mine.get("/api/risk/limits").json()["waiting"]
    assert (waiting["before"], waiting["after"], waiting["id"]) == ("100000.00", "110000", answer.json()["id"])
    assert waiting["effective_at"] > waiting["asked_at"]

    taken = mine.post("/api/risk/limits/withdraw", {"id": int(waiting["id"])})

    assert (taken.status_code, taken.json()["state"]) == (200, "withdrawn")
    assert mine.get("/api/risk/limits").json()["waiting"] == []
    again = mine.post("/api/risk/limits/withdraw", {"id": int(waiting["id"])})
    assert (again.status_code, again.json()["error"]["code"]) == (400, "limit.not_waiting")
    assert AuditEvent.objects.filter(action="limits.withdrawn").count() == 1


def test_a_limit_can_be_set_for_every_level(mine, committed):
    deployment = a_deployment(mine.account)
    for level, target, name, value in (
        ("desk", "", "max_order_value_quote", "50000"),
        ("user", "", "max_spread_fraction", "0.01"),
        ("strategy", str(deployment.pk), "max_open_orders", 3),
        ("instrument", "nse:reliance", "max_position_quantity", "100"),
    ):
        with committed():
            assert set_limit(mine, name, value, level=level, target=target).json()["state"] == "applied", level

    (own,) = rows_of(mine, name="max_order_value_quote", level="account")
    (desk,) = rows_of(mine, name="max_order_value_quote", level="desk")
    assert (own["holds"], desk["holds"], desk["target_name"]) == (False, True, "Desk")
    (strategy,) = rows_of(mine, level="strategy")
    assert (strategy["target_name"], strategy["limit"], strategy["holds"]) == ("EMA crossover", "3", True)
    (instrument,) = rows_of(mine, level="instrument")
    assert (instrument["target"], instrument["shadow"]["outcome"]) == ("NSE:RELIANCE", "reduced")


@pytest.mark.parametrize(
    ("body", "status", "field", "says"),
    [
        ({"name": "max_order_value_quote", "value": "-5"}, 400, "value", "Order value: -5 was not taken"),
        ({"name": "max_order_value_quote", "value": "0"}, 400, "value", "above 0"),
        ({"name": "max_order_value_quote", "value": "ten"}, 400, "value", "a number, not 'ten'"),
        ({"name": "max_order_value_quote", "value": None}, 400, "value", "nothing was not taken"),
        ({"name": "max_order_value_quote", "value": "1.005"}, 400, "value", "2 decimal places"),
        ({"name": "price_band_fraction", "value": "3"}, 400, "value", "0.03 is three per cent"),
        ({"name": "max_orders_per_second", "value": "2.5"}, 400, "value", "a whole number"),
        ({"name": "max_orders_per_minute", "value": 3}, 400, "value", "above orders a minute of 3"),
        ({"name": "entry_windows_ist", "value": "nine to five"}, 400, "value", "09:20-14:45"),
        ({"name": "unheard_of", "value": 1}, 400, "value", "unheard_of"),
        ({"name": "max_open_orders", "value": 1, "level": "desk"}, 400, "value", "for a desk"),
        ({"name": "max_open_orders", "value": 1, "level": "planet"}, 400, "level", "planet"),
        ({"name": "max_open_orders", "value": 1, "level": "strategy", "target": "x"}, 404, "target", "no strategy x"),
        ({"name": "max_open_orders", "value": 1, "level": "strategy"}, 404, "target", "without a name"),
        (
            {"name": "max_position_quantity", "value": 1, "level": "instrument", "target": "NSE:NIX"},
            404,
            "target",
            "NIX",
        ),
    ],
)
def test_bad_input_is_refused_with_the_field_the_value_and_what_is_allowed(mine, body, status, field, says):
    answer = mine.post("/api/risk/limits", {"account": str(mine.account.id), **body})

    assert answer.status_code == status
    error = answer.json()["error"]
    assert error["field"] == field
    assert says in error["message"]


def test_what_is_not_theirs_does_not_exist_for_a_stranger(mine, theirs):
    set_limit(mine, "max_order_value_quote", "110000")
    change = LimitChange.objects.get()

    answers = [
        theirs.get(f"/api/risk/limits?account={mine.account.id}"),
        theirs.post("/api/risk/limits", {"account": str(mine.account.id), "name": "max_open_orders", "value": 1}),
        theirs.post("/api/risk/limits/withdraw", {"id": change.pk}),
        theirs.post("/api/risk/shadow", {"account": str(mine.account.id)}),
        theirs.get(f"/api/risk/scenarios?account={mine.account.id}"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 5
    assert [row["id"] for row in theirs.get("/api/risk/limits").json()["accounts"]] == [str(theirs.account.id)]


def test_a_viewer_sees_and_changes_nothing(mine):
    viewer = client_of(a_member(mine.desk, Role.VIEWER))
    body = {"account": str(mine.account.id), "name": "max_open_orders", "value": 1}

    seen = viewer.get("/api/risk/limits").json()["accounts"]
    refused = [
        viewer.post("/api/risk/limits", body, format="json"),
        viewer.post("/api/risk/shadow", {"account": body["account"]}, format="json"),
    ]

    assert [row["may_act"] for row in seen] == [False]
    assert [answer.status_code for answer in refused] == [403, 403]


def test_a_key_tightens_real_money_and_does_not_loosen_it(db, fresh_redis):
    real = bounded(Caller(is_simulated=False, is_live=True))

    looser = set_limit(real, "max_order_value_quote", "110000")
    tighter = set_limit(real, "max_order_value_quote", "90000")
    on_page = page_of(real.user).post(
        "/api/risk/limits",
        {"account": str(real.account.id), "name": "max_order_value_quote", "value": "95000"},
        format="json",
    )

    assert (looser.status_code, looser.json()["error"]["code"]) == (403, "risk.loosening")
    assert tighter.json()["state"] == "applied"
    # on the page by whoever showed a second factor a moment ago
    assert (on_page.status_code, on_page.json()["error"]["code"]) == (403, "second_factor.required")
    assert LimitChange.objects.count() == 0


def test_an_owner_s_limits_are_the_owner_s_alone(mine):
    colleague = client_of(a_member(mine.desk, Role.TRADER))
    body = {"account": str(mine.account.id), "level": "user", "name": "max_spread_fraction"}
    refused = colleague.post("/api/risk/limits", {**body, "value": "0.01"}, format="json")
    mine.post("/api/risk/limits", {**body, "value": "0.01"})
    waiting = mine.post("/api/risk/limits", {**body, "value": None}).json()

    taken = colleague.post("/api/risk/limits/withdraw", {"id": int(waiting["id"])}, format="json")

    assert [answer.status_code for answer in (refused, taken)] == [403, 403]
    assert (waiting["state"], LimitChange.objects.get().withdrawn_at) == ("waiting", None)
    assert mine.post("/api/risk/limits/withdraw", {"id": int(waiting["id"])}).json()["state"] == "withdrawn"


def test_an_owner_s_real_money_on_another_desk_is_guarded_too(mine):
    an_account(a_desk(owner=mine.user, name="Elsewhere"), owner=mine.user, is_simulated=False, is_live=True)
    for level in ("user", "desk"):
        set_limit(mine, "max_spread_fraction", "0.01", level=level)

    of_owner = set_limit(mine, "max_spread_fraction", "0.02", level="user")

    assert (of_owner.status_code, of_owner.json()["error"]["code"]) == (403, "risk.loosening")
    assert set_limit(mine, "max_spread_fraction", "0.02", level="desk").json()["state"] == "waiting"


def test_every_limit_is_tried_in_shadow_when_asked_and_after_a_change(mine, committed):
    answer = mine.post("/api/risk/shadow", {"account": str(mine.account.id)})

    assert answer.json()["tried"] == len(FIRST)
    assert set(answer.json()["outcomes"]) == {"refused", "reduced"}
    (row,) = rows_of(mine, name="max_daily_loss_quote")
    assert (row["shadow"]["outcome"], row["shadow"]["is_today"]) == ("refused", True)

    with committed():
        set_limit(mine, "max_open_orders", 4)
    assert rows_of(mine, name="max_open_orders")[0]["shadow"]["outcome"] == "refused"


def test_a_try_in_shadow_that_fails_takes_no_tightening_back(mine, committed, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("the try broke")

    monkeypatch.setattr("risk.liveness.breaches", broken)
    with committed():
        answer = set_limit(mine, "max_order_value_quote", "90000")

    assert answer.json()["state"] == "applied"
    assert LimitSet.objects.get().max_order_value_quote == 90000
    # nor does it keep the watch from its other work
    a_position_row(mine.account, quantity=100, day_average=1000)
    assert limits_watch(at=timezone.now()) > 0


def test_two_tries_in_shadow_at_once_leave_one_row_for_each_limit(mine, monkeypatch):
    others, write = [timezone.now()], ShadowBreach.objects.bulk_create

    def while_another_writes(rows, **how):
        if others:
            shadow_run(account=mine.account, at=others.pop())
        return write(rows, **how)

    monkeypatch.setattr(ShadowBreach.objects, "bulk_create", while_another_writes)

    tried = shadow_run(account=mine.account, at=timezone.now())

    assert (others, ShadowBreach.objects.count()) == ([], len(tried))


def test_the_watch_notes_the_nearest_and_tries_breaches_once_a_day(mine):
    position = a_position_row(mine.account, quantity=100, day_average=1000)
    now = timezone.now()

    assert limits_watch(at=now) > 0
    tried = ShadowBreach.objects.count()
    type(position).objects.filter(pk=position.pk).update(quantity=10)
    limits_watch(at=now + timedelta(minutes=1))

    mark = LimitMark.objects.get(name="max_gross_exposure_quote", book="paper")
    assert (mark.used, mark.bound, mark.at) == (100_000, 1_000_000, now)
    (row,) = rows_of(mine, name="max_gross_exposure_quote")
    assert (row["used"]["paper"]["share"], row["nearest"]["paper"]["share"]) == ("0.0100", "0.1000")
    assert ShadowBreach.objects.count() == tried
    limits_watch(at=now + timedelta(days=60))
    assert LimitMark.objects.filter(day=mark.day).exists() is False


def test_the_last_refusal_of_each_limit_is_told_with_its_level(mine):
    desk = {"desk_id": mine.desk.id, "target": str(mine.desk.id), "currency": "INR", "by": None, "at": NOON}
    level_limit_set(level="desk", name="max_order_value_quote", value="50", **desk)
    for reason in ("order value 1,000, limit 50, set for the desk", "order value 2, limit 1"):
        Breach.objects.create(account=mine.account, rule="order_value", reason=reason, fired_at=NOON)
    Breach.objects.create(
        account=mine.account, rule="order_rate", reason="6 orders in the last second, limit 5", fired_at=timezone.now()
    )

    assert rows_of(mine, name="max_order_value_quote", level="desk")[0]["last_reason"].endswith("set for the desk")
    assert rows_of(mine, name="max_order_value_quote", level="account")[0]["last_reason"] == "order value 2, limit 1"
    assert rows_of(mine, name="max_orders_per_second")[0]["last_reason"].startswith("6 orders")
    assert rows_of(mine, name="max_orders_per_day")[0]["last_fired_at"] is None
    assert [row["rule"] for row in mine.get("/api/risk/limits").json()["breaches"]] == ["order_rate"]


def test_switches_stand_by_scope_with_what_is_under_them(mine):
    deployment = a_deployment(mine.account, state="running")
    other = a_deployment(mine.account)
    an_order_row(mine.account, deployment=deployment)
    an_order_row(mine.account, purpose="EXIT")
    a_position_row(mine.account, strategy_key=str(deployment.pk))
    switch_set(
        scope="account",
        desk_id=mine.desk.id,
        target_id=mine.account.id,
        engaged=True,
        reason="enough",
        by=mine.user,
        at=NOON,
    )

    rows = {(row["scope"], row["target"]): row for row in mine.get("/api/risk/limits").json()["switches"]}

    account = rows["account", str(mine.account.id)]
    assert (account["engaged"], account["state"], account["reason"]) == (True, "entries_blocked", "enough")
    assert (account["strategies"], account["entries"], account["exits"], account["positions"]) == (1, 1, 1, 1)
    running = rows["deployment", str(deployment.pk)]
    assert (running["state"], running["entries"], running["exits"], running["positions"]) == ("running", 1, 0, 1)
    assert rows["deployment", str(other.pk)]["positions"] == 0
    assert rows["desk", str(mine.desk.id)]["engaged"] is False


def test_a_strategy_and_an_instrument_use_what_is_theirs(mine):
    deployment = a_deployment(mine.account)
    a_position_row(mine.account, quantity=10, day_average=1000, strategy_key=str(deployment.pk))
    a_position_row(mine.account, quantity=5, day_average=1000)
    set_limit(mine, "max_gross_exposure_quote", "40000", level="strategy", target=str(deployment.pk))
    set_limit(mine, "max_position_quantity", "60", level="instrument", target="NSE:RELIANCE")

    (strategy,), (instrument,) = rows_of(mine, level="strategy"), rows_of(mine, level="instrument")

    assert strategy["used"]["paper"]["share"] == "0.2500"
    assert instrument["used"]["paper"]["used"] == "15"


def test_the_number_of_queries_does_not_grow_with_the_rows(mine, django_assert_max_num_queries):
    for _ in range(20):
        an_order_row(mine.account, venue_day=timezone.localdate())

    with django_assert_max_num_queries(45):
        mine.get("/api/risk/limits")


def test_money_of_another_level_bounds_accounts_of_its_currency_alone(mine):
    set_limit(mine, "max_order_value_quote", "50000", level="desk")

    (row,) = rows_of(mine, level="desk")
    assert Decimal(row["limit"]) == 50000


def a_quote_is_published(caller, price, *, net="100000.00"):
    """Leave what the desk publishes of the account: its funds, and one price."""
    states = {
        "venue": {"margins": [{"net": net, "used": "0.00"}]},
        "quotes": {"NSE:RELIANCE": {"symbol": "NSE:RELIANCE", "last_price": price}},
    }
    for name, data in states.items():
        frame = {"at": "2026-08-18T06:30:00.000000Z", "data": data}
        sync_redis().set(channel_of(topic_of(str(caller.account.id), name)), orjson.dumps(frame))


def test_the_drawdown_of_a_book_is_kept_over_days_and_bounds_its_entries(mine):
    position = a_position_row(mine.account, quantity=10, average_price=1000, day_average=1000, book="live")
    a_quote_is_published(mine, "1100")
    limits_watch(at=timezone.now())
    a_quote_is_published(mine, "500")
    limits_watch(at=timezone.now())
    set_limit(mine, "max_drawdown_fraction", "0.2")
    set_limit(mine, "max_leverage", "3")

    (row,) = rows_of(mine, name="max_drawdown_fraction")
    worth = limits_for(mine.account).worth[Book.LIVE]

    # funds of 100,000 and 1,000 earned, of which 6,000 were then lost
    assert worth.peak == 1
    assert (worth.equity_quote, worth.net_quote) == (95_000, -5_000)
    assert round(worth.nav, 6) == round(1 - Decimal(6_000) / 101_000, 6)
    assert row["used"]["live"]["share"] == "0.2970"
    assert rows_of(mine, name="max_leverage")[0]["used"]["live"]["used"] == "0.0526"
    assert position.quantity == 10


def test_a_book_whose_price_or_funds_are_not_known_is_not_valued(mine):
    a_position_row(mine.account, quantity=10, day_average=1000, book="live")

    limits_watch(at=timezone.now())

    assert UnitWorth.objects.count() == 0
    assert limits_for(mine.account).worth == {}


def test_the_end_of_a_day_that_nobody_watched_counts_in_the_next(mine):
    a_quote_is_published(mine, "1000")
    today = datetime.combine(venue_day_of(timezone.now()), time(), tzinfo=IST)
    UnitWorth.objects.create(
        account=mine.account,
        book="live",
        nav=1,
        peak=1,
        equity_quote=100_000,
        net_quote=0,
        day_ends_at=today,
        seen_at=today,
    )
    for minutes, net in ((30, -1_000), (10, -4_000)):
        EquityPoint.objects.create(
            account=mine.account, book="live", market_at=today - timedelta(minutes=minutes), net_quote=net
        )

    limits_watch(at=timezone.now())

    assert UnitWorth.objects.get(book="live").nav == Decimal("0.96")
