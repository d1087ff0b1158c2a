"""Which candles to ask a venue for: only what is missing, so that an interrupted fetch goes on where it stopped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleRequest:
    """One call: a symbol and the first and last day asked for."""

    symbol: str
    since: date
    until: date


def fetch_plan(
    symbols: Sequence[str],
    sessions: Sequence[date],
    stored: Mapping[str, frozenset[date]],
    empty: Mapping[str, frozenset[date]] | None = None,
    *,
    days_per_call: int = 2_000,
) -> list[CandleRequest]:
    """Return the calls that fill what is missing, symbol by symbol in the given order.

    Parameters
    ----------
    symbols : sequence of str
    sessions : sequence of date
        The days on which the market was open, in order.
    stored : mapping of str to frozenset of date
        Days that are there.
    empty : mapping of str to frozenset of date, optional
        Days for which the venue was asked and had nothing: not asked again.
    days_per_call : int
        Calendar days that one call may span.
    """
    plan: list[CandleRequest] = []
    for symbol in symbols:
        have = stored.get(symbol, frozenset()) | (empty or {}).get(symbol, frozenset())
        plan += _spans(symbol, [day not in have for day in sessions], sessions, timedelta(days=days_per_call - 1))
    return plan


def _spans(symbol: str, missing: Sequence[bool], sessions: Sequence[date], longest: timedelta) -> list[CandleRequest]:
    """Join neighbouring missing sessions to spans, none longer than a call may be."""
    spans: list[tuple[date, date]] = []
    follows = False
    for day, is_missing in zip(sessions, missing, strict=True):
        if is_missing:
            if follows and day - spans[-1][0] <= longest:
                spans[-1] = (spans[-1][0], day)
            else:
                spans.append((day, day))
        follows = is_missing
    return [CandleRequest(symbol=symbol, since=since, until=until) for since, until in spans]
