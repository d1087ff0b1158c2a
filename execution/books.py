"""An account's day as the database and the latest published quotes have it, valued by the one P&L function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from django.db.models import OuterRef, Q, Subquery

from brokers.domain.charges import charge_note
from brokers.domain.clock import venue_day_of
from brokers.domain.india import CHARGES
from brokers.domain.instruments import InstrumentKind, split_key
from brokers.domain.orders import Book, Product, Side
from brokers.domain.orders import Fill as FillValue
from brokers.domain.portfolio import PortfolioView, Position, PositionKey, portfolio_view
from brokers.hub import snapshots, topic_of
from brokers.models import ListedInstrument, TradingAccount
from execution.domain.codec import rfc3339
from execution.models import Fill, JournalEvent, PositionRow
from execution.rows import Row, text
from strategies.models import Deployment

if TYPE_CHECKING:
    from accounts.models import User

ZERO = Decimal(0)
PAISA = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDay:
    """Everything that one account's P&L is computed from."""

    account: TradingAccount
    day: date
    positions: Sequence[Position]
    fills: Sequence[FillValue]
    kinds: Mapping[str, InstrumentKind]
    marks: Mapping[str, Decimal]
    quotes: Mapping[str, Row]
    margins: Sequence[Row]
    strategies: Mapping[str, str]
    as_of: str

    def view(self, book: Book) -> PortfolioView:
        """Return one book's day."""
        return portfolio_view(
            [position for position in self.positions if position.key.book is book],
            marks=self.marks,
            charges=charge_note(
                [fill for fill in self.fills if fill.book is book], kinds=self.kinds, day=self.day, schedule=CHARGES
            ),
        )


def account_days(user: User, account: TradingAccount | None, *, now: datetime) -> list[AccountDay]:
    """Read the day of every account a user may see, in a fixed number of queries."""
    visible = TradingAccount.objects.visible_to(user).filter(is_enabled=True)
    return account_days_of(visible if account is None else visible.filter(pk=account.pk), now=now)


def account_days_of(chosen: Any, *, now: datetime) -> list[AccountDay]:
    """Read the day of the chosen accounts."""
    accounts = list(_with_day(chosen))
    rows = PositionRow.objects.filter(account__in=accounts).order_by("instrument", "product", "strategy_key")
    positions = _grouped(rows)
    days = {row.pk: _day_of(row, now) for row in accounts}
    fills = _grouped(Fill.objects.filter(account__in=accounts, venue_day__in=set(days.values())).order_by("pk"))
    names = {row.instrument for group in (*positions.values(), *fills.values()) for row in group}
    kinds = _kinds(names, {row.venue for row in accounts})
    strategies = dict(Deployment.objects.filter(account__in=accounts).values_list("pk", "strategy"))
    shown = snapshots([topic_of(str(row.pk), name) for row in accounts for name in ("quotes", "venue")])
    return [
        _account_day(
            row,
            days[row.pk],
            positions=positions.get(row.pk, []),
            fills=[fill for fill in fills.get(row.pk, []) if fill.venue_day == days[row.pk]],
            kinds=kinds,
            strategies={str(key): slug for key, slug in strategies.items()},
            shown=shown,
            now=now,
        )
        for row in accounts
    ]


def portfolio_row(days: Sequence[AccountDay], *, now: datetime) -> Row:
    """Return the shape of `GET /api/portfolio`: the live book's day, and each book beside it, never mixed."""
    views = {book: [day.view(book) for day in days] for book in Book}
    cash = _sum_known([_cash(day) for day in days])
    live = _book_row(views[Book.LIVE])
    net = sum((view.net_quote for view in views[Book.LIVE]), ZERO)
    return {
        "currency": days[0].account.currency if days else "INR",
        "cash": _money(cash),
        "equity": _money(None if cash is None else cash + net),
        **{name: figure for name, figure in live.items() if name != "net"},
        **{str(book): _book_row(shown) for book, shown in views.items()},
        "accounts": [_account_row(day) for day in days],
        "as_of": min((day.as_of for day in days), default=rfc3339(now)),
        "source": "journal",
    }


def _book_row(views: Sequence[PortfolioView]) -> Row:
    return {
        "net": _money(sum((view.net_quote for view in views), ZERO)),
        "pnl_today": {
            "realised": _money(sum((view.realised_quote for view in views), ZERO)),
            "unrealised": _money(sum((view.unrealised_quote for view in views), ZERO)),
            "charges": _money(sum((view.charges.total for view in views), ZERO)),
            "funding": _money(ZERO),  # Indian segments have none; perpetuals bring it
            "net": _money(sum((view.net_quote for view in views), ZERO)),
        },
        "exposure": {
            "gross": _money(sum((view.gross_exposure_quote for view in views), ZERO)),
            "net": _money(sum((view.net_exposure_quote for view in views), ZERO)),
        },
        "unmarked": sorted({name for view in views for name in view.unmarked}),
    }


def position_rows(days: Sequence[AccountDay]) -> list[Row]:
    """Return the rows of `GET /api/positions`, flat ones of today included."""
    return [_position_row(day, position) for day in days for position in day.positions]


def _position_row(day: AccountDay, position: Position) -> Row:
    key = position.key
    mark = day.marks.get(key.instrument, position.day_average)
    quote = day.quotes.get(key.instrument, {})
    own = [fill for fill in day.fills if _key_of(fill) == key]
    charges = charge_note(own, kinds=day.kinds, day=day.day, schedule=CHARGES).total
    unrealised = position.unrealised_quote(mark)
    return {
        "id": "|".join((str(day.account.pk), key.book, key.instrument, key.product, key.strategy_key)),
        "account": str(day.account.pk),
        "venue": day.account.venue,
        "book": key.book,
        "symbol": key.instrument,
        "product": key.product,
        "quantity": text(position.quantity),
        "average_price": _money(position.average_price),
        "last_price": text(day.marks.get(key.instrument)),
        "pnl_realised": _money(position.realised_today_quote),
        "pnl_unrealised": _money(unrealised),
        "charges": _money(charges),
        "pnl_net": _money(position.realised_today_quote + unrealised - charges),
        "currency": day.account.currency,
        "strategy": day.strategies.get(key.strategy_key, ""),
        "strategy_key": key.strategy_key,
        "as_of": quote.get("exchange_at") or day.as_of,
        "source": quote.get("source", "journal"),
    }


def _with_day(accounts: Any) -> Any:
    newest = JournalEvent.objects.filter(account=OuterRef("pk"), kind="day").order_by("-seq")
    dated = accounts.annotate(day_text=Subquery(newest.values("payload__venue_day")[:1]))
    return dated.order_by("created_at", "pk")


def _day_of(account: Any, now: datetime) -> date:
    return date.fromisoformat(account.day_text) if account.day_text else venue_day_of(now)


def _grouped(rows: Any) -> dict[Any, list[Any]]:
    groups: dict[Any, list[Any]] = {}
    for row in rows:
        groups.setdefault(row.account_id, []).append(row)
    return groups


def _kinds(names: set[str], venues: set[str]) -> dict[str, InstrumentKind]:
    if not names:
        return {}
    pairs = [split_key(name) for name in sorted(names)]
    wanted = reduce(or_, (Q(exchange=exchange, symbol=symbol) for exchange, symbol in pairs))
    rows = ListedInstrument.objects.filter(wanted, venue__in=venues).values_list("exchange", "symbol", "kind")
    return {f"{exchange}:{symbol}": InstrumentKind(kind) for exchange, symbol, kind in rows}


def _account_day(
    account: TradingAccount,
    day: date,
    *,
    positions: Sequence[PositionRow],
    fills: Sequence[Fill],
    kinds: Mapping[str, InstrumentKind],
    strategies: Mapping[str, str],
    shown: Mapping[str, Row],
    now: datetime,
) -> AccountDay:
    quotes_frame = shown.get(topic_of(str(account.pk), "quotes"), {})
    venue_frame = shown.get(topic_of(str(account.pk), "venue"), {})
    quotes = {row["symbol"]: row for row in quotes_frame.get("data", {}).values() if isinstance(row, dict)}
    return AccountDay(
        account=account,
        day=day,
        positions=[_position(row) for row in positions],
        fills=[_fill(row) for row in fills],
        kinds=kinds,
        marks={name: Decimal(row["last_price"]) for name, row in quotes.items() if row.get("last_price")},
        quotes=quotes,
        margins=venue_frame.get("data", {}).get("margins") or [],
        strategies=strategies,
        as_of=quotes_frame.get("at") or rfc3339(now),
    )


def _position(row: PositionRow) -> Position:
    return Position(
        key=PositionKey(
            book=Book(row.book),
            instrument=row.instrument,
            product=Product(row.product),
            strategy_key=row.strategy_key,
        ),
        quantity=row.quantity,
        average_price=row.average_price,
        day_average=row.day_average,
        realised_today_quote=row.realised_today_quote,
    )


def _fill(row: Fill) -> FillValue:
    return FillValue(
        account_id=str(row.account_id),
        book=Book(row.book),
        venue_day=row.venue_day.isoformat(),
        instrument=row.instrument,
        venue_order_id=row.venue_order_id,
        trade_id=row.trade_id,
        side=Side(row.side),
        quantity=row.quantity,
        price=row.price,
        product=Product(row.product),
        filled_at=row.filled_at,
        deployment_id=str(row.deployment_id) if row.deployment_id else None,
    )


def _key_of(fill: FillValue) -> PositionKey:
    return PositionKey(
        book=fill.book, instrument=fill.instrument, product=fill.product, strategy_key=fill.deployment_id or ""
    )


def _cash(day: AccountDay) -> Decimal | None:
    return _sum_known([Decimal(row["net"]) + Decimal(row["used"]) for row in day.margins])


def _sum_known(values: Sequence[Decimal | None]) -> Decimal | None:
    known = [value for value in values if value is not None]
    return sum(known, ZERO) if known else None


def _money(value: Decimal | None) -> str | None:
    return None if value is None else f"{value.quantize(PAISA):f}"


def _account_row(day: AccountDay) -> Row:
    return {
        "id": str(day.account.pk),
        "venue": day.account.venue,
        "label": day.account.label,
        "currency": day.account.currency,
        "cash": _money(_cash(day)),
        **{str(book): _book_row([day.view(book)]) for book in Book},
        "day": day.day.isoformat(),
        "as_of": day.as_of,
    }
