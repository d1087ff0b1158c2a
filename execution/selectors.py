"""Reads for the API and the pages: plain rows in the API's shapes, a fixed number of queries each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import Max, Q, QuerySet
from django.utils import timezone

from accounts.models import Desk
from brokers.domain.calendar import Phase, Segment, TradingCalendar
from brokers.domain.clock import zone_of
from brokers.domain.errors import DataError
from brokers.hub import snapshots, topic_of
from brokers.market_life import market_calendar
from brokers.models import TradingAccount, Venue
from execution.basket_models import Basket
from execution.books import account_days, portfolio_row, position_rows
from execution.domain.codec import rfc3339
from execution.models import Discrepancy, EquityPoint, Fill, JournalEvent, Order
from execution.rows import Row, basket_row, journal_row, order_row, signal_row, text, trade_row
from risk.models import Breach, KillSwitch, LimitSet
from strategies.models import Deployment, DeploymentState
from strategies.selectors import deployments_visible

if TYPE_CHECKING:
    from accounts.models import User

DEFAULT_LIMIT = 100
# a market without hours is one segment
PERPETUALS = "PERP"
BREACHES_SHOWN = 50
LIMITS_WITH_USE = {
    "daily_loss": "max_daily_loss_quote",
    "order_value": "max_order_value_quote",
    "gross_exposure": "max_gross_exposure_quote",
    "position_value": "max_position_value_quote",
    "orders_per_second": "max_orders_per_second",
    "orders_per_day": "max_orders_per_day",
    "price_band": "price_band_fraction",
    "stale_quote": "max_quote_age_s",
}


def orders_rows(user: User, *, account: TradingAccount | None = None, limit: int = DEFAULT_LIMIT) -> list[Row]:
    """Return orders, newest first."""
    rows = _of(Order.objects.visible_to(user), account).select_related("account", "deployment", "basket")
    return [order_row(row) for row in rows.order_by("-created_at", "-client_id")[:limit]]


def trades_rows(user: User, *, account: TradingAccount | None = None, limit: int = DEFAULT_LIMIT) -> list[Row]:
    """Return executions, newest first."""
    rows = _of(Fill.objects.visible_to(user), account).select_related("account", "deployment", "basket")
    return [trade_row(row) for row in rows.order_by("-filled_at", "-pk")[:limit]]


def baskets_rows(
    user: User,
    *,
    account: TradingAccount | None = None,
    limit: int = DEFAULT_LIMIT,
    id: UUID | None = None,  # noqa: A002 - the row's own word
) -> list[Row]:
    """Return baskets, newest first, each leg with what has become of it; with an id, that one."""
    rows = _of(Basket.objects.visible_to(user), account).select_related("account")
    if id is not None:
        rows = rows.filter(pk=id)
    return [basket_row(row) for row in rows.order_by("-created_at", "-pk")[:limit]]


def positions_rows(user: User, *, account: TradingAccount | None = None, limit: int = DEFAULT_LIMIT) -> list[Row]:
    """Return the positions of every account, those closed today included, valued at the latest quotes."""
    return position_rows(account_days(user, account, now=timezone.now()))[:limit]


def portfolio(user: User, *, account: TradingAccount | None = None) -> Row:
    """Return the day's P&L and exposure: the live book's, and each book's own beside it."""
    now = timezone.now()
    return portfolio_row(account_days(user, account, now=now), now=now)


def signals_rows(
    user: User,
    *,
    account: TradingAccount | None = None,
    limit: int = DEFAULT_LIMIT,
    since: datetime | None = None,
) -> list[Row]:
    """Return journalled signals, newest first, each with its reason."""
    events = list(_events(user, account, since).filter(kind="signal")[:limit])
    strategies = dict(Deployment.objects.visible_to(user).values_list("pk", "strategy"))
    return [signal_row(event, {str(key): slug for key, slug in strategies.items()}) for event in events]


def journal_rows(
    user: User,
    *,
    account: TradingAccount | None = None,
    limit: int = DEFAULT_LIMIT,
    since: datetime | None = None,
) -> list[Row]:
    """Return journal events, newest first."""
    return [journal_row(event) for event in _events(user, account, since)[:limit]]


def ticks_rows(user: User, *, account: TradingAccount | None = None) -> list[Row]:
    """Return the latest quote of every subscribed instrument, with its age now."""
    now = timezone.now()
    frames = _published(_accounts(user, account), "quotes")
    return [
        _aged({"account": account_id, **row}, now)
        for account_id, data in frames.items()
        for row in data.values()
        if row
    ]


def equity_curve(user: User, *, account: TradingAccount | None = None) -> list[Row]:
    """Return the points of each account's newest market day, oldest first: venues' days begin and end apart."""
    rows = _of(EquityPoint.objects.visible_to(user), account)
    newest = rows.order_by().values_list("account_id", "account__venue").annotate(newest=Max("market_at"))
    days = [Q(account_id=pk, market_at__gte=_midnight(at, zone_of(venue))) for pk, venue, at in newest]
    if not days:
        return []
    today = rows.filter(reduce(or_, days)).order_by("market_at", "account_id", "book")
    return [
        {"account": str(row.account_id), "book": row.book, "at": rfc3339(row.market_at), "net": text(row.net_quote)}
        for row in today
    ]


def strategies_rows(user: User, *, account: TradingAccount | None = None) -> list[Row]:
    """Return the deployments, oldest first, with what the desk last said of each."""
    rows = deployments_visible(user, account_id=account.pk if account else None)
    return [_deployment_row(row) for row in rows]


def risk(user: User, *, account: TradingAccount | None = None) -> Row:
    """Return limits with what of each is used, switches and the newest breaches."""
    accounts = _accounts(user, account)
    limits = {row.pk: row for row in LimitSet.objects.filter(account__in=accounts)}
    published = _published(accounts, "risk")
    breaches = _of(Breach.objects.visible_to(user), account).order_by("-fired_at", "-pk")[:BREACHES_SHOWN]
    return {
        "limits": [
            row
            for one in accounts
            if one.pk in limits
            for row in _limit_rows(one, limits[one.pk], published.get(str(one.pk), {}))
        ],
        "switches": [_switch_row(row) for row in KillSwitch.objects.visible_to(user).order_by("scope", "changed_at")],
        "breaches": [_breach_row(row) for row in breaches],
        "as_of": rfc3339(timezone.now()),
        "source": "journal",
    }


def needs_you(user: User, *, account: TradingAccount | None = None) -> list[Row]:
    """Return the exceptions that wait for a human, oldest first."""
    rows = _of(Discrepancy.objects.visible_to(user), account).filter(resolved_at=None).order_by("found_at")
    return [
        {
            "id": str(row.pk),
            "account": str(row.account_id),
            "kind": row.kind,
            "subject": row.subject,
            "sentence": row.sentence,
            "found_at": rfc3339(row.found_at),
        }
        for row in rows
    ]


def status(user: User) -> Row:
    """Return how the desk is: market phases, accounts, feeds, strategies, switches."""
    now = timezone.now()
    accounts = _accounts(user, None)
    feeds = _published(accounts, "feeds")
    states = list(deployments_visible(user).values_list("state", flat=True))
    desk = Desk.objects.filter(memberships__user=user, memberships__is_active=True).order_by("created_at").first()
    return {
        "desk": desk.name if desk else "",
        "version": settings.VERSION,
        "mode": "demo" if settings.WINDHOVER_DEMO else "live" if any(row.is_live for row in accounts) else "paper",
        "market": _phases(accounts, feeds, now),
        "accounts": [_status_account(row, now) for row in accounts],
        "feeds": [_status_feed(account_id, feed, now) for account_id, feed in feeds.items()],
        "strategies": {
            "running": sum(state in (DeploymentState.RUNNING, DeploymentState.STARTING) for state in states),
            "halted": sum(state == DeploymentState.HALTED for state in states),
        },
        "switches": [_switch_row(row) for row in KillSwitch.objects.visible_to(user).filter(is_engaged=True)],
        "as_of": rfc3339(now),
        "source": "desk",
    }


def _midnight(at: datetime, zone: ZoneInfo) -> datetime:
    return at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)


def _of(rows: Any, account: TradingAccount | None) -> Any:
    return rows if account is None else rows.filter(account=account)


def _accounts(user: User, account: TradingAccount | None) -> list[TradingAccount]:
    rows: QuerySet[TradingAccount] = TradingAccount.objects.visible_to(user).filter(is_enabled=True)
    if account is not None:
        rows = rows.filter(pk=account.pk)
    return list(rows.select_related("lease", "login").order_by("created_at", "pk"))


def _events(user: User, account: TradingAccount | None, since: datetime | None) -> Any:
    rows = _of(JournalEvent.objects.visible_to(user), account)
    if since is not None:
        rows = rows.filter(at__gt=since)
    return rows.order_by("-at", "-seq")


def _published(accounts: Iterable[TradingAccount], name: str) -> dict[str, Row]:
    """Return the latest published state of one topic, by account; the frame's own time goes with it."""
    topics = {topic_of(str(row.pk), name): str(row.pk) for row in accounts}
    return {topics[topic]: frame.get("data", {}) for topic, frame in snapshots(list(topics)).items()}


def _aged(row: Row, now: datetime) -> Row:
    received_at = row.get("received_at")
    if not received_at:
        return row
    age_s = max((now - datetime.fromisoformat(received_at)).total_seconds(), 0.0)
    stale = bool(row.get("stale")) or age_s > settings.WINDHOVER_FEED_SILENCE_S
    return {**row, "age_s": f"{age_s:.3f}", "stale": stale, "as_of": row.get("exchange_at") or received_at}


def _deployment_row(row: Deployment) -> Row:
    return {
        "id": str(row.pk),
        "account": str(row.account_id),
        "strategy": row.strategy,
        "instruments": row.instruments,
        "params": row.params,
        "mode": row.mode,
        "enabled": row.is_enabled,
        "state": row.state,
        "last_reason": row.last_reason,
        "last_reason_at": rfc3339(row.last_reason_at) if row.last_reason_at else None,
        "created_at": rfc3339(row.created_at),
    }


def _limit_rows(account: TradingAccount, limits: LimitSet, published: Row) -> list[Row]:
    shown = {name: published.get(name) or {} for name in LIMITS_WITH_USE}
    return [
        {
            "account": str(account.pk),
            "name": name,
            "used": shown[name].get("used"),
            "limit": str(getattr(limits, column)),
            "headroom": shown[name].get("headroom"),
            "last_fired_at": shown[name].get("last_fired_at"),
            "last_reason": shown[name].get("last_reason", ""),
            "currency": account.currency,
        }
        for name, column in LIMITS_WITH_USE.items()
    ]


def _switch_row(row: KillSwitch) -> Row:
    return {
        "id": str(row.pk),
        "scope": row.scope,
        "target": str(row.target_id),
        "engaged": row.is_engaged,
        "reason": row.reason,
        "changed_at": rfc3339(row.changed_at),
        "epoch": row.epoch,
    }


def _breach_row(row: Breach) -> Row:
    return {
        "account": str(row.account_id),
        "rule": row.rule,
        "reason": row.reason,
        "symbol": row.instrument,
        "fired_at": rfc3339(row.fired_at),
        "market_at": rfc3339(row.market_at) if row.market_at else None,
    }


def _status_account(row: TradingAccount, now: datetime) -> Row:
    lease, login = getattr(row, "lease", None), getattr(row, "login", None)
    renewed_at = lease.renewed_at if lease and lease.owner else None
    expires_at = login.expires_at if login else None
    return {
        "id": str(row.pk),
        "venue": row.venue,
        "label": row.label,
        "currency": row.currency,
        "testnet": row.is_testnet,
        "proof": row.auth_scheme,
        "state": login.state if login else "needs_login",
        "reason": login.reason if login else "",
        "live": row.is_live,
        "simulated": row.is_simulated,
        "hosted_by": lease.owner.partition("@")[0] if lease else "",
        "lease_age_s": f"{max((now - renewed_at).total_seconds(), 0.0):.3f}" if renewed_at else None,
        "token_expires_at": rfc3339(expires_at) if expires_at else None,
    }


def _status_feed(account_id: str, feed: Row, now: datetime) -> Row:
    return {
        "account": account_id,
        "state": feed.get("state"),
        "age_s": feed.get("age_s"),
        "instruments": feed.get("instruments", 0),
        "stale": bool(feed.get("stale", True)),
        "reason": feed.get("reason", ""),
        "market_at": feed.get("market_at"),
        "as_of": feed.get("market_at") or rfc3339(now),
        "source": "desk",
    }


def _phases(accounts: Sequence[TradingAccount], feeds: Mapping[str, Row], now: datetime) -> Row:
    """Return each segment's phase on its market's own clock, which runs apart from the wall's in a replay."""
    venues = {str(row.pk): row.venue for row in accounts}
    shown: Row = {}
    if Venue.KITE in venues.values() or not venues:
        indian = [
            feed["market_at"] for key, feed in feeds.items() if venues[key] == Venue.KITE and feed.get("market_at")
        ]
        at = max((datetime.fromisoformat(told) for told in indian), default=now)
        calendar = market_calendar()
        shown = {str(segment): _phase(calendar, segment, at) for segment in Segment}
    if Venue.ASTER in venues.values():
        shown[PERPETUALS] = Phase.CONTINUOUS.value
    return shown


def _phase(calendar: TradingCalendar, segment: Segment, at: datetime) -> str:
    try:
        return str(calendar.phase(segment, at))
    except DataError as missing:
        return missing.code
