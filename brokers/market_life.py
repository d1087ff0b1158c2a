"""Reads of the operator's facts about the market, as the gate and the calendar take them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from brokers.domain.calendar import ALWAYS_OPEN, Segment, SessionRule, TradingCalendar
from brokers.domain.clock import UTC_ZONE, zone_of
from brokers.domain.errors import DataError
from brokers.domain.india import INDIA
from brokers.domain.market_life import MarketRules, Restriction, RestrictionKind, Term
from brokers.listings import refused_lists
from brokers.market_models import (
    ContractTerm,
    InstrumentList,
    MarketDay,
    MarketFacts,
    MarketYear,
    SessionHours,
    TradingRestriction,
)
from brokers.models import ListedInstrument
from brokers.rates import par_of_usdt

# words of contracts that are traded, or will be; a list without words says nothing
STAYING = ("", "TRADING", "PENDING_TRADING")
# hours that nobody has confirmed are told of this long before they begin
CONFIRM_WITHIN = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketLife:
    """Everything of the market that an operator keeps, and what is wrong with it, by kind and subject."""

    version: str
    rules: MarketRules
    calendar: TradingCalendar
    concerns: Mapping[tuple[str, str], str]


def life_version(venue: str, *, day: date) -> str:
    """Return what changes with every fact, every list and every day."""
    facts = MarketFacts.objects.values_list("version", flat=True).first() or 0
    listed = InstrumentList.objects.filter(venue=venue).values_list("version", "refused_at").first()
    return f"{facts} {listed} {day}"


def market_life(venue: str, *, day: date, is_simulated: bool) -> MarketLife:
    """Return the facts for the desks of a venue; a simulated market has no use for what concerns the real one."""
    version = life_version(venue, day=day)  # before the rows: what changes meanwhile is read again
    calendar = calendar_of(venue)
    return MarketLife(
        version=version,
        rules=replace(market_rules(), leaving=leaving_of(venue), par=par_of_usdt(timezone.now())),
        calendar=calendar,
        concerns={} if is_simulated else _concerns(venue, calendar, day),
    )


def calendar_of(venue: str) -> TradingCalendar:
    """Return the days and hours that a venue keeps."""
    return ALWAYS_OPEN if zone_of(venue) is UTC_ZONE else market_calendar()


def leaving_of(venue: str) -> dict[str, str]:
    """Return the contracts that a venue takes off its list, by key, with its word for each."""
    if zone_of(venue) is not UTC_ZONE:
        return {}  # lists of dated contracts have no word for it: they expire
    rows = ListedInstrument.objects.filter(venue=venue).exclude(status__in=STAYING)
    return {
        f"{exchange}:{symbol}": status for exchange, symbol, status in rows.values_list("exchange", "symbol", "status")
    }


def market_rules() -> MarketRules:
    """Return the lists, freeze quantities and lots of all dates."""
    restrictions = TradingRestriction.objects.order_by("exchange", "symbol", "since")
    return MarketRules(
        restrictions=tuple(_restriction_of(row) for row in restrictions.iterator(chunk_size=2000)),
        terms=tuple(_term_of(row) for row in ContractTerm.objects.order_by("exchange", "underlying", "effective_from")),
    )


def market_calendar() -> TradingCalendar:
    """Return the shipped calendar with the operator's rows in it; a row wins over what is shipped."""
    return INDIA.changed(
        days=dict(MarketDay.objects.values_list("day", "is_open")),
        years=MarketYear.objects.values_list("year", flat=True),
        rules=[_rule_of(row) for row in SessionHours.objects.order_by("segment", "effective_from")],
    )


def restrictions_on(day: date) -> list[dict[str, Any]]:
    """Return what is on a list on a day, for a page."""
    rows = (
        TradingRestriction.objects.filter(since__lte=day).exclude(until__lt=day).order_by("kind", "exchange", "symbol")
    )
    return [
        {
            "kind": row.kind,
            "label": RestrictionKind(row.kind).label,
            "instrument": f"{row.exchange}:{row.symbol}",
            "since": row.since,
            "until": row.until,
            "source": row.source,
        }
        for row in rows
    ]


def _concerns(venue: str, calendar: TradingCalendar, day: date) -> dict[tuple[str, str], str]:
    found = {
        ("instruments", row["venue"]): (
            f"today's list of instruments was refused: {row['reason']}; the last good one stays in use"
        )
        for row in refused_lists()
        if row["venue"] == venue
    }
    for rule in _unconfirmed(calendar, day):
        found["hours", f"{rule.segment} {rule.effective_from}"] = (
            f"the hours of {rule.segment} from {rule.effective_from} rest on one source: until they are confirmed under "
            "session hours in the admin, the desk trades only while they and the earlier ones are both open"
        )
    return found


def _unconfirmed(calendar: TradingCalendar, day: date) -> list[SessionRule]:
    try:
        return calendar.unconfirmed(day + CONFIRM_WITHIN)
    except DataError:
        return []


def _restriction_of(row: TradingRestriction) -> Restriction:
    return Restriction(
        kind=RestrictionKind(row.kind),
        exchange=row.exchange,
        symbol=row.symbol,
        since=row.since,
        until=row.until,
        source=row.source,
    )


def _term_of(row: ContractTerm) -> Term:
    return Term(
        exchange=row.exchange,
        underlying=row.underlying,
        effective_from=row.effective_from,
        freeze_quantity=None if row.freeze_quantity is None else Decimal(row.freeze_quantity),
        lot_size=row.lot_size,
    )


def _rule_of(row: SessionHours) -> SessionRule:
    start, end = row.post_close_start, row.post_close_end
    return SessionRule(
        segment=Segment(row.segment),
        effective_from=row.effective_from,
        pre_open=row.pre_open,
        open=row.open,
        continuous_end=row.continuous_end,
        entry_cutoff=row.entry_cutoff,
        square_off=row.square_off,
        auction_end=row.auction_end,
        post_close=(start, end) if start is not None and end is not None else None,
        expiring_end=row.expiring_end,
        is_confirmed=row.is_confirmed,
    )
