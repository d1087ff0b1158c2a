import io
import logging

import pytest
from rest_framework.test import APIClient
from structlog.stdlib import ProcessorFormatter

from accounts.audit import audit_verify
from accounts.models import AuditEvent, Role
from accounts.services import membership_set
from config.logs import logging_settings
from execution.models import Command
from strategies.models import Deployment
from tests.api.conftest import client_of
from tests.people import NOON, a_deployment, a_listed, a_member, a_position_row, an_order_row

pytestmark = pytest.mark.django_db
FORMATTER = {k: v for k, v in logging_settings(level="INFO", process="web")["formatters"]["json"].items() if k != "()"}
NOBODY = "00000000-0000-0000-0000-000000000000"
READS = (
    "/api/status",
    "/api/profile",
    "/api/margins",
    "/api/orders",
    "/api/positions",
    "/api/holdings",
    "/api/trades",
    "/api/portfolio",
    "/api/signals",
    "/api/ticks",
    "/api/risk",
    "/api/journal",
    "/api/strategies",
    "/api/equity",
)
OF_ONE_ACCOUNT = tuple(path for path in READS if path != "/api/status")
WRITES = (
    "/api/strategies/add",
    "/api/strategies/remove",
    "/api/strategies/toggle",
    "/api/live/start",
    "/api/live/stop",
    "/api/risk/kill-switch",
    "/api/orders/cancel",
    "/api/positions/exit",
    "/api/positions/exit-all",
)


def error_of(answer, status):
    content = answer.json()
    assert answer.status_code == status, content
    assert set(content) == {"error"}
    assert {"code", "message"} <= set(content["error"]) <= {"code", "message", "field", "details"}
    return content["error"]


def bodies(caller):
    """A valid body for every write, about the caller's own rows."""
    deployment = a_deployment(caller.account)
    order = an_order_row(caller.account)
    position = a_position_row(caller.account)
    account = str(caller.account.id)
    return {
        "/api/strategies/add": {
            "strategy": "ema-crossover",
            "instruments": ["NSE:RELIANCE"],
            "params": {"fast": 5, "slow": 20},
            "mode": "paper",
            "account": account,
        },
        "/api/strategies/remove": {"id": str(deployment.id)},
        "/api/strategies/toggle": {"id": str(deployment.id), "enabled": True},
        "/api/live/start": {"account": account},
        "/api/live/stop": {"account": account},
        "/api/risk/kill-switch": {"engaged": True, "reason": "test", "scope": "account", "target": account},
        "/api/orders/cancel": {"id": str(order.id)},
        "/api/positions/exit": {"account": account, "symbol": position.instrument},
        "/api/positions/exit-all": {"account": account},
    }


@pytest.mark.parametrize("path", READS)
def test_a_read_without_a_caller_is_refused(anybody, path):
    answer = anybody.get(path)

    assert error_of(answer, 401)["code"] == "auth.required"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("path", WRITES)
def test_a_write_without_a_caller_is_refused(anybody, path):
    assert error_of(anybody.post(path, {}, format="json"), 401)["code"] == "auth.required"


def test_a_wrong_key_is_refused(anybody):
    anybody.credentials(HTTP_AUTHORIZATION="Bearer wh_nobody")

    assert error_of(anybody.get("/api/orders"), 401)["code"] == "auth.key"


@pytest.mark.parametrize("path", WRITES)
def test_every_write_of_ones_own_is_taken(ours, path):
    answer = ours.post(path, bodies(ours)[path])

    assert answer.status_code == (201 if path.endswith("add") else 202), answer.json()
    assert {"id", "state"} <= set(answer.json())


@pytest.mark.parametrize("path", WRITES)
def test_a_write_to_another_desks_row_finds_nothing(ours, theirs, path):
    answer = ours.post(path, bodies(theirs)[path])

    error_of(answer, 404)
    refused = AuditEvent.objects.filter(action="access.refused")
    assert [event.actor_id for event in refused] == [ours.user.id]
    assert audit_verify().is_whole


@pytest.mark.parametrize("path", ["/api/strategies/remove", "/api/live/start", "/api/orders/cancel"])
def test_anothers_row_is_answered_like_one_that_does_not_exist(ours, theirs, path):
    name = "account" if "live" in path else "id"
    body = bodies(theirs)[path]
    foreign = error_of(ours.post(path, body), 404)

    missing = error_of(ours.post(path, {name: NOBODY}), 404)

    assert foreign["code"] == missing["code"]
    assert foreign["message"].replace(body[name], "") == missing["message"].replace(NOBODY, "")


@pytest.mark.parametrize("path", OF_ONE_ACCOUNT)
def test_a_read_of_another_desks_account_finds_nothing(ours, theirs, path):
    assert error_of(ours.get(f"{path}?account={theirs.account.id}"), 404)["code"] == "account.unknown"


@pytest.mark.parametrize("path", READS)
def test_a_read_shows_nothing_of_another_desk(ours, theirs, path):
    bodies(theirs)

    answer = ours.get(path)

    assert answer.status_code == 200, answer.json()
    assert str(theirs.account.id) not in answer.content.decode()


@pytest.mark.parametrize("role", [Role.VIEWER, Role.AUDITOR])
@pytest.mark.parametrize("path", WRITES)
def test_who_may_only_look_may_not_act(ours, role, path):
    onlooker = client_of(a_member(ours.desk, role))

    answer = onlooker.post(path, bodies(ours)[path], format="json")

    assert error_of(answer, 403)["code"] == "role.insufficient"


@pytest.mark.parametrize("path", WRITES)
def test_a_role_on_one_desk_is_none_on_another(ours, theirs, path):
    """An owner of one desk who only looks at another may not act there."""
    membership_set(desk=ours.desk, user=theirs.user, role=Role.VIEWER, at=NOON, by=None)

    assert error_of(theirs.post(path, bodies(ours)[path]), 403)["code"] == "role.insufficient"


@pytest.mark.parametrize("path", WRITES)
def test_a_key_that_may_only_read_may_not_act(ours, path):
    reader = client_of(ours.user, may_trade=False)

    answer = reader.post(path, bodies(ours)[path], format="json")

    assert error_of(answer, 403)["code"] == "scope.insufficient"


@pytest.mark.parametrize("path", WRITES)
def test_a_browsers_write_needs_the_token_of_its_page(ours, path):
    browser = APIClient(enforce_csrf_checks=True, raise_request_exception=False)
    browser.force_login(ours.user, backend="allauth.account.auth_backends.AuthenticationBackend")

    answer = browser.post(path, bodies(ours)[path], format="json")

    assert error_of(answer, 403)["code"] == "csrf.failed"


@pytest.mark.parametrize("path", READS)
def test_an_unknown_query_key_is_named(ours, path):
    error = error_of(ours.get(f"{path}?colour=red"), 400)

    assert (error["code"], error["field"]) == ("query.unknown", "colour")


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("limit=0", "field.too_small", "limit"),
        ("limit=1001", "field.too_large", "limit"),
        ("limit=many", "field.invalid", "limit"),
        ("account=mine", "field.invalid", "account"),
    ],
)
@pytest.mark.parametrize("path", ["/api/orders", "/api/trades", "/api/positions", "/api/holdings"])
def test_a_wrong_query_is_named(ours, path, query, code, field):
    error = error_of(ours.get(f"{path}?{query}"), 400)

    assert (error["code"], error["field"]) == (code, field)


def test_a_wrong_time_is_named(ours):
    error = error_of(ours.get("/api/journal?since=yesterday"), 400)

    assert (error["code"], error["field"]) == ("field.invalid", "since")


BAD_BODIES = [
    ("/api/strategies/add", {"strategy": "no-such", "instruments": ["NSE:RELIANCE"], "mode": "paper"}, 404, "strategy"),
    (
        "/api/strategies/add",
        {"strategy": "ema-crossover", "instruments": ["NSE:NONE"], "mode": "paper"},
        404,
        "instruments",
    ),
    ("/api/strategies/add", {"strategy": "ema-crossover", "instruments": [], "mode": "paper"}, 400, "instruments"),
    (
        "/api/strategies/add",
        {"strategy": "ema-crossover", "instruments": "NSE:RELIANCE", "mode": "paper"},
        400,
        "instruments",
    ),
    (
        "/api/strategies/add",
        {"strategy": "ema-crossover", "instruments": ["NSE:RELIANCE"], "mode": "wild"},
        400,
        "mode",
    ),
    ("/api/strategies/add", {"instruments": ["NSE:RELIANCE"], "mode": "paper"}, 400, "strategy"),
    (
        "/api/strategies/add",
        {"strategy": "ema-crossover", "instruments": ["NSE:RELIANCE"], "params": {"fast": -3}, "mode": "paper"},
        400,
        "params.fast",
    ),
    (
        "/api/strategies/add",
        {"strategy": "ema-crossover", "instruments": ["NSE:RELIANCE"], "params": {"colour": 1}, "mode": "paper"},
        400,
        "params.colour",
    ),
    (
        "/api/strategies/add",
        {"strategy": "ema-crossover", "instruments": ["NSE:RELIANCE"], "mode": "paper", "x": 1},
        400,
        "x",
    ),
    ("/api/strategies/toggle", {"id": NOBODY, "enabled": True}, 404, "id"),
    ("/api/strategies/toggle", {"id": "seven", "enabled": True}, 400, "id"),
    ("/api/strategies/toggle", {"id": NOBODY, "enabled": "yes"}, 400, "enabled"),
    ("/api/strategies/toggle", {"id": NOBODY}, 400, "enabled"),
    ("/api/strategies/remove", {"id": NOBODY}, 404, "id"),
    ("/api/strategies/remove", {}, 400, "id"),
    ("/api/live/start", {"account": NOBODY}, 404, "account"),
    ("/api/live/stop", {"accounts": NOBODY}, 400, "accounts"),
    ("/api/risk/kill-switch", {"engaged": "perhaps"}, 400, "engaged"),
    ("/api/risk/kill-switch", {"engaged": 1, "reason": "x"}, 400, "engaged"),
    ("/api/risk/kill-switch", {"engaged": True}, 400, "reason"),
    ("/api/risk/kill-switch", {"engaged": True, "reason": " "}, 400, "reason"),
    ("/api/risk/kill-switch", {"engaged": True, "reason": "x", "scope": "world"}, 400, "scope"),
    ("/api/risk/kill-switch", {"engaged": True, "reason": "x", "scope": "account"}, 400, "target"),
    ("/api/risk/kill-switch", {"engaged": True, "reason": "x", "scope": "desk", "target": NOBODY}, 404, "target"),
    ("/api/orders/cancel", {"id": NOBODY}, 404, "id"),
    ("/api/orders/cancel", {"id": "W00000000"}, 404, "id"),
    ("/api/positions/exit", {"account": NOBODY, "symbol": "NSE:RELIANCE"}, 404, "account"),
    ("/api/positions/exit", {"symbol": "NSE:RELIANCE"}, 400, "account"),
    ("/api/positions/exit-all", {}, 400, "account"),
]


@pytest.mark.parametrize(("path", "body", "status", "field"), BAD_BODIES)
def test_a_wrong_body_is_named_and_changes_nothing(ours, path, body, status, field):
    a_listed()

    error = error_of(ours.post(path, body), status)

    assert error["field"] == field
    assert not Command.objects.exists()
    assert not Deployment.objects.exists()


@pytest.mark.parametrize("path", WRITES)
@pytest.mark.parametrize("raw", ["{", "[]", '"text"', "\x00"])
def test_a_body_that_is_no_json_object_is_refused(ours, path, raw):
    answer = ours.client.post(path, raw, content_type="application/json")

    assert error_of(answer, 400)["code"] == "body.malformed"


@pytest.mark.parametrize("path", WRITES)
def test_a_form_is_no_body(ours, path):
    answer = ours.client.post(path, "a=1", content_type="application/x-www-form-urlencoded")

    assert error_of(answer, 415)["code"] == "body.media_type"


def test_a_write_takes_no_query(ours):
    assert error_of(ours.post("/api/live/start?force=1"), 400)["code"] == "query.unknown"


@pytest.mark.parametrize("path", WRITES)
def test_a_write_cannot_be_read(ours, path):
    assert error_of(ours.get(path), 405)["code"] == "method.not_allowed"


@pytest.mark.parametrize("path", ["/api/nothing", "/api/orders/nothing", "/api/funding/nothing"])
def test_an_address_that_does_not_exist_says_so_to_anybody(anybody, path):
    assert error_of(anybody.get(path), 404)["code"] == "not_found"
    assert error_of(anybody.post(path, {}, format="json"), 404)["code"] == "not_found"


def test_what_nobody_foresaw_is_answered_without_its_reason(ours, monkeypatch):
    from execution.api import reads

    def broken(*_, **__):
        raise RuntimeError("token=hush")

    monkeypatch.setattr(reads.Orders, "rows", staticmethod(broken))

    error = error_of(ours.get("/api/orders"), 500)

    assert error == {"code": "internal", "message": "The desk failed to answer; its log has the reason."}


def test_no_line_of_the_log_holds_a_key(ours):
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(ProcessorFormatter(**FORMATTER))
    logging.getLogger().addHandler(handler)
    key = "wh_0123456789abcdefghijklmnopqrstuvwxyz"
    try:
        APIClient().get("/api/orders", headers={"Authorization": f"Bearer {key}"})
        ours.get(f"/api/orders?access_token={key[3:]}")
        ours.post("/api/live/stop", {"token": key[3:]})
    finally:
        logging.getLogger().removeHandler(handler)

    assert stream.getvalue().count("request_finished") == 3
    assert key[3:] not in stream.getvalue()
