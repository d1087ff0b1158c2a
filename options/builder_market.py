"""The market that a combination is built on: the chains that the caller's desk follows, and the contracts in them.

What is wrong with a request is refused with the field, the value and what is allowed, under a code that stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from accounts.models import User
from brokers.domain.errors import Invalid, NotFound
from brokers.domain.india import INDIA
from brokers.domain.instruments import OPTION_KINDS, Instrument, InstrumentKind
from brokers.domain.orders import Side
from brokers.listings import instruments_by_keys
from brokers.models import ListedInstrument, Venue
from options.domain.chain import Chain, place_of
from options.domain.quotes import CALL, PUT
from options.live import LiveChain
from options.selectors import latest_chains


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """An underlying's followed expiries that still live, nearest first; there is at least one."""

    underlying: str
    chains: tuple[LiveChain, ...]

    @property
    def nearest(self) -> LiveChain:
        return self.chains[0]

    def from_expiry(self, expiry: date | None) -> tuple[LiveChain, ...]:
        """Return the chains from an expiry on; raise `Invalid` for one that is not followed."""
        found = tuple(one for one in self.chains if expiry is None or one.expiry >= expiry)
        if not found or (expiry is not None and found[0].expiry != expiry):
            raise refused(
                f"No chain of {self.underlying} for {expiry} is followed",
                code="expiry.unknown",
                field="expiry",
                value=expiry,
                allowed=[one.expiry.isoformat() for one in self.chains],
            )
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A wanted leg with its contract and the chain it stands in; `number` is its place in the request."""

    number: int
    side: Side
    lots: int
    instrument: Instrument
    live: LiveChain
    place: int

    @property
    def row(self) -> int:
        return CALL if self.instrument.kind is InstrumentKind.CALL else PUT

    @property
    def strike(self) -> float:
        return float(self.chain.strike[self.place])

    @property
    def chain(self) -> Chain:
        return self.live.chain

    @property
    def units(self) -> int:
        """Signed units of the underlying."""
        return self.side.sign * self.lots * self.instrument.lot_size


def refused(message: str, *, code: str, field: str, value: object, allowed: object) -> Invalid:
    """Build a refusal that names the value and what would do."""
    shown = ", ".join(map(str, allowed)) if isinstance(allowed, list | tuple) else str(allowed)
    details = {"value": str(value), "allowed": allowed if isinstance(allowed, list) else str(allowed)}
    return Invalid(f"{message}; allowed: {shown or 'nothing yet'}.", code=code, field=field, details=details)


def market_of(user: User, underlying: str) -> Market:
    """Return the chains of an underlying that the user may see.

    Raises
    ------
    NotFound
        For an underlying without listed options.
    Invalid
        Where none of its chains is followed or has been heard of, or every one of them has expired.
    """
    try:
        found = latest_chains(user, underlying)
    except NotFound:
        raise _not_followed(underlying) from None
    living = tuple(one for one in found if one.chain.years > 0.0 and len(one.chain.quotes))
    if living:
        return Market(underlying=underlying, chains=living)
    if found:
        raise refused(
            f"Every followed chain of {underlying} has expired or is empty",
            code="chain.expired",
            field="underlying",
            value=underlying,
            allowed="an underlying with a living chain",
        )
    raise refused(
        f"No price of {underlying}'s chain has come yet",
        code="chain.waiting",
        field="underlying",
        value=underlying,
        allowed="an underlying whose chain has been heard of",
    )


def _not_followed(underlying: str) -> Invalid:
    if not _has_options(underlying):
        return NotFound(
            f"{underlying} has no listed options.",
            code="underlying.no_options",
            field="underlying",
            details={"value": underlying, "allowed": "an underlying with listed options, such as NIFTY"},
        )
    return refused(
        f"No chain of {underlying} is followed yet",
        code="chain.not_followed",
        field="underlying",
        value=underlying,
        allowed="an underlying whose chain was started under Options",
    )


def legs_of(market: Market, wanted: Sequence[Mapping[str, Any]]) -> tuple[Leg, ...]:
    """Return the wanted legs in the order in which they would be sent, what is bought first.

    Raises `Invalid` for a contract that is unknown, no option, of another underlying, expired, not in a followed chain, or named twice.
    """
    keys = [str(one["instrument"]) for one in wanted]
    known = instruments_by_keys(Venue.KITE, [key for key in keys if key.count(":") == 1 and all(key.split(":"))])
    legs = []
    for number, (key, one) in enumerate(zip(keys, wanted, strict=True)):
        if key in keys[:number]:
            raise refused(
                f"{key} is named twice",
                code="leg.twice",
                field=f"legs.{number}.instrument",
                value=key,
                allowed="each contract once",
            )
        legs.append(_leg(market, number, one, known.get(key)))
    return tuple(sorted(legs, key=lambda leg: leg.side is Side.SELL))


def _leg(market: Market, number: int, one: Mapping[str, Any], instrument: Instrument | None) -> Leg:
    key, field = str(one["instrument"]), f"legs.{number}.instrument"
    if instrument is None:
        raise refused(
            f"{key} is not listed",
            code="instrument.unknown",
            field=field,
            value=key,
            allowed="a listed option, as EXCHANGE:SYMBOL",
        )
    if instrument.kind not in OPTION_KINDS or instrument.expiry is None or instrument.strike is None:
        raise refused(f"{key} is no option", code="leg.not_option", field=field, value=key, allowed="calls and puts")
    if instrument.name != market.underlying:
        raise refused(
            f"{key} is an option on {instrument.name}, the combination is on {market.underlying}",
            code="leg.underlying",
            field=field,
            value=key,
            allowed=f"options on {market.underlying}",
        )
    live = _live_chain(market, instrument, field)
    return Leg(
        number=number,
        side=Side(one["side"]),
        lots=int(one["lots"]),
        instrument=instrument,
        live=live,
        place=_place(live, instrument, field),
    )


def _live_chain(market: Market, instrument: Instrument, field: str) -> LiveChain:
    expiry = instrument.expiry
    assert expiry is not None
    live = next((one for one in market.chains if one.expiry == expiry), None)
    if live is not None:
        return live
    allowed = [one.expiry.isoformat() for one in market.chains]
    if expiry < market.nearest.expiry and expiry <= INDIA.day_of(market.nearest.chain.market.now):
        raise refused(f"{instrument.key} has expired", code="leg.expired", field=field, value=expiry, allowed=allowed)
    raise refused(f"No chain for {expiry} is followed", code="leg.no_chain", field=field, value=expiry, allowed=allowed)


def _place(live: LiveChain, instrument: Instrument, field: str) -> int:
    assert instrument.strike is not None
    try:
        return place_of(live.chain, float(instrument.strike))
    except Invalid:
        raise refused(
            f"{instrument.key} is not in the followed chain",
            code="leg.no_strike",
            field=field,
            value=instrument.strike,
            allowed=f"strikes from {live.chain.strike[0]:g} to {live.chain.strike[-1]:g}",
        ) from None


def _has_options(underlying: str) -> bool:
    kinds = [kind.value for kind in OPTION_KINDS]
    return ListedInstrument.objects.filter(venue=Venue.KITE, name=underlying, kind__in=kinds).exists()
