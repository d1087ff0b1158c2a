"""Secrets at rest: sealed with a named key, bound to the row that they belong to.

A sealed secret reads `v1:KEY_ID:TOKEN`. The binding (an account's id) lies inside the ciphertext, so that a token copied
into another row cannot be opened there.
"""

from __future__ import annotations

import hmac
import json
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

PREFIX = "v1:"


class VaultError(Exception):
    """A sealed secret cannot be opened here; the message never holds the secret."""


def seal(secret: str, *, binding: str) -> str:
    """Encrypt `secret` with the newest key, to be opened under the same binding only."""
    keys = _keys()
    key_id = next(iter(keys))
    plain = json.dumps({"binding": binding, "secret": secret}).encode()
    return f"{PREFIX}{key_id}:{keys[key_id].encrypt(plain).decode()}"


def reveal(sealed: str, *, binding: str) -> str:
    """Open a sealed secret; a wrong binding, an unknown key or a changed token raises VaultError."""
    fernet, token = _parts(sealed)
    try:
        content = json.loads(fernet.decrypt(token))
    except InvalidToken:
        raise VaultError("The sealed secret was changed, or sealed with another key.") from None
    if not hmac.compare_digest(content["binding"], binding):
        raise VaultError("The sealed secret belongs to another row.")
    secret: str = content["secret"]
    return secret


def rotated(sealed: str) -> str:
    """Seal anew with the newest key, keeping the binding; what has it already comes back unchanged."""
    keys = _keys()
    key_id = next(iter(keys))
    if sealed.startswith(f"{PREFIX}{key_id}:"):
        return sealed
    fernet, token = _parts(sealed)
    try:
        renewed = MultiFernet([keys[key_id], fernet]).rotate(token)
    except InvalidToken:
        raise VaultError("The sealed secret was changed, or sealed with another key.") from None
    return f"{PREFIX}{key_id}:{renewed.decode()}"


def is_sealed(text: str) -> bool:
    """Tell whether `text` has the form of a sealed secret."""
    return text.startswith(PREFIX) and text.count(":") == 2


def key_id_of(text: str) -> str:
    """Return the id of the key that sealed a secret, or nothing for text in the clear."""
    return text.split(":")[1] if is_sealed(text) else ""


def _parts(sealed: str) -> tuple[Fernet, bytes]:
    if not is_sealed(sealed):
        raise VaultError("This is no sealed secret.")
    _, key_id, token = sealed.split(":")
    try:
        return _keys()[key_id], token.encode()
    except KeyError:
        raise VaultError(f"The vault has no key named {key_id}.") from None


def _keys() -> dict[str, Fernet]:
    return _fernets(tuple(settings.VAULT_KEYS.items()))


@lru_cache(maxsize=8)
def _fernets(keys: tuple[tuple[str, bytes], ...]) -> dict[str, Fernet]:
    return {key_id: Fernet(key) for key_id, key in keys}
