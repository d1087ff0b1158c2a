"""Reading followed chains: for the desk what is wished, for everybody else what was received, worked out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from brokers.domain.errors import NotFound
from brokers.market_life import market_calendar
from brokers.models import TradingAccount
from options import desk_line, snapshots
from options.domain.alerts import Measure, Rule
from options.domain.documents import Document
from options.domain.received import Received, Worked, nearest, worked
from options.following import Wish
from options.listed import list_mark, subject_of
from options.live import LiveChain
from options.models import TrackedUnderlying
from options.warming import KERNELS, PREPARING

if TYPE_CHECKING:
    from accounts.models import User

LIVE_WITHIN_S = 10.0
NOT_HEARD = "The desk has not told of these chains yet."
OLD = "The newest quote came {age:.0f} s ago: what stands here is history."
MANY = 100


# --- the desk


def wishes_of(account_id: str) -> tuple[str, tuple[Wish, ...]]:
    """Return an account's owner and what they want followed on it, with the alerts they asked for."""
    rows = TrackedUnderlying.objects.filter(account_id=UUID(account_id), is_tracked=True)
    wishes = tuple(
        Wish(
            tracked_id=row.pk,
            underlying=row.underlying,
            expiries=row.expiries,
            rules=tuple(
                Rule(measure=Measure(alert.measure), level=alert.level) for alert in row.alerts.all() if alert.is_on
            ),
        )
        for row in rows.prefetch_related("alerts").order_by("asked_at", "pk")
    )
    owner_id = TradingAccount.objects.values_list("owner_id", flat=True).get(pk=UUID(account_id))
    return str(owner_id), wishes


# --- which chains there are


@dataclass(frozen=True, slots=True, kw_only=True)
class Chains:
    """An underlying's chains as a caller may see them, now or at a moment, worked out."""

    row: TrackedUnderlying
    received: Received | None
    found: tuple[Worked, ...]
    age_s: float | None
    source: str
    is_preparing: bool = False

    @property
    def expiries(self) -> tuple[date, ...]:
        return tuple(one.expiry for one in self.found)

    def one(self, expiry: date | None) -> Worked | None:
        """Return the expiry asked for, the nearest without one, None where nothing was received at all.

        Raises
        ------
        NotFound
            For an expiry that is not followed.
        """
        if expiry is None or not self.found:
            return nearest(self.found)
        for one in self.found:
            if one.expiry == expiry:
                return one
        known = ", ".join(day.isoformat() for day in self.expiries)
        message = f"{self.row.underlying} of {expiry.isoformat()} is not followed; followed are {known}"
        raise NotFound(message, code="chain.no_expiry", field="expiry")

    def about(self, one: Worked | None) -> Document:
        """Say whose figures these are, how old, and what must be known before them."""
        received = self.received
        return {
            "underlying": self.row.underlying,
            "as_of": None if one is None else one.chain.market.now.isoformat(),
            "age_s": None if self.age_s is None else round(self.age_s, 3),
            "source": self.source,
            "lot_size": received.lot_size if received is not None else None,
            "currency": "INR",
            "said": self.said(one),
        }

    def said(self, one: Worked | None) -> list[str]:
        """Say what is wrong; nothing where all is well."""
        if one is None:
            return [PREPARING if self.is_preparing else NOT_HEARD]
        is_old = self.source == "ticker" and self.age_s is not None and self.age_s > LIVE_WITHIN_S
        return ([OLD.format(age=self.age_s)] if is_old else []) + one.said


def tracked_row(user: User, underlying: str) -> TrackedUnderlying:
    """Return the row of an underlying that a user follows; raises `NotFound` where they do not."""
    row = TrackedUnderlying.objects.visible_to(user).filter(underlying=underlying, is_tracked=True).first()
    if row is None:
        message = f"{underlying} is not followed; ask for it with POST /api/oi/start"
        raise NotFound(message, code="chain.not_tracked", field="underlying")
    found: TrackedUnderlying = row
    return found


def chains_of(user: User, underlying: str, at: datetime | None = None) -> Chains:
    """Return an underlying's chains as they are now, or as its newest snapshot up to `at` has them.

    Raises
    ------
    NotFound
        For an underlying that the user does not follow, and a moment of which no snapshot is kept.
    """
    row = tracked_row(user, underlying)
    if at is not None:
        return _kept(row, at)
    received = desk_line.latest(str(row.account_id), underlying)
    if received is None:
        return Chains(row=row, received=None, found=(), age_s=None, source="ticker")
    return _worked_out(row, received, source="ticker")


def _worked_out(row: TrackedUnderlying, received: Received, *, source: str) -> Chains:
    is_preparing = not KERNELS.is_done()
    found = () if is_preparing else tuple(worked(received, rate=settings.WINDHOVER_OPTIONS_RATE))
    age_s = age_of(received) if source == "ticker" else None
    return Chains(row=row, received=received, found=found, age_s=age_s, source=source, is_preparing=is_preparing)


def _kept(row: TrackedUnderlying, at: datetime) -> Chains:
    calendar, store, owner = market_calendar(), snapshots.chain_store(), str(row.owner_id)
    stored = snapshots.chains_before(store, owner, row.underlying, at=at, calendar=calendar)
    day = calendar.day_of(stored[0].at)
    subject = subject_of(row.underlying, day=None, expiries=1, calendar=calendar)
    received = Received(
        underlying=row.underlying,
        exchange=subject.exchange,
        lot_size=subject.lot_size,
        received_at=stored[0].at,
        chains=tuple(stored),
        before=snapshots.references(store, owner, row.underlying, today=day, calendar=calendar),
    )
    return _worked_out(row, received, source="snapshot")


def age_of(received: Received) -> float | None:
    """Return how long ago the newest frame came, in seconds; None before any."""
    if received.received_at is None:
        return None
    return max((timezone.now() - received.received_at).total_seconds(), 0.0)


# --- for code of other rooms on the server


def latest_chains(user: User, underlying: str) -> tuple[LiveChain, ...]:
    """Return every followed expiry worked out now, nearest first; nothing where none was received.

    Raises
    ------
    NotFound
        For an underlying that the user does not follow.
    """
    return _live(chains_of(user, underlying))


def latest_chain(user: User, underlying: str, expiry: date | None = None) -> LiveChain | None:
    """Return one expiry worked out now, the nearest without one; None where none was received.

    Raises
    ------
    NotFound
        For an underlying or an expiry that the user does not follow.
    """
    chains = chains_of(user, underlying)
    wanted = chains.one(expiry)
    return None if wanted is None else next(one for one in _live(chains) if one.expiry == wanted.expiry)


def chains_at(user: User, underlying: str, at: datetime) -> tuple[LiveChain, ...]:
    """Return the expiries of the newest snapshot up to `at`, nearest first; raises `NotFound` where none is kept."""
    return _live(chains_of(user, underlying, at))


def _live(chains: Chains) -> tuple[LiveChain, ...]:
    received = chains.received
    if received is None:
        return ()
    return tuple(
        LiveChain(
            underlying=chains.row.underlying,
            expiry=one.expiry,
            chain=one.chain,
            exchange=received.exchange,
            lot_size=received.lot_size,
            instruments=named(chains.row.underlying, one.expiry),
            as_of=one.chain.market.now,
            age_s=chains.age_s,
            said=tuple(chains.said(one)),
        )
        for one in chains.found
    )


def named(underlying: str, expiry: date) -> dict[tuple[float, str], str]:
    """Return the listed options of an expiry by strike and side."""
    return _named(underlying, list_mark()).get(expiry, {})


@lru_cache(maxsize=64)
def _named(underlying: str, mark: str) -> dict[date, dict[tuple[float, str], str]]:  # noqa: ARG001 - a newer list is another key
    subject = subject_of(underlying, day=None, expiries=MANY, calendar=market_calendar())
    return {expiry: subject.named(expiry) for expiry in subject.expiries}
