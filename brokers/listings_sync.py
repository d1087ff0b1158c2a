"""Taking over a venue's list of the day: checked whole, put in place a little at a time, searched anew at once.

Nothing is written before the whole list has been read and believed, and no transaction is long: on
SQLite everybody else waits for it. Rows that did not change are not written, and the search moves to
the new list by one row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import TypeAlias, TypeVar
from uuid import UUID, uuid4

from django.conf import settings
from django.core.mail import send_mail
from django.db import connection, transaction

from accounts.audit import audit_record
from accounts.models import WRITING_ROLES, Membership
from accounts.outbox import outbox_add
from brokers.adapters.aster import blocking as aster
from brokers.adapters.kite import blocking as kite
from brokers.domain.clock import venue_day_of, zone_of
from brokers.domain.errors import DataError
from brokers.domain.instruments import Instrument
from brokers.domain.listings import Change, Key, Listed, changes_between, check_whole, listed_of, takes_orders
from brokers.domain.search import WordIndex
from brokers.listings import list_version, rows_listed
from brokers.market_models import InstrumentChange, InstrumentList, ListWords
from brokers.models import ListedInstrument, TradingAccount, Venue
from brokers.selectors import credentials_of, venue_urls

T = TypeVar("T")
Cells: TypeAlias = tuple[str | int | None, ...]

_COLUMNS = ("venue", "exchange", "symbol", *Listed._fields, "listed_on")

# keeps each transaction on SQLite under 20 ms, so that nobody waits for the list
ROWS_PER_TRANSACTION = 250
BYTES_PER_PART = 128 * 1024
CHANGES_KEPT = timedelta(days=400)
NOTICE_TASK = "brokers.instruments_refused"
_AGAIN = {
    Venue.KITE: "The list can be fetched again by signing in at the venue.",
    Venue.ASTER: "The list is asked for again every day.",
}
APPLY_TASK = "execution.listing_changes_apply"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentSync:
    """What became of one day's list."""

    listed: int
    removed: int
    unreadable: int
    changed: int = 0


def instruments_sync(*, account: TradingAccount, at: datetime) -> InstrumentSync:
    """Fetch the day's list and make it ours; one that fails its checks changes nothing, alarms, and raises DataError.

    Aster's list is public and asked for without the account's key; Kite's is not.
    """
    urls = venue_urls(account)
    try:
        if account.venue == Venue.ASTER:
            told = aster.list_instruments(api_url=urls.api)
            return list_take(
                venue=account.venue,
                instruments=told.instruments,
                statuses=told.statuses,
                unreadable=told.skipped,
                is_simulated=account.is_simulated or account.is_testnet,
                at=at,
            )
        listing = kite.list_instruments(credentials_of(account), api_url=urls.api)
        return list_take(
            venue=account.venue,
            instruments=listing.instruments,
            unreadable=listing.skipped,
            is_simulated=account.is_simulated,
            at=at,
        )
    except DataError as error:
        list_refused(account=account, reason=error.message, at=at)
        raise


def list_take(
    *,
    venue: str,
    instruments: Sequence[Instrument],
    unreadable: int,
    is_simulated: bool,
    at: datetime,
    statuses: Mapping[str, str] | None = None,
) -> InstrumentSync:
    """Put a list in the place of the one before it; raise DataError, changing nothing, for half a list.

    `statuses` is the venue's own word on each contract by key. One that takes no orders stays listed, for whoever
    holds it, and is found by no search.
    """
    before, told = rows_listed(venue), statuses or {}
    check_whole(instruments, unreadable, before=len(before), is_simulated=is_simulated, venue=venue)
    day = venue_day_of(at, zone_of(venue))
    after = {(i.exchange, i.symbol): listed_of(i, told.get(i.key, "")) for i in instruments}
    changes = changes_between(before, after, day=day)
    version = _stage_words(i for i in instruments if takes_orders(told.get(i.key, "")))
    _write_rows(venue, {key: row for key, row in after.items() if before.get(key) != row}, day)
    removed = _remove_rows(venue, [key for key in before if key not in after])
    _write_changes(venue, changes, day, version)
    _recount()
    _swap(venue, version, listed=len(after), changed=len(changes), at=at)
    return InstrumentSync(listed=len(after), removed=removed, unreadable=unreadable, changed=len(changes))


@transaction.atomic
def list_refused(*, account: TradingAccount, reason: str, at: datetime) -> None:
    """Note that a list was not taken over: on the audit chain, for the pages, and in a message to the operators."""
    InstrumentList.objects.update_or_create(
        venue=account.venue, defaults={"refused_at": at, "refused_reason": reason[:300]}
    )
    audit_record(
        action="instruments.refused",
        at=at,
        desk_id=account.desk_id,
        subject=account.venue,
        details={"reason": reason, "account": str(account.pk)},
    )
    outbox_add(task=NOTICE_TASK, arguments={"account_id": str(account.pk), "reason": reason}, at=at)


def refusal_mail(*, account: TradingAccount, reason: str) -> int:
    """Write to everybody who acts on the account's desk that yesterday's list is still in use; return to how many."""
    members = Membership.objects.filter(desk_id=account.desk_id, is_active=True, role__in=WRITING_ROLES)
    addresses = sorted(set(members.values_list("user__email", flat=True)))
    send_mail(
        "Windhover: today's list of instruments was refused",
        f"{reason}. The last good list stays in use: contracts listed since then are not known, and contracts "
        f"that have changed since then are known by their old terms. {_AGAIN[Venue(account.venue)]}",
        settings.DEFAULT_FROM_EMAIL,
        addresses,
    )
    return len(addresses)


def _stage_words(instruments: Iterable[Instrument]) -> UUID:
    """Write the search index of a list beside the one in force."""
    version, data = uuid4(), WordIndex.of(instruments).dump()
    for part, start in enumerate(range(0, len(data), BYTES_PER_PART)):
        ListWords.objects.create(version=version, part=part, data=data[start : start + BYTES_PER_PART])
    return version


def _recount() -> None:
    """Let PostgreSQL plan by the rows as they are now: its own count is minutes late, and walks the table until then."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for model in (ListedInstrument, ListWords):
                cursor.execute(f"ANALYZE {connection.ops.quote_name(model._meta.db_table)}")


def _swap(venue: str, version: UUID, *, listed: int, changed: int, at: datetime) -> None:
    before = list_version(venue)
    with transaction.atomic():
        InstrumentList.objects.update_or_create(
            venue=venue,
            defaults={
                "version": version,
                "listed": listed,
                "loaded_at": at,
                "refused_at": None,
                "refused_reason": "",
            },
        )
        if changed:
            outbox_add(task=APPLY_TASK, arguments={"venue": venue, "version": str(version)}, at=at)
    # a search that began a moment ago may still be reading the index before this one
    in_force = set(InstrumentList.objects.values_list("version", flat=True)) | {before}
    ListWords.objects.exclude(version__in=[known for known in in_force if known]).delete()


def _write_rows(venue: str, rows: Mapping[Key, Listed], day: date) -> None:
    values = ((venue, *key, *_adapted(row), day.isoformat()) for key, row in rows.items())
    if connection.vendor == "postgresql":  # where a long write keeps nobody waiting
        _copy(values)
        return
    places = ", ".join(["%s"] * len(_COLUMNS))
    for chunk in _chunks(values, ROWS_PER_TRANSACTION):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(_upsert(f"VALUES ({places})"), chunk)


def _copy(values: Iterable[Cells]) -> None:
    columns, table = ", ".join(_COLUMNS), ListedInstrument._meta.db_table
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMPORARY TABLE staged AS SELECT {columns} FROM {table} WITH NO DATA"  # noqa: S608
        )
        with cursor.copy(f"COPY staged ({columns}) FROM STDIN") as copy:
            for row in values:
                copy.write_row(row)
        cursor.execute(_upsert(f"SELECT {columns} FROM staged"))  # noqa: S608 - names of our own columns
        cursor.execute("DROP TABLE staged")  # an outer transaction may stage another list


def _upsert(rows: str) -> str:
    # by hand, because making a hundred thousand model objects takes longer than storing them
    changed = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[3:])
    return (
        f"INSERT INTO {ListedInstrument._meta.db_table} ({', '.join(_COLUMNS)}) {rows} "
        f"ON CONFLICT (venue, exchange, symbol) DO UPDATE SET {changed}"
    )


def _adapted(row: Listed) -> Cells:
    expiry = row.expiry.isoformat() if row.expiry else None
    grid = (row.quantity_step, row.min_quantity, row.min_notional)
    return (
        row.token,
        row.kind,
        row.name,
        row.segment,
        expiry,
        _plain(row.strike),
        _plain(row.tick_size),
        row.lot_size,
        *map(_plain, grid),
        row.status,
    )


def _plain(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"


def _remove_rows(venue: str, keys: Sequence[Key]) -> int:
    gone = f"DELETE FROM {ListedInstrument._meta.db_table} WHERE venue = %s AND exchange = %s AND symbol = %s"  # noqa: S608
    for chunk in _chunks(keys, ROWS_PER_TRANSACTION):
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.executemany(gone, [(venue, *key) for key in chunk])
    return len(keys)


def _write_changes(venue: str, changes: Iterable[Change], day: date, version: UUID) -> None:
    for chunk in _chunks(changes, ROWS_PER_TRANSACTION):
        InstrumentChange.objects.bulk_create(
            [
                InstrumentChange(
                    venue=venue,
                    exchange=change.exchange,
                    symbol=change.symbol,
                    kind=change.kind,
                    before=change.before,
                    after=change.after,
                    changed_on=day,
                    version=version,
                )
                for change in chunk
            ],
            update_conflicts=True,
            unique_fields=["venue", "exchange", "symbol", "kind", "changed_on"],
            update_fields=["before", "after", "version"],
        )
    old = InstrumentChange.objects.filter(venue=venue, changed_on__lt=day - CHANGES_KEPT).values_list("pk", flat=True)
    for ids in _chunks(old.iterator(), ROWS_PER_TRANSACTION):
        InstrumentChange.objects.filter(pk__in=ids).delete()


def _chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    waiting = iter(items)
    while chunk := list(islice(waiting, size)):
        yield chunk
