import re

import pytest
from pydantic import ValidationError

from brokers.domain.egress import egress_of
from config.databases import database_from
from config.environment import ROOT, UNPREFIXED, Environment, environment_read, parse_vault_keys

KEY = "d2luZGhvdmVyIHRlc3Qga2V5LCAzMiBieXRlcyBsb24="
NEEDED = {"secret_key": "x" * 40, "vault_keys": f"k1:{KEY}"}


def test_reads_vault_keys_newest_first():
    assert list(parse_vault_keys(f"k2:{KEY},k1:{KEY}")) == ["k2", "k1"]


@pytest.mark.parametrize("text", ["", "k1", "k1:short", f"k1:{KEY},k1:{KEY}", f"k 1:{KEY}"])
def test_refuses_keys_that_cannot_work(text):
    with pytest.raises(ValueError, match="id:key"):
        parse_vault_keys(text)


@pytest.mark.parametrize(
    "wrong", [{"database_url": "mysql://x"}, {"redis_url": "http://x"}, {"secret_key": "short"}, {"lease_ttl_s": 0}]
)
def test_refuses_a_wrong_variable_by_name(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Environment(**{**NEEDED, **wrong}, _env_file=None)


@pytest.mark.parametrize(
    ("variable", "value"),
    [("WINDHOVER_SECRET_KEY", "tooshort"), ("WINDHOVER_VAULT_KEYS", "k1:halfakey"), ("DATABASE_URL", "mysql://u:pw@h")],
)
def test_a_process_with_a_wrong_variable_ends_with_its_name_and_not_its_value(monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)

    with pytest.raises(SystemExit) as ended:
        environment_read()

    assert str(ended.value).startswith(f"{variable}: ")
    assert value not in str(ended.value)


def test_names_hosts_separated_by_commas():
    assert Environment(**NEEDED, allowed_hosts="a.example, b.example", _env_file=None).allowed_hosts == (
        "a.example",
        "b.example",
    )


def test_a_proxy_is_kept_in_the_spelling_in_which_an_account_names_it():
    proxies = Environment(**NEEDED, egress_proxies="http://192.0.2.7:3128/", _env_file=None).egress_proxies

    assert egress_of("http://192.0.2.7:3128/", proxies=proxies) in proxies


def test_a_secret_does_not_show_in_the_environments_own_text():
    assert NEEDED["secret_key"] not in repr(Environment(**NEEDED, _env_file=None))


def test_sqlite_transactions_begin_as_writers():
    options = database_from("sqlite:////tmp/x.sqlite3")["OPTIONS"]

    assert (options["transaction_mode"], options["timeout"]) == ("IMMEDIATE", 20)


def test_reads_a_postgresql_address():
    found = database_from("postgresql://me:p%40ss@db.example:6432/desk?sslmode=require")

    assert (found["USER"], found["PASSWORD"], found["HOST"], found["PORT"], found["NAME"]) == (
        "me",
        "p@ss",
        "db.example",
        "6432",
        "desk",
    )
    assert found["OPTIONS"]["sslmode"] == "require"


def test_the_template_names_only_variables_that_are_read():
    known = {f"WINDHOVER_{name}".upper() for name in Environment.model_fields} | UNPREFIXED

    named = re.findall(r"^(?:# )?([A-Z_]+)=", (ROOT / ".env.template").read_text(), flags=re.MULTILINE)

    assert {"WINDHOVER_SECRET_KEY", "WINDHOVER_VAULT_KEYS"} <= set(named) <= known


def test_the_venues_numbers_are_settings():
    read = Environment(**NEEDED, kite_orders_per_second=8, kite_quotes_per_second=2, _env_file=None)

    assert read.kite_allowance.desk.per_second == 6
    assert read.kite_allowance.reads()["quote"] == 1.6


def test_numbers_that_leave_no_room_name_their_variable():
    read = Environment(**NEEDED, kite_entries_per_day=5_000, _env_file=None)

    with pytest.raises(SystemExit, match="WINDHOVER_KITE_ENTRIES_PER_DAY: entries end at 5000 orders"):
        _ = read.kite_allowance


def test_reads_aster_keys_under_the_names_of_cloud_trader(monkeypatch):
    monkeypatch.setenv("ASTER_API_KEY", "a-key")
    monkeypatch.setenv("ASTER_SECRET_KEY", "a-secret")

    read = Environment(**NEEDED, _env_file=None)

    assert read.aster_api_key.get_secret_value() == "a-key"
    assert "a-secret" not in repr(read)


def test_half_a_key_pair_ends_the_process_and_names_both_variables(monkeypatch):
    monkeypatch.setenv("ASTER_API_KEY", "a-key")
    for name, value in NEEDED.items():
        monkeypatch.setenv(f"WINDHOVER_{name.upper()}", value)

    with pytest.raises(SystemExit) as ended:
        environment_read()

    assert "ASTER_API_KEY and ASTER_SECRET_KEY" in str(ended.value)
    assert "a-key" not in str(ended.value)


def test_a_rate_without_its_day_is_refused():
    with pytest.raises(ValidationError, match="WINDHOVER_USDT_INR_ON"):
        Environment(**NEEDED, usdt_inr="88.5", _env_file=None)


def test_an_empty_rate_is_none():
    assert Environment(**NEEDED, usdt_inr="", usdt_inr_on="", _env_file=None).usdt_inr is None


def test_the_testnet_has_its_own_addresses_and_chain():
    read = Environment(**NEEDED, _env_file=None)

    assert (read.aster_chain_id, read.aster_testnet_chain_id) == (1666, 714)
    assert read.aster_testnet_api_url != read.aster_api_url
