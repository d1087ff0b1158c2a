"""Reads of what a venue lists, and of what its lists changed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any
from uuid import UUID

from django.db.models import Q

from brokers.domain.errors import NotFound
from brokers.domain.instruments import Instrument, InstrumentKind, split_key
from brokers.domain.listings import BREAKING, TRADING, Change, ChangeKind, Key, Listed, takes_orders
from brokers.domain.money import Currency
from brokers.domain.search import WordIndex
from brokers.market_models import InstrumentChange, InstrumentList, ListWords
from brokers.models import ListedInstrument, Venue

_KEYS_PER_QUERY = 200
_LISTS_KEPT = 2  # one of each venue


def instruments_by_keys(venue: str, keys: Iterable[str]) -> dict[str, Instrument]:
    """Return the listed instruments among `keys` by key; raise Invalid for a key without an exchange."""
    pairs = sorted({split_key(key) for key in keys})
    found: dict[str, Instrument] = {}
    for at in range(0, len(pairs), _KEYS_PER_QUERY):
        wanted = Q()
        for exchange, part in groupby(pairs[at : at + _KEYS_PER_QUERY], key=itemgetter(0)):
            # with the venue in each of them, each is one walk along the index
            wanted |= Q(venue=venue, exchange=exchange, symbol__in=[symbol for _, symbol in part])
        rows = ListedInstrument.objects.filter(wanted)
        found.update((instrument.key, instrument) for instrument in map(instrument_of, rows))
    return found


def instrument_for(venue: str, key: str) -> Instrument:
    """Return one listed instrument; raise NotFound when the venue does not list it today."""
    found = instruments_by_keys(venue, [key])
    if not found:
        raise NotFound(f"{key} is not listed", code="instrument.unknown", field="instruments")
    return next(iter(found.values()))


def instruments_listed(venue: str, *, exchange: str | None = None) -> list[Instrument]:
    """Return every listed instrument, of one exchange where it is named."""
    rows = ListedInstrument.objects.filter(venue=venue).order_by("exchange", "symbol")
    if exchange is not None:
        rows = rows.filter(exchange=exchange)
    return [instrument_of(row) for row in rows.iterator(chunk_size=2000)]


def instruments_found(venue: str, words: str, *, limit: int, with_indices: bool = False) -> list[Instrument]:
    """Return instruments in which every typed word begins a word of symbol, name, expiry or strike, likeliest first.

    A word with a colon names the exchange before it. Indices are not for trading and are left out
    unless asked for.
    """
    keys = _index_of(venue).find(words, limit=limit, with_indices=with_indices)
    known = instruments_by_keys(venue, keys)
    # a list being taken over may have dropped a row that the index still names
    return [known[key] for key in keys if key in known]


def rows_listed(venue: str) -> dict[Key, Listed]:
    """Return the whole list as rows to compare another with."""
    columns = ("exchange", "symbol", *Listed._fields)
    rows = ListedInstrument.objects.filter(venue=venue).values_list(*columns)
    return {(exchange, symbol): Listed(*rest) for exchange, symbol, *rest in rows.iterator(chunk_size=5000)}


def list_version(venue: str) -> UUID | None:
    """Return the version of the list in force, None before any was taken over."""
    return InstrumentList.objects.filter(venue=venue).values_list("version", flat=True).first()


def refused_lists() -> list[dict[str, Any]]:
    """Return the lists that were refused after the last one that was taken over, with the reason."""
    rows = InstrumentList.objects.exclude(refused_at=None).order_by("venue")
    return [
        {"venue": row.venue, "at": row.refused_at, "reason": row.refused_reason, "kept_from": row.loaded_at}
        for row in rows
    ]


def instrument_changes(
    venue: str, *, since: date, kinds: Iterable[ChangeKind] = tuple(ChangeKind), limit: int = 200
) -> list[dict[str, Any]]:
    """Return what the lists since a day changed, the newest first."""
    rows = InstrumentChange.objects.filter(venue=venue, changed_on__gte=since, kind__in=list(kinds))
    return [
        {
            "instrument": f"{row.exchange}:{row.symbol}",
            "kind": row.kind,
            "before": row.before,
            "after": row.after,
            "changed_on": row.changed_on,
            "sentence": _change_of(row).sentence,
        }
        for row in rows.order_by("-changed_on", "exchange", "symbol")[:limit]
    ]


def broken_by(version: UUID, keys: Iterable[str]) -> dict[str, str]:
    """Return, for those of the instruments that a list made into something else, why in a sentence."""
    pairs = {split_key(key) for key in keys}
    rows = InstrumentChange.objects.filter(
        version=version,
        kind__in=list(BREAKING),
        exchange__in={exchange for exchange, _ in pairs},
        symbol__in={symbol for _, symbol in pairs},
    )
    found: dict[str, str] = {}
    for change in map(_change_of, rows.order_by("kind")):
        if (change.exchange, change.symbol) in pairs:
            found[change.key] = f"{found[change.key]}; {change.sentence}" if change.key in found else change.sentence
    return found


def instrument_of(row: ListedInstrument) -> Instrument:
    """Turn a row into the domain's instrument."""
    return Instrument(
        exchange=row.exchange,
        symbol=row.symbol,
        token=row.token,
        kind=InstrumentKind(row.kind),
        name=row.name,
        tick_size=row.tick_size.normalize(),
        lot_size=row.lot_size,
        segment=row.segment,
        expiry=row.expiry,
        strike=None if row.strike is None else row.strike.normalize(),
        currency=Currency.USDT if row.venue == Venue.ASTER else Currency.INR,
        quantity_step=_trimmed(row.quantity_step),
        min_quantity=_trimmed(row.min_quantity),
        min_notional_quote=_trimmed(row.min_notional),
        takes_orders=takes_orders(row.status),
    )


def statuses_of(venue: str, keys: Iterable[str]) -> dict[str, str]:
    """Return the venue's own word on those of the instruments that take no new position."""
    pairs = {split_key(key) for key in keys}
    rows = ListedInstrument.objects.filter(venue=venue, symbol__in={symbol for _, symbol in pairs})
    found = rows.exclude(status__in=["", TRADING]).values_list("exchange", "symbol", "status")
    return {f"{exchange}:{symbol}": status for exchange, symbol, status in found if (exchange, symbol) in pairs}


def loaded_at(venue: str) -> datetime | None:
    """Return when the list in force was taken over."""
    return InstrumentList.objects.filter(venue=venue).values_list("loaded_at", flat=True).first()


def _trimmed(value: Decimal | None) -> Decimal | None:
    return None if value is None else value.normalize()


def _change_of(row: InstrumentChange) -> Change:
    return Change(
        exchange=row.exchange, symbol=row.symbol, kind=ChangeKind(row.kind), before=row.before, after=row.after
    )


def _index_of(venue: str) -> WordIndex:
    version = list_version(venue)
    if version is None:  # rows that came without a list: as many as somebody entered by hand
        return WordIndex.of(instruments_listed(venue))
    return _index(version)


@lru_cache(maxsize=_LISTS_KEPT)
def _index(version: UUID) -> WordIndex:
    parts = ListWords.objects.filter(version=version).order_by("part").values_list("data", flat=True)
    return WordIndex.load(b"".join(bytes(part) for part in parts))
