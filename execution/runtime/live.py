"""The real venue of a hosted account: its session, its stream, its books and its candles."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from brokers.domain.errors import DataError, NeedsLogin, VenueError
from brokers.domain.market import NANOSECONDS, QuoteColumns, at_of, ns_of
from brokers.domain.orders import Book, UnreadableRow
from brokers.logins import TIME_IS_UP
from brokers.ports import (
    Budget,
    Credentials,
    FeedDoubt,
    FeedEvent,
    FeedFunding,
    FeedFundingRate,
    FeedHeartbeat,
    FeedMessage,
    FeedOrder,
    FeedQuotes,
    FeedState,
    FeedTrade,
    FeedWallet,
    KeepsBooksBySymbol,
    Venue,
)
from execution.domain.events import (
    BooksDoubted,
    BooksFailed,
    BooksRead,
    Event,
    FeedChanged,
    FundingRateSeen,
    FundingSeen,
    Link,
    MarketFrame,
    OrderSeen,
    SessionChanged,
    SessionState,
    TradeSeen,
    WalletSeen,
)
from execution.runtime import store
from execution.runtime.account_book import AccountBook
from execution.runtime.history import History
from execution.runtime.listening import Listening
from execution.runtime.machine import Machine, VenueLink
from execution.runtime.perpetuals import Perpetuals
from execution.runtime.stream_hours import StreamHours, stream_hours
from execution.runtime.wanted import Wanted

if TYPE_CHECKING:
    from execution.runtime.session import Session

LOGIN_POLL_S = 0.5
# whoever asks: the engine, a doorbell, a postback
BOOKS_EVERY_S = 1.0
# a minute's orders, and how late the last of them may have left
ORDERS_SINCE_S = 65.0
HOURS_POLL_S = 1.0
# a venue tells of what ended for a week; its clock and ours are never so far apart
TOLD_FOR, CLOCKS_APART = timedelta(days=7), timedelta(minutes=10)
Told = FeedOrder | FeedTrade | FeedFunding | FeedWallet | FeedFundingRate
AHEAD_NS = 300 * NANOSECONDS  # no real exchange's clock is five minutes ahead of ours


def forget_times_to_come(columns: QuoteColumns) -> None:
    """Clear exchange times far ahead of the machine's clock: market time never steps back from one of them."""
    columns.exchange_ns[columns.exchange_ns > columns.received_ns + AHEAD_NS] = 0


def told(event: Told, at: datetime) -> Event:
    """Return what a stream tells of the account, in the engine's words."""
    match event:
        case FeedOrder(order=order):
            return OrderSeen(at=at, order=order)
        case FeedTrade(trade=trade):
            return TradeSeen(at=at, trade=trade)
        case FeedFunding(payment=payment):
            return FundingSeen(at=at, payment=payment)
        case FeedWallet(wallets=wallets, reason=reason):
            return WalletSeen(at=at, wallets=wallets, reason=reason)
        case FeedFundingRate(instrument=instrument, rate=rate, mark=mark, due_at=due_at):
            return FundingRateSeen(at=at, instrument=instrument, rate=rate, mark=mark, due_at=due_at)


class LiveVenue:
    """Opens a venue link for every login and closes it when the login dies."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._link: VenueLink | None = None
        self._epoch = 0
        self._lost_epoch = -1
        self._state = ""
        self.listening = Listening(session)
        self._books = Wanted(self._read_books, every_s=BOOKS_EVERY_S, clock=session.machine.clock, spawn=session.spawn)
        self.history = History(session, lambda: self._open().venue)
        self.account = AccountBook(session, self._venue_or_none, self.lose_login)
        self.perpetuals = Perpetuals(session)
        self.books_read = 0
        self.frames = 0

    def open_link(self) -> tuple[Venue, Budget]:
        """Return the calls and the budget of the open session; raise NeedsLogin without one."""
        link = self._open()
        return link.venue, link.budget

    @property
    def budget(self) -> Budget | None:
        """Return the open session's budget; None without one."""
        return None if self._link is None else self._link.budget

    @property
    def published(self) -> dict[str, object]:
        """Return what the venue says of the account, for the pages."""
        return self.account.published

    @property
    def cash(self) -> Decimal | None:
        """Return the owner's money at the venue; None before it has been read."""
        return self.account.cash

    async def tell_account(self) -> None:
        """Keep what the venue says of the account at hand, for ever."""
        await self.account.keep()

    def _open(self) -> VenueLink:
        if self._link is None:
            raise NeedsLogin("nobody is logged in at the venue")
        return self._link

    def _venue_or_none(self) -> Venue | None:
        return None if self._link is None else self._link.venue

    async def run(self) -> None:
        """Live through logins: wait for one, host its stream until it dies, wait for the next."""
        while True:
            login = await self._login()
            self._epoch = login.epoch
            reason = TIME_IS_UP if self._is_over(login.expires_at) else login.reason
            if login.credentials is None or reason == TIME_IS_UP:
                self._say_session(SessionState.NEEDS_LOGIN, reason)
                await self._note_lost(login.epoch, reason)  # a stored session that cannot be opened, or is too old
                await self._next_epoch(login.epoch)
                continue
            self._link = await self._connect(login.credentials)
            await self.perpetuals.begin(self._link.venue)
            self._say_session(SessionState.LIVE, "")
            life = asyncio.create_task(self._end_in_time(login.expires_at))
            try:
                await self._host(self._link)
            finally:
                life.cancel()
                await self.close()
            await self._next_epoch(self._epoch)

    async def open_without_stream(self) -> bool:
        """Open the calls alone, for one who means to act and not to trade; answer False without a login."""
        login = await self._login()
        if login.credentials is None:
            return False
        self._epoch = login.epoch
        self._link = await self._connect(login.credentials)
        await self.perpetuals.begin(self._link.venue)
        self._say_session(SessionState.LIVE, "")
        self.read_books("the guardian has taken over")
        return True

    async def _connect(self, credentials: Credentials) -> VenueLink:
        """Open a link whose budget knows what the journal says was sent in the last minute, by whomever."""
        account_id = self._session.facts.account_id
        urls = await self._machine.read(lambda: store.urls_of(account_id))
        since = self._now() - timedelta(seconds=ORDERS_SINCE_S)
        decided_at = await self._machine.read(lambda: store.orders_decided(account_id, since))
        # the way out may have been declared since the account was taken
        facts = await self._machine.read(lambda: store.account_facts(account_id))
        link = self._machine.connect(facts, credentials, urls)
        link.budget.inherit(decided_at)
        self._follow_open_orders(link.venue)
        return link

    def _follow_open_orders(self, venue: Venue) -> None:
        """Let the books show what the journal holds open, even where it ended while nobody was there to see."""
        opened = [o for o in self._session.engine.state.open_orders() if o.intent.book is Book.LIVE]
        if opened and isinstance(venue, KeepsBooksBySymbol):
            oldest = max(min(o.updated_at for o in opened), self._now() - TOLD_FOR)
            venue.follow({o.intent.instrument for o in opened}, since=oldest - CLOCKS_APART)

    async def close(self) -> None:
        """Close the open link."""
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    def lose_login(self, reason: str) -> None:
        """Take note that this session is dead, however many notice: one state change, no retries."""
        link = self._link
        if link is not None and self._lost_epoch != self._epoch:
            self._lost_epoch = self._epoch
            self._say_session(SessionState.NEEDS_LOGIN, reason)
            self._session.spawn(self._lose(link, self._epoch, reason))

    def heed_login(self, epoch: int, reason: str) -> None:
        """Let go of a session that its row says is over: somebody logged out, or logged in anew."""
        if epoch > self._epoch:
            self.lose_login(reason or "another login has replaced this session, or its orders leave by another way now")

    async def _end_in_time(self, expires_at: datetime | None) -> None:
        """End the session when its token's time is up, whether or not the venue says so."""
        while not self._is_over(expires_at):
            await self._machine.clock.sleep(LOGIN_POLL_S)
        self.lose_login(TIME_IS_UP)

    def _is_over(self, expires_at: datetime | None) -> bool:
        # a token dies by the exchange's clock; a real one's is the machine's, a simulated one's comes with the feed
        now = at_of(self._session.market_ns) if self._session.facts.is_simulated else self._now()
        return expires_at is not None and now is not None and now >= expires_at

    async def _lose(self, link: VenueLink, epoch: int, reason: str) -> None:
        await self._note_lost(epoch, reason)
        await link.feed.close()

    async def _note_lost(self, epoch: int, reason: str) -> None:
        account_id, at = self._session.facts.account_id, self._machine.clock.now()
        await self._machine.read(lambda: store.login_lost(account_id, epoch=epoch, reason=reason, at=at))

    async def subscribe(self, names: Sequence[str]) -> None:
        """Listen to exactly these instruments."""
        await self.listening.want(names, self._link.feed if self._link is not None else None)

    def read_books(self, reason: str) -> None:
        """Read the three books, at most once a second however often it is asked for."""
        if self._link is None:
            return
        self._session.log.debug("reading_books", reason=reason)
        self._books.want()

    async def _host(self, link: VenueLink) -> None:
        await self.listening.follow(link.feed)
        keeping = asyncio.create_task(self.listening.keep(link.feed))
        knowing = self._session.spawn(self.perpetuals.keep(link))
        try:
            while self._lost_epoch != self._epoch:
                hours = self._hours()
                if hours.is_open:
                    await self._hear(link, hours.until)
                    if hours.until is None or self._now() < hours.until:
                        break
                else:
                    await self._stay_closed(hours.until)
        finally:
            keeping.cancel()
            knowing.cancel()
            await asyncio.gather(keeping, knowing, return_exceptions=True)
        if self._state == Link.NO_MARKET_DATA:
            await self._next_epoch(self._epoch)  # calls go on without a stream

    async def _hear(self, link: VenueLink, until: datetime | None) -> None:
        pausing = asyncio.create_task(self._pause_at(link, until))
        try:
            async for event in link.feed.events():
                self._take(event)
        finally:
            pausing.cancel()

    async def _pause_at(self, link: VenueLink, until: datetime | None) -> None:
        while until is None or self._now() < until:
            await self._machine.clock.sleep(HOURS_POLL_S)
        await link.feed.pause()

    async def _stay_closed(self, until: datetime | None) -> None:
        opens = (
            f", the stream opens at {until.astimezone(self._session.calendar.zone):%H:%M on %d %B}"
            if until is not None
            else ""
        )
        self._session.take(FeedChanged(at=self._now(), state=Link.CLOSED, reason=f"the market is closed{opens}"))
        await self._machine.clock.sleep(HOURS_POLL_S)

    def _note_lag(self, columns: QuoteColumns) -> None:
        now_ns = ns_of(self._now())
        self.listening.lag.note(now_ns - columns.received_ns, len(columns), now_ns)

    def _hours(self) -> StreamHours:
        # a simulated market keeps its own time
        if self._session.facts.is_simulated:
            return StreamHours(is_open=True, until=None)
        return stream_hours(self._session.calendar, self._now())

    def _take(self, event: FeedEvent) -> None:
        at = self._now()
        match event:
            case FeedQuotes():
                self._take_quotes(event.columns)
            case FeedState():
                self._take_state(event)
            case FeedMessage():
                self.listening.note(event, at)
            case FeedDoubt(reason=reason):
                self._doubt(reason)
            case FeedHeartbeat():
                return
            case _:
                self._session.take(told(event, at))

    def _take_quotes(self, columns: QuoteColumns) -> None:
        self.frames += 1
        if not self._session.facts.is_simulated:
            forget_times_to_come(columns)
        self._session.take_quotes(MarketFrame(at=self._now(), columns=columns))
        if self._session.chains is not None:
            self._session.chains.take(columns)
        if self._session.alert_watch is not None:
            self._session.alert_watch.take(columns)
        self._note_lag(columns)
        if self._session.market_ns:
            self.history.note_market_time()

    def _take_state(self, event: FeedState) -> None:
        self._state = event.state
        self._session.log.info("feed", state=event.state, reason=event.reason)
        self._session.take(FeedChanged(at=self._now(), state=Link(event.state), reason=event.reason))
        if self._session.alert_watch is not None and event.state != Link.CONNECTED:
            self._session.alert_watch.lose_ticks()
        if event.state == Link.NEEDS_LOGIN:
            self.lose_login(event.reason)

    def _doubt(self, reason: str) -> None:
        """Believe nothing that was missed: the books and what was paid are asked for again."""
        self._session.log.info("stream_doubted", reason=reason)
        self._session.take(BooksDoubted(at=self._now(), reason=reason))
        self.perpetuals.funding.want()

    async def _read_books(self) -> None:
        link = self._link
        if link is None:
            return
        started_at = self._now()
        try:
            orders = await link.venue.orders()
            trades = await link.venue.trades()
            positions = await link.venue.positions()
        except NeedsLogin as error:
            self.lose_login(error.message)
            self._session.take(BooksFailed(at=self._now(), reason=error.message))
        except (VenueError, DataError) as error:
            self._session.take(BooksFailed(at=self._now(), reason=error.message))
        else:
            self.books_read += 1
            self._session.take(
                BooksRead(
                    at=self._now(),
                    started_at=started_at,
                    orders=tuple(row for row in orders if not isinstance(row, UnreadableRow)),
                    trades=tuple(row for row in trades if not isinstance(row, UnreadableRow)),
                    positions=tuple(row for row in positions if not isinstance(row, UnreadableRow)),
                    unreadable=tuple(row for row in (*orders, *trades, *positions) if isinstance(row, UnreadableRow)),
                )
            )

    def _say_session(self, state: SessionState, reason: str) -> None:
        self._session.take(SessionChanged(at=self._now(), state=state, reason=reason))

    async def _login(self) -> store.LoginFacts:
        account_id = self._session.facts.account_id
        return await self._machine.read(lambda: store.login_facts(account_id))

    async def _next_epoch(self, epoch: int) -> None:
        """Wait for another login; a lost one is no new login."""
        while True:
            login = await self._login()
            if login.credentials is not None and login.epoch != epoch:
                return
            await self._machine.clock.sleep(LOGIN_POLL_S)

    @property
    def _machine(self) -> Machine:
        return self._session.machine

    def _now(self) -> datetime:
        return self._session.machine.clock.now()
