"""The journal's hash chain: each row's hash covers its content and the hash before it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

import orjson

GENESIS = "0" * 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Tip:
    """The newest row of one account's chain; sequence 0 stands before the first row."""

    seq: int = 0
    hash: str = GENESIS


@dataclass(frozen=True, kw_only=True)  # without slots: its hash is asked for by its row and by the next link
class Link:
    """One journal row's content with its place in the chain."""

    account_id: str
    seq: int
    at: datetime
    kind: str
    payload: Mapping[str, object]
    lease_token: int
    previous_hash: str

    @cached_property
    def hash(self) -> str:
        """Return the SHA-256 of the row's canonical form, in hexadecimal."""
        return hashlib.sha256(self._canonical()).hexdigest()

    def _canonical(self) -> bytes:
        content = [
            self.account_id,
            self.seq,
            self.at.astimezone(UTC).isoformat(timespec="microseconds"),
            self.kind,
            self.payload,
            self.lease_token,
            self.previous_hash,
        ]
        return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
