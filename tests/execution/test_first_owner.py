import io
import json
import stat

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from pydantic import SecretStr

from accounts.models import AuditEvent, User
from accounts.vault import is_sealed, reveal
from brokers.models import SessionState, TradingAccount
from brokers.selectors import binding_of
from execution.models import Lease
from execution.runtime import store
from tests.people import a_user

pytestmark = pytest.mark.django_db

KEY, SECRET = "k" * 64, "s" * 64


@pytest.fixture
def keys(settings, tmp_path):
    settings.WINDHOVER_FIRST_ASTER_KEY, settings.WINDHOVER_FIRST_ASTER_SECRET = SecretStr(KEY), SecretStr(SECRET)
    settings.WINDHOVER_STATE = tmp_path
    return settings


def first_owner():
    out = io.StringIO()
    call_command("first_owner", stdout=out)
    return out.getvalue()


def test_an_empty_database_gets_an_owner_with_an_account_on_paper(keys):
    said = first_owner()

    account = TradingAccount.objects.get()
    assert (account.venue, account.auth_scheme, account.currency) == ("aster", "hmac", "USDT")
    assert not account.is_live
    assert not account.is_simulated
    assert account.owner.is_staff
    assert account.login.state == SessionState.LIVE
    assert Lease.objects.filter(account=account).exists()
    assert "on paper" in said


def test_the_desk_gets_the_key_pair_that_the_environment_named(keys):
    first_owner()

    credentials = store.login_facts(str(TradingAccount.objects.get().pk)).credentials
    assert (credentials.api_key, credentials.access_token) == (KEY, SECRET)


def test_the_secret_is_sealed_and_told_nowhere(keys, caplog):
    said = first_owner()

    account = TradingAccount.objects.get()
    assert is_sealed(account.api_secret)
    assert reveal(account.api_secret, binding=binding_of(account, "api_secret")) == SECRET
    told = said + caplog.text + json.dumps(list(AuditEvent.objects.values()), default=str) + str(account)
    assert SECRET not in told
    assert KEY not in told


def test_the_owner_signs_in_with_the_password_that_the_state_folder_keeps(keys, tmp_path, client):
    first_owner()

    path = tmp_path / "first-owner.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    kept = json.loads(path.read_text())
    answer = client.post(reverse("account_login"), {"login": kept["email"], "password": kept["password"]})
    assert answer.status_code == 302


def test_a_second_start_makes_nobody(keys):
    first_owner()

    assert first_owner() == ""
    assert User.objects.count() == TradingAccount.objects.count() == 1


def test_nothing_is_made_beside_people_who_are_known(keys):
    a_user()

    first_owner()

    assert not TradingAccount.objects.exists()


def test_nothing_is_made_without_a_key(keys):
    keys.WINDHOVER_FIRST_ASTER_KEY = SecretStr("")

    first_owner()

    assert not User.objects.exists()


def test_the_demo_leaves_real_keys_alone(keys):
    keys.WINDHOVER_DEMO = True

    first_owner()

    assert not User.objects.exists()


def test_a_key_that_cannot_be_one_leaves_nobody_behind(keys):
    keys.WINDHOVER_FIRST_ASTER_KEY = SecretStr("not a key!")

    with pytest.raises(CommandError, match="letters and digits") as refused:
        first_owner()

    assert "not a key!" not in str(refused.value)
    assert not User.objects.exists()


def test_a_state_folder_that_keeps_nothing_leaves_nobody_behind(keys, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    keys.WINDHOVER_STATE = blocked

    with pytest.raises(CommandError, match="state folder"):
        first_owner()

    assert not User.objects.exists()


def test_says_what_nothing_uses_yet(keys, monkeypatch):
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "12:secret")

    said = first_owner()

    assert "Nothing uses TELEGRAM_BOT_TOKEN yet." in said
    assert "12:secret" not in said
