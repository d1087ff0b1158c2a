"""The store of daily candles: taking files in, and reading whole histories out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from django.db import transaction

from analysis.domain.adjustments import ActionKind, CorporateAction, Rename, adjusted, joined
from analysis.domain.candle_files import Candle
from analysis.domain.daily import Basis, DailySeries, date_of
from analysis.domain.packing import Table, merged, packed, series_of, table_of, unpacked, years_of
from analysis.domain.universe import Membership, Universe
from analysis.models import CandleYear, ChangedName, ListedAction, ListMember
from brokers.domain.clock import venue_day_of, zone_of
from brokers.domain.errors import DataError

# keeps each transaction on SQLite short, so that nobody waits for an import
ROWS_PER_TRANSACTION = 100
# the demo's own candles are made; whoever reads them is told so
DEMO_SOURCE = "demo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What an import did to the store: candles that are new, that replaced others, that were there alike."""

    instruments: int
    added: int
    changed: int
    alike: int


def candles_take(*, exchange: str, candles: Iterable[Candle], source: str, at: datetime) -> Taken:
    """Put raw candles into the store; the same file taken again changes nothing.

    Raises
    ------
    DataError
        For a candle of a day that has not begun: scans take the newest day for today, and one slip of a year
        would leave every other stock behind it. Nothing is stored.
    """
    ordered = sorted(candles, key=lambda one: one.symbol)
    today = venue_day_of(at, zone_of(exchange.lower()))
    early = next((one for one in ordered if one.day > today), None)
    if early is not None:
        message = f"{early.symbol} has a candle of {early.day:%d %b %Y}, which has not begun"
        raise DataError(message, code="candles.future", details={"symbol": early.symbol})
    counts = {"instruments": 0, "added": 0, "changed": 0, "alike": 0}
    waiting: list[tuple[str, int, Table]] = []
    for symbol, own in groupby(ordered, key=lambda one: one.symbol):
        counts["instruments"] += 1
        waiting += [(f"{exchange}:{symbol}", year, table) for year, table in years_of(table_of(own)).items()]
    for start in range(0, len(waiting), ROWS_PER_TRANSACTION):
        _take_part(waiting[start : start + ROWS_PER_TRANSACTION], counts, source=source, at=at)
    return Taken(**counts)


@transaction.atomic
def _take_part(part: Sequence[tuple[str, int, Table]], counts: dict[str, int], *, source: str, at: datetime) -> None:
    names = {name for name, _, _ in part}
    stored = {(row.instrument, row.year): row for row in CandleYear.objects.filter(instrument__in=names)}
    new: list[CandleYear] = []
    for name, year, arriving in part:
        row = stored.get((name, year)) or CandleYear(instrument=name, year=year, columns=b"")
        merge = merged(unpacked(bytes(row.columns)), arriving)
        for outcome in ("added", "changed", "alike"):
            counts[outcome] += getattr(merge, outcome)
        if merge.added or merge.changed:
            _fill(row, merge.table, source=source, at=at)
            if row._state.adding:
                new.append(row)
            else:
                row.save()
    CandleYear.objects.bulk_create(new)


def _fill(row: CandleYear, table: Table, *, source: str, at: datetime) -> None:
    row.columns = packed(table)
    row.days = table.shape[1]
    row.last_day = date_of(int(table[0, -1]))
    row.digest = hashlib.sha256(row.columns).hexdigest()
    row.source = source
    row.changed_at = at


def candles_of(instruments: Iterable[str] | None = None) -> dict[str, DailySeries]:
    """Return raw histories by instrument, of those named or of all; each is read whole."""
    rows = CandleYear.objects.order_by("instrument", "year").values_list("instrument", "columns")
    if instruments is not None:
        rows = rows.filter(instrument__in=list(instruments))
    return {name: series_of(name, [bytes(columns) for _, columns in own]) for name, own in groupby(rows, key=_first)}


def study_series(instruments: Iterable[str] | None = None) -> tuple[dict[str, DailySeries], list[Rename]]:
    """Return histories joined under today's names and adjusted forward, as a scan reads them, with the names' changes."""
    renames = names_changed()
    wanted = None if instruments is None else _with_former(set(instruments), renames)
    raw = joined(candles_of(wanted), renames)
    actions = actions_listed()
    return {name: adjusted(series, actions.get(name, ()), Basis.FORWARD) for name, series in raw.items()}, renames


def names_changed() -> list[Rename]:
    """Return the changed names, oldest first."""
    return [Rename(old=row.old, new=row.new, on=row.on) for row in ChangedName.objects.order_by("on", "old")]


def actions_listed() -> dict[str, list[CorporateAction]]:
    """Return the corporate actions by instrument."""
    found: dict[str, list[CorporateAction]] = {}
    for row in ListedAction.objects.order_by("instrument", "ex_date"):
        action = CorporateAction(
            symbol=row.instrument, ex_date=row.ex_date, factor=row.factor, kind=ActionKind(row.kind)
        )
        found.setdefault(row.instrument, []).append(action)
    return found


def universe_named(name: str) -> Universe | None:
    """Return a list with its members' stays, or None where nobody is in it."""
    rows = list(ListMember.objects.filter(universe=name).order_by("instrument"))
    if not rows:
        return None
    begun = [row.since for row in rows]
    return Universe(
        name=name,
        memberships=tuple(
            Membership(symbol=row.instrument, since=row.since, until=row.until, sector=row.sector) for row in rows
        ),
        # one stay whose beginning is not known leaves every day before the newest beginning in doubt
        known_since=None if any(since is None for since in begun) else min(since for since in begun if since),
    )


def fingerprint(instruments: Iterable[str] | None = None, *, also: str = "") -> str:
    """Return one digest of all that a scan of these instruments reads, and of `also`: equal fingerprints, equal scans."""
    if instruments is not None:
        instruments = _with_former(set(instruments), names_changed())
    rows = CandleYear.objects.order_by("instrument", "year").values_list("instrument", "year", "digest")
    if instruments is not None:
        rows = rows.filter(instrument__in=list(instruments))
    parts: list[Iterator[tuple[object, ...]]] = [
        iter(rows),
        iter(
            ListedAction.objects.order_by("instrument", "ex_date").values_list(
                "instrument", "ex_date", "factor", "kind"
            )
        ),
        iter(ChangedName.objects.order_by("old", "on").values_list("old", "new", "on")),
    ]
    digest = hashlib.sha256(also.encode())
    for part in parts:
        for row in part:
            digest.update(repr(row).encode())
    return digest.hexdigest()


def _with_former(names: set[str], renames: Sequence[Rename]) -> set[str]:
    for rename in sorted(renames, key=lambda rename: rename.on, reverse=True):
        if rename.new in names:
            names.add(rename.old)
    return names


def _first(row: tuple[str, object]) -> str:
    return row[0]
