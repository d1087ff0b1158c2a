"""Kite's daily list of contracts, from CSV to instruments."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from brokers.adapters.kite import errors, protocol
from brokers.adapters.kite.calls import Ask
from brokers.domain.errors import DataError, Invalid
from brokers.domain.instruments import OPTION_KINDS, Instrument, InstrumentKind
from brokers.ports import Reply

TIMEOUT_S = 60.0

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


def contracts(exchange: str | None = None) -> Ask[Listing]:
    """Ask for the day's list of contracts, of one exchange or of all."""
    return Ask(request=protocol.instruments(exchange), parse=listing_of_reply, timeout_s=TIMEOUT_S)


def listing_of_reply(reply: Reply) -> Listing:
    """Read the dump out of an answer."""
    return listing_of(errors.text_of(reply))


def listing_of(text: str) -> Listing:
    """Read the dump; rows that are short or make no sense are counted, a wrong header raises DataError."""
    found: list[Instrument] = []
    skipped = 0
    for instrument in rows_of(io.StringIO(text, newline="")):
        if instrument is None:
            skipped += 1
        else:
            found.append(instrument)
    return Listing(instruments=found, skipped=skipped)


def rows_of(lines: Iterable[str]) -> Iterator[Instrument | None]:
    """Read the dump line by line as it comes in: an instrument for each row, None for one that makes no sense."""
    try:
        reader = csv.reader(lines)
        places = _places(next(reader, []))
        for cells in reader:
            if cells:
                yield _instrument(cells, places)
    except csv.Error as error:
        raise DataError(f"the venue's instrument list is no CSV: {error}", code="venue.unreadable") from None


def _places(header: list[str]) -> dict[str, int]:
    places = {name.strip(): place for place, name in enumerate(header)}
    if not _COLUMNS.issubset(places):
        raise DataError("the venue's instrument list has an unknown header", code="venue.unreadable")
    return places


def _instrument(cells: list[str], places: Mapping[str, int]) -> Instrument | None:
    try:
        row = {name: cells[places[name]] for name in _COLUMNS}
        kind = _kind(row)
        strike = Decimal(row["strike"] or "0")
        return Instrument(
            exchange=row["exchange"],
            symbol=row["tradingsymbol"],
            token=int(row["instrument_token"]),
            kind=kind,
            name=row["name"],
            tick_size=Decimal(row["tick_size"] or "0"),
            lot_size=int(row["lot_size"] or "0"),
            segment=row["segment"],
            expiry=date.fromisoformat(row["expiry"]) if row["expiry"] else None,
            strike=strike if kind in OPTION_KINDS else None,
        )
    except (Invalid, IndexError, InvalidOperation, ValueError):
        return None


def _kind(row: Mapping[str, str]) -> InstrumentKind:
    if row["segment"] == INDEX_SEGMENT:
        return InstrumentKind.INDEX
    return InstrumentKind(row["instrument_type"])
