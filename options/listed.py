"""What a venue lists of an underlying's options, and when each expiry settles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import QuerySet

from brokers.domain.calendar import Segment, TradingCalendar
from brokers.domain.instruments import OPTION_KINDS, Instrument
from brokers.listings import instrument_of, instruments_by_keys, list_version
from brokers.models import ListedInstrument
from options.domain.expiries import Fixing

VENUE = "kite"
# an index is listed by another name than its options; a stock by its own
_INDICES = {
    "NIFTY": "NSE:NIFTY 50",
    "BANKNIFTY": "NSE:NIFTY BANK",
    "FINNIFTY": "NSE:NIFTY FIN SERVICE",
    "MIDCPNIFTY": "NSE:NIFTY MID SELECT",
    "NIFTYNXT50": "NSE:NIFTY NEXT 50",
    "SENSEX": "BSE:SENSEX",
    "BANKEX": "BSE:BANKEX",
    "SENSEX50": "BSE:SNSX50",
}
# The settlement price of an index or a stock is the mean of its last half hour in the cash market.
AVERAGING_S = 1_800.0
_KINDS = [kind.value for kind in OPTION_KINDS]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """An underlying's nearest expiries as they are listed: the options, what they are written on, when each settles."""

    underlying: str
    spot: Instrument | None
    options: tuple[Instrument, ...]
    fixings: Mapping[date, Fixing]

    @property
    def exchange(self) -> str:
        return self.options[0].exchange if self.options else ""

    @property
    def lot_size(self) -> int:
        return self.options[0].lot_size if self.options else 0

    @property
    def expiries(self) -> tuple[date, ...]:
        """The expiries, nearest first."""
        return tuple(self.fixings)

    def named(self, expiry: date) -> dict[tuple[float, str], str]:
        """Return the instruments of an expiry by strike and side: `(24500.0, "CE")`."""
        return {(float(one.strike or 0), one.kind.value): one.key for one in self.options if one.expiry == expiry}


def subject_of(underlying: str, *, day: date | None, expiries: int, calendar: TradingCalendar) -> Subject:
    """Read what is listed of an underlying: its nearest expiries, from a day on where one is given.

    Without listed options it is a subject of nothing.
    """
    days = expiries_listed(underlying, day=day)[:expiries]
    rows = _rows(None).filter(name=underlying, expiry__in=days).order_by("expiry", "strike", "kind")
    options = tuple(instrument_of(row) for row in rows)
    found = instruments_by_keys(VENUE, [spot_key(underlying)])
    exchange = options[0].exchange if options else ""
    return Subject(
        underlying=underlying,
        spot=found.get(spot_key(underlying)),
        options=options,
        fixings={day: fixing_of(exchange, day, calendar) for day in days},
    )


def expiries_listed(underlying: str, *, day: date | None = None) -> list[date]:
    """Return the expiries of an underlying's listed options, nearest first."""
    rows = _rows(day).filter(name=underlying)
    return [expiry for expiry in rows.values_list("expiry", flat=True).distinct().order_by("expiry") if expiry]


def underlyings_listed() -> list[str]:
    """Return every underlying that has listed options."""
    return list(_rows(None).exclude(name="").values_list("name", flat=True).distinct().order_by("name"))


def has_options(underlying: str) -> bool:
    """Tell whether any option on an underlying is listed."""
    return _rows(None).filter(name=underlying).exists()


def list_mark() -> str:
    """Return what changes with every list of instruments."""
    return str(list_version(VENUE))


def spot_key(underlying: str) -> str:
    """Return the instrument that an underlying's options are written on."""
    return _INDICES.get(underlying, f"NSE:{underlying}")


def fixing_of(exchange: str, expiry: date, calendar: TradingCalendar) -> Fixing:
    """Return when an expiry settles: at the end of the cash market's continuous session, over its last half hour."""
    is_bse = exchange == "BFO"
    segment = Segment.BSE_EQUITY if is_bse else Segment.EQUITY_WITH_DERIVATIVES
    # the hours in force rather than the day's session: a far expiry may lie in a year without a holiday list
    end = calendar.rule_on(segment, expiry).continuous_end
    at = datetime.combine(expiry, end, tzinfo=calendar.zone)
    return Fixing(at=at, averaging_s=AVERAGING_S)


def heard_of(subject: Subject) -> Sequence[Instrument]:
    """Return what a desk listens to for a subject: its options, and what they are written on."""
    return (*subject.options, subject.spot) if subject.spot is not None else subject.options


def _rows(day: date | None) -> QuerySet[ListedInstrument]:
    # the list in force says what is listed; whose day it is, the market's or the machine's, only a desk knows
    rows = ListedInstrument.objects.filter(venue=VENUE, kind__in=_KINDS).exclude(expiry=None).exclude(strike=None)
    return rows if day is None else rows.filter(expiry__gte=day)
