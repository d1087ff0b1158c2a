"""One day's list of contracts against the day before's: may it be believed, and what has changed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from brokers.domain.errors import DataError
from brokers.domain.instruments import Instrument

# A real day's list has about a hundred thousand rows; half a list early in the morning is not one.
FEWEST_LISTED = 20_000
KEY_INSTRUMENTS = frozenset({"NSE:NIFTY 50", "NSE:NIFTY BANK", "BSE:SENSEX"})
# Aster listed 290 symbols when it was looked at, and some leave every week
FEWEST_LISTED_OF_ASTER = 50
KEY_INSTRUMENTS_OF_ASTER = frozenset({"ASTER:BTCUSDT", "ASTER:ETHUSDT"})
TRADING = "TRADING"
MOST_UNREADABLE_SHARE = 0.05
# an expiry day takes a sixth of the contracts away, and a broken file takes a half
LEAST_SHARE_OF_BEFORE = 0.75


class ChangeKind(StrEnum):
    """What became of a contract."""

    NEW = "new"
    EXPIRED = "expired"
    GONE = "gone"
    RENAMED = "renamed"
    LOT = "lot"
    TICK = "tick"
    STEP = "step"
    MINIMUM = "minimum"
    LEAVING = "leaving"
    RETURNED = "returned"
    NUMBER = "number"


# Whoever trades one of these on old knowledge trades something else, or nothing.
BREAKING = frozenset(
    {ChangeKind.EXPIRED, ChangeKind.GONE, ChangeKind.RENAMED, ChangeKind.LOT, ChangeKind.TICK, ChangeKind.STEP}
)


class Listed(NamedTuple):
    """One row of a list, as far as two days are compared."""

    token: int
    kind: str
    name: str
    segment: str
    expiry: date | None
    strike: Decimal | None
    tick_size: Decimal
    lot_size: int
    # where a venue trades parts of a unit; and its own word on whether the contract trades, empty where it has none
    quantity_step: Decimal | None = None
    min_quantity: Decimal | None = None
    min_notional: Decimal | None = None
    status: str = ""


Key = tuple[str, str]  # exchange, symbol


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of one contract; `before` and `after` are what the list said."""

    exchange: str
    symbol: str
    kind: ChangeKind
    before: str = ""
    after: str = ""

    @property
    def key(self) -> str:
        return f"{self.exchange}:{self.symbol}"

    @property
    def sentence(self) -> str:
        """Say it in a trader's words."""
        return _SENTENCES[self.kind].format(key=self.key, before=self.before, after=self.after)


_SENTENCES = {
    ChangeKind.NEW: "{key} is listed for the first time",
    ChangeKind.EXPIRED: "{key} expired on {before} and is listed no longer",
    ChangeKind.GONE: "{key} is listed no longer",
    ChangeKind.RENAMED: "{key} is now called {after}",
    ChangeKind.LOT: "the lot of {key} was {before} and is now {after}",
    ChangeKind.TICK: "the tick of {key} was {before} and is now {after}",
    ChangeKind.STEP: "the quantity step of {key} was {before} and is now {after}",
    ChangeKind.MINIMUM: "the smallest order of {key} was {before} and is now {after}",
    ChangeKind.LEAVING: "{key} was {before} and is now {after}: no new position is opened in it",
    ChangeKind.RETURNED: "{key} was {before} and trades again",
    ChangeKind.NUMBER: "the number of {key} was {before} and is now {after}",
}


def check_whole(
    instruments: Collection[Instrument], skipped: int, *, before: int, is_simulated: bool, venue: str = "kite"
) -> None:
    """Raise DataError for a list that cannot be a whole day's; `before` is the length of the last one."""
    count = len(instruments)
    is_aster = venue == "aster"
    fewest, needed = (
        (FEWEST_LISTED_OF_ASTER, KEY_INSTRUMENTS_OF_ASTER) if is_aster else (FEWEST_LISTED, KEY_INSTRUMENTS)
    )
    if skipped > MOST_UNREADABLE_SHARE * (count + skipped):
        raise DataError(f"{skipped} rows of the venue's list are unreadable", code="instruments.unreadable")
    if not instruments:
        raise DataError("the venue's list is empty", code="instruments.short")
    if is_simulated:  # a recording may hold a single underlying
        return
    if count < fewest:
        raise DataError(f"the venue's list has {count} rows, fewer than {fewest}", code="instruments.short")
    if count < LEAST_SHARE_OF_BEFORE * before:
        raise DataError(
            f"the venue's list has {count} rows, the last one had {before}: this is not a whole list",
            code="instruments.short",
        )
    missing = needed - {instrument.key for instrument in instruments}
    if missing:
        raise DataError(f"the venue's list lacks {', '.join(sorted(missing))}", code="instruments.missing")


def listed_of(instrument: Instrument, status: str = "") -> Listed:
    """Return a contract as a row that compares equal to its kept one; `status` is the venue's own word on it."""
    return Listed(
        token=instrument.token,
        kind=instrument.kind.value,
        name=instrument.name[:64],
        segment=instrument.segment,
        expiry=instrument.expiry,
        strike=instrument.strike,
        tick_size=instrument.tick_size,
        lot_size=instrument.lot_size,
        quantity_step=instrument.quantity_step,
        min_quantity=instrument.min_quantity,
        min_notional=instrument.min_notional_quote,
        status=status[:16],
    )


def takes_orders(status: str) -> bool:
    """Tell whether a contract of this status takes new positions; a venue without such words lists what trades."""
    return status in ("", TRADING)


def changes_between(before: Mapping[Key, Listed], after: Mapping[Key, Listed], *, day: date) -> list[Change]:
    """Return what a list changes against the one before it; against none, nothing."""
    if not before:
        return []
    gone = {key: row for key, row in before.items() if key not in after}
    new = {key: row for key, row in after.items() if key not in before}
    renamed = dict(_renamed(gone, new))
    changes = [_left(key, row, renamed.get(key), day) for key, row in gone.items()]
    taken = set(renamed.values())
    changes += [_change(key, ChangeKind.NEW) for key in new if key not in taken]
    for key, row in after.items():
        known = before.get(key)
        if known is not None and known != row:
            changes += _altered(key, known, row)
    return changes


def _renamed(gone: Mapping[Key, Listed], new: Mapping[Key, Listed]) -> Iterable[tuple[Key, Key]]:
    """Pair a name that left with one that came under the same number, for the same thing.

    An exchange gives the numbers of expired contracts to new ones, so the contract must be the same too.
    """
    arrived = {(key[0], _identity(row)): key for key, row in new.items()}
    for key, row in gone.items():
        successor = arrived.get((key[0], _identity(row)))
        if successor is not None:
            yield key, successor


def _identity(row: Listed) -> tuple[object, ...]:
    return row.token, row.kind, row.segment, row.expiry, row.strike


def _left(key: Key, row: Listed, successor: Key | None, day: date) -> Change:
    if successor is not None:
        return _change(key, ChangeKind.RENAMED, after=f"{successor[0]}:{successor[1]}")
    if row.expiry is not None and row.expiry < day:
        return _change(key, ChangeKind.EXPIRED, before=row.expiry.isoformat())
    return _change(key, ChangeKind.GONE)


def _altered(key: Key, before: Listed, after: Listed) -> Iterable[Change]:
    if before.lot_size != after.lot_size:
        yield _change(key, ChangeKind.LOT, before=str(before.lot_size), after=str(after.lot_size))
    if before.tick_size != after.tick_size:
        yield _change(
            key, ChangeKind.TICK, before=f"{before.tick_size.normalize():f}", after=f"{after.tick_size.normalize():f}"
        )
    yield from _altered_grid(key, before, after)
    if before.status != after.status and before.status:
        kind = ChangeKind.RETURNED if takes_orders(after.status) else ChangeKind.LEAVING
        yield _change(key, kind, before=before.status, after=after.status)
    if before.token != after.token:
        yield _change(key, ChangeKind.NUMBER, before=str(before.token), after=str(after.token))


def _altered_grid(key: Key, before: Listed, after: Listed) -> Iterable[Change]:
    """Compare what only venues of fractional quantities tell; a first telling is no change."""
    told = (
        (ChangeKind.STEP, before.quantity_step, after.quantity_step),
        (ChangeKind.MINIMUM, before.min_notional, after.min_notional),
    )
    for kind, was, now in told:
        if was is not None and now is not None and was != now:
            yield _change(key, kind, before=f"{was.normalize():f}", after=f"{now.normalize():f}")


def _change(key: Key, kind: ChangeKind, *, before: str = "", after: str = "") -> Change:
    return Change(exchange=key[0], symbol=key[1], kind=kind, before=before[:64], after=after[:64])
