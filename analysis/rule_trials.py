"""Rules tried on a day and on the past of a list."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from analysis.domain.daily import DailySeries, day_number
from analysis.domain.documents import short
from analysis.domain.rule_backtest import RuleBacktest, rule_backtest
from analysis.domain.rule_words import offered, rule_text
from analysis.domain.rules import hits_on, rule_from
from analysis.domain.scanner import absence_text
from analysis.own_models import SavedRule, Watchlist
from analysis.subjects import DEMO, EVERYTHING, Subject, subject_of
from brokers.domain.errors import Invalid

if TYPE_CHECKING:
    from accounts.models import User

HORIZONS = (5, 20, 60)
FEW = 30
# beyond it an answer takes longer than a page waits
MOST_INSTRUMENTS = 1_000
# one day's hits are quick to find: every stock of an exchange, and half as many again
MOST_TRIED = 4_000
_YEARS_BACK = timedelta(days=3 * 365)


def rules_listed(user: User) -> dict[str, Any]:
    """Return the user's rules, and what a rule may be made of."""
    rows = [rule_row(row) for row in SavedRule.objects.visible_to(user).order_by("name", "created_at")]
    return {"results": rows, "count": len(rows), **offered()}


def rule_row(rule: SavedRule) -> dict[str, Any]:
    """Return one saved rule as its owner sees it."""
    return {
        "id": str(rule.id),
        "name": rule.name,
        "universe": rule.universe,
        "rule": rule.document,
        "text": rule_text(rule_from(rule.document)),
        "created_at": rule.created_at,
        "changed_at": rule.changed_at,
    }


def rule_try(
    user: User, *, document: Mapping[str, Any], universe: str | None = None, on: date | None = None
) -> dict[str, Any]:
    """Return who hits a rule on a day, the newest one unless another is named, and who could not be told.

    Raises
    ------
    Invalid
        Naming the condition that cannot be evaluated, as `rule_from` does; or for a list that is too long to answer at once.
    NotFound
        For a list that does not exist, or is another's.
    """
    began = time.perf_counter()
    rule = rule_from(document)
    subject = _subject(user, universe)
    _check_width(subject, MOST_TRIED)
    day = on or subject.last_day
    members = subject.universe.on(day)
    own = {symbol: subject.series[symbol] for symbol in members.symbols if symbol in subject.series}
    found = hits_on(rule, own, day_number(day))
    missing = sorted({*found.absent, *(set(members.symbols) - own.keys())})
    return {
        "universe": subject.key,
        "on": day,
        "caveat": members.caveat,
        "source": subject.source,
        "text": rule_text(rule),
        "members": len(members.symbols),
        "count": len(found.hits),
        "hits": [_hit(symbol, subject, day) for symbol in found.hits],
        "misses": len(found.misses),
        "unknown": [{"symbol": symbol, "conditions": list(words)} for symbol, words in found.unknown.items()],
        "absent": [{"symbol": symbol, "text": _absence(subject.series.get(symbol), day)} for symbol in missing],
        "took_ms": round((time.perf_counter() - began) * 1e3, 1),
    }


def rule_past(
    user: User,
    *,
    document: Mapping[str, Any],
    universe: str | None = None,
    since: date | None = None,
    until: date | None = None,
    horizons: Sequence[int] = HORIZONS,
) -> dict[str, Any]:
    """Return what followed a rule's hits in a list's past, beside the base rate, and how far that can be trusted.

    Raises
    ------
    Invalid
        For a rule or horizon that cannot be, days in the wrong order, or a list that is too long to answer at once.
    NotFound
        For a list that does not exist, or is another's.
    """
    rule = rule_from(document)
    subject = _subject(user, universe)
    _check_width(subject, MOST_INSTRUMENTS)
    last = until or subject.last_day
    first = since or last - _YEARS_BACK
    if first > last:
        raise Invalid("the first day lies after the last", code="rule.days", field="since")
    chosen = tuple(sorted(set(horizons)))
    past = rule_backtest(rule, subject.universe, subject.series, since=first, until=last, horizons=chosen)
    caveat = subject.universe.on(first).caveat
    symbols = {stay.symbol for stay in subject.universe.memberships}
    return {
        "universe": subject.key,
        "since": first,
        "until": last,
        "caveat": caveat,
        "source": subject.source,
        "text": rule_text(rule),
        "entry": "next day's open",
        **_past_document(past),
        "absent": [
            {"symbol": symbol, "text": "No candles are stored."} for symbol in sorted(symbols - subject.series.keys())
        ],
        "said": _said(past, caveat=caveat, source=subject.source),
    }


def _subject(user: User, universe: str | None) -> Subject:
    return subject_of(universe or EVERYTHING, Watchlist.objects.visible_to(user))


def _check_width(subject: Subject, most: int) -> None:
    if len(subject.series) > most:
        message = f"{subject.universe.name} has {len(subject.series)} instruments, at most {most} are tested"
        raise Invalid(message, code="rule.wide", field="universe")


def _hit(symbol: str, subject: Subject, day: date) -> dict[str, Any]:
    series = subject.series[symbol]
    place = int(np.searchsorted(series.day, day_number(day)))
    change = float(series.close[place] / series.close[place - 1] - 1.0) if place else None
    return {
        "symbol": symbol,
        "sector": subject.sectors.get(symbol, ""),
        "close": short(float(series.close[place] / series.scale[place])),
        "change": short(change),
    }


def _absence(series: DailySeries | None, day: date) -> str:
    place = -1 if series is None else int(np.searchsorted(series.day, day_number(day), side="right")) - 1
    if series is None or place < 0:
        return "No candles are stored up to this day."
    return absence_text(series, place)


def _past_document(past: RuleBacktest) -> dict[str, Any]:
    return {
        "hits": past.hits,
        "fresh_hits": past.fresh_hits,
        "days_with_hits": past.days_with_hits,
        "judged": past.judged,
        "horizons": [
            {
                "days": one.days,
                **asdict(one.hits),
                "fresh": asdict(one.fresh),
                "base": asdict(one.base),
                "edge": one.edge,
                "unfinished": one.unfinished,
            }
            for one in past.horizons
        ],
        "recent": [
            {
                "symbol": one.symbol,
                "on": one.on,
                "entered_on": one.entered_on,
                "entry": short(one.price),
                "returns": {str(days): short(value) for days, value in one.returns.items()},
            }
            for one in past.recent
        ],
        "unknown": [{"symbol": symbol, "conditions": list(words)} for symbol, words in past.never_judged.items()],
    }


def _said(past: RuleBacktest, *, caveat: str, source: str) -> list[str]:
    """Say what the figures mean and how little they may mean."""
    said = [
        "Each hit is entered at the next day's open and left at the close of the horizon's last day, without costs.",
        "The base rate is every day on which the rule could be judged, entered and left the same way.",
    ]
    if past.hits:
        said.append(
            f"{past.hits} hits are {past.fresh_hits} occasions on {past.days_with_hits} days: neighbouring hits share "
            "most of their returns, so they are far fewer than their number."
        )
    if past.fresh_hits < FEW:
        said.append(f"Fewer than {FEW} occasions: the difference to the base rate may well be chance.")
    said.append("A rule that was chosen because it did well here will do less well on days it has not seen.")
    if source == DEMO:
        said.append("These candles were made for the demo: the figures say nothing of any market.")
    return [*said, caveat] if caveat else said
