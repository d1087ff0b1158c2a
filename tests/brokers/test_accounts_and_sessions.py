import json
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest
from django.utils import timezone

from accounts.models import Role
from accounts.services import desk_create, membership_set, user_create
from accounts.vault import reveal
from brokers import listings, listings_sync, logins, selectors, services
from brokers.adapters.kite.protocol import checksum
from brokers.domain.errors import Ambiguous, DataError, Invalid, NeedsLogin, NotFound, Retryable
from brokers.models import ListedInstrument, TradingAccount, VenueLogin

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
HEADER = (
    "instrument_token,exchange_token,tradingsymbol,name,last_price,expiry,strike,tick_size,lot_size,"
    "instrument_type,segment,exchange\n"
)


class Kite(BaseHTTPRequestHandler):
    """A venue that knows one login and one list."""

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        good = form["checksum"] == [checksum("key", form["request_token"][0], "secret")]
        if form["request_token"] != ["good"] or not good:
            return self.answer(403, {"status": "error", "message": "Token is invalid", "error_type": "TokenException"})
        data = {"user_id": self.server.user_id, "access_token": "tok", "login_time": "2026-11-20 09:00:00"}
        return self.answer(200, {"status": "success", "data": data})

    def do_DELETE(self):
        self.server.ended.append(parse_qs(urlsplit(self.path).query)["access_token"])
        status, body = self.server.logout
        self.answer(status, body)

    def do_GET(self):
        assert self.headers["Authorization"] == "token key:tok"
        self.answer(200, self.server.listing)

    def answer(self, status, body):
        text = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        """Keep the test's output to itself."""


@contextmanager
def serving():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Kite)
    server.user_id, server.listing, server.ended = "AB1234", HEADER, []
    server.logout = (200, {"status": "success", "data": True})
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def kite(settings):
    with serving() as server:
        address = f"127.0.0.1:{server.server_address[1]}"
        settings.WINDHOVER_KITE_API_URL = f"http://{address}"
        settings.WINDHOVER_KITE_STREAM_URL = f"ws://{address}"
        settings.WINDHOVER_KITE_LOGIN_URL = f"http://{address}/connect/login"
        settings.WINDHOVER_DEMO = True
        yield server


@pytest.fixture
def owner():
    return user_create(email="owner@desk.test", at=AT)


@pytest.fixture
def desk(owner):
    return desk_create(name="A desk", owner=owner, at=AT)


def connect(desk, owner, **changes):
    words = {
        "desk": desk,
        "owner": owner,
        "venue": "kite",
        "label": "",
        "venue_user_id": "ab1234",
        "api_key": "key",
        "api_secret": "secret",
        "is_simulated": True,
        "by": owner,
        "at": AT,
    }
    return services.account_connect(**words | changes)


@pytest.fixture
def account(desk, owner):
    return connect(desk, owner)


@pytest.fixture
def signed_in(account, owner, kite):
    logins.login_exchange(account=account, request_token="good", by=owner, at=AT)
    return account


def test_an_account_keeps_its_secret_sealed(account):
    stored = TradingAccount.objects.get(id=account.id)

    assert (stored.venue_user_id, stored.label) == ("AB1234", "AB1234")
    assert "secret" not in stored.api_secret
    assert reveal(stored.api_secret, binding=f"{account.id}:api_secret") == "secret"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"venue": "elsewhere"}, "venue"),
        ({"venue_user_id": " "}, "venue_user_id"),
        ({"api_key": ""}, "api_key"),
        ({"api_secret": ""}, "api_secret"),
    ],
)
def test_a_bad_account_names_the_field(desk, owner, change, field):
    with pytest.raises(Invalid) as caught:
        connect(desk, owner, **change)

    assert caught.value.field == field
    assert not TradingAccount.objects.exists()


def test_an_account_is_connected_once(desk, owner, account):
    with pytest.raises(Invalid) as caught:
        connect(desk, owner)

    assert caught.value.code == "account.exists"


@pytest.mark.parametrize("role", [None, Role.VIEWER, Role.AUDITOR])
def test_only_those_who_may_write_connect_an_account(desk, role):
    other = user_create(email="other@desk.test", at=AT)
    if role:
        membership_set(desk=desk, user=other, role=role, at=AT, by=None)

    with pytest.raises(NotFound):
        connect(desk, other)


def test_accounts_are_seen_by_their_desk_alone(account, owner):
    stranger = user_create(email="stranger@desk.test", at=AT)

    assert list(selectors.accounts_visible(owner)) == [account]
    assert list(selectors.accounts_visible(stranger)) == []
    for who, which in ((stranger, account.id), (owner, "no-id"), (owner, "0" * 32)):
        with pytest.raises(NotFound):
            selectors.account_for(who, which)
    assert selectors.account_for(owner, str(account.id)) == account


def test_a_login_opens_the_day_s_session(signed_in):
    login = VenueLogin.objects.get(account=signed_in)

    assert (login.state, login.epoch) == ("live", 1)
    assert login.expires_at == datetime(2026, 11, 21, 0, 30, tzinfo=UTC)
    assert "tok" not in login.access_token.split(":")
    assert selectors.credentials_of(signed_in).access_token == "tok"


@pytest.mark.parametrize("token", ["stale", "good "])
def test_a_refused_request_token_changes_nothing(account, owner, kite, token):
    with pytest.raises(NeedsLogin):
        logins.login_exchange(account=account, request_token=token, by=owner, at=AT)

    assert VenueLogin.objects.get(account=account).epoch == 0


def test_a_missing_request_token_is_the_caller_s_mistake(account, owner, kite):
    with pytest.raises(Invalid):
        logins.login_exchange(account=account, request_token="", by=owner, at=AT)


def test_a_login_of_somebody_else_is_refused(account, owner, kite):
    kite.user_id = "ZZ9999"

    with pytest.raises(Invalid) as caught:
        logins.login_exchange(account=account, request_token="good", by=owner, at=AT)

    assert caught.value.code == "login.other_user"
    with pytest.raises(NeedsLogin):
        selectors.credentials_of(account)


def test_a_simulated_account_never_leaves_this_machine(account, settings):
    settings.WINDHOVER_KITE_API_URL = "https://api.venue.test"

    with pytest.raises(Invalid):
        selectors.venue_urls(account)


def test_the_demo_refuses_a_live_account(desk, owner, kite):
    account = connect(desk, owner, is_simulated=False)

    with pytest.raises(Invalid):
        logins.login_url(account=account, state="s")


def test_the_login_page_is_the_venue_s(account, kite):
    query = parse_qs(urlsplit(logins.login_url(account=account, state="abc")).query)

    assert (query["api_key"], query["redirect_params"]) == (["key"], ["state=abc"])


def test_a_lost_session_is_noted_once(signed_in):
    assert logins.login_lost(account=signed_in, reason="403", at=AT)
    assert not logins.login_lost(account=signed_in, reason="403", at=AT)

    login = VenueLogin.objects.get(account=signed_in)
    assert (login.state, login.reason, login.access_token, login.epoch) == ("needs_login", "403", "", 2)


def test_old_news_does_not_end_a_new_session(signed_in, owner):
    logins.login_exchange(account=signed_in, request_token="good", by=owner, at=AT)

    assert not logins.login_lost(account=signed_in, reason="403", at=AT, epoch=1)
    assert selectors.credentials_of(signed_in)


@pytest.mark.parametrize(
    "answer",
    [
        (200, {"status": "success", "data": True}),
        (403, {"status": "error", "message": "dead", "error_type": "TokenException"}),
    ],
)
def test_logging_out_ends_the_session_on_both_sides(signed_in, owner, kite, answer):
    kite.logout = answer

    logins.logout(account=signed_in, by=owner, at=AT)

    assert kite.ended == [["tok"]]
    with pytest.raises(NeedsLogin):
        selectors.credentials_of(signed_in)


def test_a_logout_that_may_not_have_happened_keeps_the_token(signed_in, owner, kite):
    kite.logout = (502, "<html>")

    with pytest.raises(Ambiguous):
        logins.logout(account=signed_in, by=owner, at=AT)

    assert selectors.credentials_of(signed_in)


def test_an_unreachable_venue_says_so(account, owner, settings, unused_tcp_port):
    settings.WINDHOVER_KITE_API_URL = f"http://127.0.0.1:{unused_tcp_port}"
    settings.WINDHOVER_KITE_STREAM_URL = f"ws://127.0.0.1:{unused_tcp_port}"

    with pytest.raises(Retryable):
        logins.login_exchange(account=account, request_token="good", by=owner, at=AT)


def a_listing(*symbols, token=1):
    return HEADER + "".join(
        f"{token + n},0,{symbol},{symbol},0,,0,0.05,1,EQ,NSE,NSE\n" for n, symbol in enumerate(symbols)
    )


def test_the_day_s_list_replaces_the_day_before_s(signed_in, kite):
    kite.listing = a_listing("A", "B", "C")
    first = listings_sync.instruments_sync(account=signed_in, at=AT)
    kite.listing = a_listing("B", "D", token=70)
    second = listings_sync.instruments_sync(account=signed_in, at=timezone.now())

    assert (first.listed, first.removed) == (3, 0)
    assert (second.listed, second.removed) == (2, 2)
    assert {i.key: i.token for i in listings.instruments_listed("kite")} == {"NSE:B": 70, "NSE:D": 71}


@pytest.mark.parametrize("listing", [HEADER, "", "<html>", a_listing("A") + "x\n" * 3])
def test_a_bad_list_changes_nothing(signed_in, kite, listing):
    kite.listing = a_listing("A", "B")
    listings_sync.instruments_sync(account=signed_in, at=AT)
    kite.listing = listing

    with pytest.raises(DataError):
        listings_sync.instruments_sync(account=signed_in, at=AT)

    assert ListedInstrument.objects.count() == 2


def test_half_a_list_of_a_real_venue_is_refused(signed_in, kite, settings):
    settings.WINDHOVER_DEMO = False
    TradingAccount.objects.filter(id=signed_in.id).update(is_simulated=False)
    signed_in.refresh_from_db()
    kite.listing = a_listing("A", "B")

    with pytest.raises(DataError) as caught:
        listings_sync.instruments_sync(account=signed_in, at=AT)

    assert caught.value.code == "instruments.short"


def test_instruments_are_found_by_their_keys(signed_in, kite, django_assert_num_queries):
    kite.listing = a_listing("A", "B") + "9,0,NIFTY26NOV24500CE,NIFTY,0,2026-11-23,24500,0.05,65,CE,NFO-OPT,NFO\n"
    listings_sync.instruments_sync(account=signed_in, at=AT)

    with django_assert_num_queries(1):
        found = listings.instruments_by_keys("kite", ["NSE:A", "NFO:NIFTY26NOV24500CE", "NSE:GONE"])

    assert set(found) == {"NSE:A", "NFO:NIFTY26NOV24500CE"}
    assert (found["NFO:NIFTY26NOV24500CE"].strike, found["NSE:A"].tick_size) == (24500, Decimal("0.05"))


def test_an_instrument_that_is_not_listed_is_not_found():
    with pytest.raises(NotFound):
        listings.instrument_for("kite", "NSE:GONE")
    with pytest.raises(Invalid):
        listings.instrument_for("kite", "GONE")


def test_what_the_desk_published_of_the_venue_is_read_back(account, monkeypatch):
    frame = {"data": {"profile": {"user_id": "AB1234"}, "margins": [{"segment": "equity"}], "holdings": None}}
    monkeypatch.setattr(selectors, "snapshots", lambda topics: {topics[0]: frame})

    assert selectors.venue_profile(account) == {"user_id": "AB1234"}
    assert selectors.venue_margins(account) == [{"segment": "equity"}]
    assert selectors.venue_holdings(account) == []


def test_nothing_published_is_nothing_known(account, monkeypatch):
    monkeypatch.setattr(selectors, "snapshots", lambda _: {})

    assert selectors.venue_profile(account) is None
    assert selectors.venue_margins(account) == []
