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

from brokers.domain.charges import ChargeNote, exact_charges
from brokers.domain.clock import venue_day_of, zone_of
from brokers.domain.india import CHARGES
from brokers.domain.instruments import InstrumentKind, split_key
from brokers.domain.money import Currency
from brokers.domain.orders import Book, Product, Side
from brokers.domain.orders import Fill as FillValue
from brokers.domain.perpetual_terms import FillSource
from brokers.domain.portfolio import PortfolioView, Position, PositionKey, portfolio_view
from brokers.hub import snapshots, topic_of
from brokers.models import ListedInstrument, TradingAccount
from execution.basket_models import Basket
from execution.currencies import (
    HOME,
    Conversion,
    book_row,
    conversions,
    converted,
    fx_rows,
    held_since_the_day_began,
    home_row,
    sum_known,
    total_row,
)
from execution.domain.baskets import basket_id_of, key_of_basket
from execution.domain.codec import rfc3339
from execution.domain.texts import average, money, price
from execution.domain.views import NO_MARGIN
from execution.models import Fill, FundingRow, JournalEvent, MarginRow, PositionRow
from execution.rows import Row, funding_row, text
from strategies.models import Deployment

if TYPE_CHECKING:
    from accounts.models import User

ZERO = Decimal(0)


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
    perpetuals: Sequence[MarginRow]
    published: Row
    strategies: Mapping[str, str]
    as_of: str

    @property
    def currency(self) -> Currency:
        return Currency(self.account.currency)

    def view(self, book: Book) -> PortfolioView:
        """Return one book's day."""
        return portfolio_view(
            [position for position in self.positions if position.key.book is book],
            marks=self.marks,
            charges=self._note([fill for fill in self.fills if fill.book is book]).rounded(),
        )

    def charges_of(self, position: Position) -> Decimal:
        """Return what one position's trading cost: its share of the note, and the venue's own fees."""
        own = [fill for fill in self.fills if _key_of(fill) == position.key]
        return self._note(own).rounded().total + position.fees_today_quote

    def _note(self, fills: Sequence[FillValue]) -> ChargeNote:
        # what the venue charged itself is kept with the positions
        by_schedule = [fill for fill in fills if fill.fee_quote is None]
        return exact_charges(by_schedule, kinds=self.kinds, day=self.day, schedule=CHARGES)

    def cash(self) -> tuple[Decimal | None, Decimal | None]:
        """Return the account's cash and its equity: of a margin wallet as the desk last published them."""
        if self.currency is not Currency.INR:
            shown = self.published.get("live") or {}
            return _decimal(shown.get("cash")), _decimal(shown.get("equity"))
        cash = _cash(self)
        return cash, None if cash is None else cash + self.view(Book.LIVE).net_quote


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
    strategies = {str(pk): name for pk, name in _names_of(accounts, positions)}
    margins = _margins(accounts)
    shown = snapshots([topic_of(str(row.pk), name) for row in accounts for name in ("quotes", "venue", "portfolio")])
    return [
        _account_day(
            row,
            days[row.pk],
            positions=positions.get(row.pk, []),
            fills=[fill for fill in fills.get(row.pk, []) if fill.venue_day == days[row.pk]],
            kinds=kinds,
            strategies=strategies,
            perpetuals=margins.get(row.pk, []),
            shown=shown,
            now=now,
        )
        for row in accounts
    ]


def _names_of(
    accounts: Sequence[TradingAccount], positions: Mapping[Any, Sequence[PositionRow]]
) -> list[tuple[Any, str]]:
    """Return what owners of positions are called: strategies, and the baskets that hold something."""
    names = list(Deployment.objects.filter(account__in=accounts).values_list("pk", "strategy"))
    keys = {row.strategy_key for rows in positions.values() for row in rows}
    held = [pk for key in keys if (pk := basket_id_of(key)) is not None]
    rows = Basket.objects.filter(pk__in=held).values_list("pk", "name") if held else []
    return [*names, *((key_of_basket(str(pk)), name) for pk, name in rows)]


def portfolio_row(days: Sequence[AccountDay], *, now: datetime) -> Row:
    """Return the shape of `GET /api/portfolio`: the live book's day, and each book beside it, never mixed."""
    currencies = {day.currency: day.day for day in days}
    known = conversions(currencies, now)
    if len(currencies) > 1:
        total = _mixed(days, known)
    else:
        cash = [day.cash() for day in days]
        total = {
            "currency": next(iter(currencies), Currency.INR).value,
            **total_row({book: [day.view(book) for day in days] for book in Book}, cash, next(iter(currencies), HOME)),
            "unconverted": [],
        }
    held: dict[str, list[Decimal | None]] = {}
    for day in days:
        held.setdefault(day.currency, []).append(held_since_the_day_began(day.cash()[1], day.view(Book.LIVE)))
    return {
        **total,
        "fx": fx_rows(known, held),
        "accounts": [_account_row(day, known.get(day.currency)) for day in days],
        "as_of": min((day.as_of for day in days), default=rfc3339(now)),
        "source": "journal",
    }


def _mixed(days: Sequence[AccountDay], known: Mapping[str, Conversion]) -> Row:
    """Return the sum of accounts of several currencies, at home; an account without a rate is named and left out."""
    there = [day for day in days if day.currency is HOME or day.currency in known]
    rates = {day.currency: known[day.currency].rate if day.currency in known else Decimal(1) for day in there}
    views = {book: [converted(day.view(book), rates[day.currency]) for day in there] for book in Book}
    cash = [tuple(None if x is None else x * rates[day.currency] for x in day.cash()) for day in there]
    held = [(day, held_since_the_day_began(day.cash()[1], day.view(Book.LIVE))) for day in there]
    gained = [known[day.currency].gained(x) for day, x in held if x is not None and day.currency in known]
    row = total_row(views, cash, HOME)
    fx = sum(gained, ZERO)
    net = sum((view.net_quote for view in views[Book.LIVE]), ZERO)
    for shown in (row["pnl_today"], row[Book.LIVE.value]["pnl_today"]):
        shown |= {"fx": money(fx), "net_with_fx": money(net + fx)}
    unconverted = [str(day.account.pk) for day in days if day not in there]
    return {"currency": HOME.value, **row, "unconverted": unconverted}


def position_rows(days: Sequence[AccountDay]) -> list[Row]:
    """Return the rows of `GET /api/positions`, flat ones of today included."""
    return [_position_row(day, position) for day in days for position in day.positions]


def _position_row(day: AccountDay, position: Position) -> Row:
    key = position.key
    mark = day.marks.get(key.instrument, position.day_average)
    quote = day.quotes.get(key.instrument, {})
    charges = day.charges_of(position)
    unrealised = position.unrealised_quote(mark)
    net = position.realised_today_quote + unrealised - charges + position.funding_today_quote
    return {
        "id": "|".join((str(day.account.pk), key.book, key.instrument, key.product, key.strategy_key)),
        "account": str(day.account.pk),
        "venue": day.account.venue,
        "book": key.book,
        "symbol": key.instrument,
        "product": key.product,
        "quantity": text(position.quantity),
        "average_price": average(position.average_price, day.currency),
        "last_price": quote.get("last_price"),
        "pnl_realised": money(position.realised_today_quote, day.currency),
        "pnl_unrealised": money(unrealised, day.currency),
        "charges": money(charges, day.currency),
        "fees": money(-charges, day.currency),
        "funding": money(position.funding_today_quote, day.currency),
        "pnl_net": money(net, day.currency),
        **_margin_row(day, key),
        "notional": money(abs(position.value_quote(mark)), day.currency),
        "currency": day.account.currency,
        "strategy": day.strategies.get(key.strategy_key, ""),
        "strategy_key": key.strategy_key,
        "as_of": quote.get("exchange_at") or day.as_of,
        "source": quote.get("source", "journal"),
    }


def _margin_row(day: AccountDay, key: PositionKey) -> Row:
    rows = [row for row in day.perpetuals if (row.book, row.instrument) == (key.book, key.instrument)]
    if key.product is not Product.PERPETUAL or not rows:
        return NO_MARGIN | {"mark_price": day.quotes.get(key.instrument, {}).get("mark_price")}
    seen = max(rows, key=lambda row: abs(row.quantity))
    return {
        "position_side": seen.position_side if len(rows) == 1 else "LONG and SHORT",
        "leverage": seen.leverage,
        "margin_mode": seen.margin_mode or None,
        "isolated_margin": _money(seen.isolated_margin_quote, day.currency),
        "mark_price": day.quotes.get(key.instrument, {}).get("mark_price") or price(seen.mark_price),
        "liquidation_price": price(seen.liquidation_price),
        "liquidation_source": seen.liquidation_source,
    }


def funding_rows(user: User, *, account: TradingAccount | None = None, limit: int = 100) -> list[Row]:
    """Return funding payments, newest first, each holder's share by itself."""
    rows = FundingRow.objects.visible_to(user).select_related("account")
    if account is not None:
        rows = rows.filter(account=account)
    strategies = dict(Deployment.objects.visible_to(user).values_list("pk", "strategy"))
    names = {str(key): slug for key, slug in strategies.items()}
    return [funding_row(row, names) for row in rows.order_by("-paid_at", "-pk")[:limit]]


def _margins(accounts: Sequence[TradingAccount]) -> dict[Any, list[MarginRow]]:
    chosen = [row for row in accounts if Currency(row.currency) is not Currency.INR]
    return _grouped(MarginRow.objects.filter(account__in=chosen)) if chosen else {}


def _mark(quote: Row) -> Decimal | None:
    return _decimal(quote.get("mark_price") or quote.get("last_price"))


def _decimal(value: object) -> Decimal | None:
    return Decimal(str(value)) if value else None


def _with_day(accounts: Any) -> Any:
    newest = JournalEvent.objects.filter(account=OuterRef("pk"), kind="day").order_by("-seq")
    dated = accounts.annotate(day_text=Subquery(newest.values("payload__venue_day")[:1]))
    return dated.order_by("created_at", "pk")


def _day_of(account: Any, now: datetime) -> date:
    return date.fromisoformat(account.day_text) if account.day_text else venue_day_of(now, zone_of(account.venue))


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
    perpetuals: Sequence[MarginRow],
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
        marks={name: mark for name, row in quotes.items() if (mark := _mark(row)) is not None},
        quotes=quotes,
        margins=venue_frame.get("data", {}).get("margins") or [],
        perpetuals=perpetuals,
        published=shown.get(topic_of(str(account.pk), "portfolio"), {}).get("data", {}),
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
        fees_today_quote=row.fees_today_quote,
        funding_today_quote=row.funding_today_quote,
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
        deployment_id=_holder_of(row),
        fee_quote=row.fee_quote,
        source=FillSource(row.source),
    )


def _holder_of(row: Fill) -> str | None:
    if row.basket_id:
        return key_of_basket(str(row.basket_id))
    return str(row.deployment_id) if row.deployment_id else None


def _key_of(fill: FillValue) -> PositionKey:
    return PositionKey(
        book=fill.book, instrument=fill.instrument, product=fill.product, strategy_key=fill.deployment_id or ""
    )


def _cash(day: AccountDay) -> Decimal | None:
    return sum_known([Decimal(row["net"]) + Decimal(row["used"]) for row in day.margins])


def _money(value: Decimal | None, currency: Currency) -> str | None:
    return None if value is None else money(value, currency)


def _account_row(day: AccountDay, conversion: Conversion | None) -> Row:
    cash, equity = day.cash()
    live, paper = day.view(Book.LIVE), day.view(Book.PAPER)
    home = home_row(conversion, live=live, paper=paper, cash=cash, equity=equity) if conversion else None
    return {
        "id": str(day.account.pk),
        "venue": day.account.venue,
        "label": day.account.label,
        "currency": day.account.currency,
        "cash": _money(cash, day.currency),
        "equity": _money(equity, day.currency),
        "home": home,
        Book.LIVE.value: book_row([live], day.currency),
        Book.PAPER.value: book_row([paper], day.currency),
        "day": day.day.isoformat(),
        "as_of": day.as_of,
    }
