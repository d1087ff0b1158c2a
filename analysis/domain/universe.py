"""Universes: which instruments belonged to a list on a day, and what is not known about that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from analysis.domain.daily import day_number
from brokers.domain.errors import Invalid
from brokers.domain.market import Int64Array1D


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """A stay in a list; `since` None means that the first day is not known, `until` is the last day."""

    symbol: str
    since: date | None = None
    until: date | None = None
    sector: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Members:
    """The members of a day, in order of their symbols, with what a reader must know about them."""

    on: date
    symbols: tuple[str, ...]
    caveat: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Universe:
    """A list with its history; `known_since` is the first day whose membership is a record and not a guess."""

    name: str
    memberships: tuple[Membership, ...]
    known_since: date | None = None

    def __post_init__(self) -> None:
        if not self.memberships:
            raise Invalid(f"{self.name} has no members", code="universe.empty", field="memberships")

    def on(self, day: date) -> Members:
        """Return the members of a day; the caveat says where survivors stand for members."""
        found = {
            stay.symbol
            for stay in self.memberships
            if (stay.since is None or stay.since <= day) and (stay.until is None or day <= stay.until)
        }
        return Members(on=day, symbols=tuple(sorted(found)), caveat=self._caveat(day))

    def held(self, symbol: str, days: Int64Array1D) -> npt.NDArray[np.bool_]:
        """Return on which of these days a symbol was a member; days are counted since 1970-01-01."""
        held = np.zeros(days.shape, dtype=np.bool_)
        for stay in self.memberships:
            if stay.symbol == symbol:
                first = stay.since is None or days >= day_number(stay.since)
                last = stay.until is None or days <= day_number(stay.until)
                held |= np.logical_and(first, last)
        return held

    def sector_of(self) -> dict[str, str]:
        """Return each symbol's sector, where one is known."""
        return {stay.symbol: stay.sector for stay in self.memberships if stay.sector}

    def _caveat(self, day: date) -> str:
        if self.known_since is not None and day >= self.known_since:
            return ""
        known = "not recorded" if self.known_since is None else f"recorded from {self.known_since:%d %b %Y} only"
        return (
            f"The membership of {self.name} is {known}. Members of later days stand in for {day:%d %b %Y}: these are "
            "survivors, and results look better than they would have been."
        )


def own_list(name: str, symbols: Iterable[str], *, since: date) -> Universe:
    """Return a person's own list; before the day it was made it is hindsight, and its caveat says so."""
    return Universe(
        name=name,
        memberships=tuple(Membership(symbol=symbol) for symbol in sorted(set(symbols))),
        known_since=since,
    )
