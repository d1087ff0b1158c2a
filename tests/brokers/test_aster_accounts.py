from datetime import UTC, datetime

import pytest
from django.db import IntegrityError, transaction

from accounts.models import AuditEvent
from accounts.services import desk_create, user_create
from accounts.vault import reveal, seal
from brokers import logins, selectors, services
from brokers.adapters.aster.signing import address_of, private_key_bytes
from brokers.domain.errors import Invalid, NeedsLogin
from brokers.models import TradingAccount, VenueLogin
from brokers.ports import AuthScheme
from execution.connections import account_add, account_remove
from execution.models import Lease

pytestmark = pytest.mark.django_db

AT = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
# keys that nobody holds money by: written down here, they are no secrets
MAIN_KEY = "11" * 32
AGENT_KEY = "22" * 32
OTHER_KEY = "33" * 32
MAIN, AGENT, OTHER = (address_of(private_key_bytes(key)) for key in (MAIN_KEY, AGENT_KEY, OTHER_KEY))


@pytest.fixture
def owner():
    return user_create(email="owner@desk.test", at=AT)


@pytest.fixture
def desk(owner):
    return desk_create(name="A desk", owner=owner, at=AT)


def agent_words(desk, owner, **changes):
    words = {
        "desk": desk,
        "owner": owner,
        "venue": "aster",
        "label": "",
        "venue_user_id": MAIN,
        "api_key": AGENT,
        "api_secret": AGENT_KEY,
        "is_simulated": False,
        "by": owner,
        "at": AT,
    }
    return words | changes


def an_agent_account(desk, owner, **changes):
    return services.account_connect(**agent_words(desk, owner, **changes))


def a_key_pair_account(desk, owner, **changes):
    words = {"auth_scheme": "hmac", "api_key": "K" * 64, "api_secret": "s3cret" * 10, **changes}
    return an_agent_account(desk, owner, **words)


@pytest.mark.parametrize("spelled", [str, str.lower, lambda text: "0x" + text[2:].upper()])
def test_an_agent_account_is_kept_in_one_spelling_with_its_key_sealed(desk, owner, spelled):
    account = an_agent_account(desk, owner, venue_user_id=spelled(MAIN), api_key=spelled(AGENT))

    stored = TradingAccount.objects.get(id=account.id)
    assert (stored.venue_user_id, stored.api_key, stored.currency) == (MAIN, AGENT, "USDT")
    assert (stored.auth_scheme, stored.is_testnet, stored.countdown_s) == ("agent", False, None)
    assert AGENT_KEY not in stored.api_secret
    assert reveal(stored.api_secret, binding=f"{account.id}:api_secret") == f"0x{AGENT_KEY}"


def test_a_key_proves_the_account_without_a_login(desk, owner):
    account = an_agent_account(desk, owner)

    credentials = selectors.credentials_of(account)

    assert (credentials.user_id, credentials.api_key, credentials.access_token) == (MAIN, AGENT, f"0x{AGENT_KEY}")
    assert credentials.scheme is AuthScheme.AGENT
    assert VenueLogin.objects.values_list("state", "expires_at", "epoch").get(account=account) == ("live", None, 1)


def test_a_key_pair_is_kept_for_those_who_have_one(desk, owner):
    account = a_key_pair_account(desk, owner)

    credentials = selectors.credentials_of(account)

    assert credentials.scheme is AuthScheme.KEY_PAIR
    assert (credentials.user_id, credentials.api_key, credentials.access_token) == (MAIN, "K" * 64, "s3cret" * 10)


def test_a_sealed_key_copied_to_another_account_opens_nothing(desk, owner):
    one = an_agent_account(desk, owner)
    other = a_key_pair_account(desk, owner, venue_user_id=OTHER)
    TradingAccount.objects.filter(pk=other.pk).update(api_secret=one.api_secret)
    other.refresh_from_db()

    with pytest.raises(NeedsLogin, match="enter the key again"):
        selectors.credentials_of(other)


@pytest.mark.parametrize(
    "case",
    [
        ({"venue_user_id": ""}, "venue_user_id", "account.missing", "main wallet's address is missing"),
        ({"venue_user_id": "0x12"}, "venue_user_id", "account.address", "0x12 is not a wallet's address"),
        ({"venue_user_id": MAIN.swapcase().replace("X", "x", 1)}, "venue_user_id", "account.address", "checksum"),
        ({"api_key": ""}, "api_key", "account.missing", "agent's address is missing"),
        ({"api_key": "agent"}, "api_key", "account.address", "agent is not a wallet's address"),
        ({"api_key": MAIN}, "api_key", "account.agent_is_main", "another than the main wallet's"),
        ({"api_secret": ""}, "api_secret", "account.missing", "agent's private key is missing"),
        ({"api_secret": "22" * 31}, "api_secret", "account.agent_key", "64 hexadecimal digits"),
        ({"api_secret": "zz" * 32}, "api_secret", "account.agent_key", "64 hexadecimal digits"),
        ({"api_secret": "00" * 32}, "api_secret", "account.agent_key", "64 hexadecimal digits"),
        ({"api_secret": "ff" * 32}, "api_secret", "account.agent_key", "64 hexadecimal digits"),
        ({"api_secret": "22" * 80}, "api_secret", "account.api_secret", "too long"),
        ({"api_secret": MAIN_KEY}, "api_secret", "account.main_key", "main wallet itself"),
        ({"api_secret": OTHER_KEY}, "api_secret", "account.agent_key", "belongs to the address"),
        ({"auth_scheme": "login"}, "auth_scheme", "account.auth_scheme", "login is not agent or hmac"),
        ({"auth_scheme": "magic"}, "auth_scheme", "account.auth_scheme", "magic is not agent or hmac"),
        ({"venue": "kite", "is_testnet": True, "venue_user_id": "AB1"}, "is_testnet", "account.testnet", "no testnet"),
        ({"auth_scheme": "hmac", "api_key": "K" * 65}, "api_key", "account.api_key", "too long"),
        ({"auth_scheme": "hmac", "api_key": "a b"}, "api_key", "account.api_key", "letters and digits"),
        ({"auth_scheme": "hmac", "api_key": "k", "api_secret": "a b"}, "api_secret", "account.api_secret", "letters"),
        ({"auth_scheme": "hmac", "venue_user_id": "a/b", "api_key": "k"}, "venue_user_id", "account.id", "a/b is not"),
    ],
)
def test_what_cannot_be_right_is_refused_by_field_value_and_what_is_allowed(desk, owner, case):
    changes, field, code, says = case

    with pytest.raises(Invalid) as caught:
        an_agent_account(desk, owner, **changes)

    assert (caught.value.field, caught.value.code) == (field, code)
    assert says in caught.value.message
    assert not TradingAccount.objects.exists()


@pytest.mark.parametrize("field", ["venue_user_id", "api_key", "api_secret", "auth_scheme"])
def test_a_private_key_in_any_field_is_never_repeated(desk, owner, field):
    with pytest.raises(Invalid) as caught:
        an_agent_account(desk, owner, **{field: MAIN_KEY})

    assert MAIN_KEY not in f"{caught.value.message}{caught.value.details}"
    assert MAIN_KEY not in "".join(str(row) for row in AuditEvent.objects.values())


def test_the_audit_names_the_way_and_no_secret(desk, owner):
    account = an_agent_account(desk, owner, is_testnet=True)
    services.account_rekey(account=account, api_key=OTHER, api_secret=OTHER_KEY, by=owner, at=AT)

    rows = list(AuditEvent.objects.filter(subject=str(account.pk)).values())
    connected = next(row for row in rows if row["action"] == "account.connect")
    assert (connected["details"]["auth_scheme"], connected["details"]["is_testnet"]) == ("agent", True)
    assert not any(secret in str(rows) for secret in (AGENT_KEY, OTHER_KEY))


def test_one_wallet_is_two_accounts_on_the_testnet_and_beside_it(desk, owner):
    an_agent_account(desk, owner)

    an_agent_account(desk, owner, is_testnet=True)

    assert TradingAccount.objects.count() == 2


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, "venue_user_id"),
        ({"api_key": OTHER, "api_secret": OTHER_KEY}, "venue_user_id"),
        ({"venue_user_id": OTHER}, "api_key"),
    ],
)
def test_neither_a_wallet_nor_an_agent_serves_two_accounts(desk, owner, changes, field):
    an_agent_account(desk, owner)

    with pytest.raises(Invalid) as caught:
        an_agent_account(desk, owner, **changes)

    assert (caught.value.code, caught.value.field) == ("account.exists", field)


def test_another_desk_learns_nothing_of_whose_key_it_is(desk, owner):
    an_agent_account(desk, owner)
    stranger = user_create(email="stranger@desk.test", at=AT)
    other_desk = desk_create(name="Other", owner=stranger, at=AT)

    with pytest.raises(Invalid) as caught:
        an_agent_account(other_desk, stranger, venue_user_id=OTHER)

    assert owner.email not in caught.value.message
    assert desk.name not in caught.value.message


def test_the_database_keeps_each_venue_to_its_proof(desk, owner):
    account = an_agent_account(desk, owner)

    for wrong in ({"auth_scheme": "login"}, {"venue": "kite"}, {"countdown_s": 60}, {"countdown_s": 4000}):
        with pytest.raises(IntegrityError), transaction.atomic():
            TradingAccount.objects.filter(pk=account.pk).update(**wrong)


def test_a_refused_key_is_used_no_more_until_a_new_one_comes(desk, owner):
    account = an_agent_account(desk, owner)
    assert logins.login_lost(account=account, reason="Aster refused the key (-2015).", at=AT, epoch=1)

    with pytest.raises(NeedsLogin, match="-2015"):
        selectors.credentials_of(account)
    services.account_rekey(account=account, api_key=OTHER, api_secret=OTHER_KEY, by=owner, at=AT)

    account.refresh_from_db()
    assert selectors.credentials_of(account).api_key == OTHER
    assert VenueLogin.objects.get(account=account).epoch == 3


@pytest.mark.parametrize(
    ("key", "secret", "code"),
    [
        ("", "", "account.missing"),
        (OTHER, "", "account.missing"),
        ("", OTHER_KEY, "account.agent_key"),
        (OTHER, MAIN_KEY, "account.main_key"),
        (MAIN, MAIN_KEY, "account.agent_is_main"),
        ("0x12", OTHER_KEY, "account.address"),
    ],
)
def test_a_key_that_cannot_replace_the_old_one_leaves_it(desk, owner, key, secret, code):
    account = an_agent_account(desk, owner)

    with pytest.raises(Invalid) as caught:
        services.account_rekey(account=account, api_key=key, api_secret=secret, by=owner, at=AT)

    assert caught.value.code == code
    account.refresh_from_db()
    assert selectors.credentials_of(account).access_token == f"0x{AGENT_KEY}"


def test_a_key_of_another_account_is_not_taken(desk, owner):
    an_agent_account(desk, owner)
    other = an_agent_account(desk, owner, venue_user_id=OTHER, api_key=address_of(b"\x44" * 32), api_secret="44" * 32)

    with pytest.raises(Invalid) as caught:
        services.account_rekey(account=other, api_key=AGENT, api_secret=AGENT_KEY, by=owner, at=AT)

    assert caught.value.code == "account.exists"


def test_a_disabled_account_gives_its_key_to_nobody(desk, owner):
    account = an_agent_account(desk, owner)

    account = services.account_switch(account=account, is_enabled=False, by=owner, at=AT)

    with pytest.raises(NeedsLogin, match="disabled"):
        selectors.credentials_of(account)
    account = services.account_switch(account=account, is_enabled=True, by=owner, at=AT)
    assert selectors.credentials_of(account)
    assert VenueLogin.objects.get(account=account).epoch == 3


def test_no_night_and_no_clock_ends_a_key(desk, owner):
    account = an_agent_account(desk, owner)

    assert logins.sessions_expire(at=datetime(2027, 1, 1, tzinfo=UTC)) == 0
    assert logins.sessions_end(at=AT) == 0

    assert selectors.credentials_of(account)


@pytest.mark.parametrize("act", ["login_url", "logout"])
def test_an_account_that_a_key_proves_has_no_login(desk, owner, act):
    account = an_agent_account(desk, owner)
    calls = {
        "login_url": lambda: logins.login_url(account=account, state="s"),
        "logout": lambda: logins.logout(account=account, by=owner, at=AT),
    }

    with pytest.raises(Invalid) as caught:
        calls[act]()

    assert caught.value.code == "login.none"


@pytest.mark.parametrize("seconds", [None, 120, 3600])
def test_the_dead_man_s_switch_is_set_and_audited(desk, owner, seconds):
    account = an_agent_account(desk, owner)

    services.account_countdown(account=account, countdown_s=seconds, by=owner, at=AT)

    account.refresh_from_db()
    assert account.countdown_s == seconds
    assert AuditEvent.objects.filter(action="account.countdown", details__after=seconds).exists()


@pytest.mark.parametrize("seconds", [-1, 0, 119, 3601])
def test_a_countdown_that_a_short_ban_would_fire_is_refused(desk, owner, seconds):
    account = an_agent_account(desk, owner)

    with pytest.raises(Invalid) as caught:
        services.account_countdown(account=account, countdown_s=seconds, by=owner, at=AT)

    assert (caught.value.code, caught.value.field) == ("account.countdown", "countdown_s")
    assert caught.value.details == {"value": str(seconds), "allowed": "120 to 3600 seconds"}


def test_kite_has_no_countdown(desk, owner):
    words = {"venue": "kite", "venue_user_id": "AB1234", "api_key": "key", "api_secret": "secret"}
    account = an_agent_account(desk, owner, **words)

    with pytest.raises(Invalid, match="no such switch"):
        services.account_countdown(account=account, countdown_s=120, by=owner, at=AT)


def test_an_account_goes_where_its_net_is(desk, owner, settings):
    settings.WINDHOVER_DEMO = False

    main = selectors.venue_urls(an_agent_account(desk, owner))
    test = selectors.venue_urls(an_agent_account(desk, owner, is_testnet=True))

    assert (main.api, main.chain_id) == (settings.WINDHOVER_ASTER_API_URL, 1666)
    assert (test.api, test.chain_id) == (settings.WINDHOVER_ASTER_TESTNET_API_URL, 714)
    assert main.user_stream
    assert test.user_stream


@pytest.mark.parametrize("url", ["API_URL", "STREAM_URL", "USER_STREAM_URL"])
def test_a_simulated_account_never_leaves_this_machine(desk, owner, settings, url):
    for name in ("API_URL", "STREAM_URL", "USER_STREAM_URL"):
        setattr(settings, f"WINDHOVER_ASTER_{name}", "http://127.0.0.1:9")
    setattr(settings, f"WINDHOVER_ASTER_{url}", "https://fapi.asterdex.com")
    account = an_agent_account(desk, owner, is_simulated=True)

    with pytest.raises(Invalid, match="simulator on this machine"):
        selectors.venue_urls(account)


def test_an_account_with_a_key_is_held_from_the_start_within_limits_of_its_own_currency(desk, owner):
    account = account_add(**agent_words(desk, owner))

    assert Lease.objects.filter(account=account).exists()
    assert account.limits.max_order_value_quote == 500


def test_an_account_that_never_traded_is_removed_with_its_key(desk, owner):
    account = account_add(**agent_words(desk, owner))

    account_remove(account=account, by=owner, at=AT)

    assert not TradingAccount.objects.exists()
    assert not VenueLogin.objects.exists()


def test_a_seal_of_another_binding_is_not_the_account_s(desk, owner):
    account = an_agent_account(desk, owner)
    account.api_secret = seal(f"0x{AGENT_KEY}", binding=f"{account.id}:access_token")
    account.save(update_fields=["api_secret"])

    with pytest.raises(NeedsLogin):
        selectors.credentials_of(account)
