"""Watchlists, rules and notes: what people of a desk write down and take back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import IntegrityError, transaction

from analysis.domain.rules import rule_from
from analysis.models import CandleYear
from analysis.own_models import SavedRule, StockNote, Watchlist
from analysis.subjects import require_known, watchlist_key
from brokers.domain.errors import Invalid
from brokers.domain.instruments import split_key

if TYPE_CHECKING:
    from accounts.models import Desk, User

MOST_INSTRUMENTS = 500
MOST_LISTS = 100
MOST_RULES = 200


def watchlists_listed(user: User) -> dict[str, Any]:
    """Return the watchlists of the user's desks."""
    lists = list(Watchlist.objects.visible_to(user).order_by("name", "created_at"))
    stored = _with_candles({name for one in lists for name in one.instruments})
    return {"results": [_watchlist_row(one, stored) for one in lists], "count": len(lists)}


def watchlist_row(watchlist: Watchlist) -> dict[str, Any]:
    """Return one watchlist; instruments without candles are named."""
    return _watchlist_row(watchlist, _with_candles(set(watchlist.instruments)))


def watchlist_save(
    *, desk: Desk, watchlist: Watchlist | None, name: str, instruments: Sequence[str], by: User, at: datetime
) -> Watchlist:
    """Make a watchlist, or give one another name and other instruments.

    Raises
    ------
    Invalid
        For a name that is taken, or an instrument that is no key such as NSE:RELIANCE.
    """
    keys = list(dict.fromkeys(_key(one) for one in instruments))
    if len(keys) > MOST_INSTRUMENTS:
        message = f"a watchlist holds at most {MOST_INSTRUMENTS} instruments, not {len(keys)}"
        raise Invalid(message, code="watchlist.long", field="instruments")
    if watchlist is None:
        _require_room(Watchlist.objects.filter(desk=desk).count(), MOST_LISTS, "watchlist")
        watchlist = Watchlist(desk=desk, created_by=by, created_at=at)
    watchlist.name, watchlist.instruments, watchlist.changed_at = name.strip(), keys, at
    _save(watchlist, "watchlist")
    return watchlist


def rule_save(
    *,
    desk: Desk,
    rule: SavedRule | None,
    name: str,
    universe: str,
    document: Mapping[str, Any],
    by: User,
    at: datetime,
) -> SavedRule:
    """Keep a rule, or put another in its place.

    Raises
    ------
    Invalid
        For a rule that cannot be evaluated, naming the condition, or a name that is taken.
    NotFound
        For a list that does not exist.
    """
    rule_from(document)
    if universe:
        require_known(universe, Watchlist.objects.filter(desk=desk))
    if rule is None:
        _require_room(SavedRule.objects.filter(desk=desk).count(), MOST_RULES, "rule")
        rule = SavedRule(desk=desk, created_by=by, created_at=at)
    rule.name, rule.universe, rule.document, rule.changed_at = name.strip(), universe, dict(document), at
    _save(rule, "rule")
    return rule


def note_add(*, desk: Desk, instrument: str, text: str, by: User, at: datetime) -> StockNote:
    """Write something down about an instrument; raise Invalid for one that is no key."""
    note: StockNote = StockNote.objects.create(
        desk=desk, instrument=_key(instrument), text=text.strip(), written_by=by, written_at=at
    )
    return note


def remove(row: Watchlist | SavedRule | StockNote) -> UUID:
    """Take a row back for good and return the id that it had."""
    removed: UUID = row.id
    row.delete()
    return removed


def _save(row: Watchlist | SavedRule, word: str) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as problem:
        message = f"There is a {word} named {row.name} already."
        raise Invalid(message, code=f"{word}.name_taken", field="name") from problem


def _require_room(count: int, most: int, word: str) -> None:
    if count >= most:
        raise Invalid(f"A desk keeps at most {most} {word}s.", code=f"{word}.many", field="name")


def _key(text: str) -> str:
    key = text.strip().upper()
    split_key(key)
    return key


def _with_candles(names: set[str]) -> set[str]:
    rows = CandleYear.objects.filter(instrument__in=names).values_list("instrument", flat=True)
    return set(rows)


def _watchlist_row(watchlist: Watchlist, stored: set[str]) -> dict[str, Any]:
    return {
        "id": str(watchlist.id),
        "key": watchlist_key(watchlist.id),
        "name": watchlist.name,
        "instruments": watchlist.instruments,
        "unknown": [name for name in watchlist.instruments if name not in stored],
        "created_at": watchlist.created_at,
        "changed_at": watchlist.changed_at,
    }
