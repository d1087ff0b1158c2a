"""Chains as server-side code takes them: worked out now from what the desk last received, or from a snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from options.domain.chain import Chain


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveChain:
    """One expiry of a tracked underlying, worked out, with the instruments that its legs are.

    `age_s` is how long ago the newest frame came, None where none has, or where this is a snapshot.
    """

    underlying: str
    expiry: date
    chain: Chain
    exchange: str
    lot_size: int
    instruments: Mapping[tuple[float, str], str]
    as_of: datetime
    age_s: float | None
    said: tuple[str, ...]
