"""Accounts of the simulated venue: from the command line and from a file."""

import json

import pytest

from brokers.simulator.kite_sessions import DEMO_APP, AccountInvalid, app_from_text, apps_from_file
from brokers.simulator.options import OptionInvalid
from tests.brokers.simulator.site import a_site

ROW = {
    "user_id": "ZZ9999",
    "api_key": "k",
    "api_secret": "s",
    "redirect_url": "https://desk.example/cb",
    "cash": 2500.5,
}


def test_address_may_hold_colons():
    app = app_from_text("ZZ9999:k:s:http://localhost:8000/a:b:1000.50")

    assert (app.user_id, app.redirect_url, app.cash) == ("ZZ9999", "http://localhost:8000/a:b", 100_050)


@pytest.mark.parametrize("text", ["", "ZZ9999", "a:b:c:1000", "a:b:c:ftp://x:1000", "a:b:c:http://x:much"])
def test_wrong_account_is_named(text):
    with pytest.raises(AccountInvalid):
        app_from_text(text)


def test_accounts_come_from_a_file(tmp_path):
    path = tmp_path / "accounts.json"
    path.write_text(json.dumps([ROW]))

    (app,) = apps_from_file(path)
    site, _ = a_site("--accounts", str(path))

    assert app.cash == 250_050
    assert list(site.venue.engine.accounts) == ["ZZ9999"]


@pytest.mark.parametrize("content", ["[", "{}", "[{}]", json.dumps([{**ROW, "cash": "all"}])])
def test_wrong_file_is_named(tmp_path, content):
    path = tmp_path / "accounts.json"
    path.write_text(content if content != "{}" else "7")

    with pytest.raises(AccountInvalid):
        apps_from_file(path)


def test_accounts_may_not_share_a_key_or_an_id():
    first = "AA0001:k:s:http://localhost:1/x:100000"

    for second in ("AA0001:k2:s:http://localhost:1/x:1", "BB0002:k:s:http://localhost:1/x:1"):
        with pytest.raises(OptionInvalid, match="share the same"):
            a_site("--account", first, "--account", second)


def test_demo_account_stands_in_when_none_is_given():
    site, _ = a_site()

    assert list(site.venue.engine.accounts) == [DEMO_APP.user_id] == ["AB1234"]
    assert set(site.venue.engine.accounts["AB1234"].holdings) == {"RELIANCE", "HDFCBANK", "ITC"}
