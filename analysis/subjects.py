"""What can be scanned: stored lists, lists that follow from the venues' own, a desk's watchlists, and everything.

A list is named by its key: its own name, `all`, or `list:` and a watchlist's id. Whoever asks brings the watchlists
that they may see; a key of another's names nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING
from uuid import UUID

from django.db.models import Min

from analysis.candles import DEMO_SOURCE, actions_listed, fingerprint, study_series, universe_named
from analysis.domain.adjustments import CorporateAction, Rename
from analysis.domain.daily import DailySeries, date_of
from analysis.domain.universe import Universe, own_list
from analysis.models import CandleYear, ListMember
from analysis.own_models import Watchlist
from brokers.domain.errors import Invalid, NotFound
from brokers.domain.instruments import InstrumentKind
from brokers.listings import list_version
from brokers.models import ListedInstrument, Venue

if TYPE_CHECKING:
    from accounts.ownership import OwnedQuerySet

EVERYTHING = "all"
OWN = "list:"
UNDERLYINGS, PERPETUALS = "F&O", "Crypto perps"
DERIVED = (UNDERLYINGS, PERPETUALS)
DEMO, STORED = "demo", "stored candles"
# results of an older reading of the same candles are not shown for this one's
READING = "2"
_MOST_KEPT = 1
# twenty megabytes: a longer list is read anew each time
_MOST_BARS_KEPT = 300_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A list with everything that a scan or a rule reads of it."""

    key: str
    universe: Universe
    series: Mapping[str, DailySeries]
    renames: tuple[Rename, ...]
    actions: Mapping[str, list[CorporateAction]]
    sectors: Mapping[str, str]
    source: str

    @property
    def last_day(self) -> date:
        """The newest day that any member has a candle of."""
        return _last_of(self.series)


def watchlist_key(watchlist_id: UUID) -> str:
    """Return the key under which a watchlist is scanned."""
    return f"{OWN}{watchlist_id.hex}"


def require_known(key: str, own: OwnedQuerySet) -> str:
    """Return the key; raise NotFound for one that names no list of the asker's."""
    if key == EVERYTHING or _own_list(key, own) is not None or _derived(key):
        return key
    if ListMember.objects.filter(universe=key).exists():
        return key
    raise NotFound(f"There is no list named {key}.", code="universe.unknown", field="universe")


def subject_of(key: str, own: OwnedQuerySet) -> Subject:
    """Read a list with its candles; those of the last list that was read are kept while nothing changes.

    Raises
    ------
    NotFound
        For a key that names no list of the asker's.
    Invalid
        Where no member has candles.
    """
    digest = data_of(require_known(key, own), own)
    kept = _kept.get(digest)
    if kept is not None:
        return kept
    subject = _read(key, own)
    if sum(map(len, subject.series.values())) > _MOST_BARS_KEPT:
        return subject
    while len(_kept) >= _MOST_KEPT:
        _kept.pop(next(iter(_kept)), None)
    _kept[digest] = subject
    return subject


_kept: dict[str, Subject] = {}


def members_of(key: str, own: OwnedQuerySet) -> list[str] | None:
    """Return the instruments of a list, whenever they belonged to it; None for everything."""
    return _membership(require_known(key, own), own)[0]


def data_of(key: str, own: OwnedQuerySet) -> str:
    """Return one digest of the candles and the membership that a scan of a list reads."""
    members, told = _membership(key, own)
    return fingerprint(members, also=f"{READING}:{key}:{told}")


def _membership(key: str, own: OwnedQuerySet) -> tuple[list[str] | None, str]:
    """Give the members of a list, None for everything, and its membership as text."""
    if key == EVERYTHING:
        return None, repr(sorted(sectors_known().items()))
    watchlist = _own_list(key, own)
    if watchlist is not None:
        return list(watchlist.instruments), f"{watchlist.changed_at}"
    derived = _derived(key)
    if derived:
        return derived, ""
    rows = ListMember.objects.filter(universe=key).order_by("instrument", "since")
    listed = list(rows.values_list("instrument", "sector", "since", "until"))
    return [row[0] for row in listed], repr(listed)


def _read(key: str, own: OwnedQuerySet) -> Subject:
    members, _ = _membership(key, own)
    series, renames = study_series(members)
    if not any(len(one) for one in series.values()):
        raise Invalid(
            "No daily candles are stored yet: fetch them from the venue, or import a bhavcopy or a CSV file.",
            code="candles.none",
        )
    universe = _universe(key, own, members, series)
    return Subject(
        key=key,
        universe=universe,
        series=series,
        renames=tuple(renames),
        actions=actions_listed(),
        sectors={**sectors_known(), **universe.sector_of()},
        source=source_of(members),
    )


def _universe(key: str, own: OwnedQuerySet, members: list[str] | None, series: Mapping[str, DailySeries]) -> Universe:
    last = _last_of(series)
    if members is None:
        return own_list(EVERYTHING, series, since=last)
    watchlist = _own_list(key, own)
    if watchlist is not None:
        return own_list(watchlist.name, members, since=min(watchlist.changed_at.date(), last))
    if key in DERIVED:
        return own_list(key, members, since=min(_listed_since(key) or last, last))
    stored = universe_named(key)
    assert stored is not None  # its members were read a moment ago
    return stored


def _own_list(key: str, own: OwnedQuerySet) -> Watchlist | None:
    if not key.startswith(OWN):
        return None
    try:
        wanted = UUID(hex=key.removeprefix(OWN))
    except ValueError:
        return None
    found: Watchlist | None = own.filter(id=wanted).first()
    return found


def _derived(key: str) -> list[str]:
    """Give the members of a list that follows from what a venue lists today; empty for any other key."""
    if key not in DERIVED:
        return []
    version = list_version(Venue.KITE if key == UNDERLYINGS else Venue.ASTER)
    return list(_members_listed(key)) if version is None else list(_members_at(key, version))


@lru_cache(maxsize=4)
def _members_at(key: str, version: UUID) -> tuple[str, ...]:  # noqa: ARG001 - another version is another list
    return _members_listed(key)


def _members_listed(key: str) -> tuple[str, ...]:
    if key == UNDERLYINGS:
        names = ListedInstrument.objects.filter(venue=Venue.KITE, exchange="NFO").values("name").distinct()
        stocks = ListedInstrument.objects.filter(
            venue=Venue.KITE, exchange="NSE", kind=InstrumentKind.EQUITY, symbol__in=names
        )
        return tuple(sorted(f"NSE:{symbol}" for symbol in stocks.values_list("symbol", flat=True)))
    rows = ListedInstrument.objects.filter(venue=Venue.ASTER, kind=InstrumentKind.PERPETUAL)
    return tuple(sorted(f"{exchange}:{symbol}" for exchange, symbol in rows.values_list("exchange", "symbol")))


def _listed_since(key: str) -> date | None:
    venue = Venue.KITE if key == UNDERLYINGS else Venue.ASTER
    found: date | None = ListedInstrument.objects.filter(venue=venue).aggregate(first=Min("listed_on"))["first"]
    return found


def list_keys(own: OwnedQuerySet) -> list[str]:
    """Return the keys of every list that the asker can scan."""
    stored = ListMember.objects.order_by("universe").values_list("universe", flat=True).distinct()
    watched = own.order_by("name").values_list("id", flat=True)
    return [*stored, *derived_lists(), *map(watchlist_key, watched), EVERYTHING]


def derived_lists() -> dict[str, list[str]]:
    """Return the lists that follow from what the venues list today and that have members."""
    return {key: members for key in DERIVED if (members := _derived(key))}


def sectors_known() -> dict[str, str]:
    """Return the sector of each instrument that any list states one for."""
    rows = ListMember.objects.exclude(sector="").order_by("universe").values_list("instrument", "sector")
    return dict(rows)


def source_of(instruments: list[str] | None) -> str:
    """Say whose candles these are: made ones of the demo, or stored ones."""
    rows = CandleYear.objects.filter(source=DEMO_SOURCE)
    if instruments is not None:
        rows = rows.filter(instrument__in=instruments)
    return DEMO if rows.exists() else STORED


def _last_of(series: Mapping[str, DailySeries]) -> date:
    return max(date_of(int(one.day[-1])) for one in series.values() if len(one))
