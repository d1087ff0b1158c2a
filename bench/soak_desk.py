"""The desk under load: a hosted account that follows 9,000 instruments closely and trades a few of them on paper."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bench.market import START
from brokers.adapters.backoff import Backoff
from brokers.adapters.kite.feed import KiteFeed
from brokers.adapters.paper.venue import PaperVenue
from brokers.adapters.rest import HttpNet
from brokers.domain.instruments import Instrument, InstrumentKind
from brokers.domain.market import Bar, QuoteColumns
from brokers.ports import Credentials, FeedMode
from brokers.registry import KITE, budget_for
from config.demo.state import environment_of, open_state
from execution.domain.market import VOLUME

if TYPE_CHECKING:
    from execution.runtime.machine import Machine
    from execution.runtime.session import Session

TRADED = 5
QUOTED_WITHIN_S = 60.0


def database_in(folder: Path, *, redis_url: str, stream_url: str) -> None:
    """Make an empty database and let Django know it; called once in a process."""
    import django
    from django.core.management import call_command

    os.environ.update(environment_of(open_state(folder)))
    os.environ["DATABASE_URL"] = f"sqlite:///{folder / 'windhover.sqlite3'}"
    os.environ["REDIS_URL"] = redis_url
    os.environ["WINDHOVER_STATE"] = str(folder)
    os.environ["WINDHOVER_KITE_API_URL"] = "http://127.0.0.1:9"  # nothing listens there and nothing calls it
    os.environ["WINDHOVER_KITE_STREAM_URL"] = stream_url
    django.setup()
    logging.getLogger().handlers = [logging.NullHandler()]  # lines are made as in the desk, and nobody reads them here
    call_command("migrate", interactive=False, verbosity=0)


class QuietVenue(PaperVenue):
    """Its books stay empty and it keeps no candles; all that is asked of it is asked by the desk itself."""

    name = "kite"

    async def history(self, instrument: Instrument, interval_s: int, start: datetime, end: datetime) -> list[Bar]:
        """Return nothing: strategies warm up from ticks."""
        return []


@dataclass(slots=True, kw_only=True)
class SoakedDesk:
    """One running session and its feed."""

    session: Session
    feed: KiteFeed

    async def until_quoted(self, count: int) -> None:
        """Wait until every instrument has been quoted."""
        deadline = time.monotonic() + QUOTED_WITHIN_S
        while int(np.count_nonzero(self.volumes() > 0)) < count:
            if time.monotonic() > deadline:
                raise AssertionError(f"not all of {count} instruments were quoted: {dict(self.feed.figures())}")
            await asyncio.sleep(0.1)

    def volumes(self) -> npt.NDArray[np.float64]:
        """Return the volume column of the latest-quote table."""
        market = self.session.engine._desk.market
        figures: npt.NDArray[np.float64] = np.nan_to_num(market._table[VOLUME, : len(market.tracked())])
        return figures


@asynccontextmanager
async def hosted_desk(
    folder: Path, port: int, *, instruments: int, note: Callable[[QuoteColumns], None]
) -> AsyncIterator[SoakedDesk]:
    """Host an account as the desk does; `note` is called after the table has taken a frame in."""
    from execution.journal import Journal
    from execution.runtime.clock import SystemClock
    from execution.threads import DatabaseThread

    account_id = await asyncio.to_thread(_account, instruments)
    clock = SystemClock()
    net = HttpNet()
    feed = KiteFeed(
        net=net,
        credentials=Credentials(user_id="SIM001", api_key="key", access_token="token"),  # noqa: S106 - a made one
        clock=clock,
        backoff=Backoff(jitter=random.Random(1).random),  # noqa: S311 - spreads retries, keeps no secret
        stream_url=f"ws://127.0.0.1:{port}",
    )
    threads = (Journal(tips_file=folder / "tips.jsonl"), DatabaseThread("reader"), DatabaseThread("lease"))
    for thread in threads:
        thread.start()
    try:
        session, tasks = await _begin(_machine(folder, threads, feed, instruments), account_id, note)
        try:
            yield SoakedDesk(session=session, feed=feed)
        finally:
            for task in tasks:
                task.cancel()
            await session.finish(gently=True)
    finally:
        await net.close()
        for thread in threads:
            thread.stop()


async def _begin(
    machine: Machine, account_id: str, note: Callable[[QuoteColumns], None]
) -> tuple[Session, list[asyncio.Task[None]]]:
    from execution.runtime.hosting import keep_lease, open_session
    from execution.runtime.polling import Inbox
    from execution.runtime.publisher import Broadcast

    grant = await machine.lease.claim(account_id)
    if grant is None:
        raise AssertionError("nobody else can hold this lease")
    session = await open_session(machine, grant)
    _watch(session, note)
    session.take_over()
    inbox = Inbox(session)
    await inbox.begin()
    for work in (session.live.run(), inbox.run(), Broadcast(session).run(), session.live.tell_account()):
        session.spawn(work)
    return session, [asyncio.create_task(keep_lease(session))]


def _watch(session: Session, note: Callable[[QuoteColumns], None]) -> None:
    market = session.engine._desk.market
    take = market.take

    def noted(columns: QuoteColumns, source: str, newest_ns: int | None = None) -> list[Bar]:
        bars = take(columns, source, newest_ns)
        note(columns)
        return bars

    market.take = noted  # type: ignore[method-assign]


def _machine(folder: Path, threads: tuple[Any, ...], feed: KiteFeed, instruments: int) -> Machine:
    from django.conf import settings

    from brokers import hub
    from execution.runtime.clock import SystemClock, boot_id
    from execution.runtime.desk import RedisDoorbell
    from execution.runtime.lease import DatabaseLease, LeaseTerms
    from execution.runtime.machine import Follow, Machine, VenueLink

    journal, reader, renewer = threads
    clock = SystemClock()
    venue = QuietVenue(clock=clock, instruments=[])
    return Machine(
        clock=clock,
        journal=journal,
        reader=reader,
        lease=DatabaseLease(owner="soak", terms=LeaseTerms(ttl_s=30), clock=clock, thread=renewer),
        publisher=hub.HubPublisher(hub.async_redis(settings.REDIS_URL)),
        doorbell=RedisDoorbell(settings.REDIS_URL, clock),
        connect=lambda *_: VenueLink(venue=venue, feed=feed, budget=budget_for(KITE, clock=clock)),
        send_log_folder=folder / "sendlog",
        boot_id=boot_id(),
        follow=Follow(count=instruments, mode=FeedMode.FULL),
    )


def _account(instruments: int) -> str:
    from accounts.vault import seal
    from brokers.models import ListedInstrument, SessionState, VenueLogin
    from brokers.selectors import binding_of
    from execution.management import demo
    from strategies.models import Deployment

    at = datetime.now(tz=UTC)
    user, _ = demo.user_ensure(at=at)
    account = demo.account_ensure(user=user, at=at)
    sealed = seal("token", binding=binding_of(account, "access_token"))
    VenueLogin.objects.update_or_create(
        account=account, defaults={"state": SessionState.LIVE, "epoch": 1, "access_token": sealed}
    )
    ListedInstrument.objects.bulk_create(
        ListedInstrument(
            venue=account.venue,
            exchange="NSE",
            symbol=f"SHARE{number:04}",
            token=(1_000 + number) << 8 | 1,
            kind=InstrumentKind.EQUITY,
            name=f"SHARE {number}",
            segment="NSE",
            tick_size=Decimal("0.05"),
            lot_size=1,
            listed_on=START.date(),
        )
        for number in range(instruments)
    )
    Deployment.objects.create(
        account=account,
        strategy="ema-crossover",
        instruments=[f"NSE:SHARE{number:04}" for number in range(TRADED)],
        params={"fast": 5, "slow": 13, "direction": "long", "order_value_quote": "10000"},
        mode="paper",
        is_enabled=True,
        created_by=user,
    )
    return str(account.pk)
