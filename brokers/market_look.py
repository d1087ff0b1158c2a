"""Bars of any length and one look at the book, through one account's session, for services that run in threads."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from brokers.adapters.aster import quotes as aster_quotes
from brokers.adapters.aster.client import AsterVenue
from brokers.adapters.kite.client import KiteVenue
from brokers.daily_history import DailyHistory
from brokers.domain.errors import DataError
from brokers.domain.instruments import Instrument
from brokers.domain.market import Bar

LEVELS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What one instrument's market shows at one moment; None where its venue does not tell.

    Quantities are the sums of the best five levels, the funding rate is a fraction per funding interval.
    """

    at: datetime
    last_price: Decimal | None
    bid: Decimal | None
    ask: Decimal | None
    bid_quantity: Decimal | None
    ask_quantity: Decimal | None
    open_interest: Decimal | None = None
    mark_price: Decimal | None = None
    funding_rate: Decimal | None = None


class MarketLook(DailyHistory):
    """An open session for bars and books; a context manager, with the errors of `DailyHistory`."""

    def bars(self, instrument: Instrument, interval_s: int, since: datetime, until: datetime) -> list[Bar]:
        """Return the closed bars between two moments; raises as `DailyHistory.candles` does."""
        return self._runner.run(self._venue.history(instrument, interval_s, since, until))

    def look(self, instrument: Instrument) -> Look:
        """Return the book as it is now.

        Raises
        ------
        VenueError
            Where the venue refuses, or has not answered however often it was asked.
        DataError
            For an answer that cannot be read, or that does not say when it is of.
        """
        if isinstance(self._venue, AsterVenue):
            return self._runner.run(_at_aster(self._venue, instrument))
        if isinstance(self._venue, KiteVenue):
            return self._runner.run(_at_kite(self._venue, instrument))
        raise DataError(f"{self._venue.name} shows no books", code="look.venue")


async def _at_kite(venue: KiteVenue, instrument: Instrument) -> Look:
    quote = (await venue.full_quotes([instrument.key])).get(instrument.key)
    if quote is None or quote.quoted_at is None:
        raise DataError(f"the venue has no quote of {instrument.key}", code="look.absent")
    bids, asks = ([level for level in side if level.quantity > 0][:LEVELS] for side in (quote.bids, quote.asks))
    return Look(
        at=quote.quoted_at,
        last_price=quote.last_price,
        bid=bids[0].price if bids else None,
        ask=asks[0].price if asks else None,
        bid_quantity=sum((level.quantity for level in bids), Decimal(0)) if bids else None,
        ask_quantity=sum((level.quantity for level in asks), Decimal(0)) if asks else None,
        open_interest=quote.open_interest or None,
    )


async def _at_aster(venue: AsterVenue, instrument: Instrument) -> Look:
    book = await venue.ask(aster_quotes.depth(instrument.symbol, LEVELS))
    mark = await venue.ask(aster_quotes.mark_price(instrument.symbol))
    times = [at for at in (book.sent_at, mark.measured_at) if at is not None]
    if not times:
        raise DataError(f"the venue does not say when it quoted {instrument.key}", code="look.undated")
    return Look(
        at=max(times),
        last_price=None,
        bid=book.bids[0][0] if book.bids else None,
        ask=book.asks[0][0] if book.asks else None,
        bid_quantity=sum((quantity for _, quantity in book.bids), Decimal(0)) if book.bids else None,
        ask_quantity=sum((quantity for _, quantity in book.asks), Decimal(0)) if book.asks else None,
        mark_price=mark.mark_price,
        funding_rate=mark.funding_rate,
    )
