"""What the simulator lists: one record per instrument, with Kite's names, tokens, ticks and lots."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from brokers.simulator.sessions import THURSDAY, TUESDAY, is_monthly

# The low byte of an instrument token (Kite's wire format).
SEGMENT_CODES = {"NSE": 1, "NFO": 2, "BSE": 4, "BFO": 5, "INDICES": 9}
KNOWN_TOKENS = {"NIFTY 50": 256265, "NIFTY BANK": 260105, "SENSEX": 265, "INDIA VIX": 264969, "INFY": 408065}
LOTS = {"NIFTY": 65, "BANKNIFTY": 30, "FINNIFTY": 60, "MIDCPNIFTY": 120, "SENSEX": 20, "BANKEX": 30}
FREEZE = {"NIFTY": 1800, "BANKNIFTY": 600, "FINNIFTY": 1800, "MIDCPNIFTY": 2800, "SENSEX": 1000}
UNDERLYING_INDEX = {"NIFTY": "NIFTY 50", "BANKNIFTY": "NIFTY BANK", "SENSEX": "SENSEX"}
EQUITY_FREEZE = 100_000
_WEEK_MONTHS = "123456789OND"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One listed instrument; prices in paise."""

    token: int
    exchange: str
    symbol: str
    name: str
    kind: str
    segment: str
    tick: int
    lot: int
    expiry: date | None = None
    strike: int = 0

    @property
    def is_index(self) -> bool:
        """Return whether this is an index value, which cannot be traded."""
        return self.segment == "INDICES"

    @property
    def is_option(self) -> bool:
        """Return whether this is a call or a put."""
        return self.kind in {"CE", "PE"}

    @property
    def is_derivative(self) -> bool:
        """Return whether this trades in a derivatives segment."""
        return self.kind in {"CE", "PE", "FUT"}

    @property
    def freeze(self) -> int:
        """Return the largest quantity one order may carry."""
        return FREEZE.get(self.name, EQUITY_FREEZE) if self.is_derivative else EQUITY_FREEZE


def equity(symbol: str, name: str, price: int, exchange: str = "NSE") -> Listing:
    """Return a cash-market listing whose tick follows from its price in paise."""
    return Listing(
        token=_token(symbol, exchange),
        exchange=exchange,
        symbol=symbol,
        name=name,
        kind="EQ",
        segment=exchange,
        tick=equity_tick(price),
        lot=1,
    )


def index(symbol: str, exchange: str = "NSE") -> Listing:
    """Return an index listing."""
    return Listing(
        token=_token(symbol, "INDICES"),
        exchange=exchange,
        symbol=symbol,
        name=symbol,
        kind="EQ",
        segment="INDICES",
        tick=5,
        lot=0,
    )


def future(name: str, expiry: date, level: int) -> Listing:
    """Return an index future; its tick follows from the index level in paise."""
    exchange = _derivatives_exchange(name)
    symbol = f"{name}{expiry:%y}{expiry:%b}FUT".upper()
    return Listing(
        token=_token(symbol, exchange),
        exchange=exchange,
        symbol=symbol,
        name=name,
        kind="FUT",
        segment=f"{exchange}-FUT",
        tick=index_future_tick(level),
        lot=LOTS.get(name, 1),
        expiry=expiry,
    )


def option(name: str, expiry: date, strike: int, kind: str) -> Listing:
    """Return an option on an index or a stock; the strike is in paise, the kind ``CE`` or ``PE``."""
    exchange = _derivatives_exchange(name)
    symbol = option_symbol(name, expiry, strike, kind)
    return Listing(
        token=_token(symbol, exchange),
        exchange=exchange,
        symbol=symbol,
        name=name,
        kind=kind,
        segment=f"{exchange}-OPT",
        tick=5,
        lot=LOTS.get(name, 1),
        expiry=expiry,
        strike=strike,
    )


def option_symbol(name: str, expiry: date, strike: int, kind: str) -> str:
    """Return Kite's symbol: ``NIFTY26NOV24500CE`` when monthly, ``NIFTY26D0124500CE`` when weekly."""
    weekday = THURSDAY if _derivatives_exchange(name) == "BFO" else TUESDAY
    if is_monthly(expiry, weekday):
        middle = f"{expiry:%y}{expiry:%b}".upper()
    else:
        middle = f"{expiry:%y}{_WEEK_MONTHS[expiry.month - 1]}{expiry:%d}"
    return f"{name}{middle}{strike / 100:g}{kind}"


def equity_tick(price: int) -> int:
    """Return the cash-market tick in paise by price band (exchange table of 2025-04-15)."""
    bands = ((25_000, 1), (100_000, 5), (500_000, 10), (1_000_000, 50), (2_000_000, 100))
    return next((tick for below, tick in bands if price < below), 500)


def index_future_tick(level: int) -> int:
    """Return an index future's tick in paise by index level."""
    if level < 1_500_000:
        return 5
    return 10 if level < 3_000_000 else 20


def with_distinct_tokens(listings: Iterable[Listing]) -> tuple[Listing, ...]:
    """Return the listings in order, moving a token to the next free one where two symbols hash alike."""
    taken: set[int] = set()
    distinct = []
    for listing in listings:
        token = listing.token
        while token in taken:
            token += 256
        taken.add(token)
        distinct.append(listing if token == listing.token else replace(listing, token=token))
    return tuple(distinct)


def _derivatives_exchange(name: str) -> str:
    return "BFO" if name in {"SENSEX", "BANKEX"} else "NFO"


def _token(symbol: str, segment: str) -> int:
    if symbol in KNOWN_TOKENS:
        return KNOWN_TOKENS[symbol]
    # 22 bits of a stable hash keep the token inside the wire's 32 bits with room to move on.
    exchange_token = 10_000 + (zlib.crc32(f"{segment}:{symbol}".encode()) & 0x3FFFFF)
    return exchange_token * 256 + SEGMENT_CODES[segment]
