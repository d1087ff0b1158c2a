"""What a person enters to prove an account to its venue: checked, and brought into one spelling."""

from __future__ import annotations

import re
from dataclasses import dataclass

from brokers.adapters.aster.signing import address_of, checksummed, private_key_bytes
from brokers.domain.errors import Invalid
from brokers.models import Proof, Venue

LONGEST_KEY = 64
LONGEST_SECRET = 128
LONGEST_SHOWN = 60
PRIVATE_KEY = re.compile(r"[0-9a-fA-F]{64}")
ADDRESS = re.compile(r"0[xX][0-9a-fA-F]{40}")
KEY_WORDS = {Proof.LOGIN: "the API key", Proof.KEY_PAIR: "the API key", Proof.AGENT: "the agent's address"}
SECRET_WORDS = {Proof.LOGIN: "the API secret", Proof.KEY_PAIR: "the API secret", Proof.AGENT: "the agent's private key"}
ID_WORDS = {Venue.KITE: "the Zerodha id", Venue.ASTER: "the main wallet's address"}
MAIN_KEY = (
    "this is the private key of the main wallet itself, which moves all its money: it was not stored. Make an agent at the "
    "venue and enter the agent's key"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """Whose account it is at its venue, and by which key it is proven there."""

    scheme: Proof
    venue_user_id: str
    api_key: str
    api_secret: str

    def __repr__(self) -> str:
        return f"Proven(scheme={self.scheme.value!r}, venue_user_id={self.venue_user_id!r})"


def scheme_for(venue: str, wanted: str) -> Proof:
    """Return how an account of a venue proves itself; raise Invalid for another venue's way."""
    if venue not in Venue.values:
        raise _wrong("venue", venue, "kite or aster", code="account.venue")
    possible = [Proof.LOGIN] if venue == Venue.KITE else [Proof.AGENT, Proof.KEY_PAIR]
    if not wanted:
        return possible[0]
    if wanted not in possible:
        raise _wrong("auth_scheme", wanted, " or ".join(possible), code="account.auth_scheme")
    return Proof(wanted)


def proven(*, venue: str, scheme: Proof, venue_user_id: str, api_key: str, api_secret: str) -> Proven:
    """Check what a new account is connected with; raise Invalid naming the field, never a secret's text."""
    user, key, secret = venue_user_id.strip(), api_key.strip(), api_secret.strip()
    words = [
        ("venue_user_id", user, ID_WORDS[Venue(venue)]),
        ("api_key", key, KEY_WORDS[scheme]),
        ("api_secret", secret, SECRET_WORDS[scheme]),
    ]
    for field, value, word in words:
        if not value:
            raise Invalid(f"{word} is missing", code="account.missing", field=field)
    user = _zerodha_id(user) if venue == Venue.KITE else _aster_id(user, scheme)
    return Proven(
        scheme=scheme,
        venue_user_id=user,
        api_key=known_key(key, scheme=scheme),
        api_secret=known_secret(secret, scheme=scheme, venue_user_id=user, api_key=key),
    )


def known_key(text: str, *, scheme: Proof) -> str:
    """Return a key in its one spelling; raise Invalid for what cannot be one."""
    if scheme is Proof.AGENT:
        return wallet_address(text, field="api_key")
    if len(text) > LONGEST_KEY:
        raise Invalid("the API key is too long to be one", code="account.api_key", field="api_key")
    if scheme is Proof.KEY_PAIR and not (text.isascii() and text.isalnum()):
        sentence = "the API key holds letters and digits alone: copy it again"
        raise Invalid(sentence, code="account.api_key", field="api_key")
    return text


def known_secret(text: str, *, scheme: Proof, venue_user_id: str, api_key: str) -> str:
    """Return a secret that fits its key; raise Invalid without a word of it for one that cannot."""
    if len(text) > LONGEST_SECRET:
        raise Invalid(f"{SECRET_WORDS[scheme]} is too long to be one", code="account.api_secret", field="api_secret")
    if scheme is Proof.AGENT:
        return _agent_key(text, user=venue_user_id, agent=wallet_address(api_key, field="api_key"))
    if scheme is Proof.KEY_PAIR and not (text.isascii() and text.isalnum()):
        sentence = "the API secret holds letters and digits alone: copy it again"
        raise Invalid(sentence, code="account.api_secret", field="api_secret")
    return text


def wallet_address(text: str, *, field: str) -> str:
    """Return an address with its checksum; raise Invalid for another text and for a slip that the checksum shows."""
    if not ADDRESS.fullmatch(text):
        raise _wrong(field, text, "a wallet's address: 0x and 40 hexadecimal digits", code="account.address")
    spelled = checksummed(bytes.fromhex(text[2:]))
    digits = text[2:]
    if digits not in (digits.lower(), digits.upper()) and digits != spelled[2:]:
        allowed = "an address whose capital letters agree with its checksum: copy it again, or give it in small letters"
        raise _wrong(field, text, allowed, code="account.address")
    return spelled


def _agent_key(text: str, *, user: str, agent: str) -> str:
    if agent == user:
        allowed = "an agent's address, which is another than the main wallet's"
        raise _wrong("api_key", agent, allowed, code="account.agent_is_main")
    try:
        key = private_key_bytes(text)
        address = address_of(key)
    except (Invalid, ValueError):
        sentence = "the agent's private key is 64 hexadecimal digits, with or without 0x before them"
        raise Invalid(sentence, code="account.agent_key", field="api_secret") from None
    if address == user:
        raise Invalid(MAIN_KEY, code="account.main_key", field="api_secret")
    if address != agent:
        sentence = f"the private key belongs to the address {address}, and the agent's is {agent}"
        raise Invalid(sentence, code="account.agent_key", field="api_secret")
    return "0x" + key.hex()


def _zerodha_id(text: str) -> str:
    if not text.isalnum() or len(text) > 12:
        raise Invalid("a Zerodha id is letters and digits, such as AB1234", code="account.id", field="venue_user_id")
    return text.upper()


def _aster_id(text: str, scheme: Proof) -> str:
    if scheme is Proof.AGENT or text[:2].lower() == "0x":
        return wallet_address(text, field="venue_user_id")
    if not re.fullmatch(r"[A-Za-z0-9_-]{3,64}", text):
        allowed = "the wallet's address, or a name of 3 to 64 letters, digits, - and _"
        raise _wrong("venue_user_id", text, allowed, code="account.id")
    return text


def looks_secret(text: str) -> bool:
    """Tell whether a text could be a wallet's private key, pasted where it does not belong."""
    return PRIVATE_KEY.search(text) is not None


def as_shown(value: str) -> str:
    """Return a value as a refusal may repeat it: cut, and not at all where it could be a private key."""
    if looks_secret(value):
        return f"a text of {len(value)} characters"
    return f"{value[:LONGEST_SHOWN]}…" if len(value) > LONGEST_SHOWN else value


def _wrong(field: str, value: str, allowed: str, *, code: str) -> Invalid:
    shown = as_shown(value)
    return Invalid(f"{shown} is not {allowed}", code=code, field=field, details={"value": shown, "allowed": allowed})
