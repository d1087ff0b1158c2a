"""What the venue says of the account itself, kept at hand for the pages, which never call a venue themselves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from brokers.domain.errors import DataError, NeedsLogin, VenueError
from brokers.domain.market_life import holdings_of
from brokers.ports import HoldsTriggers, TradesPerpetuals, Venue
from execution.domain.codec import encode
from execution.domain.events import HoldingsRead, TriggersRead, WalletSeen
from execution.domain.setbacks import failures_of

if TYPE_CHECKING:
    from execution.runtime.session import Session

EVERY_S = 60.0
LOOK_AGAIN_S = 0.5


class AccountBook:
    """Profile, margins, holdings, wallets and triggers, read once a minute while a session is open."""

    def __init__(
        self, session: Session, open_venue: Callable[[], Venue | None], on_needs_login: Callable[[str], None]
    ) -> None:
        self._session = session
        self._open_venue = open_venue
        self._on_needs_login = on_needs_login
        self.published: dict[str, object] = {}
        self.cash: Decimal | None = None

    async def keep(self) -> None:
        """Read for ever."""
        while True:
            venue = self._open_venue()
            if venue is not None:
                await self._read(venue)
            await self._session.machine.clock.sleep(EVERY_S if self.published else LOOK_AGAIN_S)

    async def _read(self, venue: Venue) -> None:
        try:
            profile, margins = await venue.profile(), await venue.margins()
            holdings = await venue.holdings()
            wallets = tuple(await venue.wallets()) if isinstance(venue, TradesPerpetuals) else ()
        except NeedsLogin as error:
            self._on_needs_login(error.message)
            return
        except (VenueError, DataError) as error:
            self._session.log.warning("account_facts_failed", error=error.message)
            return
        if not wallets:
            # what is used of it is the owner's money still; wallets of several assets are no one sum
            self.cash = sum((row.net + row.used for row in margins), Decimal(0))
        self.published = {
            "profile": encode(profile),
            "margins": encode(margins),
            "holdings": encode(holdings),
            "as_of": encode(self._now()),
        }
        self._session.take(HoldingsRead(at=self._now(), holdings=holdings_of(holdings)))
        if wallets:
            self._session.take(WalletSeen(at=self._now(), wallets=wallets, reason="read"))
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

    def _now(self) -> datetime:
        return self._session.machine.clock.now()
