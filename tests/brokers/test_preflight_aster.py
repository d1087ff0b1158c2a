import json
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.utils import timezone

from brokers import logins, preflight_aster, services
from brokers.adapters.aster.signing import address_of
from brokers.preflight import live_objections, preflight_run
from tests.people import a_desk, an_account, cleared

pytestmark = pytest.mark.django_db

MAIN, AGENT_KEY = address_of(b"\x11" * 32), "22" * 32
HERE = "127.0.0.2"


class Aster(BaseHTTPRequestHandler):
    """A venue that says what time it is, and keeps who asked for what."""

    def do_GET(self):
        self.server.asked.append((self.path, self.client_address[0], self.headers.get("X-MBX-APIKEY")))
        status, body = self.server.answer or (200, {"serverTime": int((time.time() + self.server.ahead_s) * 1000)})
        text = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        """Keep the test's output to itself."""


@contextmanager
def serving():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Aster)
    server.ahead_s, server.answer, server.asked = 0, None, []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def aster(settings):
    with serving() as server:
        settings.WINDHOVER_ASTER_API_URL = f"http://127.0.0.1:{server.server_address[1]}"
        settings.WINDHOVER_ADDRESS_ECHO_URL = ""
        yield server


@pytest.fixture
def proven(monkeypatch):
    """Let a desk have read the account with its key."""
    monkeypatch.setattr(preflight_aster, "venue_margins", lambda _: [{"segment": "futures"}])


@pytest.fixture
def account():
    return connected()


def connected(number=2, desk=None):
    desk = desk or a_desk()
    owner = desk.memberships.first().user
    return services.account_connect(
        desk=desk,
        owner=owner,
        venue="aster",
        label="",
        venue_user_id=address_of(bytes([number + 100]) * 32),
        api_key=address_of(bytes([number]) * 32),
        api_secret=bytes([number]).hex() * 32,
        is_simulated=False,
        by=owner,
        at=timezone.now(),
    )


def looked(account):
    return preflight_run(account=account, by=account.owner, at=timezone.now())


def objections(account):
    return [objection.code for objection in live_objections(account, at=timezone.now())]


def codes(seen):
    return [row["code"] for row in seen.findings]


def test_an_account_without_an_egress_may_go_live_once_the_rest_is_in_order(account, aster, proven):
    assert objections(account) == ["account.preflight_missing"]

    seen = looked(account)

    assert codes(seen) == ["egress.any", "venue.answers", "clock.agrees", "key.taken"]
    assert objections(account) == []
    assert abs(seen.clock_skew_s) < 1


def test_the_look_shows_nobody_the_key(account, aster, proven):
    looked(account)

    assert [(path, key) for path, _, key in aster.asked] == [("/fapi/v1/time", None)]


def test_the_look_takes_the_way_that_orders_take(account, aster, proven):
    account = services.account_route(account=account, egress_address=HERE, by=account.owner, at=timezone.now())

    looked(account)

    assert aster.asked[0][1] == HERE
    assert objections(account) == []


@pytest.mark.parametrize(("seconds", "word"), [(7, "behind"), (-7, "ahead of")])
def test_a_clock_far_off_keeps_the_account_from_going_live(account, aster, proven, seconds, word):
    aster.ahead_s = seconds

    seen = looked(account)

    assert objections(account) == ["clock.skew"]
    sentence = next(row["sentence"] for row in seen.findings if row["is_bad"])
    assert word in sentence
    assert "5 s are tolerated" in sentence


def test_a_clock_two_seconds_off_is_corrected_and_said(account, aster, proven):
    aster.ahead_s = 2

    seen = looked(account)

    assert objections(account) == []
    assert 1.5 < seen.clock_skew_s < 2.5


@pytest.mark.parametrize(
    "answer",
    [
        (503, "<html>"),
        (418, {"code": -1003, "msg": "banned"}),
        (200, "<html>"),
        (200, []),
        (200, {}),
        (200, {"serverTime": None}),
        (200, {"serverTime": 10**30}),
        (200, {"serverTime": "soon"}),
    ],
)
def test_a_venue_that_answers_nonsense_is_away(account, aster, proven, answer):
    aster.answer = answer

    looked(account)

    assert objections(account) == ["venue.away"]


def test_a_venue_that_cannot_be_reached_is_away(account, settings, proven, unused_tcp_port):
    settings.WINDHOVER_ASTER_API_URL = f"http://127.0.0.1:{unused_tcp_port}"

    looked(account)

    assert objections(account) == ["venue.away"]


def test_a_key_that_no_desk_has_used_is_not_trusted(account, aster, monkeypatch):
    monkeypatch.setattr(preflight_aster, "venue_margins", lambda _: [])

    looked(account)

    assert objections(account) == ["key.unproven"]


def test_a_refused_key_is_said_in_the_venue_s_words(account, aster, proven):
    logins.login_lost(account=account, reason="Aster refused the key (-2015).", at=timezone.now())

    seen = looked(account)

    assert objections(account) == ["key.refused"]
    assert "-2015" in next(row["sentence"] for row in seen.findings if row["is_bad"])


def test_accounts_at_one_address_share_its_allowance_and_may(account, aster, proven, settings):
    other = connected(3)
    stranger_at_kite = cleared(an_account(a_desk(), is_simulated=False), egress=HERE)
    for row in (account, other):
        services.account_route(account=row, egress_address=HERE, by=row.owner, at=timezone.now())
        row.refresh_from_db()

    seen = looked(account)

    assert "egress.shared_budget" in codes(seen)
    assert objections(account) == []
    assert "account.egress_shared" not in objections(stranger_at_kite)


def test_a_look_is_good_for_a_day(account, aster, proven):
    preflight_run(account=account, by=account.owner, at=datetime(2026, 11, 20, tzinfo=UTC))

    old = live_objections(account, at=datetime(2026, 11, 21, 0, 1, tzinfo=UTC))

    assert [objection.code for objection in old] == ["account.preflight_missing"]
