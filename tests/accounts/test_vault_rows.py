"""Rotation and verification by command: nothing is lost, nothing is undone, and a stolen database tells nothing."""

import io

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from accounts import vault
from accounts.audit import audit_record
from accounts.models import AuditEvent
from accounts.vault_rows import keys_in_use, vault_rotate
from brokers.models import TradingAccount
from tests.people import NOON, a_desk, an_account

pytestmark = pytest.mark.django_db
OLD, NEW = Fernet.generate_key(), Fernet.generate_key()
SECRET, FACTOR = "the-secret-of-the-account", "JBSWY3DPEHPK3PXP"


@pytest.fixture(autouse=True)
def one_key(settings):
    settings.VAULT_KEYS = {"old": OLD}


@pytest.fixture
def account():
    account = an_account(a_desk())
    TOTP.activate(account.owner, FACTOR)
    return account


def told(*arguments):
    said = io.StringIO()
    call_command(*arguments, stdout=said)
    return said.getvalue()


def test_rotation_renews_every_secret_and_the_old_key_may_go(account, settings):
    settings.VAULT_KEYS = {"new": NEW, "old": OLD}

    done = vault_rotate(at=NOON)
    settings.VAULT_KEYS = {"new": NEW}
    account.refresh_from_db()

    assert (done.renewed, keys_in_use()) == (2, {"new": 2})
    assert vault.reveal(account.api_secret, binding=str(account.id)) == SECRET
    assert TOTP(Authenticator.objects.get()).instance.wrap() is not None
    assert AuditEvent.objects.get(action="vault.rotate").details == {"renewed": 2, "current": 0}


def test_rotation_may_be_repeated(account, settings):
    settings.VAULT_KEYS = {"new": NEW, "old": OLD}
    vault_rotate(at=NOON)

    done = vault_rotate(at=NOON)

    assert (done.renewed, done.current) == (0, 2)


def test_a_secret_that_is_replaced_while_keys_rotate_stays_replaced(account, settings, monkeypatch):
    settings.VAULT_KEYS = {"new": NEW, "old": OLD}
    fresh = vault.seal("replaced meanwhile", binding=str(account.id))
    rotated = vault.rotated

    def while_somebody_writes(sealed):
        TradingAccount.objects.filter(pk=account.pk).update(api_secret=fresh)
        return rotated(sealed)

    monkeypatch.setattr(vault, "rotated", while_somebody_writes)
    vault_rotate(at=NOON)

    account.refresh_from_db()
    assert vault.reveal(account.api_secret, binding=str(account.id)) == "replaced meanwhile"


def test_a_second_factor_from_before_secrets_were_sealed_is_sealed(account):
    Authenticator.objects.update(data={"secret": FACTOR})
    assert keys_in_use()[""] == 1

    vault_rotate(at=NOON)

    assert keys_in_use() == {"old": 2}


def test_a_stolen_database_without_its_keys_tells_no_secret(account, settings):
    with connection.cursor() as cursor:
        dump = []
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')
            dump += [str(row) for row in cursor.fetchall()]
    settings.VAULT_KEYS = {"old": NEW}

    assert SECRET not in "".join(dump)
    assert FACTOR not in "".join(dump)
    with pytest.raises(vault.VaultError):
        vault.reveal(account.api_secret, binding=str(account.id))


def test_the_command_says_which_keys_are_in_use_and_which_may_go(account, settings):
    settings.VAULT_KEYS = {"new": NEW, "old": OLD}

    assert "old: 2 secrets, known" in told("vault", "status")
    assert "2 sealed anew, 0 had the newest key.\nnew: 2 secrets, newest" in told("vault", "rotate")


def test_the_command_fails_by_the_name_of_a_missing_key(account, settings):
    settings.VAULT_KEYS = {"new": NEW}

    assert "old: 2 secrets, MISSING" in told("vault", "status")
    with pytest.raises(CommandError, match="no key named old"):
        told("vault", "rotate")


def test_the_audit_of_every_desk_is_verified_by_a_command(account):
    audit_record(action="act", at=NOON)

    said = told("audit", "verify")

    assert "site: " in said
    assert f"{account.desk_id}: " in said
    assert "2 chains are whole." in said


def test_a_changed_audit_fails_the_command(account):
    AuditEvent.objects.filter(chain=str(account.desk_id)).update(action="something else")

    with pytest.raises(CommandError, match="1 of"):
        told("audit", "verify")
