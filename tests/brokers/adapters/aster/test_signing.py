import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokers.adapters.aster.signing import (
    MAINNET_CHAIN,
    TESTNET_CHAIN,
    AgentSigner,
    HmacSigner,
    address_of,
    domain_separator,
    hmac_hex,
    keccak,
    private_key_bytes,
    recovered_address,
)
from brokers.domain.errors import Invalid
from tests.reference import reference_file

# any 32 bytes in the group are a key; this one was made for these tests and holds nothing
KEY = "0x" + "11" * 32
ADDRESS = address_of(bytes.fromhex("11" * 32))


def vectors(name):
    return json.loads(reference_file(f"signing/{name}", folder="aster").read_text())


def an_agent(**changes):
    return AgentSigner(**({"user": "0x" + "ab" * 20, "signer": ADDRESS, "private_key": KEY} | changes))


@pytest.mark.reference
def test_hmac_signatures_equal_the_published_ones():
    cases = vectors("v1_hmac.json")
    assert cases
    for case in cases:
        assert hmac_hex(case["secret"].encode(), case["signed_text"]) == case["signature"], case["name"]


@pytest.mark.reference
def test_wallet_signatures_equal_the_recorded_ones():
    cases = vectors("v3_eip712.json")
    assert "0x" + domain_separator(MAINNET_CHAIN).hex() == cases["domain_separator_1666"]
    for case in cases["vectors"]:
        signer = AgentSigner(
            user=case["user"], signer=case["signer"], private_key=case["private_key"], chain_id=case["chainId"]
        )
        params = [(key, value if isinstance(value, str) else str(value)) for key, value in case["params"].items()]
        signed = signer.sign(params, moment=case["nonce"])
        assert signed.text == f"{case['msg']}&signature={case['signature']}", case["name"]


@pytest.mark.reference
def test_recorded_requests_recover_to_the_wallet_that_signed_them():
    cases = vectors("v3_eip712.json")["recorded_by_ccxt"]
    assert cases
    for case in cases:
        found = recovered_address(case["signature"], case["text"], MAINNET_CHAIN)
        assert found.lower() == case["recovers_to"].lower()


def test_keccak_is_not_sha3():
    assert keccak(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


def test_what_is_signed_is_what_is_sent():
    signed = HmacSigner(api_key="key", secret="secret").sign([("symbol", "币安人生USDT")], moment=1_700_000_000_000)
    text, _, signature = signed.text.rpartition("&signature=")
    assert text == "symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT&recvWindow=5000&timestamp=1700000000000"
    assert signature == hmac_hex(b"secret", text)
    assert signed.headers == {"X-MBX-APIKEY": "key"}


def test_a_signature_of_one_chain_does_not_hold_on_the_other():
    text, _, signature = an_agent(chain_id=TESTNET_CHAIN).sign([], moment=1).text.rpartition("&signature=")
    assert recovered_address(signature, text, TESTNET_CHAIN) == ADDRESS
    assert recovered_address(signature, text, MAINNET_CHAIN) != ADDRESS


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.text("abcXYZ_", min_size=1, max_size=8), st.text(max_size=20)), max_size=6),
    st.integers(min_value=1, max_value=2**53),
)
def test_every_request_recovers_to_its_agent(params, nonce):
    text, _, signature = an_agent().sign(params, moment=nonce).text.rpartition("&signature=")
    assert recovered_address(signature, text, MAINNET_CHAIN) == ADDRESS


def test_a_key_of_another_wallet_is_refused():
    with pytest.raises(Invalid) as refusal:
        an_agent(signer="0x" + "cd" * 20)
    assert refusal.value.code == "aster.agent_key"


@pytest.mark.parametrize("text", ["", "0x12", "not hexadecimal", "zz" * 32])
def test_a_key_that_is_no_key_is_refused_without_repeating_it(text):
    with pytest.raises(Invalid) as refusal:
        private_key_bytes(text)
    assert refusal.value.field == "private_key"
    assert not text or text not in refusal.value.message


@pytest.mark.parametrize("signature", ["", "0x", "0x" + "00" * 65, "0x" + "zz" * 65])
def test_a_signature_that_nobody_made_is_refused(signature):
    with pytest.raises(Invalid) as refusal:
        recovered_address(signature, "nonce=1", MAINNET_CHAIN)
    assert refusal.value.code == "aster.signature"


def test_no_secret_shows_in_the_text_of_a_signed_request():
    signed = an_agent().sign([], moment=1)
    assert "signature" not in repr(signed)
    assert KEY[2:] not in repr(an_agent())
