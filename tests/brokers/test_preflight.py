import re
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AuditEvent, Role
from accounts.services import membership_set
from brokers import services
from brokers.domain.egress import egress_of
from brokers.domain.errors import Invalid
from brokers.models import Preflight, TradingAccount
from brokers.preflight import GOOD_FOR, live_objections, preflight_run, require_may_trade_live
from tests.brokers.fake_kite import KEY, fake_kite
from tests.people import a_desk, a_user, an_account, cleared

pytestmark = pytest.mark.django_db

HERE, ELSEWHERE = "127.0.0.2", "127.0.0.3"  # two addresses that every machine has


@pytest.fixture
def kite(settings):
    with fake_kite() as venue:
        yield venue.used_by(settings)


@pytest.fixture
def account():
    return with_key(an_account(a_desk(), is_simulated=False))


def with_key(account):
    account.api_key = KEY
    account.save()
    return account


def routed(account, egress=HERE):
    return services.account_route(account=account, egress_address=egress, by=account.owner, at=timezone.now())


def looked(account):
    return preflight_run(account=account, by=account.owner, at=timezone.now())


def bad(account):
    return [objection.code for objection in live_objections(account, at=timezone.now())]


def test_the_preflight_shows_the_address_that_the_venue_will_see(account, kite):
    account = routed(account)

    seen = looked(account)

    assert (seen.seen_address, seen.source_address) == (HERE, HERE)
    assert [row["code"] for row in seen.findings] == ["egress.seen", "venue.answers", "clock.agrees", "key.known"]
    assert bad(account) == []


def test_without_an_echo_it_says_that_it_cannot_know(account, kite, settings):
    settings.WINDHOVER_ADDRESS_ECHO_URL = ""

    seen = looked(routed(account))

    assert (seen.seen_address, seen.source_address, seen.findings[0]["code"]) == ("", HERE, "egress.unknown")
    assert "cannot be known" in seen.findings[0]["sentence"]


def test_without_an_egress_nothing_goes_live(account, kite):
    looked(account)

    with pytest.raises(Invalid) as caught:
        require_may_trade_live(account, at=timezone.now())

    assert caught.value.code == "account.egress_missing"
    assert "declare one" in caught.value.message


def test_a_simulated_account_needs_none(kite):
    account = with_key(an_account(a_desk()))

    assert bad(account) == []
    assert not any(row["is_bad"] for row in looked(account).findings)


@pytest.mark.parametrize("seconds", [10, -10])
def test_a_clock_ten_seconds_off_keeps_the_account_from_going_live(account, kite, seconds):
    kite.ahead = timedelta(seconds=seconds)
    account = routed(account)

    seen = looked(account)

    sentence = next(row["sentence"] for row in seen.findings if row["is_bad"])
    assert ("behind" if seconds > 0 else "ahead of") in sentence
    # the venue says whole seconds, and its answer takes a moment of its own
    assert re.search(r"is (8|9|10|11|12) s ", sentence), sentence
    assert bad(account) == ["clock.skew"]


def test_a_clock_two_seconds_off_is_good_enough(account, kite):
    kite.ahead = timedelta(seconds=2)
    account = routed(account)
    looked(account)

    assert bad(account) == []


def test_a_key_that_the_venue_does_not_know_is_found_before_any_login(account, kite):
    TradingAccount.objects.update(api_key="another")
    account.refresh_from_db()
    account = routed(account)
    looked(account)

    assert bad(account) == ["login.unknown_key"]


def test_a_venue_that_is_away_is_said(account, settings, unused_tcp_port):
    settings.WINDHOVER_KITE_API_URL = f"http://127.0.0.1:{unused_tcp_port}"
    account = routed(account)

    seen = looked(account)

    assert bad(account) == ["venue.away"]
    assert "does not answer" in next(row["sentence"] for row in seen.findings if row["is_bad"])


def test_a_look_is_good_for_a_day_and_for_the_way_that_was_tried(account, kite):
    account = routed(account)
    looked(account)
    Preflight.objects.update(at=timezone.now() - GOOD_FOR - timedelta(minutes=1))
    assert bad(account) == ["account.preflight_missing"]

    looked(account)
    account = routed(account, ELSEWHERE)
    assert bad(account) == ["account.preflight_missing"]


def test_two_people_who_are_not_family_do_not_share_an_address(account):
    cleared(account)
    other = cleared(an_account(a_desk(), is_simulated=False))

    assert bad(account) == bad(other) == ["account.egress_shared"]


def test_an_address_that_the_venue_sees_alike_is_shared_whatever_it_is_called(account):
    cleared(account)
    other = cleared(an_account(a_desk(), is_simulated=False), egress="10.0.0.9")
    Preflight.objects.filter(account=other).update(seen_address="203.0.113.7")

    assert bad(account) == bad(other) == ["account.egress_shared"]


def test_one_persons_accounts_share_an_address(account):
    cleared(account)
    other = cleared(an_account(account.desk, owner=account.owner, is_simulated=False))

    assert bad(account) == bad(other) == []


def test_a_declared_family_shares_an_address_and_the_declaration_is_audited(account):
    spouse = a_user()
    membership_set(desk=account.desk, user=spouse, role=Role.TRADER, at=timezone.now(), by=None)
    cleared(account)
    other = cleared(an_account(account.desk, owner=spouse, is_simulated=False))
    assert bad(account) == ["account.egress_shared"]

    tie = services.family_declare(
        desk=account.desk,
        person=account.owner,
        relative=spouse,
        relation="spouse",
        by=account.owner,
        at=timezone.now(),
    )

    assert bad(account) == bad(other) == []
    event = AuditEvent.objects.get(action="family.declare")
    assert (event.actor, event.details["relation"]) == (account.owner, "spouse")
    services.family_withdraw(tie=tie, by=account.owner, at=timezone.now())
    assert bad(account) == bad(other) == ["account.egress_shared"]


def test_a_declaration_stands_while_live_accounts_share_by_it(account):
    spouse = a_user()
    membership_set(desk=account.desk, user=spouse, role=Role.TRADER, at=timezone.now(), by=None)
    words = {"desk": account.desk, "person": account.owner, "relative": spouse, "relation": "spouse"}
    tie = services.family_declare(**words, by=account.owner, at=timezone.now())
    cleared(an_account(account.desk, owner=spouse, is_simulated=False))
    services.account_release(account=cleared(account), is_live=True, by=account.owner, at=timezone.now())

    with pytest.raises(Invalid) as caught:
        services.family_withdraw(tie=tie, by=account.owner, at=timezone.now())

    assert caught.value.code == "family.in_use"
    assert bad(account) == []


def test_family_is_found_on_the_same_desk_alone(account):
    with pytest.raises(Invalid):
        services.family_declare(
            desk=account.desk,
            person=account.owner,
            relative=a_user(),
            relation="spouse",
            by=account.owner,
            at=timezone.now(),
        )


def test_another_way_out_takes_a_live_account_back_to_paper(account):
    services.account_release(account=cleared(account), is_live=True, by=account.owner, at=timezone.now())

    account = routed(account)

    assert not account.is_live
    assert AuditEvent.objects.get(action="account.route").details["is_paper_now"] is True


def test_nothing_is_released_that_is_not_in_order(account):
    with pytest.raises(Invalid):
        services.account_release(account=account, is_live=True, by=account.owner, at=timezone.now())

    assert not TradingAccount.objects.get(pk=account.pk).is_live


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", ""),
        (" 203.0.113.7 ", "203.0.113.7"),
        ("2001:DB8::1", "2001:db8::1"),
        ("http://10.0.0.5:3128/", "http://10.0.0.5:3128"),
    ],
)
def test_an_egress_has_one_spelling(text, kept):
    assert egress_of(text, proxies=["http://10.0.0.5:3128"]) == kept


@pytest.mark.parametrize("text", ["http://elsewhere:1", "socks5://10.0.0.5:1", "0.0.0.0", "224.0.0.1", "here", "1.2.3"])
def test_an_egress_that_cannot_be_meant_names_its_field(text):
    with pytest.raises(Invalid) as caught:
        egress_of(text, proxies=["http://10.0.0.5:3128"])

    assert caught.value.field == "egress_address"
