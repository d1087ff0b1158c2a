import io

import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from accounts.vault import is_sealed
from brokers.models import TradingAccount
from execution.models import Lease
from risk.selectors import limits_for

pytestmark = pytest.mark.django_db

ARGUMENTS = {"email": "meera@example.test", "zerodha_id": "AB1234", "api_key": "publickey00001"}
PASSWORD, SECRET = "a long and unusual sentence", "topsecret000001"


def connect(monkeypatch, *answers, **changes):
    monkeypatch.setattr("sys.stdin", io.StringIO("".join(f"{answer}\n" for answer in answers)))
    out = io.StringIO()
    call_command("account_connect", stdout=out, **ARGUMENTS | changes)
    return out.getvalue()


def test_a_stranger_gets_a_user_a_desk_and_an_account_that_is_not_live(monkeypatch):
    said = connect(monkeypatch, PASSWORD, SECRET)

    account = TradingAccount.objects.get()
    assert (account.owner.email, account.venue_user_id, account.is_live) == ("meera@example.test", "AB1234", False)
    assert is_sealed(account.api_secret)
    assert SECRET not in said
    assert PASSWORD not in said
    assert Lease.objects.filter(account=account).exists()
    assert limits_for(account).max_orders_per_second == 3


def test_the_first_person_is_the_operator_and_the_second_is_not(monkeypatch):
    connect(monkeypatch, PASSWORD, SECRET)
    connect(monkeypatch, PASSWORD, SECRET, email="ravi@example.test", zerodha_id="CD5678")

    assert list(User.objects.order_by("email").values_list("is_staff", flat=True)) == [True, False]


def test_a_second_account_joins_the_desk_one_has(monkeypatch):
    connect(monkeypatch, PASSWORD, SECRET)
    connect(monkeypatch, SECRET, zerodha_id="XY9999")

    assert len(set(TradingAccount.objects.values_list("desk_id", flat=True))) == 1


@pytest.mark.parametrize(
    ("answers", "changes", "sentence"),
    [
        ((PASSWORD,), {}, "API secret"),
        (("1234", SECRET), {}, "password"),
        ((PASSWORD, SECRET), {"api_key": " "}, "key"),
    ],
)
def test_nothing_is_left_of_a_connection_that_failed(monkeypatch, answers, changes, sentence):
    with pytest.raises(CommandError, match=sentence):
        connect(monkeypatch, *answers, **changes)

    assert not User.objects.exists()
    assert not TradingAccount.objects.exists()


def test_an_account_that_is_connected_already_is_said(monkeypatch):
    connect(monkeypatch, PASSWORD, SECRET)

    with pytest.raises(CommandError, match="connected already"):
        connect(monkeypatch, SECRET)
