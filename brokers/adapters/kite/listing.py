"""Kite's daily list of contracts, from CSV to instruments."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from brokers.domain.errors import DataError, Invalid
from brokers.domain.instruments import OPTION_KINDS, Instrument, InstrumentKind

_COLUMNS = frozenset(
    {
        "instrument_token",
        "tradingsymbol",
        "name",
        "expiry",
        "strike",
        "tick_size",
        "lot_size",
        "instrument_type",
        "segment",
        "exchange",
    }
)
INDEX_SEGMENT = "INDICES"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The readable rows, and how many were not."""

    instruments: list[Instrument]
    skipped: int


def listing_of(text: str) -> Listing:
    """Read the dump; rows that are short or make no sense are counted, a wrong header raises DataError."""
    try:
        return _listing_of(csv.DictReader(text.splitlines()))
    except csv.Error as error:
        raise DataError(f"the venue's instrument list is no CSV: {error}", code="venue.unreadable") from None


def _listing_of(reader: csv.DictReader[str]) -> Listing:
    if not _COLUMNS.issubset(reader.fieldnames or ()):
        raise DataError("the venue's instrument list has an unknown header", code="venue.unreadable")
    found: list[Instrument] = []
    skipped = 0
    for row in reader:
        instrument = _instrument(row)
        if instrument is None:
            skipped += 1
        else:
            found.append(instrument)
    return Listing(instruments=found, skipped=skipped)


def _instrument(row: Mapping[str, str | None]) -> Instrument | None:
    try:
        kind = _kind(row)
        strike = Decimal(row["strike"] or "0")
        return Instrument(
            exchange=row["exchange"] or "",
            symbol=row["tradingsymbol"] or "",
            token=int(row["instrument_token"] or ""),
            kind=kind,
            name=row["name"] or "",
            tick_size=Decimal(row["tick_size"] or "0"),
            lot_size=int(row["lot_size"] or "0"),
            segment=row["segment"] or "",
            expiry=date.fromisoformat(row["expiry"]) if row["expiry"] else None,
            strike=strike if kind in OPTION_KINDS else None,
        )
    except (Invalid, InvalidOperation, TypeError, ValueError):
        return None


def _kind(row: Mapping[str, str | None]) -> InstrumentKind:
    if row["segment"] == INDEX_SEGMENT:
        return InstrumentKind.INDEX
    return InstrumentKind(row["instrument_type"] or "")
