from datetime import UTC, datetime, timedelta

import pytest
from django.core import mail

from accounts.models import AuditEvent, Outbox
from brokers import logins
from brokers.models import SessionState, VenueLogin
from notifications.models import Letter
from notifications.services import mornings_tell, session_ended_tell
from tests.people import a_desk, an_account, an_aster_account

pytestmark = pytest.mark.django_db

SIX = datetime(2026, 11, 21, 0, 30, tzinfo=UTC)  # 06:00 in Mumbai
MONDAY_0830 = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
SUNDAY_0830 = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


@pytest.fixture
def account():
    account = an_account(a_desk(), is_simulated=False)
    VenueLogin.objects.filter(account=account).update(expires_at=SIX, login_at=SIX - timedelta(hours=20), epoch=1)
    return account


def letters():
    """Run what waits in the outbox for the worker."""
    for row in Outbox.objects.filter(task="notifications.session_ended"):
        session_ended_tell(account_id=row.arguments["account_id"], epoch=int(row.arguments["epoch"]), at=SIX)
    return mail.outbox


def test_a_session_ends_by_the_clock_without_any_refusal(account):
    assert logins.sessions_expire(at=SIX - timedelta(seconds=1)) == 0
    assert logins.sessions_expire(at=SIX) == 1

    login = VenueLogin.objects.get(account=account)
    assert (login.state, login.access_token, login.epoch) == (SessionState.NEEDS_LOGIN, "", 2)
    assert "06:00" in login.reason
    assert AuditEvent.objects.filter(action="login.lost", subject=str(account.pk)).count() == 1


def test_a_death_is_told_once_however_often_it_is_noticed(account):
    logins.sessions_expire(at=SIX)
    logins.sessions_expire(at=SIX + timedelta(minutes=1))
    logins.login_lost(account=account, reason="403", at=SIX, epoch=1)
    letters()
    letters()

    assert len(mail.outbox) == 1
    assert mail.outbox[0].to == [account.owner.email]
    assert f"http://localhost:8000/brokers/{account.pk}/login" in mail.outbox[0].body
    assert "06:00" in mail.outbox[0].body


def test_the_next_death_is_told_again(account):
    logins.sessions_expire(at=SIX)
    letters()
    VenueLogin.objects.update(state=SessionState.LIVE, epoch=3, expires_at=SIX + timedelta(days=1))
    logins.sessions_expire(at=SIX + timedelta(days=1))
    letters()

    assert len(mail.outbox) == 2


def test_who_has_logged_in_meanwhile_gets_no_letter(account):
    logins.sessions_expire(at=SIX)
    VenueLogin.objects.update(state=SessionState.LIVE, epoch=3)

    assert letters() == []
    assert not Letter.objects.exists()


def test_a_letter_holds_no_token(account):
    token = VenueLogin.objects.get().access_token
    logins.login_lost(account=account, reason="Token is invalid or has expired.", at=SIX)
    said = letters()[0]

    assert account.api_key not in said.body + said.subject
    assert "v1:" not in said.body
    assert not token or token not in said.body


def test_a_simulated_session_does_not_die_by_this_machines_clock(account):
    account.is_simulated = True
    account.save()

    assert logins.sessions_expire(at=SIX + timedelta(days=3)) == 0


def test_the_night_ends_every_session_at_its_venue(account, monkeypatch):
    ended = []
    monkeypatch.setattr(logins, "credentials_of", lambda account: account)
    monkeypatch.setattr(logins.blocking, "end_session", lambda credentials, api_url: ended.append(credentials))

    assert logins.sessions_end(at=SIX - timedelta(minutes=15)) == 1
    assert logins.sessions_end(at=SIX - timedelta(minutes=7)) == 0

    assert ended == [account]
    assert VenueLogin.objects.get().state == SessionState.NEEDS_LOGIN
    assert AuditEvent.objects.get(action="login.end").details == {"reason": logins.DAYS_END}
    assert len(letters()) == 1


def test_a_venue_that_does_not_answer_at_night_is_told_and_the_clock_ends_its_session(account, monkeypatch):
    from brokers.domain.errors import Ambiguous

    def lost(credentials, api_url):
        raise Ambiguous("the venue did not answer")

    monkeypatch.setattr(logins, "credentials_of", lambda account: account)
    monkeypatch.setattr(logins.blocking, "end_session", lost)

    assert logins.sessions_end(at=SIX - timedelta(minutes=15)) == 0

    assert VenueLogin.objects.get().state == SessionState.LIVE
    assert AuditEvent.objects.filter(action="login.end_failed").count() == 1
    assert logins.sessions_expire(at=SIX) == 1


def test_a_logout_leaves_a_session_alone_that_began_while_the_venue_was_asked(account, monkeypatch):
    def overtaken(credentials, api_url):
        VenueLogin.objects.update(epoch=2)

    monkeypatch.setattr(logins, "credentials_of", lambda account: account)
    monkeypatch.setattr(logins.blocking, "end_session", overtaken)

    logins.logout(account=account, by=None, at=SIX)

    login = VenueLogin.objects.get(account=account)
    assert (login.state, login.epoch) == (SessionState.LIVE, 2)
    assert letters() == []


def test_a_logout_by_hand_is_told_to_nobody(account, monkeypatch):
    monkeypatch.setattr(logins, "credentials_of", lambda account: account)
    monkeypatch.setattr(logins.blocking, "end_session", lambda credentials, api_url: None)

    logins.logout(account=account, by=account.owner, at=SIX)

    assert letters() == []


@pytest.mark.parametrize(("at", "told"), [(MONDAY_0830, 1), (SUNDAY_0830, 0)])
def test_a_trading_day_begins_with_a_reminder_to_who_is_not_logged_in(account, at, told):
    VenueLogin.objects.update(state=SessionState.NEEDS_LOGIN)

    assert mornings_tell(at=at) == told
    assert mornings_tell(at=at + timedelta(minutes=1)) == 0

    assert len(mail.outbox) == told
    assert all(f"/brokers/{account.pk}/login" in letter.body for letter in mail.outbox)


def test_who_is_logged_in_is_not_reminded(account):
    assert mornings_tell(at=MONDAY_0830) == 0


@pytest.fixture
def by_key():
    return an_aster_account(a_desk(), is_simulated=False)


def test_a_refused_key_is_told_with_the_way_to_enter_another(by_key):
    logins.login_lost(account=by_key, reason="Aster refused the key (-2015).", at=SIX)

    [letter] = letters()

    assert f"the key of {by_key.label} is refused" in letter.subject
    assert "(-2015)" in letter.body
    assert f"/brokers/accounts/{by_key.pk}" in letter.body
    assert "Kite" not in letter.subject + letter.body


def test_no_morning_asks_for_a_login_that_an_account_does_not_have(by_key):
    VenueLogin.objects.update(state=SessionState.NEEDS_LOGIN)

    assert mornings_tell(at=MONDAY_0830) == 0
