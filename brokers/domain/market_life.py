"""What the exchanges and the broker allow of a contract on a day: lists, freeze quantities, lots, holdings.

All of it is an operator's data, each row with its first day and its source. What has no row is
unknown; unknown is never read as a number.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from brokers.domain.instruments import Instrument, InstrumentKind

ZERO = Decimal(0)
_DIGITS = 15  # no account holds more shares
_DERIVATIVES = frozenset({InstrumentKind.FUTURE, InstrumentKind.CALL, InstrumentKind.PUT})


class RestrictionKind(StrEnum):
    """The lists that the gate reads."""

    BAN = "ban"
    ASM = "asm"
    GSM = "gsm"
    TRADE_TO_TRADE = "trade_to_trade"
    MIS_BLOCKED = "mis_blocked"

    @property
    def label(self) -> str:
        return _LABELS[self]


_LABELS = {
    RestrictionKind.BAN: "F&O ban period",
    RestrictionKind.ASM: "additional surveillance (ASM)",
    RestrictionKind.GSM: "graded surveillance (GSM)",
    RestrictionKind.TRADE_TO_TRADE: "trade-to-trade",
    RestrictionKind.MIS_BLOCKED: "not allowed in MIS",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Restriction:
    """One contract on one list, from a day to a day, both included; without an end it still holds."""

    kind: RestrictionKind
    exchange: str
    symbol: str
    since: date
    until: date | None = None
    source: str = ""

    def holds_on(self, day: date) -> bool:
        """Tell whether the list names the contract on a day."""
        return self.since <= day and (self.until is None or day <= self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """The freeze quantity and the lot of an underlying from a day on; an empty underlying is the exchange's rest."""

    exchange: str
    underlying: str
    effective_from: date
    freeze_quantity: Decimal | None = None
    lot_size: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Par:
    """What a unit of a stable currency is worth in the one it stands for, and how far off par is still par."""

    asset: str
    reference: str
    rate: Decimal
    band_fraction: Decimal
    source: str
    as_of: datetime

    @property
    def is_off(self) -> bool:
        return abs(self.rate - 1) > self.band_fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRules:
    """The operator's facts that the gate reads, all dates of them: which day it is, the market says.

    `leaving` names contracts that their venue is taking off its list, by key, with the venue's word for it.
    """

    restrictions: tuple[Restriction, ...] = ()
    terms: tuple[Term, ...] = ()
    leaving: Mapping[str, str] = field(default_factory=dict)
    par: Par | None = None
    _by_name: Mapping[tuple[str, str], tuple[Restriction, ...]] = field(init=False, repr=False, compare=False)
    _terms: Mapping[tuple[str, str], tuple[Term, ...]] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_name: dict[tuple[str, str], tuple[Restriction, ...]] = {}
        for row in self.restrictions:
            key = (row.exchange, row.symbol)
            by_name[key] = (*by_name.get(key, ()), row)
        terms: dict[tuple[str, str], tuple[Term, ...]] = {}
        for term in self.terms:
            of = (term.exchange, term.underlying)
            terms[of] = (*terms.get(of, ()), term)
        object.__setattr__(self, "_by_name", by_name)
        object.__setattr__(self, "_terms", terms)

    def on(self, instrument: Instrument, day: date) -> Standing:
        """Return what holds for a contract on a day."""
        if not self.restrictions and not self.terms:
            return Standing(lot_size=instrument.lot_size or None)
        is_derivative = instrument.kind in _DERIVATIVES
        name = instrument.name if is_derivative else instrument.symbol
        listed = self._by_name.get((instrument.exchange, name), ())
        return Standing(
            restrictions=tuple(row for row in listed if row.holds_on(day)),
            freeze_quantity=self._freeze(instrument.exchange, name, day),
            lot_size=instrument.lot_size or self._lot(instrument.exchange, name, day),
        )

    def _freeze(self, exchange: str, name: str, day: date) -> Decimal | None:
        for underlying in (name, ""):
            known = [t for t in self._terms.get((exchange, underlying), ()) if t.effective_from <= day]
            dated = [t for t in known if t.freeze_quantity is not None]
            if dated:
                return max(dated, key=lambda term: term.effective_from).freeze_quantity
        return None

    def _lot(self, exchange: str, name: str, day: date) -> int | None:
        known = [t for t in self._terms.get((exchange, name), ()) if t.effective_from <= day]
        dated = [t for t in known if t.lot_size is not None]
        return max(dated, key=lambda term: term.effective_from).lot_size if dated else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What holds for one contract on one day; None is unknown."""

    restrictions: tuple[Restriction, ...] = ()
    freeze_quantity: Decimal | None = None
    lot_size: int | None = None

    def on_list(self, *kinds: RestrictionKind) -> Restriction | None:
        """Return the first of these lists that names the contract."""
        return next((row for row in self.restrictions if row.kind in kinds), None)


NO_RULES = MarketRules()
UNRESTRICTED = Standing()


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldShares:
    """Shares of one name in the demat account and on their way to it, as the venue last told."""

    settled: Decimal = ZERO
    # bought on the last trading day and not delivered yet
    arriving: Decimal = ZERO
    used: Decimal = ZERO
    # None where the venue does not say; an account with a power of attorney needs none
    authorised: Decimal | None = None

    @property
    def sellable(self) -> Decimal:
        """Return what may be sold today: what is there and what arrives, less what was sold of it."""
        return max(self.settled + self.arriving - self.used, ZERO)

    @property
    def delivered(self) -> Decimal:
        """Return the part of it whose delivery is certain."""
        return max(self.settled - self.used, ZERO)


def holdings_of(rows: Iterable[Mapping[str, object]]) -> dict[str, HeldShares]:
    """Read a venue's holdings by ``EXCHANGE:SYMBOL``; what a row does not say counts as none of it."""
    return {
        f"{row.get('exchange')}:{row.get('tradingsymbol')}": HeldShares(
            settled=_number(row.get("quantity")),
            arriving=_number(row.get("t1_quantity")),
            used=_number(row.get("used_quantity")),
            authorised=_number(row["authorised_quantity"]) if "authorised_quantity" in row else None,
        )
        for row in rows
    }


def _number(value: object) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return ZERO
    return number if number.is_finite() and number.adjusted() < _DIGITS else ZERO
