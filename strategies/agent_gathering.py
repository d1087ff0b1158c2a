"""What the agents are given: bars, the book, chains and positions, each with the market's time it is true of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from brokers.domain.errors import DataError, NeedsLogin, WindhoverError
from brokers.domain.instruments import Instrument
from brokers.domain.market import Bar, Bars, bars_of
from brokers.hub import snapshots, topic_of
from brokers.listings import instruments_by_keys
from brokers.market_look import Look, MarketLook
from brokers.models import TradingAccount, Venue
from options import selectors as chains
from options.listed import spot_key
from options.models import TrackedUnderlying
from strategies.agents.columns import WARMUP_BARS
from strategies.agents.snapshot import Reading

LEADERS: Mapping[str, str] = {Venue.KITE: "NSE:NIFTY 50", Venue.ASTER: "ASTER:BTCUSDT"}
# beyond the windows, so that averages have forgotten where they began
BARS_ASKED = WARMUP_BARS + 140
TRADING_SECONDS_A_DAY = 375 * 60


class Session(Protocol):
    """What is asked of a venue."""

    def bars(self, instrument: Instrument, interval_s: int, since: datetime, until: datetime) -> list[Bar]: ...

    def look(self, instrument: Instrument) -> Look: ...


Opened = Callable[[TradingAccount], AbstractContextManager[Session]]
OPENED: Opened = MarketLook


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """One instrument's market as it was received; `price` is what a decision is scored from."""

    instrument: str
    bars: Bars
    as_of: datetime
    price: float
    readings: Mapping[str, Reading]


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """What could be gathered by instrument, the leader's among them, and why the others could not."""

    found: Mapping[str, Gathered]
    leader: str
    absent: Mapping[str, str]


def gather(
    account: TradingAccount, instruments: Sequence[str], *, bar_s: int, interest: Mapping[str, float], opened: Opened
) -> Market:
    """Ask a venue about some instruments and its leader.

    `interest` is each one's open interest at the decision before.

    Raises
    ------
    NeedsLogin
        Where nobody is signed in.
    """
    leader = LEADERS[account.venue]
    names = list(dict.fromkeys([*instruments, leader]))
    listed = instruments_by_keys(account.venue, names)
    absent = {name: f"{name} is not listed today" for name in names if name not in listed}
    beside = _beside(account, listed)
    found = {}
    with opened(account) as session:
        for name, instrument in listed.items():
            try:
                found[name] = _one(session, instrument, bar_s, beside.get(name, {}), interest.get(name))
            except NeedsLogin:
                raise
            except WindhoverError as error:
                absent[name] = error.message
    return Market(found=found, leader=leader, absent=absent)


def _one(
    session: Session,
    instrument: Instrument,
    bar_s: int,
    beside: Mapping[str, Reading],
    interest_before: float | None,
) -> Gathered:
    look = session.look(instrument)
    since = look.at - _span(bar_s, is_always_open=instrument.key.startswith("ASTER:"))
    bars = bars_of(instrument.key, bar_s, session.bars(instrument, bar_s, since, look.at))
    price = _middle(look) or (float(bars.close[-1]) if len(bars) else None)
    if price is None:
        raise DataError(f"{instrument.key} has neither a quote nor bars", code="agents.no_price")
    last = float(bars.close[-1]) if len(bars) else price
    as_of = max([look.at, *(reading.at for reading in beside.values())])
    readings = {**beside, **_of_look(look, last, interest_before, instrument.key)}
    return Gathered(instrument=instrument.key, bars=bars, as_of=as_of, price=price, readings=readings)


def _of_look(look: Look, last: float, interest_before: float | None, key: str) -> dict[str, Reading]:
    values: dict[str, float | None] = {
        "bid": _number(look.bid),
        "ask": _number(look.ask),
        "oi": _number(look.open_interest),
        "funding_rate": _number(look.funding_rate),
    }
    middle = _middle(look)
    if middle is not None and look.bid is not None and look.ask is not None:
        values["spread_frac"] = float(look.ask - look.bid) / middle
    bids, asks = _number(look.bid_quantity) or 0.0, _number(look.ask_quantity) or 0.0
    if bids + asks > 0.0:
        values["depth_imbalance"] = (bids - asks) / (bids + asks)
    if values["oi"] and interest_before:
        values["oi_change"] = values["oi"] / interest_before - 1.0
    if look.mark_price is not None and last > 0.0:
        values["mark_premium"] = float(look.mark_price) / last - 1.0
    return {
        name: Reading(value=value, at=look.at, source=f"book of {key}")
        for name, value in values.items()
        if value is not None
    }


def _beside(account: TradingAccount, names: Iterable[str]) -> dict[str, dict[str, Reading]]:
    """Return what the desk and the chains say of these instruments."""
    wanted = set(names)
    found: dict[str, dict[str, Reading]] = {}
    for name, readings in (*_held(account), *_implied(account)):
        if name in wanted:
            found.setdefault(name, {}).update(readings)
    return found


def _held(account: TradingAccount) -> list[tuple[str, dict[str, Reading]]]:
    topic = topic_of(str(account.id), "positions")
    rows: dict[str, Any] = snapshots([topic]).get(topic, {}).get("data", {})
    totals: dict[str, tuple[float, datetime]] = {}
    for row in rows.values():
        before, _ = totals.get(row["symbol"], (0.0, None))
        totals[row["symbol"]] = (before + float(row["quantity"]), datetime.fromisoformat(row["as_of"]))
    return [
        (name, {"held": Reading(value=quantity, at=at, source="positions of the desk")})
        for name, (quantity, at) in totals.items()
    ]


def _implied(account: TradingAccount) -> list[tuple[str, dict[str, Reading]]]:
    """Return what the account's followed chains say of the instruments they are written on."""
    found = []
    for row in TrackedUnderlying.objects.filter(account=account, owner=account.owner, is_tracked=True):
        document: dict[str, Any] = dict(chains.volatility(account.owner, underlying=row.underlying))
        summary = chains.summary(account.owner, underlying=row.underlying)
        if not document["expiries"] or document["as_of"] is None:
            continue
        at = datetime.fromisoformat(document["as_of"])
        values = {
            "iv_atm": document["expiries"][0]["atm_iv"],
            "iv_rank": document["rank"],
            "pcr_oi": summary.get("pcr"),
        }
        source = f"chain of {row.underlying}"
        readings = {name: Reading(value=float(v), at=at, source=source) for name, v in values.items() if v is not None}
        found.append((spot_key(row.underlying), readings))
    return found


def _middle(look: Look) -> float | None:
    if look.bid is not None and look.ask is not None:
        return float(look.bid + look.ask) / 2.0
    return _number(look.last_price)


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))


def _span(bar_s: int, *, is_always_open: bool) -> timedelta:
    """Return how far back the bars begin at the latest."""
    if is_always_open:
        return timedelta(seconds=(BARS_ASKED + 2) * bar_s)
    days = -(-BARS_ASKED * bar_s // TRADING_SECONDS_A_DAY)
    # two of seven days are weekends, and a few are holidays
    return timedelta(days=days * 7 // 5 + 5)
