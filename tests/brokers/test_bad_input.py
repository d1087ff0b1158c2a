"""Whatever a person gets wrong on the way to a login: one clear sentence, one audit row, and no secret anywhere."""

import html
import json
import logging
import re
from datetime import timedelta

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.test import Client
from structlog.stdlib import ProcessorFormatter

from accounts.models import AuditEvent
from accounts.vault import reveal
from brokers.models import TradingAccount, VenueLogin
from brokers.selectors import binding_of
from tests.brokers.fake_kite import KEY, SECRET, TOKEN, fake_kite
from tests.people import a_desk, confirmed

pytestmark = pytest.mark.django_db

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
WRONG_SECRET = "the-wrong-secret-0002"


@pytest.fixture
def kite(settings):
    cache.clear()
    with fake_kite() as venue:
        yield venue.used_by(settings)


@pytest.fixture
def log_file(tmp_path):
    """Write every record of this process, of every level, through the formatter that all processes have."""
    words = dict(django_settings.LOGGING["formatters"]["json"])
    handler = logging.FileHandler(tmp_path / "process.log")
    handler.setFormatter(words.pop("()")(**words))
    assert isinstance(handler.formatter, ProcessorFormatter)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield tmp_path / "process.log"
    root.setLevel(level)
    root.removeHandler(handler)
    handler.close()


class Person:
    """Somebody at the wizard; every page they saw is kept."""

    def __init__(self, kite):
        self.kite, self.seen = kite, []
        self.desk = a_desk()
        self.user = self.desk.memberships.get().user
        self.client = Client()
        self.client.force_login(self.user, backend=BACKEND)

    def get(self, path, **query):
        return self._keep(self.client.get(path, query, follow=True))

    def post(self, path, **words):
        return self._keep(self.client.post(path, words, follow=True))

    def connect(self, *, api_secret=SECRET, **words):
        form = {"venue": "kite", "venue_user_id": "ab1234", "relation": "self", "label": "", "api_key": KEY, **words}
        page = self.post("/brokers/accounts/connect", api_secret=api_secret, **form)
        self.account = TradingAccount.objects.filter(desk=self.desk).first()
        return page

    def act(self, verb, **words):
        return self.post(f"/brokers/accounts/{self.account.pk}/{verb}", **words)

    def log_in(self, request_token, *, state=None):
        """Go to the venue and come back with a token."""
        self.client.get(f"/brokers/{self.account.pk}/login", {"from": "wizard"})
        state = state or self.client.session["venue_login"]["state"]
        return self.get("/brokers/login/return", status="success", request_token=request_token, state=state)

    def _keep(self, answer):
        text = html.unescape(answer.content.decode())
        self.seen.append(text)
        return text


@pytest.fixture
def person(kite, settings):
    settings.WINDHOVER_DEMO = False
    return Person(kite)


def refusals():
    return [event.details["code"] for event in AuditEvent.objects.filter(action="login.refused").order_by("id")]


def said(page):
    return re.findall(r'<p class="says wrong"[^>]*>(.*?)</p>', page)


def is_logged_in(person):
    return VenueLogin.objects.get(account=person.account).state == "live"


def test_a_wrong_secret_is_said_and_the_right_one_then_logs_in(person, kite):
    person.connect(api_secret=WRONG_SECRET)

    page = person.log_in(kite.sign_in())
    assert "the API secret stored here is not the one of this key" in said(page)[0]
    assert refusals() == ["login.refused"]

    person.act("rekey", api_secret=SECRET, api_key="")
    assert "is logged in" in person.log_in(kite.sign_in(2))
    assert is_logged_in(person)


def test_a_wrong_key_is_found_by_the_test(person):
    person.connect(api_key="nosuchkey0000001")

    page = person.act("test", step="test")

    assert "Kite does not know this API key" in page
    assert AuditEvent.objects.get(action="preflight.run").details["bad"] == [
        "account.egress_missing",
        "login.unknown_key",
    ]


def test_a_request_token_that_was_used_is_said(person, kite):
    person.connect()
    person.log_in(kite.sign_in())
    person.act("logout")

    page = person.log_in("request-token-0001-of-a-sign-in")

    assert "was used before" in said(page)[0]
    assert refusals() == ["login.token_used"]


def test_an_expired_request_token_is_said(person):
    person.connect()

    page = person.log_in("request-token-9999-of-a-sign-in")

    assert "older than a few minutes" in said(page)[0]
    assert refusals() == ["login.refused"]


def test_a_sign_in_that_was_not_begun_here_is_refused(person, kite):
    person.connect()

    page = person.log_in(kite.sign_in(), state="guessed")

    assert "was not begun here" in said(page)[0]
    assert refusals() == ["login.not_begun"]
    assert not is_logged_in(person)


def test_a_sign_in_that_was_broken_off_is_said(person):
    person.connect()

    assert "was not finished" in said(person.log_in(""))[0]
    assert refusals() == ["login.token"]


def test_another_persons_login_is_refused(person, kite):
    kite.user_id = "ZZ9999"
    person.connect()

    page = person.log_in(kite.sign_in())

    assert "log in as AB1234" in said(page)[0]
    assert refusals() == ["login.other_user"]
    assert not is_logged_in(person)


def test_an_app_of_another_person_is_said(person, kite):
    kite.refuses_user = True
    person.connect()

    assert "enter AB1234 as the client id" in said(person.log_in(kite.sign_in()))[0]
    assert refusals() == ["login.other_app"]


def test_a_missing_egress_is_said_and_keeps_the_account_on_paper(person):
    person.connect()
    confirmed(person.client, person.user)

    page = person.act("release", word="live")

    assert "No address is declared" in said(page)[0]
    assert not TradingAccount.objects.get().is_live


def test_a_clock_ten_seconds_off_is_said(person, kite):
    kite.ahead = timedelta(seconds=10)
    person.connect()
    confirmed(person.client, person.user)

    page = person.act("route", egress_address="127.0.0.2", step="egress", next_step="test")

    assert re.search(r"This machine's clock is ([7-9]|10) s behind the broker's", page)
    assert "set it by a time server" in page
    assert "clock.skew" in AuditEvent.objects.get(action="preflight.run").details["bad"]
    assert "clock is" in said(person.act("release", word="LIVE"))[0]


def test_a_venue_that_is_away_is_said(person, kite, settings, unused_tcp_port):
    person.connect()
    settings.WINDHOVER_KITE_API_URL = f"http://127.0.0.1:{unused_tcp_port}"

    page = person.log_in(kite.sign_in())

    assert "Kite does not answer. Nothing was changed; try again in a minute" in said(page)[0]
    assert refusals() == ["login.venue_away"]


def test_a_venue_that_breaks_off_is_said(person, kite):
    person.connect()
    kite.failing = 503

    page = person.log_in(kite.sign_in())

    assert "did not say whether it took the sign-in. Log in again" in said(page)[0]
    assert refusals() == ["login.unsaid"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"venue_user_id": "AB 12"}, "A Zerodha id is letters and digits"),
        ({"api_key": "x" * 65}, "at most 64 characters"),
        ({"api_secret": ""}, "required"),
        ({"relation": "neighbour"}, "neighbour"),
    ],
)
def test_a_form_that_cannot_be_meant_is_shown_again_without_its_secret(person, words, sentence):
    page = person.connect(**words)

    assert sentence in page
    assert SECRET not in page
    assert not TradingAccount.objects.exists()


def test_no_secret_reaches_a_log_an_audit_row_a_page_or_an_error(person, kite, log_file, settings):
    tokens = [kite.sign_in(number) for number in range(1, 6)]
    person.connect(api_secret=WRONG_SECRET)
    person.act("route", egress_address="127.0.0.2")
    person.log_in(tokens[0])
    person.act("rekey", api_secret=SECRET, api_key="")
    person.act("rekey", api_secret="x" * 200, api_key="y" * 200)
    person.log_in("request-token-9999-of-a-sign-in")
    person.log_in(tokens[1], state="guessed")
    kite.user_id = "ZZ9999"
    person.log_in(tokens[2])
    kite.user_id, kite.failing = "AB1234", 502
    person.log_in(tokens[3])
    kite.failing = None
    person.log_in(tokens[4])
    assert is_logged_in(person)
    person.log_in(tokens[4])
    kite.ahead = timedelta(seconds=10)
    for path in ("/", "/brokers/accounts", f"/brokers/accounts/{person.account.pk}", "/api/status", "/nowhere"):
        person.get(path)
    door = TradingAccount.objects.get().postback_door
    Client().post(f"/postbacks/{door}", b"{}", "application/json")
    person.act("logout")

    account = TradingAccount.objects.get()
    assert reveal(account.api_secret, binding=binding_of(account, "api_secret")) == SECRET
    secrets = [SECRET, WRONG_SECRET, TOKEN, *tokens, "request-token-9999-of-a-sign-in", "x" * 200]
    logged = log_file.read_text()
    audited = json.dumps(list(AuditEvent.objects.values_list("action", "subject", "details")), default=str)
    shown = "\n".join(person.seen)
    assert "request_finished" in logged, "the requests were not logged at all"
    assert "login.refused" in audited
    for place, text in (("log", logged), ("audit", audited), ("page", shown)):
        found = [secret for secret in secrets if secret in text]
        assert not found, f"{found} stand in a {place}"
    assert door not in logged + audited
    assert "v1:" not in shown
    assert KEY not in shown, "a page shows the last four characters of a key, and no more"
