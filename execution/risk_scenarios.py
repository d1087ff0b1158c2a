"""What a book would gain or lose elsewhere in price, volatility and time, from its positions and the chains as they stand."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db.models import Q
from django.utils import timezone

from brokers.domain.errors import NotFound
from brokers.domain.instruments import OPTION_KINDS, InstrumentKind, split_key
from brokers.domain.orders import Book
from brokers.domain.portfolio import Position
from brokers.models import ListedInstrument, TradingAccount
from execution.books import AccountDay, account_days_of
from execution.domain.codec import rfc3339
from execution.rows import Row
from options.selectors import latest_chains
from risk.domain.exposure import symbol_of

if TYPE_CHECKING:
    from accounts.models import User
    from options.live import LiveChain
    from risk.domain.portfolio import Line

MOVES = (-0.10, -0.06, -0.04, -0.02, -0.01, 0.0, 0.01, 0.02, 0.04, 0.06, 0.10)
SHIFTS = (0.12, 0.08, 0.04, 0.02, 0.0, -0.02, -0.04, -0.08)
DAYS = (0, 1, 5)
EVERYTHING = ""
NOT_FOLLOWED = "The chain of {} is not followed, so its options cannot be valued."
NO_VOLATILITY = "The chain has no volatility at that strike now."
NO_PRICE = "No price is known now."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Listed:
    kind: InstrumentKind
    underlying: str
    expiry: date | None
    strike: float | None


def scenarios(user: User, *, account: TradingAccount, book: Book = Book.LIVE) -> Row:
    """Return the grid of one book of one account, by underlying and together, with what could not be valued."""
    now = timezone.now()
    (day,) = account_days_of(TradingAccount.objects.filter(pk=account.pk), now=now)
    held = [position for position in day.positions if position.is_open and position.key.book is book]
    lines, refused = _lines(user, day, held)
    return {
        "account": str(account.pk),
        "book": book.value,
        "currency": account.currency,
        "moves": list(MOVES),
        "shifts": list(SHIFTS),
        "days": list(DAYS),
        "groups": _groups(lines) if lines else [],
        "unpriced": [{"instrument": key, "reason": reason} for key, reason in refused],
        "as_of": day.as_of,
        "source": "full revaluation, each option at its strike's volatility",
        "asked_at": rfc3339(now),
    }


def _lines(user: User, day: AccountDay, held: Sequence[Position]) -> tuple[list[Line], list[tuple[str, str]]]:
    listed = _listed({position.key.instrument for position in held}, day.account.venue)
    chains: dict[str, Sequence[LiveChain] | None] = {}
    lines: list[Line] = []
    refused: list[tuple[str, str]] = []
    for position in held:
        found = _line(user, day, position, listed.get(position.key.instrument), chains)
        if isinstance(found, str):
            refused.append((position.key.instrument, found))
        else:
            lines.append(found)
    return lines, refused


def _line(
    user: User,
    day: AccountDay,
    position: Position,
    about: _Listed | None,
    chains: dict[str, Sequence[LiveChain] | None],
) -> Line | str:
    """Return a position as the grid takes it, or why it cannot be valued."""
    from risk.domain.portfolio import Line  # its kernels are loaded where a grid is asked for, and not before

    key = position.key.instrument
    if about is None or about.kind not in OPTION_KINDS:
        price = day.marks.get(key)
        underlying = about.underlying if about is not None else symbol_of(key)
        if price is None:
            return NO_PRICE
        return Line(instrument=key, underlying=underlying, quantity=float(position.quantity), price=float(price))
    if about.underlying not in chains:
        chains[about.underlying] = _chains(user, about.underlying)
    known = chains[about.underlying]
    if known is None:
        return NOT_FOLLOWED.format(about.underlying)
    return _option(position, about, known)


def _option(position: Position, about: _Listed, known: Sequence[LiveChain]) -> Line | str:
    from risk.domain.portfolio import Line

    live = next((one for one in known if one.expiry == about.expiry), None)
    if live is None or about.strike is None:
        return NO_VOLATILITY
    places = np.flatnonzero(live.chain.strike == about.strike)
    if not places.size:
        return NO_VOLATILITY
    line = Line(
        instrument=position.key.instrument,
        underlying=about.underlying,
        quantity=float(position.quantity),
        price=live.chain.forward.price,
        strike=about.strike,
        is_call=about.kind is InstrumentKind.CALL,
        years=live.chain.years,
        volatility=float(live.chain.volatility[int(places[0])]),
        rate=live.chain.market.rate,
    )
    return line if line.is_priced else NO_VOLATILITY


def _chains(user: User, underlying: str) -> Sequence[LiveChain] | None:
    try:
        return latest_chains(user, underlying)
    except NotFound:
        return None


def _listed(keys: set[str], venue: str) -> Mapping[str, _Listed]:
    if not keys:
        return {}
    wanted = reduce(or_, (Q(exchange=exchange, symbol=symbol) for exchange, symbol in map(split_key, sorted(keys))))
    rows = ListedInstrument.objects.filter(wanted, venue=venue)
    return {f"{row.exchange}:{row.symbol}": _about(row) for row in rows}


def _about(row: ListedInstrument) -> _Listed:
    kind = InstrumentKind(row.kind)
    is_derivative = kind in OPTION_KINDS or kind is InstrumentKind.FUTURE
    return _Listed(
        kind=kind,
        underlying=row.name if is_derivative else row.symbol,
        expiry=row.expiry,
        strike=None if row.strike is None else float(row.strike),
    )


def _groups(lines: Sequence[Line]) -> list[Row]:
    from risk.domain.portfolio import DAY_YEARS, Axes, greeks_of, portfolio_of, scenario_grid

    axes = Axes(factor=1.0 + np.array(MOVES), shift=np.array(SHIFTS), passed_years=np.array(DAYS) * DAY_YEARS)
    portfolio = portfolio_of(lines)
    grid, greeks = scenario_grid(portfolio, axes), greeks_of(portfolio)
    together = _group(EVERYTHING, grid.total, {"worst_of_each": _rounded(grid.worst_loss)})
    names = ("delta", "delta_notional", "gamma_1pct", "vega", "theta")
    return [
        *([together] if len(grid.underlyings) > 1 else []),
        *(
            _group(name, grid.by_underlying[row], {one: _rounded(getattr(greeks, one)[row]) for one in names})
            for row, name in enumerate(grid.underlyings)
        ),
    ]


def _group(underlying: str, cells: np.ndarray[Any, np.dtype[np.float64]], figures: Row) -> Row:
    """Return one grid (s, v, d) as days of rows of volatility, with its worst cell."""
    move, shift, passed = (int(place) for place in np.unravel_index(int(np.argmin(cells)), cells.shape))
    return {
        "underlying": underlying,
        "cells": [[[_rounded(figure) for figure in row] for row in plane] for plane in cells.transpose(2, 1, 0)],
        "worst": _rounded(cells[move, shift, passed]),
        "worst_at": {"move": MOVES[move], "shift": SHIFTS[shift], "days": DAYS[passed]},
        **figures,
    }


def _rounded(figure: float) -> float:
    value = round(float(figure), 2)
    return value if math.isfinite(value) and value else 0.0
