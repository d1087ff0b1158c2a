"""A desk whose accounts keep their books in different currencies: one currency beside them, with its rate and an FX line.

Each account's figures stay its own. What is added up is converted at one rate, whose source and time are shown; what
holding the other currency brought since the day began, by the rate alone, is a line of its own. Limits never net here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from brokers.domain.calendar import ALWAYS_OPEN
from brokers.domain.charges import ChargeNote
from brokers.domain.money import Currency
from brokers.domain.orders import Book
from brokers.domain.portfolio import PortfolioView
from brokers.rates import Rate, rate_of
from execution.domain.codec import rfc3339
from execution.domain.texts import money
from execution.rows import Row, text

HOME = Currency.INR
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """What a unit of a currency costs at home now, and what it cost when the day began."""

    now: Rate
    day_rate: Decimal

    @property
    def rate(self) -> Decimal:
        return self.now.rate

    def gained(self, held: Decimal) -> Decimal:
        """Return what holding an amount since the day began brought, by the rate's move alone."""
        return held * (self.now.rate - self.day_rate)


def conversions(days: Mapping[Currency, date], at: datetime) -> dict[str, Conversion]:
    """Return the conversions of other currencies that are known, by currency; `days` is each one's market day."""
    found: dict[str, Conversion] = {}
    for currency, day in days.items():
        now = rate_of(currency, HOME, at) if currency != HOME else None
        if now is not None:
            begins, _ = ALWAYS_OPEN.bounds_of(day)
            before = rate_of(currency, HOME, begins)
            found[currency] = Conversion(now=now, day_rate=before.rate if before else now.rate)
    return found


def converted(view: PortfolioView, rate: Decimal) -> PortfolioView:
    """Return a book's day in another currency; what trading cost stands as one figure."""
    return PortfolioView(
        realised_quote=view.realised_quote * rate,
        unrealised_quote=view.unrealised_quote * rate,
        charges=ChargeNote(),
        gross_exposure_quote=view.gross_exposure_quote * rate,
        net_exposure_quote=view.net_exposure_quote * rate,
        unmarked=view.unmarked,
        fees_quote=view.costs_quote * rate,
        funding_quote=view.funding_quote * rate,
    )


def total_row(
    views: Mapping[Book, Sequence[PortfolioView]], cash: Sequence[tuple[Decimal | None, ...]], currency: Currency
) -> Row:
    """Return the sum of several accounts' days in one currency; `cash` holds each one's cash and equity."""
    live = book_row(views[Book.LIVE], currency)
    whole_cash, whole_equity = (sum_known([one[place] for one in cash]) for place in (0, 1))
    return {
        "cash": None if whole_cash is None else money(whole_cash, currency),
        "equity": None if whole_equity is None else money(whole_equity, currency),
        **{
            name: dict(figure) if isinstance(figure, dict) else figure for name, figure in live.items() if name != "net"
        },
        Book.LIVE.value: live,
        Book.PAPER.value: book_row(views[Book.PAPER], currency),
    }


def book_row(views: Sequence[PortfolioView], currency: Currency) -> Row:
    """Return one book's day over some accounts: realised + unrealised + fees + funding is its net."""
    costs = sum((view.costs_quote for view in views), ZERO)
    net = money(sum((view.net_quote for view in views), ZERO), currency)
    return {
        "net": net,
        "pnl_today": {
            "realised": money(sum((view.realised_quote for view in views), ZERO), currency),
            "unrealised": money(sum((view.unrealised_quote for view in views), ZERO), currency),
            "charges": money(costs, currency),
            "fees": money(-costs, currency),
            "funding": money(sum((view.funding_quote for view in views), ZERO), currency),
            "net": net,
        },
        "exposure": {
            "gross": money(sum((view.gross_exposure_quote for view in views), ZERO), currency),
            "net": money(sum((view.net_exposure_quote for view in views), ZERO), currency),
        },
        "unmarked": sorted({name for view in views for name in view.unmarked}),
    }


def sum_known(values: Sequence[Decimal | None]) -> Decimal | None:
    """Return the sum of what is known, None where nothing is."""
    known = [value for value in values if value is not None]
    return sum(known, ZERO) if known else None


def home_row(
    conversion: Conversion, *, live: PortfolioView, paper: PortfolioView, cash: Decimal | None, equity: Decimal | None
) -> Row:
    """Return an account's figures at home, to stand beside its own."""
    held = held_since_the_day_began(equity, live)
    return {
        "currency": HOME.value,
        "rate": text(conversion.rate),
        "rate_source": conversion.now.source,
        "rate_as_of": rfc3339(conversion.now.as_of),
        "cash": None if cash is None else money(cash * conversion.rate),
        "equity": None if equity is None else money(equity * conversion.rate),
        "live_net": money(live.net_quote * conversion.rate),
        "paper_net": money(paper.net_quote * conversion.rate),
        "fx": None if held is None else money(conversion.gained(held)),
    }


def held_since_the_day_began(equity: Decimal | None, live: PortfolioView) -> Decimal | None:
    """Return what was there when the day began: what is there now, less what the day brought."""
    return None if equity is None else equity - live.net_quote


def fx_rows(known: Mapping[str, Conversion], held: Mapping[str, Sequence[Decimal | None]]) -> list[Row]:
    """Return one line for each currency: its rate, whose it is and of when, and what holding it brought."""
    return [
        {
            "base": currency,
            "quote": HOME.value,
            "rate": text(conversion.rate),
            "source": conversion.now.source,
            "as_of": rfc3339(conversion.now.as_of),
            "day_rate": text(conversion.day_rate),
            "held": _amount(held.get(currency, ()), currency),
            "pnl": _gained(conversion, held.get(currency, ())),
        }
        for currency, conversion in sorted(known.items())
    ]


def _amount(held: Sequence[Decimal | None], currency: str) -> str | None:
    known = sum_known(held)
    return None if known is None else money(known, Currency(currency))


def _gained(conversion: Conversion, held: Sequence[Decimal | None]) -> str | None:
    known = sum_known(held)
    return None if known is None else money(conversion.gained(known))
