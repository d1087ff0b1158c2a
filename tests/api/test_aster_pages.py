import re

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import AuditEvent, Role
from brokers import logins, preflight_aster
from brokers.adapters.aster.signing import address_of
from brokers.models import Preflight, SessionState, TradingAccount, VenueLogin
from brokers.simulator.aster.traders import DEMO_AGENT_KEY, DEMO_TRADER
from execution import account_rows
from execution.models import Lease
from risk.models import LimitSet
from tests.people import a_desk, a_member, an_order_row, confirmed

pytestmark = pytest.mark.django_db

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
MAIN_KEY, AGENT_KEY, OTHER_KEY = "11" * 32, "22" * 32, "33" * 32
MAIN, AGENT, OTHER = (address_of(bytes.fromhex(key)) for key in (MAIN_KEY, AGENT_KEY, OTHER_KEY))
AGENT_FORM = {
    "venue": "aster",
    "auth_scheme": "agent",
    "venue_user_id": MAIN,
    "api_key": AGENT,
    "api_secret": AGENT_KEY,
    "is_testnet": "main",
    "relation": "self",
    "label": "Perps",
}
KEY_FORM = {**AGENT_FORM, "auth_scheme": "hmac", "api_key": "K" * 64, "api_secret": "s3cretOfTheOldKey"}


@pytest.fixture(autouse=True)
def nearby(settings):
    settings.WINDHOVER_ASTER_API_URL = settings.WINDHOVER_ASTER_STREAM_URL = "http://127.0.0.1:1"
    settings.WINDHOVER_ASTER_USER_STREAM_URL = settings.WINDHOVER_ASTER_TESTNET_API_URL = "http://127.0.0.1:1"


@pytest.fixture
def desk():
    return a_desk()


@pytest.fixture
def browser(desk):
    return browser_of(desk.memberships.get().user)


def browser_of(user):
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client


def connected(browser, form=AGENT_FORM, **changes):
    answer = browser.post("/brokers/accounts/connect", {**form, **changes}, follow=True)
    return TradingAccount.objects.get(), answer


def text_of(answer):
    return answer.content.decode()


def said(answer):
    return re.findall(r'<p class="says[^"]*"[^>]*>(.*?)</p>', text_of(answer))


def wrong(answer):
    return re.findall(r'<ul class="errorlist[^"]*"[^>]*><li>(.*?)</li>', text_of(answer))


def acted(browser, account, verb, **words):
    return browser.post(f"/brokers/accounts/{account.pk}/{verb}", words, follow=True)


def test_the_venue_is_chosen_before_anything_is_asked(browser):
    page = text_of(browser.get("/brokers/accounts/connect"))

    assert 'href="?venue=aster"' in page
    assert "developer console" in page


def test_an_agent_wallet_is_what_aster_asks_for_first(browser):
    page = text_of(browser.get("/brokers/accounts/connect?venue=aster"))

    assert "Never the main wallet" in page
    assert "no right to withdraw" in page
    assert "private key" in page
    assert 'name="auth_scheme" value="agent"' in page


def test_an_older_key_is_taken_and_said_to_be_one(browser):
    page = text_of(browser.get("/brokers/accounts/connect?venue=aster&auth_scheme=hmac"))

    assert "25 March 2026" in page
    assert 'name="auth_scheme" value="hmac"' in page


def test_connecting_an_agent_leads_on_and_needs_no_login(browser):
    account, answer = connected(browser)

    assert answer.redirect_chain[-1][0] == f"/brokers/accounts/{account.pk}/connect/egress"
    assert "asks for no registered address" in text_of(answer)
    assert (account.venue, account.auth_scheme, account.currency, account.is_live) == ("aster", "agent", "USDT", False)
    assert LimitSet.objects.get(account=account).max_order_value_quote == 500
    assert Lease.objects.filter(account=account).exists()
    assert "Log in at Kite" not in text_of(browser.get("/brokers/accounts"))
    assert "is taken up" in text_of(browser.get(f"/brokers/accounts/{account.pk}/connect/done"))


@pytest.mark.parametrize("step", ["addresses", "login", "account", "elsewhere"])
def test_steps_of_another_venue_are_not_there(browser, step):
    account, _ = connected(browser)

    assert browser.get(f"/brokers/accounts/{account.pk}/connect/{step}").status_code == 404


def test_an_older_key_shows_its_last_four_characters_alone(browser):
    account, _ = connected(browser, KEY_FORM, api_key="abcdefghijklmnop1234")

    page = text_of(browser.get(f"/brokers/accounts/{account.pk}"))

    assert "key …1234" in page
    assert "abcdefghijklmnop1234" not in page


def test_the_testnet_is_a_choice_and_stays_visible(browser):
    account, _ = connected(browser, is_testnet="testnet")

    assert account.is_testnet
    assert "Testnet, paper" in text_of(browser.get("/brokers/accounts"))
    assert "worth nothing" in text_of(browser.get(f"/brokers/accounts/{account.pk}"))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"venue_user_id": ""}, "This field is required."),
        ({"venue_user_id": "0x12"}, "0x12 is not a wallet&#x27;s address: 0x and 40 hexadecimal digits."),
        ({"venue_user_id": "x" * 129}, "at most 128 characters"),
        ({"api_key": MAIN}, f"{MAIN} is not an agent&#x27;s address, which is another than the main wallet&#x27;s."),
        ({"api_key": "12"}, "12 is not a wallet&#x27;s address"),
        ({"api_secret": ""}, "This field is required."),
        ({"api_secret": "22"}, "64 hexadecimal digits"),
        ({"api_secret": MAIN_KEY}, "the private key of the main wallet itself"),
        ({"api_secret": OTHER_KEY}, f"belongs to the address {OTHER}"),
        ({"relation": "friend"}, "friend is not one of: Myself, My spouse,"),
        ({"is_testnet": "perhaps"}, "perhaps is not one of: Aster, real money,"),
        ({"venue_user_id": MAIN[:-1] + "é"}, "is not a wallet&#x27;s address"),
        ({"label": "x" * 61}, "at most 60 characters"),
    ],
)
def test_a_wrong_value_is_named_beside_its_field_and_nothing_is_kept(browser, changes, says):
    answer = browser.post("/brokers/accounts/connect", {**AGENT_FORM, **changes})

    assert answer.status_code == 200
    assert any(says.lower() in line.lower() for line in wrong(answer)), wrong(answer)
    assert not TradingAccount.objects.exists()


@pytest.mark.parametrize("field", ["venue", "auth_scheme"])
def test_a_venue_or_a_proof_that_nobody_offers_is_refused(browser, field):
    answer = browser.post("/brokers/accounts/connect", {**AGENT_FORM, field: "elsewhere"}, follow=True)

    assert "There is no such venue" in said(answer)[0]
    assert not TradingAccount.objects.exists()


@pytest.mark.parametrize("field", ["venue_user_id", "api_key", "api_secret", "label", "auth_scheme", "relation"])
def test_a_private_key_in_any_field_comes_back_on_no_page(browser, field, caplog):
    words = {**AGENT_FORM, "relation": "friend", field: f"0x{MAIN_KEY}"}

    answer = browser.post("/brokers/accounts/connect", words, follow=True)

    assert answer.status_code == 200
    assert MAIN_KEY not in text_of(answer)
    assert MAIN_KEY not in caplog.text


def test_no_page_log_or_audit_row_holds_the_key(browser, caplog):
    account, answer = connected(browser)
    pages = [text_of(answer)]
    acted(browser, account, "rekey", api_key=OTHER, api_secret=OTHER_KEY)
    paths = ("", f"/{account.pk}", f"/{account.pk}/connect/done", f"/{account.pk}/connect/test")
    pages += [text_of(browser.get(f"/brokers/accounts{path}")) for path in paths]

    rows = [*AuditEvent.objects.values(), *TradingAccount.objects.values(), *VenueLogin.objects.values()]
    for secret in (AGENT_KEY, OTHER_KEY):
        assert not any(secret in text for text in [*pages, caplog.text, str(rows)])


def test_the_page_tells_what_is_to_be_known_of_the_account(browser):
    account, _ = connected(browser)

    page = text_of(browser.get(f"/brokers/accounts/{account.pk}"))

    for words in (
        "Key in use",
        f"Agent wallet {AGENT}",
        "Aster asks for none",
        "It removes protective stops too.",
        "Replace the key",
        "Disable",
    ):
        assert words in page
    for words in ("developer console", "Log in at Kite", "Log out", "Declare a relation"):
        assert words not in page


@pytest.mark.parametrize(
    ("profile", "shown"),
    [({"expires_at": "2027-11-21T20:00:00+00:00"}, "until 22 November 2027"), ({"expires_at": "soon"}, ""), (None, "")],
)
def test_the_page_tells_until_when_an_agent_may_sign(browser, monkeypatch, profile, shown):
    account, _ = connected(browser)
    monkeypatch.setattr(account_rows, "venue_profile", lambda _: profile)

    page = text_of(browser.get(f"/brokers/accounts/{account.pk}"))

    assert ("lets the agent sign" in page) == bool(shown)
    assert shown in page


def test_a_refused_key_is_shown_with_its_reason_and_replaced(browser):
    account, _ = connected(browser)
    logins.login_lost(account=account, reason="Aster refused the key (-2015).", at=timezone.now())
    page = text_of(browser.get(f"/brokers/accounts/{account.pk}"))
    assert "Key refused" in page
    assert "(-2015)" in page

    answer = acted(browser, account, "rekey", api_key=OTHER, api_secret=OTHER_KEY)

    assert said(answer) == ["Stored and encrypted. The desk goes on with the new key within seconds."]
    assert VenueLogin.objects.get().state == SessionState.LIVE
    assert OTHER in text_of(answer)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"api_secret": MAIN_KEY, "api_key": OTHER}, "main wallet itself"),
        ({"api_key": OTHER}, "comes with its own"),
        ({}, "give a new"),
        ({"api_key": "0x1", "api_secret": OTHER_KEY}, "0x1 is not a wallet"),
    ],
)
def test_a_key_that_is_none_leaves_the_old_one(browser, words, says):
    account, _ = connected(browser)

    answer = acted(browser, account, "rekey", **words)

    assert says.lower() in said(answer)[0].lower()
    account.refresh_from_db()
    assert account.api_key == AGENT


@pytest.mark.parametrize(
    ("verb", "field"),
    [("rekey", "api_key"), ("rekey", "api_secret"), ("describe", "label"), ("route", "egress_address")],
)
def test_a_character_that_is_none_is_refused_by_its_field(browser, verb, field):
    account, _ = connected(browser)
    before = TradingAccount.objects.values().get()

    answer = acted(browser, account, verb, **{"relation": "self", field: "a\x00b"})

    assert said(answer) == [f"{field.capitalize()} holds a character that is none."]
    assert TradingAccount.objects.values().get() == before


def test_the_dead_man_s_switch_is_set_with_what_it_does(browser):
    account, _ = connected(browser)

    answer = acted(browser, account, "countdown", countdown_s="300")

    assert "protective stops included" in said(answer)[0]
    assert TradingAccount.objects.get().countdown_s == 300
    assert "after 300 s" in text_of(browser.get("/brokers/accounts"))
    assert "is off" in said(acted(browser, account, "countdown", countdown_s=""))[0]
    assert TradingAccount.objects.get().countdown_s is None


@pytest.mark.parametrize(
    "entered", ["0", "119", "3601", "-120", "120.5", "1e3", "two minutes", "٣٠٠", "9" * 40, "1 20"]
)
def test_a_countdown_that_is_none_is_refused_with_what_is_allowed(browser, entered):
    account, _ = connected(browser)

    answer = acted(browser, account, "countdown", countdown_s=entered)

    assert "120 to 3600" in said(answer)[0]
    assert TradingAccount.objects.get().countdown_s is None


@pytest.mark.parametrize("verb", ["countdown", "rekey", "release", "disable", "remove", "route", "test"])
def test_who_may_look_may_not_act(browser, desk, verb):
    account, _ = connected(browser)
    before = TradingAccount.objects.values().get()

    answer = acted(browser_of(a_member(desk, Role.VIEWER)), account, verb, countdown_s="300", word="LIVE")

    assert said(answer) == ["Your role may look but not act."]
    assert TradingAccount.objects.values().get() == before


def test_going_live_needs_a_look_and_the_word_but_no_egress(browser, monkeypatch):
    account, _ = connected(browser)
    confirmed(browser, account.owner)
    assert "was not tested" in said(acted(browser, account, "release", word="live"))[0]
    Preflight.objects.create(account=account, at=timezone.now(), findings=[])

    assert "type LIVE" in said(acted(browser, account, "release", word="yes"))[0].replace("Type", "type")
    acted(browser, account, "release", word="live")

    assert TradingAccount.objects.get().is_live


@pytest.mark.parametrize(("net", "says"), [("main", "trades real money now"), ("testnet", "to the testnet now")])
def test_a_release_says_whose_money_moves(browser, net, says):
    account, _ = connected(browser, is_testnet=net)
    confirmed(browser, account.owner)
    Preflight.objects.create(account=account, at=timezone.now(), findings=[])

    assert says in said(acted(browser, account, "release", word="LIVE"))[0]


def test_the_test_button_keeps_what_it_found(browser, monkeypatch):
    account, _ = connected(browser)
    monkeypatch.setattr(preflight_aster, "venue_margins", lambda _: [])

    answer = acted(browser, account, "test")

    assert "keep the account from going live" in said(answer)[0]
    assert "Aster does not answer" in text_of(answer)


def test_a_login_page_is_not_offered(browser):
    account, _ = connected(browser)

    answer = browser.get(f"/brokers/{account.pk}/login", follow=True)

    assert "needs no login" in said(answer)[0]


def test_an_account_with_a_key_is_disabled_while_the_key_is_good(browser):
    account, _ = connected(browser)

    answer = acted(browser, account, "disable")

    assert said(answer) == ["Perps is disabled: no desk holds it and its key is used by nobody."]
    assert "Disabled" in text_of(answer)
    acted(browser, account, "enable")
    assert TradingAccount.objects.get().is_enabled


def test_an_account_with_something_open_is_neither_disabled_nor_removed(browser):
    account, _ = connected(browser)
    an_order_row(account, book="live", status="OPEN")

    assert "1 working order" in said(acted(browser, account, "disable"))[0]
    assert "1 order" in said(acted(browser, account, "remove"))[0]
    assert TradingAccount.objects.get().is_enabled


def test_an_account_that_no_desk_took_up_is_removed(browser):
    account, _ = connected(browser)

    assert said(acted(browser, account, "remove")) == ["Perps is removed."]
    assert not TradingAccount.objects.exists()


def test_the_demo_offers_its_spare_trader_and_no_testnet(browser, settings):
    settings.WINDHOVER_DEMO = True

    page = text_of(browser.get("/brokers/accounts/connect?venue=aster"))

    assert "knows one more person" in page
    assert "is_testnet" not in page


@pytest.mark.parametrize("scheme", ["agent", "hmac"])
def test_the_simulator_s_own_traders_can_be_connected(browser, settings, scheme):
    settings.WINDHOVER_DEMO = True
    agent = {"api_key": DEMO_TRADER.agent, "api_secret": DEMO_AGENT_KEY}
    pair = {"api_key": DEMO_TRADER.api_key, "api_secret": DEMO_TRADER.api_secret}

    account, _ = connected(
        browser, auth_scheme=scheme, venue_user_id=DEMO_TRADER.user, **(agent if scheme == "agent" else pair)
    )

    assert (account.is_simulated, account.venue_user_id) == (True, DEMO_TRADER.user)


def test_a_list_of_both_venues_costs_the_same_few_queries(browser, desk, django_assert_max_num_queries):
    connected(browser)

    with django_assert_max_num_queries(30):
        browser.get("/brokers/accounts")
