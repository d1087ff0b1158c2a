"""`KiteVenue`: the `Venue` port over HTTP, and the way in for every other call of Kite's.

The modules beside this one say what to ask and how to read it (`orders`, `gtt`, `alerts`, `portfolio`, `quotes`,
`calculators`, `mutual_funds`, `accounts`): a read goes through `ask`, a write with its permit through `act`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar

from brokers.adapters.kite import gtt, history, listing, orders, payloads, portfolio, protocol, quotes, sessions
from brokers.adapters.kite.calls import Act, Ask, ask
from brokers.adapters.kite.history import InterestBar
from brokers.adapters.kite.transport import KiteTransport
from brokers.domain.custody import AuthorisedShare, HoldingsAuthorisation
from brokers.domain.gtt import Gtt
from brokers.domain.instruments import Instrument
from brokers.domain.market import Bar
from brokers.domain.orders import ApprovedOrder, UnreadableRow, VenueMargin, VenueOrder, VenuePosition, VenueTrade
from brokers.domain.quotes import DayQuote, FullQuote, LastQuote
from brokers.domain.terms import OrderChange, Variety
from brokers.ports import Budget, Clock, Credentials, Net, Receipt

Answer = TypeVar("Answer")


class KiteVenue:
    """One Kite session. Reads take their own budget; the caller has taken an order's before it journalled."""

    name = "kite"

    def __init__(
        self,
        *,
        net: Net,
        budget: Budget,
        credentials: Credentials,
        clock: Clock,
        jitter: Callable[[], float],
        api_url: str,
    ) -> None:
        self._credentials = credentials
        self._transport = KiteTransport(
            net=net, budget=budget, credentials=credentials, clock=clock, jitter=jitter, api_url=api_url
        )
        # rows of other varieties, as last seen: their cancellation must name what they are
        self._unusual: dict[str, VenueOrder] = {}

    async def ask(self, question: Ask[Answer]) -> Answer:
        """Put any question of the modules beside this one; lost GETs are repeated with patience."""
        return await self._transport.read(question)

    async def act(self, write: Act[Answer], before_write: Callable[[], None]) -> Answer:
        """Send any write of the modules beside this one, once, if `before_write` lets it go."""
        return await self._transport.write(write, before_write)

    async def place(self, order: ApprovedOrder, instrument: Instrument, before_write: Callable[[], None]) -> Receipt:
        """Send an order; its client id is the tag to look for when the answer is lost."""
        return await self.act(orders.place(order, instrument), before_write)

    async def modify(
        self,
        order: VenueOrder,
        *,
        price: Decimal | None,
        trigger_price: Decimal | None,
        before_write: Callable[[], None],
    ) -> Receipt:
        """Send new prices for a resting order."""
        change = OrderChange(price=price, trigger_price=trigger_price)
        return await self.act(orders.modify(order, change), before_write)

    async def cancel(self, venue_order_id: str, before_write: Callable[[], None]) -> Receipt:
        """Send a cancellation."""
        row = self._unusual.get(venue_order_id)
        write = orders.cancel_regular(venue_order_id) if row is None else orders.cancel(row)
        return await self.act(write, before_write)

    async def orders(self) -> list[VenueOrder | UnreadableRow]:
        """Return today's order book."""
        rows = await self.ask(ask(protocol.orders(), payloads.orders))
        listed = [row for row in rows if isinstance(row, VenueOrder)]
        self._unusual = {row.venue_order_id: row for row in listed if row.variety != Variety.REGULAR}
        return rows

    async def trades(self) -> list[VenueTrade | UnreadableRow]:
        """Return today's trades."""
        return await self.ask(ask(protocol.trades(), payloads.trades))

    async def positions(self) -> list[VenuePosition | UnreadableRow]:
        """Return the net positions, closed ones included."""
        return await self.ask(ask(protocol.positions(), payloads.positions))

    async def holdings(self) -> list[Mapping[str, object]]:
        """Return the delivery holdings as the venue shows them."""
        return await self.ask(ask(protocol.holdings(), payloads.holdings))

    async def margins(self) -> list[VenueMargin]:
        """Return the buying power of each segment."""
        return await self.ask(ask(protocol.margins(), payloads.margins))

    async def profile(self) -> Mapping[str, object]:
        """Return who is signed in."""
        return await self.ask(ask(protocol.profile(), payloads.profile))

    async def quotes(self, keys: Sequence[str], detail: str = "full") -> dict[str, Mapping[str, Any]]:
        """Return quotes by instrument as the venue words them; one that it has no data for is absent."""
        return await self._transport.read_all(ask(call, payloads.quotes) for call in protocol.quotes(keys, detail))

    async def full_quotes(self, keys: Sequence[str]) -> dict[str, FullQuote]:
        """Return everything that is told of each instrument, circuit limits included; one without data is absent."""
        return await self._transport.read_all(quotes.full(keys))

    async def day_quotes(self, keys: Sequence[str]) -> dict[str, DayQuote]:
        """Return last prices with the day's range; an instrument without data is absent."""
        return await self._transport.read_all(quotes.day(keys))

    async def last_quotes(self, keys: Sequence[str]) -> dict[str, LastQuote]:
        """Return last prices; an instrument without data is absent."""
        return await self._transport.read_all(quotes.last(keys))

    async def triggers(self) -> list[Gtt]:
        """Return the good-till-triggered orders, those that ended within a week included."""
        return await self.ask(gtt.listed())

    async def authorise_holdings(
        self, shares: Sequence[AuthorisedShare], before_write: Callable[[], None]
    ) -> HoldingsAuthorisation:
        """Begin an authorisation to sell shares; the holder completes it in a browser."""
        return await self.act(portfolio.authorise(self._credentials.api_key, shares), before_write)

    async def instruments(self, exchange: str | None = None) -> list[Instrument]:
        """Return every contract that the venue, or one of its exchanges, lists today."""
        return (await self.ask(listing.contracts(exchange))).instruments

    async def history(
        self, instrument: Instrument, interval_s: int, start: datetime, end: datetime, *, is_continuous: bool = False
    ) -> list[Bar]:
        """Return the candles that lie wholly inside [start, end), oldest first, in market time."""
        parts = history.bars(instrument, interval_s, start, end, is_continuous=is_continuous)
        return [bar for part in parts for bar in await self.ask(part)]

    async def interest_history(
        self, instrument: Instrument, interval_s: int, start: datetime, end: datetime, *, is_continuous: bool = False
    ) -> list[InterestBar]:
        """Return closed candles with open interest; continuous ones join the futures that have expired."""
        parts = history.interest_bars(instrument, interval_s, start, end, is_continuous=is_continuous)
        return [bar for part in parts for bar in await self.ask(part)]

    async def end_session(self) -> None:
        """Log the session out at the venue."""
        end = sessions.end(self._credentials.api_key, self._credentials.access_token)
        await self._transport.write(end, None)

    async def close(self) -> None:
        """Make no more calls; the connections belong to whoever opened the `Net`."""
        self._transport.close()
