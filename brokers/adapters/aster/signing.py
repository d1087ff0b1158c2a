"""Aster's two signatures behind one interface; what is signed is byte for byte what is sent.

V1 is a key with HMAC-SHA256 over query and body, bound to a time in milliseconds. V3 is an agent wallet that signs an
EIP-712 message of the url-encoded parameters, bound to a nonce in microseconds. Source: Aster's futures API documents.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol
from urllib.parse import urlencode

from brokers.domain.errors import Invalid

MAINNET_CHAIN = 1666
TESTNET_CHAIN = 714
RECEIVE_WINDOW_MS = 5000
DOMAIN_NAME = "AsterSignTransaction"

Params = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedRequest:
    """The text to send as query or as form body, and the headers that go with it."""

    text: str
    headers: dict[str, str]

    def __repr__(self) -> str:
        return "SignedRequest()"


class Signer(Protocol):
    """Signs the parameters of one request; `moment` is the scheme's own time or nonce."""

    generation: str

    def sign(self, params: Params, *, moment: int) -> SignedRequest: ...

    def key_headers(self) -> dict[str, str]:
        """Return what names the caller where no signature is asked for."""
        ...


class HmacSigner:
    """V1: a key made before the agents came. `moment` is milliseconds of the venue's clock."""

    generation = "v1"

    def __init__(self, *, api_key: str, secret: str) -> None:
        self._api_key = api_key
        self._secret = secret.encode()

    def sign(self, params: Params, *, moment: int) -> SignedRequest:
        """Append time, window and signature; the signature stands last."""
        text = urlencode([*params, ("recvWindow", str(RECEIVE_WINDOW_MS)), ("timestamp", str(moment))])
        return SignedRequest(text=f"{text}&signature={hmac_hex(self._secret, text)}", headers=self.key_headers())

    def key_headers(self) -> dict[str, str]:
        """Return the header that names the key."""
        return {"X-MBX-APIKEY": self._api_key}


class AgentSigner:
    """V3: an agent wallet of the user. `moment` is the nonce, microseconds that never repeat or step back."""

    generation = "v3"

    def __init__(self, *, user: str, signer: str, private_key: str, chain_id: int = MAINNET_CHAIN) -> None:
        self._user = user
        self._signer = signer
        self._key = private_key_bytes(private_key)
        self._chain_id = chain_id
        if address_of(self._key).lower() != signer.lower():
            raise Invalid(
                "the private key is not the key of this agent's address", code="aster.agent_key", field="private_key"
            )

    def sign(self, params: Params, *, moment: int) -> SignedRequest:
        """Append nonce, user, agent and signature; the signature stands last."""
        text = urlencode([*params, ("nonce", str(moment)), ("user", self._user), ("signer", self._signer)])
        signature = wallet_signature(self._key, text, self._chain_id)
        return SignedRequest(text=f"{text}&signature={signature}", headers={})

    def key_headers(self) -> dict[str, str]:
        """Return nothing: V3 has no key to show."""
        return {}


def hmac_hex(secret: bytes, text: str) -> str:
    """Return the hex HMAC-SHA256 of query and body joined without a separator."""
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()


def wallet_signature(key: bytes, text: str, chain_id: int) -> str:
    """Return 0x and the 65 bytes r, s, v (27 or 28) over the EIP-712 digest of `text`."""
    from coincurve import PrivateKey

    signed = PrivateKey(key).sign_recoverable(message_digest(text, chain_id), hasher=None)
    return "0x" + signed[:64].hex() + f"{signed[64] + 27:02x}"


def recovered_address(signature: str, text: str, chain_id: int) -> str:
    """Return the checksummed address whose key made the signature; raise Invalid for one that nobody made."""
    from coincurve import PublicKey

    try:
        raw = bytes.fromhex(signature.removeprefix("0x"))
        public = PublicKey.from_signature_and_message(
            raw[:64] + bytes([raw[64] - 27]), message_digest(text, chain_id), hasher=None
        )
    except (ValueError, IndexError):
        raise Invalid("the signature cannot be read", code="aster.signature", field="signature") from None
    return checksummed(keccak(public.format(compressed=False)[1:])[-20:])


def message_digest(text: str, chain_id: int) -> bytes:
    """Return the EIP-712 digest of `Message(string msg)` in Aster's domain."""
    struct = keccak(keccak(b"Message(string msg)") + keccak(text.encode()))
    return keccak(b"\x19\x01" + domain_separator(chain_id) + struct)


@lru_cache(maxsize=4)
def domain_separator(chain_id: int) -> bytes:
    """Return the hash of name, version 1, chain and the empty contract address."""
    kind = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
    return keccak(kind + keccak(DOMAIN_NAME.encode()) + keccak(b"1") + chain_id.to_bytes(32, "big") + bytes(32))


def address_of(key: bytes) -> str:
    """Return the checksummed address of a private key."""
    from coincurve import PrivateKey

    return checksummed(keccak(PrivateKey(key).public_key.format(compressed=False)[1:])[-20:])


def private_key_bytes(text: str) -> bytes:
    """Read 32 bytes of hex; raise Invalid for anything else, without repeating it."""
    try:
        key = bytes.fromhex(text.strip().removeprefix("0x"))
    except ValueError:
        key = b""
    if len(key) != 32:
        raise Invalid("an agent's private key is 64 hexadecimal digits", code="aster.agent_key", field="private_key")
    return key


def keccak(data: bytes) -> bytes:
    """Return the 32 bytes of Keccak-256, which is not SHA3-256."""
    from Crypto.Hash import keccak as algorithm

    return algorithm.new(digest_bits=256, data=data).digest()


def checksummed(address: bytes) -> str:
    """Return an address of 20 bytes as text whose letters' case guards it against a slip (EIP-55)."""
    digits = address.hex()
    marks = keccak(digits.encode()).hex()
    return "0x" + "".join(d.upper() if int(m, 16) >= 8 else d for d, m in zip(digits, marks, strict=False))
