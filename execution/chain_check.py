"""The journal's chain from its first row to its last, checked, and carried out of the database whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from brokers.domain.errors import DataError
from execution.anchors import anchored_tips
from execution.chain import Link, Tip
from execution.models import JournalEvent

READ_AT_ONCE = 2_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_COLUMNS = (
    ("account_id", "VARCHAR"),
    ("seq", "BIGINT"),
    ("at_us", "BIGINT"),
    ("kind", "VARCHAR"),
    ("payload", "VARCHAR"),
    ("lease_token", "BIGINT"),
    ("previous_hash", "VARCHAR"),
    ("hash", "VARCHAR"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One row as it was read back, with the hash that it claims."""

    link: Link
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a check found: rows that hold, and the first link that does not, in a sentence."""

    tip: Tip
    broken: str = ""


def check(rows: Iterator[Kept], anchors: dict[int, str]) -> Found:
    """Follow a chain from its first row, and compare it with its anchors; stop at the first broken link."""
    tip = Tip()
    for row in rows:
        broken = _objection(row, tip, anchors)
        if broken:
            return Found(tip=tip, broken=broken)
        tip = Tip(seq=row.link.seq, hash=row.hash)
    newest = max(anchors, default=0)
    if newest > tip.seq:
        return Found(tip=tip, broken=f"the journal ends at {tip.seq}, but {newest} was anchored: its end was cut")
    return Found(tip=tip)


def _objection(row: Kept, tip: Tip, anchors: dict[int, str]) -> str:
    seq = row.link.seq
    if seq != tip.seq + 1:
        return f"row {tip.seq + 1} is missing: after row {tip.seq} comes row {seq}"
    if row.link.previous_hash != tip.hash:
        named = row.link.previous_hash[:12]
        return f"row {seq} does not follow row {tip.seq}: it names {named} before it, that row is {tip.hash[:12]}"
    if row.hash != row.link.hash:
        return f"row {seq} was changed: its content is {row.link.hash[:12]}, it claims {row.hash[:12]}"
    if anchors.get(seq, row.hash) != row.hash:
        return f"row {seq} was rewritten with all after it: {anchors[seq][:12]} was anchored"
    return ""


def check_database(account_id: str, tips_file: Path) -> Found:
    """Check an account's rows in the database against the tips kept outside it."""
    return check(_rows(account_id), dict(anchored_tips(tips_file, account_id)))


def check_file(file: Path, tips_file: Path | None = None) -> Found:
    """Check an exported journal: its first row must be the chain's first.

    A chain whose end was cut is a whole, shorter chain: only the tips kept outside it (`tips_file`) show the cut.
    """
    first = next(_read(file), None)
    anchors = dict(anchored_tips(tips_file, first.link.account_id)) if tips_file is not None and first else {}
    return check(_read(file), anchors)


def export(account_id: str, file: Path, tips_file: Path) -> Tip:
    """Write an account's whole journal to a Parquet file under a temporary name, check it, and give it its name.

    The payload is kept as the very JSON that its hash covers. Raises DataError, leaving no file, for a chain that is
    broken in the database, that ends before the tips kept outside it, or that was not read back as it was written.
    """
    part = file.with_name(f".{file.name}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    _refuse_broken(account_id, check_database(account_id, tips_file))
    try:
        _write(_rows(account_id), part)
        found = check_file(part, tips_file)
        _refuse_broken(account_id, found)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    return found.tip


def _refuse_broken(account_id: str, found: Found) -> None:
    if found.broken:
        raise DataError(f"account {account_id}: {found.broken}", code="journal.changed")


def _rows(account_id: str) -> Iterator[Kept]:
    rows = JournalEvent.objects.filter(account_id=UUID(account_id)).order_by("seq")
    for row in rows.iterator(chunk_size=READ_AT_ONCE):
        link = Link(
            account_id=str(row.account_id),
            seq=row.seq,
            at=row.at,
            kind=row.kind,
            payload=row.payload,
            lease_token=row.lease_token,
            previous_hash=row.previous_hash,
        )
        yield Kept(link=link, hash=row.hash)


def _write(rows: Iterator[Kept], file: Path) -> None:
    import duckdb
    import pandas as pd

    names = [name for name, _ in _COLUMNS]
    with duckdb.connect() as database:
        database.execute(f"CREATE TABLE journal ({', '.join(f'{name} {kind}' for name, kind in _COLUMNS)})")
        while part := [_values(row) for row in islice(rows, READ_AT_ONCE)]:
            database.register("part", pd.DataFrame(part, columns=names))
            database.execute("INSERT INTO journal SELECT * FROM part")
            database.unregister("part")
        target = str(file).replace("'", "''")
        database.execute(f"COPY (FROM journal ORDER BY seq) TO '{target}' (FORMAT PARQUET, COMPRESSION ZSTD)")


def _values(row: Kept) -> tuple[object, ...]:
    link = row.link
    payload = orjson.dumps(link.payload, option=orjson.OPT_SORT_KEYS).decode()
    at_us = (link.at - _EPOCH) // _MICROSECOND
    return link.account_id, link.seq, at_us, link.kind, payload, link.lease_token, link.previous_hash, row.hash


def _read(file: Path) -> Iterator[Kept]:
    import duckdb

    with duckdb.connect() as database:
        found = database.execute("FROM read_parquet(?) ORDER BY seq", [str(file)])
        names = [column[0] for column in found.description or ()]
        while part := found.fetchmany(READ_AT_ONCE):
            yield from (_kept(dict(zip(names, row, strict=True))) for row in part)


def _kept(row: Mapping[str, Any]) -> Kept:
    link = Link(
        account_id=row["account_id"],
        seq=row["seq"],
        at=_EPOCH + row["at_us"] * _MICROSECOND,
        kind=row["kind"],
        payload=orjson.loads(row["payload"]),
        lease_token=row["lease_token"],
        previous_hash=row["previous_hash"],
    )
    return Kept(link=link, hash=row["hash"])
