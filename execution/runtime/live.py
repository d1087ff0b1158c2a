"""The real venue of a hosted account: its session, its stream, its books and its candles."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from brokers.domain.clock import IST
from brokers.domain.errors import DataError, NeedsLogin, VenueError
from brokers.domain.market import NANOSECONDS, Bar, QuoteColumns, at_of, ns_of
from brokers.domain.market_life import holdings_of
from brokers.domain.orders import UnreadableRow
from brokers.logins import TIME_IS_UP
from brokers.ports import (
    Budget,
    Credentials,
    FeedEvent,
    FeedMessage,
    FeedOrder,
    FeedQuotes,
    FeedState,
    HoldsTriggers,
    Venue,
)
from execution.domain.codec import encode
from execution.domain.commands import LoadHistory
from execution.domain.events import (
    BooksFailed,
    BooksRead,
    FeedChanged,
    HistoryFailed,
    HistoryLoaded,
    HoldingsRead,
    Link,
    MarketFrame,
    OrderSeen,
    SessionChanged,
    SessionState,
    TriggersRead,
)
from execution.domain.setbacks import failures_of
from execution.runtime import store
from execution.runtime.listening import Listening
from execution.runtime.machine import Machine, VenueLink
from execution.runtime.stream_hours import StreamHours, stream_hours
from execution.runtime.wanted import Wanted

if TYPE_CHECKING:
    from execution.runtime.session import Session

LOGIN_POLL_S = 0.5
MARKET_TIME_S = 6.0
HISTORY_ATTEMPTS = 3
TRADING_SECONDS_A_DAY = 375 * 60
ACCOUNT_FACTS_S = 60.0
# whoever asks: the engine, a doorbell, a postback
BOOKS_EVERY_S = 1.0
# a minute's orders, and how late the last of them may have left
ORDERS_SINCE_S = 65.0
HOURS_POLL_S = 1.0
AHEAD_NS = 300 * NANOSECONDS  # no real exchange's clock is five minutes ahead of ours


def forget_times_to_come(columns: QuoteColumns) -> None:
    """Clear exchange times far ahead of the machine's clock: market time never steps back from one of them."""
    columns.exchange_ns[columns.exchange_ns > columns.received_ns + AHEAD_NS] = 0


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
        self._fetching: dict[tuple[str, int, int], tuple[int, asyncio.Task[list[Bar]]]] = {}
        self._has_market_time = asyncio.Event()
        self.books_read = 0
        self.published: dict[str, object] = {}
        self.cash: Decimal | None = None
        self.frames = 0

    def open_link(self) -> tuple[Venue, Budget]:
        """Return the calls and the budget of the open session; raise NeedsLogin without one."""
        link = self._open()
        return link.venue, link.budget

    @property
    def budget(self) -> Budget | None:
        """Return the open session's budget; None without one."""
        return None if self._link is None else self._link.budget

    def _open(self) -> VenueLink:
        if self._link is None:
            raise NeedsLogin("nobody is logged in at the venue")
        return self._link

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
        return link

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

    async def load_history(self, ask: LoadHistory) -> None:
        """Fetch closed bars up to market time; what cannot be had is told as a reason."""
        await self._session.learn_instruments([ask.instrument])
        event: HistoryLoaded | HistoryFailed
        try:
            bars = await self._shared_history(ask)
        except (VenueError, DataError) as error:
            event = HistoryFailed(
                at=self._now(), deployment_id=ask.deployment_id, instrument=ask.instrument, reason=error.message
            )
        else:
            event = HistoryLoaded(
                at=self._now(), deployment_id=ask.deployment_id, instrument=ask.instrument, bars=tuple(bars)
            )
        self._session.take(event)

    async def tell_account(self) -> None:
        """Keep profile, margins and holdings at hand for the pages, which never call a venue themselves."""
        while True:
            if self._link is not None:
                await self._read_account(self._link.venue)
            await self._machine.clock.sleep(ACCOUNT_FACTS_S if self.published else LOGIN_POLL_S)

    async def _read_account(self, venue: Venue) -> None:
        try:
            profile, margins = await venue.profile(), await venue.margins()
            holdings = await venue.holdings()
        except NeedsLogin as error:
            self.lose_login(error.message)
        except (VenueError, DataError) as error:
            self._session.log.warning("account_facts_failed", error=error.message)
        else:
            # what is used of it is the owner's money still
            self.cash = sum((row.net + row.used for row in margins), Decimal(0))
            self.published = {
                "profile": encode(profile),
                "margins": encode(margins),
                "holdings": encode(holdings),
                "as_of": encode(self._now()),
            }
            self._session.take(HoldingsRead(at=self._now(), holdings=holdings_of(holdings)))
            await self._read_triggers(venue)

    async def _read_triggers(self, venue: Venue) -> None:
        if not isinstance(venue, HoldsTriggers):
            return
        try:
            triggers = await venue.triggers()
        except (VenueError, DataError) as error:
            # a dead session is noticed by the next of the reads that trading needs
            self._session.log.warning("triggers_failed", error=error.message)
        else:
            self._session.take(TriggersRead(at=self._now(), failures=failures_of(triggers, at=self._now())))

    async def _host(self, link: VenueLink) -> None:
        await self.listening.follow(link.feed)
        keeping = asyncio.create_task(self.listening.keep(link.feed))
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
            await asyncio.gather(keeping, return_exceptions=True)
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
        opens = f", the stream opens at {until.astimezone(IST):%H:%M on %d %B}" if until is not None else ""
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
        if isinstance(event, FeedQuotes):
            self.frames += 1
            if not self._session.facts.is_simulated:
                forget_times_to_come(event.columns)
            self._session.take_quotes(MarketFrame(at=at, columns=event.columns))
            self._note_lag(event.columns)
            if self._session.market_ns:
                self._has_market_time.set()
        elif isinstance(event, FeedOrder):
            self._session.take(OrderSeen(at=at, order=event.order))
        elif isinstance(event, FeedState):
            self._state = event.state
            self._session.log.info("feed", state=event.state, reason=event.reason)
            self._session.take(FeedChanged(at=at, state=Link(event.state), reason=event.reason))
            if event.state == Link.NEEDS_LOGIN:
                self.lose_login(event.reason)
        elif isinstance(event, FeedMessage):
            self.listening.note(event, at)

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

    async def _shared_history(self, ask: LoadHistory) -> list[Bar]:
        """Fetch, or wait for a fetch under way that covers the ask: the venue allows three a second."""
        # a fetch begun before a bar closed does not have it
        key = (ask.instrument, ask.interval_s, self._session.market_ns // (ask.interval_s * NANOSECONDS))
        known = self._fetching.get(key)
        if known is None or known[0] < ask.bars:
            task = asyncio.get_running_loop().create_task(self._history(ask))
            known = self._fetching[key] = (ask.bars, task)
            task.add_done_callback(lambda done: self._forget_fetch(key, done))
        return await asyncio.shield(known[1])

    def _forget_fetch(self, key: tuple[str, int, int], done: asyncio.Task[list[Bar]]) -> None:
        if self._fetching.get(key, (0, None))[1] is done:
            del self._fetching[key]
        if not done.cancelled():
            done.exception()  # whoever waits for it raises it; with nobody left it is of no interest

    async def _history(self, ask: LoadHistory) -> list[Bar]:
        instrument = self._session.instruments.get(ask.instrument)
        if instrument is None:
            raise DataError(f"{ask.instrument} is not listed", code="instrument.unknown")
        end = await self._market_now()
        days = -(-ask.bars * ask.interval_s // TRADING_SECONDS_A_DAY)
        # two of seven days are weekends, and a few are holidays
        start = end - timedelta(days=days * 7 // 5 + 5)
        bars: list[Bar] = await self._open().venue.history(instrument, ask.interval_s, start, end)
        return bars

    async def _market_now(self) -> datetime:
        """Return market time; in a replay it is not the wall's, so the first quote that bears one is awaited."""
        try:
            async with asyncio.timeout(MARKET_TIME_S):
                await self._has_market_time.wait()
        except TimeoutError:
            return self._now()
        return at_of(self._session.market_ns) or self._now()

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
