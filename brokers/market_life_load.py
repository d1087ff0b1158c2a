"""Changes of the operator's facts: whole files of them, or one row in the admin; desks hear of each within seconds."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.db.models import F

from accounts.audit import audit_record
from brokers.domain.errors import Invalid
from brokers.domain.market_life import RestrictionKind
from brokers.market_models import ContractTerm, MarketDay, MarketFacts, MarketYear, TradingRestriction

if TYPE_CHECKING:
    from accounts.models import User

COLUMNS = ("kind", "exchange", "symbol", "from", "until", "quantity", "source", "note")
EXCHANGES = ("NSE", "BSE", "NFO", "BFO", "CDS", "BCD", "MCX")
MOST_ERRORS_SHOWN = 20
MOST_ROWS = 50_000
_RESTRICTIONS = {kind.value for kind in RestrictionKind}
_CASH_ALONE = _RESTRICTIONS - {RestrictionKind.BAN}

Cells = Mapping[str, str]


class BadFile(Invalid):
    """A file of facts that was not loaded; `errors` are sentences with their lines."""

    code = "market_life.file"

    def __init__(self, errors: list[str]) -> None:
        self.errors = errors
        shown = errors[:MOST_ERRORS_SHOWN]
        more = [f"and {len(errors) - len(shown)} more"] if len(errors) > len(shown) else []
        super().__init__("\n".join([*shown, *more]), field="file")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One row of a file: which row of which table it makes, and with what."""

    model: type[models.Model]
    key: dict[str, Any]
    values: dict[str, Any]


def market_life_load(*, text: str, by: User | None, at: datetime) -> int:
    """Load a CSV file of facts, all of it or nothing; return how many rows it has. Raises BadFile, naming each line.

    A row that is there already is replaced, so that a file may be loaded twice.
    """
    facts = facts_in(text)
    with transaction.atomic():
        for fact in facts:
            fact.model._default_manager.update_or_create(**fact.key, defaults=fact.values)
        facts_changed()
        kinds = sorted({fact.model.__name__ for fact in facts})
        audit_record(action="market.load", at=at, actor=by, details={"rows": len(facts), "tables": kinds})
    return len(facts)


def facts_changed() -> None:
    """Let every desk read the facts anew."""
    MarketFacts.objects.get_or_create(name="market")
    MarketFacts.objects.filter(name="market").update(version=F("version") + 1)


@transaction.atomic
def fact_noted(*, row: models.Model, action: str, by: User | None, at: datetime) -> None:
    """Note one row that was entered, changed or taken away by hand."""
    facts_changed()
    audit_record(action=f"market.{action}", at=at, actor=by, subject=f"{type(row).__name__} {row}")


def facts_in(text: str) -> list[Fact]:
    """Read a file of facts; raise BadFile with every line that is wrong."""
    reader = csv.reader(text.splitlines())
    header = [cell.strip().lower() for cell in next(reader, [])]
    unknown = [name for name in header if name not in COLUMNS]
    missing = [name for name in ("kind", "from", "source") if name not in header]
    if unknown or missing:
        wrong = f"unknown column {unknown[0]!r}" if unknown else f"column {missing[0]!r} is missing"
        raise BadFile([f"line 1: {wrong}; the columns are {', '.join(COLUMNS)}"])
    reading = _Reading(header)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                reading.take(cells, reader.line_num)
    except csv.Error as error:
        reading.errors.append(f"line {reader.line_num}: this is no CSV: {error}")
    return reading.whole()


class _Reading:
    """The rows of a file so far, and what is wrong with it."""

    def __init__(self, header: list[str]) -> None:
        self._header = header
        self._facts: list[Fact] = []
        self._seen: dict[tuple[object, ...], int] = {}
        self.errors: list[str] = []

    def take(self, cells: list[str], line: int) -> None:
        if len(cells) > len(self._header):
            self.errors.append(f"line {line}: {len(cells)} cells, the header has {len(self._header)}")
            return
        said = {name: cell.strip() for name, cell in zip(self._header, cells, strict=False)}
        try:
            fact = _fact(dict.fromkeys(COLUMNS, "") | said)
        except Invalid as error:
            self.errors.append(f"line {line}: {error.message}")
            return
        key = (fact.model, *fact.key.values(), *fact.values.keys())
        if key in self._seen:
            self.errors.append(f"line {line}: says the same as line {self._seen[key]}")
        self._seen[key] = line
        self._facts.append(fact)

    def whole(self) -> list[Fact]:
        if not self._facts and not self.errors:
            self.errors.append("the file has no rows")
        if len(self._facts) > MOST_ROWS:
            self.errors.append(f"{len(self._facts)} rows, at most {MOST_ROWS}")
        if self.errors:
            raise BadFile(self.errors)
        return self._facts


def _fact(row: Cells) -> Fact:
    kind = row["kind"].lower()
    make = _MAKERS.get(kind)
    if make is None:
        raise Invalid(f"{row['kind']!r} is no kind; the kinds are {', '.join(_MAKERS)}")
    if not row["source"]:
        raise Invalid("the source is missing: say which circular or page it is from")
    _fitting(row)
    return make(kind, row)


def _restriction(kind: str, row: Cells) -> Fact:
    since, until = _day(row, "from"), _day(row, "until") if row["until"] else None
    if until is not None and until < since:
        raise Invalid(f"until {until} is before from {since}")
    exchange = _exchange(row)
    if kind in _CASH_ALONE and exchange not in ("NSE", "BSE"):
        raise Invalid(f"{kind} is a list of shares, at NSE or BSE, not {exchange}")
    if kind == RestrictionKind.BAN and exchange not in ("NFO", "BFO"):
        raise Invalid(f"a ban is of futures and options, at NFO or BFO, not {exchange}")
    return Fact(
        model=TradingRestriction,
        key={"kind": kind, "exchange": exchange, "symbol": _symbol(row), "since": since},
        values={"until": until, "source": row["source"], "note": row["note"]},
    )


def _term(kind: str, row: Cells) -> Fact:
    field = "freeze_quantity" if kind == "freeze" else "lot_size"
    if not (row["quantity"].isascii() and row["quantity"].isdigit()) or not 0 < int(row["quantity"]) < 10**9:
        raise Invalid(f"quantity must be a whole number above 0, not {row['quantity']!r}")
    # a freeze quantity without a symbol is of everything else on the exchange
    underlying = row["symbol"].upper() if kind == "freeze" else _symbol(row)
    return Fact(
        model=ContractTerm,
        key={"exchange": _exchange(row), "underlying": underlying, "effective_from": _day(row, "from")},
        values={field: int(row["quantity"]), "source": row["source"]},
    )


def _market_day(kind: str, row: Cells) -> Fact:
    values = {"is_open": kind == "open_day", "note": row["note"], "source": row["source"]}
    return Fact(model=MarketDay, key={"day": _day(row, "from")}, values=values)


def _year(_kind: str, row: Cells) -> Fact:
    if not (row["from"].isascii() and row["from"].isdigit()) or not 2000 <= int(row["from"]) <= 2100:
        raise Invalid(f"from must be a year, not {row['from']!r}")
    return Fact(model=MarketYear, key={"year": int(row["from"])}, values={"source": row["source"]})


_MAKERS: dict[str, Callable[[str, Cells], Fact]] = {
    **dict.fromkeys(sorted(_RESTRICTIONS), _restriction),
    "freeze": _term,
    "lot": _term,
    "holiday": _market_day,
    "open_day": _market_day,
    "year": _year,
}


def _day(row: Cells, name: str) -> date:
    try:
        return date.fromisoformat(row[name])
    except ValueError:
        raise Invalid(f"{name} must be a day such as 2026-11-23, not {row[name]!r}") from None


def _exchange(row: Cells) -> str:
    exchange = row["exchange"].upper()
    if exchange not in EXCHANGES:
        raise Invalid(f"{row['exchange']!r} is no exchange; they are {', '.join(EXCHANGES)}")
    return exchange


def _symbol(row: Cells) -> str:
    if not row["symbol"]:
        raise Invalid("the symbol is missing")
    return row["symbol"].upper()


def _fitting(row: Cells) -> None:
    too_long = next((name for name, most in _widths() if len(row[name]) > most), None)
    if too_long is not None:
        raise Invalid(f"{too_long} is too long")
    if any("\x00" in cell for cell in row.values()):
        raise Invalid("a cell holds a character that is no text")


def _widths() -> Iterable[tuple[str, int]]:
    return (("symbol", 64), ("source", 200), ("note", 200))
