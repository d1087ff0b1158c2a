import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ValidationError
from django.db import transaction

from accounts import vault
from brokers.models import TradingAccount
from tests.people import a_desk, an_account

OLD, NEW = Fernet.generate_key(), Fernet.generate_key()


@pytest.fixture(autouse=True)
def one_key(settings):
    settings.VAULT_KEYS = {"old": OLD}


def test_opens_what_it_sealed_under_the_same_binding():
    sealed = vault.seal("hunter2", binding="account-1")

    assert vault.reveal(sealed, binding="account-1") == "hunter2"


def test_refuses_a_secret_moved_to_another_row():
    sealed = vault.seal("hunter2", binding="account-1")

    with pytest.raises(vault.VaultError, match="another row"):
        vault.reveal(sealed, binding="account-2")


def test_sealed_text_shows_neither_secret_nor_binding():
    sealed = vault.seal("hunter2", binding="account-1")

    assert "hunter2" not in sealed
    assert "account-1" not in sealed


def test_refuses_a_changed_token():
    sealed = vault.seal("hunter2", binding="a")
    middle = len(sealed) // 2
    changed = sealed[:middle] + ("A" if sealed[middle] != "A" else "B") + sealed[middle + 1 :]

    with pytest.raises(vault.VaultError, match="changed"):
        vault.reveal(changed, binding="a")


def test_rotation_seals_with_the_newest_key_and_keeps_the_binding(settings):
    sealed = vault.seal("hunter2", binding="a")
    settings.VAULT_KEYS = {"new": NEW, "old": OLD}

    renewed = vault.rotated(sealed)
    settings.VAULT_KEYS = {"new": NEW}

    assert renewed.startswith("v1:new:")
    assert vault.reveal(renewed, binding="a") == "hunter2"


def test_rotation_leaves_what_the_newest_key_sealed():
    sealed = vault.seal("hunter2", binding="a")

    assert vault.rotated(sealed) == sealed


def test_says_which_key_is_missing(settings):
    sealed = vault.seal("hunter2", binding="a")
    settings.VAULT_KEYS = {"new": NEW}

    with pytest.raises(vault.VaultError, match="no key named old"):
        vault.reveal(sealed, binding="a")


@pytest.mark.django_db
def test_a_secret_column_refuses_text_in_the_clear():
    account = an_account(a_desk())
    account.api_secret = "hunter2"

    with pytest.raises(ValidationError, match="sealed"), transaction.atomic():
        account.save()

    assert TradingAccount.objects.get(pk=account.pk).api_secret.startswith("v1:")
