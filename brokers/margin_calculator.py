"""What a venue's own calculator says that orders would block; a question, nothing is placed."""

from __future__ import annotations

from collections.abc import Sequence

from brokers.adapters.kite import blocking as kite
from brokers.domain.errors import NotFound
from brokers.domain.instruments import Instrument
from brokers.domain.margins import BasketMargin
from brokers.domain.orders import OrderIntent
from brokers.models import TradingAccount, Venue
from brokers.selectors import credentials_of, venue_urls


def basket_margin(*, account: TradingAccount, orders: Sequence[tuple[OrderIntent, Instrument]]) -> BasketMargin:
    """Return what orders would block together, with the benefit of their spreads.

    Raises
    ------
    NotFound
        Where the account's venue has no calculator.
    NeedsLogin
        Where nobody is signed in there.
    VenueError
        Where the venue does not answer, or refuses.
    """
    if account.venue != Venue.KITE:
        raise NotFound(f"{account} has no margin calculator", code="margin.no_calculator", field="account")
    urls = venue_urls(account)
    return kite.basket_margin(credentials_of(account), orders, api_url=urls.api)
