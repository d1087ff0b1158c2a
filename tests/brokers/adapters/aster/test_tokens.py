import pytest

from brokers.adapters.aster import tokens
from brokers.domain.errors import DataError, Rejected


def test_a_symbol_keeps_its_number_for_ever():
    assert tokens.token_of("BTCUSDT") == int.from_bytes(bytes.fromhex("2cedfa411dd5"), "big")
    assert tokens.token_of("币安人生USDT") != tokens.token_of("BTCUSDT")


def test_a_number_fits_a_signed_column_of_eight_bytes():
    numbers = [tokens.token_of(f"S{i}USDT") for i in range(5_000)]

    assert len(set(numbers)) == 5_000
    assert all(0 < number < 2**48 for number in numbers)


def test_a_list_in_which_two_symbols_share_a_number_is_refused(monkeypatch):
    monkeypatch.setattr(tokens, "token_of", lambda symbol: 7)

    with pytest.raises(DataError, match="AUSDT and BUSDT"):
        tokens.require_distinct(["AUSDT", "BUSDT"])


def test_a_symbol_listed_twice_is_no_clash():
    tokens.require_distinct(["AUSDT", "AUSDT", "BUSDT"])


def test_an_order_is_named_by_its_symbol_and_its_id_and_found_again():
    assert tokens.split_order_key(tokens.order_key("币安人生USDT", "17")) == ("币安人生USDT", "17")


@pytest.mark.parametrize("key", ["", "17", ":17", "BTCUSDT:"])
def test_what_names_no_order_is_a_definite_no(key):
    with pytest.raises(Rejected):
        tokens.split_order_key(key)
