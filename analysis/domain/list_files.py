"""Lists, corporate actions and changed names out of CSV files, so that an operator can keep them dated."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import TypeVar

from analysis.domain.adjustments import ActionKind, CorporateAction, Rename, action_kind
from analysis.domain.universe import Membership
from brokers.domain.errors import DataError

Row = TypeVar("Row")


def read_members(lines: Iterable[str], *, exchange: str) -> list[Membership]:
    """Read `symbol,since,until,sector`; also the exchange's own list of constituents, whose days are not known.

    Raises
    ------
    DataError
        Naming the line that cannot be read; a list that is half right would be a wrong universe.
    """

    def member(cells: Mapping[str, str]) -> Membership:
        return Membership(
            symbol=_key(exchange, cells["symbol"]),
            since=_day(cells.get("since") or cells.get("member_from")),
            until=_day(cells.get("until") or cells.get("member_to")),
            sector=cells.get("sector") or cells.get("industry") or "",
        )

    return _read(lines, {"symbol"}, member)


def read_actions(lines: Iterable[str], *, exchange: str) -> list[CorporateAction]:
    """Read `symbol,ex_date,factor` and, where it is there, `kind` (shares or value); raise DataError naming the line."""

    def action(cells: Mapping[str, str]) -> CorporateAction:
        factor = float(cells.get("factor") or cells.get("factor_before_over_after") or "")
        kind = ActionKind(cells["kind"]) if cells.get("kind") else action_kind(factor)
        on = date.fromisoformat(cells["ex_date"])
        return CorporateAction(symbol=_key(exchange, cells["symbol"]), ex_date=on, factor=factor, kind=kind)

    return _read(lines, {"symbol", "ex_date"}, action)


def read_renames(lines: Iterable[str], *, exchange: str) -> list[Rename]:
    """Read `old,new,on`; raise DataError naming the line."""

    def rename(cells: Mapping[str, str]) -> Rename:
        return Rename(
            old=_key(exchange, cells["old"]), new=_key(exchange, cells["new"]), on=date.fromisoformat(cells["on"])
        )

    return _read(lines, {"old", "new", "on"}, rename)


def _read(lines: Iterable[str], required: set[str], row: Callable[[Mapping[str, str]], Row]) -> list[Row]:
    reader = csv.reader(lines)
    header = [name.strip().lower().lstrip("\ufeff") for name in next(reader, [])]
    if missing := sorted(required - set(header)):
        raise DataError(f"the file has no column for {', '.join(missing)}", code="list.columns")
    found: list[Row] = []
    for line, cells in enumerate(reader, 2):
        if not any(cells):
            continue
        try:
            found.append(row({name: cell.strip() for name, cell in zip(header, cells, strict=False)}))
        except (ValueError, KeyError) as problem:
            raise DataError(f"line {line} cannot be read: {problem}", code="list.line") from problem
    return found


def _key(exchange: str, symbol: str) -> str:
    if not symbol:
        raise ValueError("no symbol")
    return symbol if ":" in symbol else f"{exchange}:{symbol.upper()}"


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
