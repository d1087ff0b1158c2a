"""The documents of the API and the pages, and what of the chains other code asks for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from brokers.domain.errors import NotFound
from brokers.market_life import market_calendar
from brokers.models import TradingAccount
from options import desk_line, snapshots
from options.domain.documents import Document
from options.domain.open_interest import Since
from options.domain.received import Received
from options.domain.reports import chain_of, exposure_of, profile_of, summary_of, volatility_of
from options.domain.volatility import LEAST_SESSIONS, session_vwap, standing
from options.listed import VENUE, expiries_listed, spot_key, underlyings_listed
from options.models import ChainAlert, ChainAlertFired, ChainDay, ChainMinute, TrackedUnderlying
from options.reading import (
    LIVE_WITHIN_S,
    NOT_HEARD,
    Chains,
    age_of,
    chains_at,
    chains_of,
    latest_chain,
    latest_chains,
    named,
    tracked_row,
)

if TYPE_CHECKING:
    from accounts.models import User

__all__ = ["chains_at", "latest_chain", "latest_chains"]

SHOWN_FIRED = 50
NO_ROOM_FOR = "{count} of its options are not listened to: the account's stream has no room for more."


# --- the documents of the API


def underlyings(user: User) -> Document:
    """List what a user follows, and what may be asked for."""
    rows = TrackedUnderlying.objects.visible_to(user).filter(is_tracked=True).order_by("asked_at", "underlying")
    found = [_underlying(row) for row in rows]
    return {"results": found, "count": len(found), "listed": underlyings_listed()}


def _underlying(row: TrackedUnderlying) -> Document:
    received = desk_line.latest(str(row.account_id), row.underlying)
    age_s = None if received is None else age_of(received)
    days = [one.expiry for one in received.chains] if received else expiries_listed(row.underlying)[: row.expiries]
    first = received.chains[0] if received and received.chains else None
    return {
        "underlying": row.underlying,
        "account": str(row.account_id),
        "exchange": received.exchange if received else None,
        "expiries": [day.isoformat() for day in days],
        "lot_size": received.lot_size if received else None,
        "spot": None if first is None else first.spot,
        "spot_instrument": spot_key(row.underlying),
        "as_of": None if first is None else first.at.isoformat(),
        "age_s": None if age_s is None else round(age_s, 3),
        "source": "ticker",
        "state": "waiting" if age_s is None else "live" if age_s <= LIVE_WITHIN_S else "stale",
        "said": ([NOT_HEARD] if age_s is None else []) + _no_room(received),
    }


def _no_room(received: Received | None) -> list[str]:
    count = sum(received.unheard.values()) if received else 0
    return [NO_ROOM_FOR.format(count=count)] if count else []


def chain(user: User, *, underlying: str, expiry: date | None = None, at: datetime | None = None) -> Document:
    """Give one expiry's chain."""
    chains = chains_of(user, underlying, at)
    one = chains.one(expiry)
    about = chains.about(one)
    if one is None:
        nothing = dict.fromkeys(("expiry", "forward", "spot", "years", "atm_strike", "atm_iv", "max_pain", "pcr"))
        return {**nothing, "pcr_volume": None, "forward_source": "none", "strikes": [], "expiries": [], **about}
    instruments = named(underlying, one.expiry)
    return chain_of(one, underlying=underlying, expiries=chains.expiries, instruments=instruments) | about


def summary(user: User, *, underlying: str) -> Document:
    """Sum up an underlying's open interest."""
    return _summary(chains_of(user, underlying))


def summaries(user: User) -> Document:
    """Sum up every followed underlying's open interest."""
    rows = TrackedUnderlying.objects.visible_to(user).filter(is_tracked=True).order_by("asked_at", "underlying")
    names = [row.underlying for row in rows]
    return {"underlyings": {name: _summary(chains_of(user, name)) for name in names}}


def _summary(chains: Chains) -> Document:
    one = chains.one(None)
    if one is None:
        return {"expiry": None, "expiries": [], **chains.about(None)}
    return summary_of(chains.found, one) | chains.about(one)


def history(user: User, *, underlying: str, expiry: date | None = None, day: date | None = None) -> Document:
    """Give the minutes kept of a day, the newest one unless told, and the days of which any are kept."""
    row = tracked_row(user, underlying)
    rows = ChainMinute.objects.visible_to(user).filter(tracked=row)
    days = sorted(rows.values_list("day", flat=True).distinct())
    chosen = day or (days[-1] if days else None)
    of_day = rows.filter(day=chosen)
    wanted = expiry or of_day.order_by("expiry").values_list("expiry", flat=True).first()
    minutes = list(of_day.filter(expiry=wanted).order_by("at"))
    return {
        "underlying": underlying,
        "expiry": None if wanted is None else wanted.isoformat(),
        "expiries": [one.isoformat() for one in sorted(of_day.values_list("expiry", flat=True).distinct())],
        "day": None if chosen is None else chosen.isoformat(),
        "days": [one.isoformat() for one in days],
        "minutes": _minutes(minutes),
        "as_of": minutes[-1].at.isoformat() if minutes else None,
        "source": "snapshot",
        "currency": "INR",
        "said": [] if minutes else ["No minute of this is kept."],
    }


def _minutes(rows: Sequence[ChainMinute]) -> list[Document]:
    def column(name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        return np.array([getattr(row, name) for row in rows], dtype=np.float64)  # None becomes NaN

    vwap = session_vwap(column("straddle"), np.nan_to_num(column("straddle_volume"))).tolist()
    names = ("spot", "forward", "atm_iv", "pcr_oi", "max_pain", "call_oi", "put_oi", "straddle")
    return [
        {
            "at": row.at.isoformat(),
            **{name: getattr(row, name) for name in names},
            "straddle_vwap": mean if np.isfinite(mean) else None,
        }
        for row, mean in zip(rows, vwap, strict=True)
    ]


def profile(
    user: User, *, underlying: str, expiry: date | None = None, since: str = "close", at: datetime | None = None
) -> Document:
    """Give open interest by strike, and how it moved since a moment."""
    chains = chains_of(user, underlying, at)
    one = chains.one(expiry)
    about = chains.about(one)
    moment = Since.PREVIOUS_CLOSE if since == "close" else Since(since)
    if one is None:
        return {"expiry": None, "since": since, "against": None, "strikes": [], **about}
    before = snapshots.reference_at(
        snapshots.chain_store(),
        str(chains.row.owner_id),
        underlying,
        expiry=one.expiry,
        now=one.chain.market.now,
        since=moment,
        calendar=market_calendar(),
    )
    missing = [] if before else ["No snapshot of that moment is kept, so nothing can be said of the change."]
    expiries = [day.isoformat() for day in chains.expiries]
    document = profile_of(one, before) | about
    return document | {"since": since, "expiries": expiries, "said": [*chains.said(one), *missing]}


def volatility(user: User, *, underlying: str, at: datetime | None = None) -> Document:
    """Give the smiles, the term structure, and where volatility stands among its own closes."""
    chains = chains_of(user, underlying, at)
    one = chains.one(None)
    document = volatility_of(chains.found)
    today = None if one is None else market_calendar().day_of(one.chain.market.now)
    closes = _closes(user, chains.row, today)
    spot = None if one is None else one.chain.market.spot
    return document | {"spot": spot} | _standing(closes, document["iv_30d"]) | chains.about(one)


def _closes(user: User, row: TrackedUnderlying, before: date | None) -> list[tuple[date, float]]:
    rows = ChainDay.objects.visible_to(user).filter(tracked=row).order_by("day")
    return list((rows if before is None else rows.filter(day__lt=before)).values_list("day", "iv_30d"))


def _standing(closes: Sequence[tuple[date, float]], today: object) -> Document:
    history = np.array([iv for _, iv in closes], dtype=np.float64)
    place = standing(history, today) if isinstance(today, float) else None
    reason = None
    if place is None and not isinstance(today, float):
        reason = "No two followed expiries enclose thirty days."
    elif place is None:
        reason = f"Rank and percentile need {LEAST_SESSIONS} daily closes; {len(closes)} are kept."
    return {
        "rank": None if place is None else place.rank,
        "percentile": None if place is None else place.percentile,
        "sessions": len(closes),
        "rank_reason": reason,
        "closes": [{"day": day.isoformat(), "iv": iv} for day, iv in closes],
    }


def exposure(user: User, *, underlying: str, expiry: date | None = None, at: datetime | None = None) -> Document:
    """Give gamma and delta exposure by strike, over every followed expiry or one."""
    chains = chains_of(user, underlying, at)
    one = chains.one(expiry)
    chosen = list(chains.found) if expiry is None else [one] if one is not None else []
    spot = None if one is None else one.chain.market.spot
    return exposure_of(chosen) | {"spot": spot} | chains.about(one)


def alerts(user: User) -> Document:
    """List the alerts a user asked for, and those last told."""
    rows = ChainAlert.objects.visible_to(user).select_related("tracked").order_by("created_at")
    fired = ChainAlertFired.objects.visible_to(user).select_related("tracked").order_by("-at", "-pk")
    found = [alert_row(row) for row in rows]
    return {
        "results": found,
        "count": len(found),
        "fired": [
            {
                "underlying": row.tracked.underlying,
                "expiry": row.expiry.isoformat(),
                "measure": row.measure,
                "at": row.at.isoformat(),
                "text": row.text,
            }
            for row in fired[:SHOWN_FIRED]
        ],
    }


def alert_row(row: ChainAlert) -> Document:
    """Give one alert that was asked for; `is_watched` where it is on and its underlying is followed."""
    return {
        "id": str(row.pk),
        "underlying": row.tracked.underlying,
        "measure": row.measure,
        "level": row.level,
        "is_on": row.is_on,
        "is_watched": row.is_on and row.tracked.is_tracked,
    }


# --- the sockets


def interest_accounts(user: User) -> list[str]:
    """Return the user's own accounts that may bring chains, oldest first."""
    rows = TradingAccount.objects.visible_to(user).filter(owner=user, venue=VENUE).order_by("created_at")
    return [str(account_id) for account_id in rows.values_list("id", flat=True)]


def chain_topic_for(user: User, underlying: str, expiry: date | None) -> tuple[str, str]:
    """Return the account and the topic of one expiry, the nearest listed without one; raises `NotFound`."""
    row = tracked_row(user, underlying)
    received = desk_line.latest(str(row.account_id), underlying)
    followed = [one.expiry for one in received.chains] if received else []
    days = followed or expiries_listed(underlying)[: row.expiries]
    chosen = expiry or (nearest_day(received) if received else None) or (days[0] if days else None)
    if chosen is None or chosen not in days:
        raise NotFound(f"{underlying} of that expiry is not followed", code="chain.no_expiry", field="expiry")
    return str(row.account_id), desk_line.chain_topic(underlying, chosen.isoformat())


def nearest_day(received: Received) -> date | None:
    """Return the nearest expiry that is not settled."""
    return next((one.expiry for one in received.chains if one.fixing.at > one.at), None)
