"""What several options of one underlying cost together, minute by minute of a kept day."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from brokers.domain.errors import Invalid
from brokers.domain.market import Float64Array1D
from options import snapshots
from options.chain_store import Kept
from options.domain.documents import Document
from options.domain.quotes import Freshness, fresh_trades, mids
from options.domain.volatility import combined_premium, session_vwap
from options.listed import expiries_listed
from options.reading import named, tracked_row

if TYPE_CHECKING:
    from accounts.models import User

MOST_LEGS = 12
_LEG = re.compile(r"(BUY|SELL):(.+):([1-9]\d{0,3})")
NOTHING_KEPT = "No minute of these options is kept on that day."


@dataclass(frozen=True, slots=True, kw_only=True)
class PickedLeg:
    """One option with its side and its lots, as an address names it."""

    side: str
    instrument: str
    lots: int

    @property
    def signed_lots(self) -> float:
        return float(self.lots if self.side == "BUY" else -self.lots)


def premium(user: User, *, underlying: str, legs: str, day: date | None = None) -> Document:
    """Give the combined premium of the legs and its VWAP; positive is what one pays, per unit of the underlying.

    A minute in which a leg has no price has none. The volume of a minute is that of all legs together, since the minute
    kept before it.

    Raises
    ------
    NotFound
        For an underlying that the user does not follow.
    Invalid
        For legs that cannot be read, and an option that is not listed on this underlying.
    """
    row = tracked_row(user, underlying)
    picked = picked_legs(legs)
    cells = _cells(row.underlying, picked)
    store, owner = snapshots.chain_store(), str(row.owner_id)
    days = store.days(owner, underlying)
    chosen = day or (days[-1] if days else None)
    kept = [] if chosen is None else store.series(owner, underlying, chosen, cells)
    return {
        "underlying": underlying,
        "day": None if chosen is None else chosen.isoformat(),
        "days": [one.isoformat() for one in days],
        "legs": [{"side": leg.side, "instrument": leg.instrument, "lots": leg.lots} for leg in picked],
        "minutes": _minutes(picked, kept),
        "as_of": kept[0].at[-1].isoformat() if kept and kept[0].at else None,
        "source": "snapshot",
        "currency": "INR",
        "said": [] if kept and kept[0].at else [NOTHING_KEPT],
    }


def picked_legs(text: str) -> list[PickedLeg]:
    """Read `BUY:NFO:NIFTY26NOV24800CE:1,…`; raises `Invalid` for what is no leg, and for none or too many."""
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not 1 <= len(parts) <= MOST_LEGS:
        raise Invalid(f"{len(parts)} legs; between 1 and {MOST_LEGS} can be added up", field="legs")
    found = [_LEG.fullmatch(part) for part in parts]
    for part, match in zip(parts, found, strict=True):
        if match is None:
            raise Invalid(f"{part!r} is no leg; write SIDE:instrument:lots", field="legs")
    return [PickedLeg(side=match[1], instrument=match[2], lots=int(match[3])) for match in found if match]


def _cells(underlying: str, legs: Sequence[PickedLeg]) -> list[tuple[date, float, bool]]:
    listed = {
        key: (expiry, strike, kind == "CE")
        for expiry in expiries_listed(underlying)
        for (strike, kind), key in named(underlying, expiry).items()
    }
    for leg in legs:
        if leg.instrument not in listed:
            raise Invalid(f"{leg.instrument} is not among the listed options of {underlying}", field="legs")
    return [listed[leg.instrument] for leg in legs]


def _minutes(legs: Sequence[PickedLeg], kept: Sequence[Kept]) -> list[Document]:
    if not kept or not kept[0].at:
        return []
    total = combined_premium([_price(one) for one in kept], [leg.signed_lots for leg in legs])
    # a combination that is received rather than paid has a negative premium; its mean follows it
    mean = session_vwap(total, _traded(kept))
    return [
        {"at": at.isoformat(), "premium": _figure(price), "vwap": _figure(vwap)}
        for at, price, vwap in zip(kept[0].at, total.tolist(), mean.tolist(), strict=True)
    ]


def _price(kept: Kept) -> Float64Array1D:
    middle = mids(kept.figures["bid"], kept.figures["ask"])
    traded = fresh_trades(kept.figures["last_price"], kept.figures["trade_age_s"], Freshness())
    price: Float64Array1D = np.where(np.isfinite(middle), middle, traded)
    return price


def _traded(kept: Sequence[Kept]) -> Float64Array1D:
    """Add up what each minute traded: the day's volume less what it was a minute before, none for the first."""
    total = np.zeros(len(kept[0].at))
    for one in kept:
        volume = one.figures["volume"]
        total += np.nan_to_num(np.maximum(np.diff(volume, prepend=volume[:1]), 0.0))
    return total


def _figure(value: float) -> float | None:
    return value if np.isfinite(value) else None
