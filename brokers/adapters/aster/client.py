"""`AsterVenue`: the `Venue` port over HTTP, and the way in for every other call of Aster's.

The modules beside this one say what to ask and how to read it (`quotes`, `statements`, `orders`, `settings`): a read
goes through `ask`, a write with its permit through `act`. The key is a V1 pair or an agent wallet of V3; the key of a
main wallet is never asked for, and an agent that may withdraw is refused before anything is signed for money.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from brokers.adapters.aster import history, orders, quotes, settings, statements, words
from brokers.adapters.aster.account import OrderRow, PositionRisk, TradeRow
from brokers.adapters.aster.agents import AgentCheck
from brokers.adapters.aster.books import AccountBooks
from brokers.adapters.aster.calls import Act, Ask
from brokers.adapters.aster.clock import ClockOffset
from brokers.adapters.aster.door import Door
from brokers.adapters.aster.errors import ErrorClass
from brokers.adapters.aster.listing import AsterListing, listing_of
from brokers.adapters.aster.market import DepthSnapshot
from brokers.adapters.aster.nonces import Nonces
from brokers.adapters.aster.rulebook import Rulebook
from brokers.adapters.aster.signing import MAINNET_CHAIN, AgentSigner, HmacSigner, Signer
from brokers.adapters.aster.statements import AccountMode
from brokers.adapters.aster.tokens import order_key
from brokers.adapters.aster.transport import AsterTransport, is_out_of_time
from brokers.domain.errors import Ambiguous, DataError, Invalid, Rejected, WindhoverError
from brokers.domain.instruments import Instrument, InstrumentKind, split_key
from brokers.domain.market import Bar
from brokers.domain.orders import (
    ApprovedOrder,
    Purpose,
    UnreadableRow,
    VenueMargin,
    VenueOrder,
    VenuePosition,
    VenueTrade,
)
from brokers.domain.perpetual import MarginBracket
from brokers.domain.perpetual_terms import VenueFunding, VenueWallet
from brokers.ports import AuthScheme, Budget, Clock, Credentials, Net, Receipt

Answer = TypeVar("Answer")
NO_CHANGE = f"aster.{ErrorClass.NO_CHANGE.value}"
Permit = Callable[[], None]


def signer_of(credentials: Credentials, *, chain_id: int = MAINNET_CHAIN) -> Signer:
    """Return what signs for an account; raise Invalid for a key that does not fit its address, without repeating it."""
    if credentials.scheme is AuthScheme.KEY_PAIR:
        return HmacSigner(api_key=credentials.api_key, secret=credentials.access_token)
    if credentials.scheme is AuthScheme.AGENT:
        return AgentSigner(
            user=credentials.user_id,
            signer=credentials.api_key,
            private_key=credentials.access_token,
            chain_id=chain_id or MAINNET_CHAIN,
        )
    raise Invalid("an Aster account is proven by a key or an agent wallet", code="aster.scheme", field="auth_scheme")


class AsterVenue:
    """One Aster account. Reads take their own budget; the caller has taken an order's before it journalled."""

    name = "aster"

    def __init__(
        self,
        *,
        net: Net,
        budget: Budget,
        credentials: Credentials | None,
        clock: Clock,
        jitter: Callable[[], float],
        api_url: str,
        chain_id: int = MAINNET_CHAIN,
        nonces: Nonces | None = None,
        door: Door | None = None,
    ) -> None:
        self._user = credentials.user_id if credentials is not None else ""
        self._transport = AsterTransport(
            net=net,
            budget=budget,
            clock=clock,
            jitter=jitter,
            api_url=api_url,
            signer=signer_of(credentials, chain_id=chain_id) if credentials is not None else None,
            user=self._user,
            nonces=nonces,
            door=door,
        )
        agent = credentials.api_key if credentials is not None and credentials.scheme is AuthScheme.AGENT else None
        self._agent = AgentCheck(ask=self.ask, agent=agent, clock=clock)
        self._rules = Rulebook(ask=self.ask, clock=clock, budget=budget)
        self._books = AccountBooks(read=self.ask, clock=clock)
        self._is_hedge: bool | None = None

    async def ask(self, question: Ask[Answer]) -> Answer:
        """Put any question of the modules beside this one; lost ones are repeated with patience."""
        return await self._transport.read(question)

    async def act(self, write: Act[Answer], before_write: Permit | None, *, kind: str | None = None) -> Answer:
        """Send any write of the modules beside this one, once, if `before_write` lets it go."""
        await self._agent.require_fit()
        return await self._transport.write(write, before_write, kind=kind)

    async def place(self, order: ApprovedOrder, instrument: Instrument, before_write: Permit) -> Receipt:
        """Send an order; its client id is what to look for when the answer is lost.

        A signature out of time is a refusal: the order is looked for first, and its absence raises Rejected.
        """
        if instrument.kind is not InstrumentKind.PERPETUAL or order.intent.instrument != instrument.key:
            raise Rejected(f"{instrument.key} is not the contract of this order", code="order.instrument")
        is_entry = order.intent.purpose is Purpose.ENTRY
        if is_entry:
            await self._transport.require_steady_clock()
        rules = await self._rules.of(instrument.symbol, is_urgent=not is_entry)
        self._books.follow([instrument.symbol])
        mark = self._books.marks.get(instrument.symbol)
        write = orders.place(order, rules, is_hedge=await self.is_hedge(), mark_price=mark)
        try:
            row = await self.act(write, before_write)
        except Rejected as refusal:
            row = await self._after_refusal(refusal, instrument.symbol, order.client_id)
        return Receipt(venue_order_id=order_key(row.symbol, row.order_id))

    async def modify(
        self,
        order: VenueOrder,
        *,
        price: Decimal | None,
        trigger_price: Decimal | None,
        before_write: Permit,
    ) -> Receipt:
        """Send another price for a resting limit order; a key of V1 and every trigger are refused with the reason."""
        if self._transport.generation == "v1":
            raise Rejected(
                "orders are changed by agent wallets alone; cancel this one and place another", code="aster.v3_only"
            )
        rules = await self._rules.of(split_key(order.instrument)[1], is_urgent=True)
        wanted = None if trigger_price is not None else price
        row = await self.act(orders.modify(order, price=wanted, rules=rules), before_write)
        return Receipt(venue_order_id=order_key(row.symbol, row.order_id))

    async def cancel(self, venue_order_id: str, before_write: Permit) -> Receipt:
        """Send a cancellation; an order that ended before raises Rejected, and its fills decide."""
        await self.act(orders.cancel(venue_order_id), before_write)
        return Receipt(venue_order_id=venue_order_id)

    async def order(self, symbol: str, client_id: str) -> VenueOrder | None:
        """Look for one order by our own id; None where the exchange knows none."""
        row = await self._found(symbol, client_id)
        return None if row is None else words.venue_order(row)

    async def orders(self) -> list[VenueOrder | UnreadableRow]:
        """Return the open orders and those that ended lately, of every symbol that has or had any.

        The exchange gives books by symbol: those followed, traded here, or found by the look over the account each
        minute.
        """
        await self._rules.keep_up()
        rows = await self._books.orders()
        return [_told(row, words.venue_order, book="orders") for row in rows]

    async def trades(self) -> list[VenueTrade | UnreadableRow]:
        """Return the fills of the same symbols and span, each with its fee in the quote and whose hand it was."""
        rows = await self._books.fills()
        client_ids = await self._books.client_ids(row for row in rows if isinstance(row, TradeRow))

        def trade(row: TradeRow) -> VenueTrade:
            client_id = client_ids.get((row.symbol, row.order_id), "")
            return words.venue_trade(row, client_id=client_id, marks=self._books.marks)

        return [_told(row, trade, book="trades") for row in rows]

    async def positions(self) -> list[VenuePosition | UnreadableRow]:
        """Return what is held, and what was closed with a result since the market's midnight."""
        realised = self._books.realised_today(await self._books.fills())

        def position(row: PositionRisk) -> VenuePosition:
            key = (row.symbol, row.position_side)
            return words.venue_position(row, realised_quote=realised.get(key, Decimal(0)))

        def is_told(row: PositionRisk | UnreadableRow) -> bool:
            return isinstance(row, UnreadableRow) or bool(row.quantity) or (row.symbol, row.position_side) in realised

        rows = await self.ask(statements.positions())
        return [_told(row, position, book="positions") for row in rows if is_told(row)]

    async def holdings(self) -> list[Mapping[str, object]]:
        """Return nothing: a contract is a position, and is delivered nowhere."""
        return []

    async def margins(self) -> list[VenueMargin]:
        """Return what each asset of the margin account can still carry."""
        rows = await self.ask(statements.balances())
        return [words.venue_margin(row) for row in rows]

    async def profile(self) -> Mapping[str, object]:
        """Return whose account it is and what the key may do; a key that may withdraw raises NeedsLogin."""
        agent = await self._agent.look()
        summary = await self.ask(statements.summary())
        told: dict[str, object] = {"user_id": self._user, "may_trade": summary.can_trade}
        if agent is not None:
            told |= {"agent": agent.name, "expires_at": agent.expires_at.isoformat() if agent.expires_at else None}
        return told

    async def instruments(self) -> list[Instrument]:
        """Return the contracts in which orders are taken today."""
        listing = await self.listing()
        return [one for one in listing.instruments if listing.statuses[one.key] == "TRADING"]

    async def listing(self) -> AsterListing:
        """Return every contract with the exchange's word on it, those that are about to leave included."""
        return listing_of(await self._rules.refreshed())

    async def history(self, instrument: Instrument, interval_s: int, start: datetime, end: datetime) -> list[Bar]:
        """Return the candles that lie wholly inside [start, end), oldest first, in market time."""
        asks = history.parts(instrument, interval_s, start, end)
        rows = [row for part in asks for row in await self.ask(part)]
        return history.bars(rows, instrument.key, interval_s, start, end)

    async def funding(self, since: datetime) -> list[VenueFunding]:
        """Return the funding payments booked from a time on, oldest first."""
        found: dict[str, VenueFunding] = {}
        start = since
        while True:
            rows = await self.ask(statements.incomes(kind=words.FUNDING_FEE, start=start))
            new = [words.venue_funding(row) for row in rows if row.kind == words.FUNDING_FEE]
            found |= {one.payment_id: one for one in new}
            last = max((one.paid_at for one in new), default=start)
            if len(rows) < statements.MOST_ROWS or last == start:
                return sorted(found.values(), key=lambda one: (one.paid_at, one.payment_id))
            start = last

    async def brackets(self, symbol: str) -> tuple[MarginBracket, ...]:
        """Return a symbol's margin brackets from the smallest notional up."""
        return words.margin_brackets(await self.ask(statements.brackets(symbol)))

    async def commission(self, symbol: str) -> tuple[Decimal, Decimal]:
        """Return what the account pays as maker and as taker, fractions of the notional; a rebate is negative."""
        row = await self.ask(statements.commission(symbol))
        return row.maker, row.taker

    async def wallets(self) -> list[VenueWallet]:
        """Return the assets of the margin account, with what is available."""
        return [words.venue_wallet(row) for row in await self.ask(statements.balances())]

    async def account_mode(self) -> AccountMode:
        """Return what holds for the whole account, read anew."""
        self._is_hedge = await self.ask(statements.is_hedge())
        return AccountMode(is_hedge=self._is_hedge, is_multi_assets=await self.ask(statements.is_multi_assets()))

    async def is_hedge(self) -> bool:
        """Tell whether a symbol has two sides here, as last read; an order names its side then."""
        if self._is_hedge is None:
            self._is_hedge = await self.ask(statements.is_hedge())
        return self._is_hedge

    async def countdown(self, symbol: str, seconds: int, before_write: Permit) -> None:
        """Start the dead-man switch of a symbol anew, or stop it by 0; raise Ambiguous where its answer is another's.

        When it runs out every open order of the symbol is cancelled, protective stops included.
        """
        done = await self.act(orders.countdown(symbol, seconds), before_write)
        if (done.symbol, done.countdown_ms) != (symbol, seconds * 1000):
            raise Ambiguous(
                f"the exchange counts {done.symbol} down from {done.countdown_ms} ms", code="aster.countdown"
            )

    async def configure(self, write: Act[Answer], before_write: Permit) -> Answer | None:
        """Send a write of `settings`; what was so already returns None. Takes its own budget."""
        try:
            return await self.act(write, before_write, kind="order")
        except Rejected as refusal:
            if refusal.code != NO_CHANGE:
                raise
            return None
        finally:
            self._is_hedge = None

    async def measure_clock(self) -> ClockOffset:
        """Ask the exchange's time five times and use the median from now on."""
        return await self._transport.measure_clock()

    async def depth(self, symbol: str) -> DepthSnapshot:
        """Return a snapshot of a book, as deep as there is one."""
        return await self.ask(quotes.depth(symbol))

    async def stream_key(self) -> str:
        """Make the key of the user stream, or get the one that lives, for another hour."""
        return await self.act(settings.stream_key(), None, kind="read")

    async def extend_stream_key(self, key: str) -> None:
        """Give the key another hour; raise Rejected with the code aster.stream_key where it has died."""
        try:
            await self.act(settings.extend_stream_key(key), None, kind="read")
        except Rejected as refusal:
            if refusal.code != f"aster.{ErrorClass.LISTEN_KEY.value}":
                raise
            raise Rejected(refusal.message, code="aster.stream_key", details=refusal.details) from None

    def follow(self, keys: Iterable[str], *, since: datetime | None = None) -> None:
        """Read the books of these instruments too; with `since`, show what ended after it, however long ago that is."""
        self._books.follow([split_key(key)[1] for key in keys], since=since)

    def doubt(self) -> None:
        """Read every book anew at the next question."""
        self._books.forget()

    async def close(self) -> None:
        """Make no more calls; the connections belong to whoever opened the `Net`."""
        self._transport.close()

    async def _after_refusal(self, refusal: Rejected, symbol: str, client_id: str) -> OrderRow:
        """Return the order after all where its signature was refused for its time and yet it stands in the book."""
        kind = refusal.details.get("class")
        if kind == ErrorClass.FILTER.value:
            self._rules.doubt()
        if kind == ErrorClass.POSITION_MODE.value:
            self._is_hedge = None
        if not is_out_of_time(refusal):
            raise refusal
        try:
            found = await self._found(symbol, client_id)
        except WindhoverError as lost:
            raise Ambiguous(f"{refusal.message}; and the order could not be looked for: {lost.message}") from None
        if found is None:
            raise refusal
        return found

    async def _found(self, symbol: str, client_id: str) -> OrderRow | None:
        try:
            return await self.ask(statements.order(symbol, client_id=client_id))
        except Rejected as refusal:
            if refusal.code != f"aster.{ErrorClass.ORDER_STATE.value}":
                raise
            return None


Row = TypeVar("Row", bound=OrderRow | TradeRow | PositionRisk)
Told = TypeVar("Told")


def _told(row: Row | UnreadableRow, read: Callable[[Row], Told], *, book: str) -> Told | UnreadableRow:
    """Return a row in the desk's words; one whose words make no sense stands as unreadable."""
    if isinstance(row, UnreadableRow):
        return row
    try:
        return read(row)
    except DataError as error:
        return UnreadableRow(book=book, row_id=_name_of(row), instrument=words.key_of(row.symbol), reason=error.message)


def _name_of(row: OrderRow | TradeRow | PositionRisk) -> str:
    if isinstance(row, PositionRisk):
        return row.symbol
    return row.trade_id if isinstance(row, TradeRow) else order_key(row.symbol, row.order_id)
