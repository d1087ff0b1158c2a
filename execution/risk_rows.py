"""The risk page's rows: limits with their use and liveness, exposure, breaches, switches, and what waits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import Max, Q
from django.utils import timezone

from accounts.models import WRITING_ROLES, Membership
from brokers.domain.clock import venue_day_of
from brokers.domain.money import Currency
from brokers.domain.orders import Book
from brokers.models import TradingAccount
from execution.domain.codec import rfc3339
from execution.domain.texts import figure, money
from execution.risk_book import AccountUse, account_uses
from execution.risk_switches import switch_rows
from execution.rows import Row
from risk.domain.figures import written
from risk.domain.levels import KINDS, Level, can_be_set
from risk.domain.limit_words import ALLOWED, WORDS, level_named
from risk.domain.limits import REQUIRED
from risk.domain.usage import Use, by_underlying
from risk.limit_table import LimitEntry
from risk.liveness_models import LimitMark, ShadowBreach
from risk.models import Breach, LimitChange
from risk.selectors import STORED
from strategies.models import Deployment, DeploymentState
from strategies.registry import title_of

if TYPE_CHECKING:
    from accounts.models import User

REFUSALS_LOOKED_AT = 500
BREACHES_SHOWN = 50
SHADOWS_SHOWN = timedelta(days=7)


def overview(user: User, *, account: TradingAccount | None = None) -> Row:
    """Return everything that the risk page shows but for the scenarios."""
    now = timezone.now()
    chosen = TradingAccount.objects.visible_to(user).filter(is_enabled=True)
    read = account_uses(chosen if account is None else chosen.filter(pk=account.pk), now=now)
    accounts = [use.account for use in read]
    writing = set(
        Membership.objects.filter(user=user, is_active=True, role__in=WRITING_ROLES).values_list("desk_id", flat=True)
    )
    deployments = _deployments(accounts)
    known = _Known(read, deployments, now)
    return {
        "accounts": [_account_row(use, known, may_act=use.account.desk_id in writing, at=now) for use in read],
        "waiting": [_waiting_row(row, known) for row in _waiting(user, accounts)],
        "breaches": _breaches_today(user, read),
        "switches": switch_rows(user, read, deployments, writing),
        "kinds": kind_rows(),
        "as_of": rfc3339(now),
        "source": "journal",
    }


def kind_rows() -> list[Row]:
    """Return every limit that can be set, with its words, and the levels that may set it."""
    return [
        {
            "name": name,
            "label": WORDS[name].label,
            "unit": WORDS[name].unit.value,
            "allowed": ALLOWED[WORDS[name].unit],
            "tighter": KINDS[name].tighter.value,
            "levels": [level.value for level in Level if can_be_set(name, level)],
            "required": name in REQUIRED,
        }
        for name in WORDS
        if name in STORED
    ]


class _Known:
    """What was read of all accounts at once: marks, shadow breaches and refusals, by account."""

    def __init__(self, read: Sequence[AccountUse], deployments: Sequence[Deployment], now: datetime) -> None:
        accounts = [use.account for use in read]
        self.deployments = deployments
        self.names = {str(row.pk): title_of(row.strategy) for row in deployments}
        self.desks = {str(one.desk_id): one.desk.name for one in accounts}
        self.owners = {str(one.owner_id): one.owner.email for one in accounts}
        self.labels = {str(one.pk): one.label for one in accounts}
        self.now = now
        days = {use.account.pk: use.day.day for use in read}
        marks = LimitMark.objects.filter(account__in=accounts, day__in=set(days.values()))
        self.marks = {
            (row.account_id, row.book, row.level, row.target, row.name): row
            for row in marks
            if row.day == days[row.account_id]
        }
        newest = ShadowBreach.objects.filter(account__in=accounts, day__gt=venue_day_of(now) - SHADOWS_SHOWN).order_by(
            "day"
        )
        self.shadows = {(row.account_id, row.level, row.target, row.name): row for row in newest}
        self.refusals = _refusals(accounts)

    def target_name(self, level: str, target: str) -> str:
        """Return what a level's target is called."""
        known: dict[str, Mapping[str, str]] = {
            Level.DESK: self.desks,
            Level.USER: self.owners,
            Level.ACCOUNT: self.labels,
            Level.STRATEGY: self.names,
        }
        return known.get(level, {}).get(target, target)


def _refusals(accounts: Sequence[TradingAccount]) -> dict[Any, list[Breach]]:
    """Return each account's latest refusals, newest first, and of every rule at least the newest."""
    found: dict[Any, list[Breach]] = {}
    for account in accounts:
        own = Breach.objects.filter(account=account)
        newest = own.order_by().values("rule").annotate(newest=Max("pk")).values_list("newest", flat=True)
        rows = {row.pk: row for row in own.order_by("-fired_at", "-pk")[:REFUSALS_LOOKED_AT]}
        rows |= {row.pk: row for row in own.filter(pk__in=[pk for pk in newest if pk not in rows])}
        found[account.pk] = sorted(rows.values(), key=lambda row: row.fired_at, reverse=True)
    return found


def _account_row(use: AccountUse, known: _Known, *, may_act: bool, at: datetime) -> Row:
    account = use.account
    currency = Currency(account.currency)
    return {
        "id": str(account.pk),
        "label": account.label,
        "venue": account.venue,
        "currency": account.currency,
        "live": account.is_live and not account.is_simulated,
        "desk": str(account.desk_id),
        "owner": str(account.owner_id),
        "may_act": may_act,
        "limits": [_limit_row(use, entry, known, at) for entry in use.entries],
        "exposure": {book.value: _exposure_rows(use, book, currency) for book in Book},
        "strategies": [
            {"id": str(row.pk), "name": row.strategy, "instruments": row.instruments}
            for row in known.deployments
            if row.account_id == account.pk
        ],
    }


def _limit_row(use: AccountUse, entry: LimitEntry, known: _Known, at: datetime) -> Row:
    words = WORDS[entry.name]
    used = {book: use.uses_of(entry, book, at) for book in Book}
    refused = next(
        (
            row
            for row in known.refusals[use.account.pk]
            if words.is_of(row.rule, row.reason) and level_named(row.reason) is entry.level
        ),
        None,
    )
    shadow = known.shadows.get((use.account.pk, entry.level, entry.target, entry.name))
    return {
        "name": entry.name,
        "label": words.label,
        "unit": words.unit.value,
        "level": entry.level.value,
        "target": entry.target,
        "target_name": known.target_name(entry.level, entry.target),
        "limit": written(entry.value),
        "holds": entry.holds,
        "used": {book.value: _use_row(found, entry) for book, found in used.items()},
        "nearest": {book.value: _nearest(use, entry, known, book, found) for book, found in used.items()},
        "last_fired_at": rfc3339(refused.fired_at) if refused else None,
        "last_reason": refused.reason if refused else "",
        "shadow": None
        if shadow is None
        else {
            "outcome": shadow.outcome,
            "at": rfc3339(shadow.at),
            "is_today": shadow.day == venue_day_of(known.now),
            "sentence": shadow.sentence,
        },
    }


def _use_row(use: Use | None, entry: LimitEntry) -> Row | None:
    bound = entry.number
    if use is None or bound is None:
        return None
    return {
        "used": figure(use.used),
        "share": f"{use.used / bound:.4f}",
        "headroom": figure(max(bound - use.used, Decimal(0))),
        "of": use.of,
    }


def _nearest(use: AccountUse, entry: LimitEntry, known: _Known, book: Book, now_used: Use | None) -> Row | None:
    """Return the nearest of the day: as the watch noted it, or as the day's orders tell."""
    bound = entry.number
    if bound is None:
        return None
    mark = known.marks.get((use.account.pk, book.value, entry.level, entry.target, entry.name))
    seen = [(mark.used / mark.bound, mark.used, mark.at, mark.of)] if mark is not None else []
    if now_used is not None and now_used.most is not None and now_used.most_at is not None:
        seen.append((now_used.most / bound, now_used.most, now_used.most_at, now_used.of))
    if now_used is not None and now_used.used > 0:
        seen.append((now_used.used / bound, now_used.used, known.now, now_used.of))
    if not seen:
        return None
    share, used, at, of = max(seen, key=lambda one: one[0])
    return {"used": figure(used), "share": f"{share:.4f}", "at": rfc3339(at), "of": of}


def _exposure_rows(use: AccountUse, book: Book, currency: Currency) -> list[Row]:
    return [
        {
            "underlying": one.underlying,
            "instruments": list(one.instruments),
            "net": money(one.net_quote, currency),
            "worst": money(one.worst_quote, currency),
            "pending": one.pending,
        }
        for one in by_underlying(use.facts[book])
    ]


def _deployments(accounts: Sequence[TradingAccount]) -> list[Deployment]:
    rows = Deployment.objects.filter(account__in=accounts).exclude(state=DeploymentState.REMOVED)
    return list(rows.select_related("account").order_by("created_at", "pk"))


def _waiting(user: User, accounts: Sequence[TradingAccount]) -> Iterable[LimitChange]:
    rows = LimitChange.objects.visible_to(user).filter(applied_at=None, withdrawn_at=None)
    mine = Q(account__in=accounts) | Q(account=None, desk__in={one.desk_id for one in accounts})
    return rows.filter(mine).select_related("asked_by", "account").order_by("effective_at", "pk")


def _waiting_row(row: LimitChange, known: _Known) -> Row:
    words = WORDS[row.name]
    return {
        "id": str(row.pk),
        "account": str(row.account_id) if row.account_id else None,
        "level": row.level,
        "target": row.target,
        "target_name": known.target_name(row.level, row.target),
        "name": row.name,
        "label": words.label,
        "unit": words.unit.value,
        "currency": row.currency or (row.account.currency if row.account else ""),
        "before": row.before,
        "after": row.after,
        "asked_by": row.asked_by.email if row.asked_by else "",
        "asked_at": rfc3339(row.asked_at),
        "effective_at": rfc3339(row.effective_at),
    }


def _breaches_today(user: User, read: Sequence[AccountUse]) -> list[Row]:
    """Return the refusals of each account's market day, newest first."""
    begins = {use.account.pk: use.begins_at for use in read}
    rows = Breach.objects.visible_to(user).filter(account__in=list(begins)).order_by("-fired_at", "-pk")
    shown = [row for row in rows[:REFUSALS_LOOKED_AT] if (row.market_at or row.fired_at) >= begins[row.account_id]]
    return [
        {
            "account": str(row.account_id),
            "rule": row.rule,
            "reason": row.reason,
            "symbol": row.instrument,
            "fired_at": rfc3339(row.fired_at),
            "market_at": rfc3339(row.market_at) if row.market_at else None,
        }
        for row in shown[:BREACHES_SHOWN]
    ]
