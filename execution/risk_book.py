"""What an account's books use of its limits, read from the journal's projections and the latest published quotes.

The same figures that the gate sees at an order, worked out beside it: a page and the watch over the limits read them, and
the desk's own work is not slowed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import Q

from brokers.domain.clock import zone_of
from brokers.domain.instruments import InstrumentKind, split_key
from brokers.domain.orders import FINAL_STATUSES, Book, OrderType, Product, Purpose, Side
from brokers.models import ListedInstrument, TradingAccount
from execution.books import AccountDay, account_days_of
from execution.domain.baskets import key_of_basket
from execution.models import Order
from execution.risk_days import days_unseen, last_net
from risk.domain.exposure import MARKET_SLIP_FRACTION, ZERO, Holding, PendingOrder, symbol_of
from risk.domain.history import DayTrades
from risk.domain.levels import Level
from risk.domain.reach import Holder
from risk.domain.usage import BookFacts, Placed, Use, uses
from risk.domain.worth import UnitValue
from risk.limit_table import LimitEntry, limit_table, limits_whole
from risk.liveness import Mark, marks_note, rows_clear, shadow_try_where_due, worth_note
from risk.liveness_models import UnitWorth
from risk.models import LimitSet
from risk.selectors import worth_of

KEPT = timedelta(days=40)
DAY = timedelta(days=1)
_DERIVATIVES = {str(kind) for kind in (InstrumentKind.FUTURE, InstrumentKind.CALL, InstrumentKind.PUT)}
_BOUNDED = {OrderType.LIMIT, OrderType.STOP_LIMIT}


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountUse:
    """One account with its limits, what of its books is known, and its orders that are open."""

    account: TradingAccount
    day: AccountDay
    facts: Mapping[Book, BookFacts]
    open_orders: Sequence[Order]
    entries: Sequence[LimitEntry]

    @property
    def begins_at(self) -> datetime:
        """Return when its venue's day began."""
        return datetime.combine(self.day.day, time(), tzinfo=zone_of(self.account.venue))

    def uses_of(self, entry: LimitEntry, book: Book, at: datetime) -> Use | None:
        """Return what one book uses of a limit: all of it, or what the limit's strategy or instrument has."""
        return uses(_scoped(self.facts[book], entry), at=at).get(entry.name)


def account_uses(chosen: Any, *, now: datetime) -> list[AccountUse]:
    """Read what the chosen accounts use of their limits, in a fixed number of queries but for other levels' limits."""
    days = account_days_of(chosen.select_related("desk", "owner"), now=now)
    accounts = [day.account for day in days]
    orders = _orders(accounts, {day.day for day in days})
    names = _underlyings({row.instrument for row in orders} | _held(days))
    limits = {row.pk: row for row in LimitSet.objects.select_related("account").filter(account__in=accounts)}
    return [_account_use(day, orders, names, limits.get(day.account.pk)) for day in days]


def limits_watch(*, at: datetime) -> int:
    """Note how near each limit came, and once a day try a breach of each in shadow; answer how many marks moved."""
    noted = 0
    for use in account_uses(TradingAccount.objects.filter(is_enabled=True), now=at):
        shadow_try_where_due(account=use.account, at=at)
        for book in Book:
            marks = list(_marks(use, book, at))
            noted += marks_note(account=use.account, book=book.value, day=use.day.day, marks=marks)
            _worth_note(use, book)
    rows_clear(before=at.date() - KEPT)
    return noted


def _worth_note(use: AccountUse, book: Book) -> None:
    """Keep what a book's unit is worth, where its funds and every price of its positions are known.

    A day since it was seen last, of which nobody knows what it earned, leaves it unknown: its entries are refused by the
    gate. Without a limit on the drawdown nothing hangs on it, and it begins anew.
    """
    view, equity = use.day.view(book), _equity(use.day, book)
    if equity is None or view.unmarked:
        return
    known = UnitWorth.objects.filter(account=use.account, book=book.value).first()
    days = () if known is None else days_unseen(use.day, known)
    if days is None and any(entry.name == "max_drawdown_fraction" for entry in use.entries):
        return
    worth_note(
        account=use.account,
        book=book,
        equity_quote=equity,
        net_quote=view.net_quote,
        market_at=use.begins_at,
        day_ends_at=use.begins_at + DAY,
        last_net_quote=None if known is None else last_net(known, before=use.begins_at),
        unseen_net_quotes=days or (),
        begins_anew=days is None,
    )


def _equity(day: AccountDay, book: Book) -> Decimal | None:
    """Return what a book is worth: the account's funds with what the book earned today."""
    cash, equity = day.cash()
    if book is Book.LIVE:
        return equity
    return None if cash is None else cash + day.view(book).net_quote


def _marks(use: AccountUse, book: Book, at: datetime) -> Iterator[Mark]:
    by_scope: dict[tuple[Level, str], dict[str, Use]] = {}
    for entry in use.entries:
        bound = entry.number
        scope = entry.level, entry.target
        if scope not in by_scope:
            by_scope[scope] = uses(_scoped(use.facts[book], entry), at=at)
        found = by_scope[scope].get(entry.name)
        if found is None or bound is None or found.used <= 0:
            continue
        yield Mark(
            level=entry.level, target=entry.target, name=entry.name, used=found.used, bound=bound, of=found.of, at=at
        )


def _scoped(facts: BookFacts, entry: LimitEntry) -> BookFacts:
    if entry.level is Level.STRATEGY:
        return facts.of_deployment(entry.target)
    return facts.of_instrument(entry.target) if entry.level is Level.INSTRUMENT else facts


def _account_use(
    day: AccountDay, orders: Sequence[Order], names: Mapping[str, str], limits: LimitSet | None
) -> AccountUse:
    own = [row for row in orders if row.account_id == day.account.pk]
    worth = worth_of(day.account)
    return AccountUse(
        account=day.account,
        day=day,
        facts={book: _valued(_facts(day, book, own, names), worth.get(book), day) for book in Book},
        open_orders=[row for row in own if row.status not in FINAL_STATUSES],
        entries=limit_table(limits_whole(limits), limits.account) if limits is not None else (),
    )


def _valued(facts: BookFacts, worth: UnitValue | None, day: AccountDay) -> BookFacts:
    """Return a book's facts with what it is worth, where that is known."""
    if worth is None:
        return facts
    begins = datetime.combine(day.day, time(), tzinfo=zone_of(day.account.venue))
    if not worth.is_known_at(begins):
        return facts
    return replace(
        facts,
        equity_quote=worth.equity_with(facts.pnl_today_net_quote, market_at=begins),
        drawdown_fraction=worth.nav_with(facts.pnl_today_net_quote, market_at=begins).drawdown_fraction,
    )


def _orders(accounts: Sequence[TradingAccount], days: set[date]) -> list[Order]:
    today = Q(venue_day__in=days) | ~Q(status__in=[status.value for status in FINAL_STATUSES])
    return list(Order.objects.filter(today, account__in=accounts).order_by("created_at", "client_id"))


def _held(days: Sequence[AccountDay]) -> set[str]:
    return {position.key.instrument for day in days for position in day.positions}


def _underlyings(keys: set[str]) -> dict[str, str]:
    """Return what each derivative hangs on; everything else hangs on itself."""
    if not keys:
        return {}
    wanted = reduce(or_, (Q(exchange=exchange, symbol=symbol) for exchange, symbol in map(split_key, sorted(keys))))
    rows = ListedInstrument.objects.filter(wanted, kind__in=_DERIVATIVES).values_list("exchange", "symbol", "name")
    return {f"{exchange}:{symbol}": name for exchange, symbol, name in rows}


def _facts(day: AccountDay, book: Book, orders: Sequence[Order], names: Mapping[str, str]) -> BookFacts:
    own = [row for row in orders if row.book == book]
    sent = [row for row in orders if row.venue_day == day.day and not row.client_id.startswith("EXT-")]
    pending = tuple(_pending(day, row, names) for row in own if row.status not in FINAL_STATUSES)
    return BookFacts(
        holdings=_holdings(day, book, names),
        pending=pending,
        pnl_today_net_quote=day.view(book).net_quote,
        placed=tuple(_placed(day, row) for row in sent if row.book == book),
        account_orders=tuple(row.created_at for row in sent),
        trades=_trades(day, book, own),
    )


def _holdings(day: AccountDay, book: Book, names: Mapping[str, str]) -> tuple[Holding, ...]:
    return tuple(
        Holding(
            instrument=position.key.instrument,
            quantity=position.quantity,
            mark_quote=day.marks.get(position.key.instrument, position.day_average),
            product=position.key.product,
            deployment_id=position.key.strategy_key or None,
            underlying=names.get(position.key.instrument, ""),
        )
        for position in day.positions
        if position.is_open and position.key.book is book
    )


def _pending(day: AccountDay, row: Order, names: Mapping[str, str]) -> PendingOrder:
    return PendingOrder(
        client_id=row.client_id,
        instrument=row.instrument,
        underlying=names.get(row.instrument, symbol_of(row.instrument)),
        side=Side(row.side),
        quantity=row.quantity - row.filled_quantity,
        price_quote=_worst_price(day, row),
        product=Product(row.product),
        purpose=Purpose(row.purpose),
        reduce_only=row.reduce_only and row.purpose != Purpose.ENTRY,
        deployment_id=_holder(row) or None,
    )


def _placed(day: AccountDay, row: Order) -> Placed:
    price = row.average_price if row.status in FINAL_STATUSES and row.average_price else _worst_price(day, row)
    return Placed(
        at=row.created_at,
        instrument=row.instrument,
        quantity=row.quantity,
        value_quote=row.quantity * price,
        deployment_id=_holder(row),
    )


def _worst_price(day: AccountDay, row: Order) -> Decimal:
    shown = (row.price, row.trigger_price, day.marks.get(row.instrument))
    highest = max((price for price in shown if price is not None), default=ZERO)
    return highest if row.order_type in _BOUNDED else highest * (1 + MARKET_SLIP_FRACTION)


def _trades(day: AccountDay, book: Book, orders: Sequence[Order]) -> dict[str, int]:
    """Count by holder the orders that opened or added today, and those that still may."""
    held = {
        Holder(position.key.instrument, position.key.product, position.key.strategy_key): position.quantity
        for position in day.positions
        if position.key.book is book
    }
    trades = DayTrades(book).follow(list(day.fills), lambda holder: held.get(holder, ZERO))
    waiting = [
        _holder(row)
        for row in orders
        if row.status not in FINAL_STATUSES and row.purpose == Purpose.ENTRY and not row.filled_quantity
    ]
    holders = {fill.deployment_id or "" for fill in day.fills} | set(waiting)
    counted = {holder: len(trades.orders(holder)) + waiting.count(holder) for holder in holders}
    return {holder: count for holder, count in counted.items() if count}


def _holder(row: Order) -> str:
    if row.basket_id:
        return key_of_basket(str(row.basket_id))
    return str(row.deployment_id) if row.deployment_id else ""
