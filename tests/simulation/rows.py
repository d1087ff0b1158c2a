"""The rows a world begins with: an owner, an account with limits and a login, and what the exchange lists."""

from __future__ import annotations

import uuid
from datetime import datetime
from decimal import Decimal

from accounts.models import Role
from accounts.services import desk_create, user_create
from accounts.vault import seal
from brokers.models import ListedInstrument, SessionState, TradingAccount, VenueLogin
from brokers.selectors import binding_of
from brokers.simulator.kite_sessions import DEMO_APP
from brokers.simulator.listings import equity
from execution.models import Lease
from risk.models import LimitSet
from tests.simulation import exchange


def account_of(at: datetime, **terms: object) -> TradingAccount:
    """Write a simulated account with its owner, and return it."""
    owner = user_create(email=f"{uuid.UUID(int=1).hex}@example.com", at=at)
    membership = owner.memberships.filter(role=Role.OWNER).first()
    desk = membership.desk if membership else desk_create(name="Simulated", owner=owner, at=at)
    return TradingAccount.objects.create(
        desk=desk, owner=owner, label="simulated", is_simulated=True, is_live=True, **terms
    )


def limits_of(account: TradingAccount, **changes: object) -> None:
    """Write an account's limits."""
    limits: dict[str, object] = {
        "max_daily_loss_quote": Decimal(200_000),
        "max_order_value_quote": Decimal(500_000),
        "max_gross_exposure_quote": Decimal(2_000_000),
        "max_position_value_quote": Decimal(1_000_000),
        "max_orders_per_second": 8,
        "max_orders_per_day": 500,
        "price_band_fraction": Decimal("0.03"),
        "max_quote_age_s": Decimal(15),
    }
    LimitSet.objects.create(account=account, **{**limits, **changes})


def account_rows(at: datetime) -> TradingAccount:
    """Write everything a desk needs to host one account at the simulated Kite, and return the account."""
    account = account_of(at, venue="kite", venue_user_id=DEMO_APP.user_id, currency="INR", api_key=DEMO_APP.api_key)
    limits_of(account)
    Lease.objects.create(account=account)
    token = seal(exchange.TOKEN, binding=binding_of(account, "access_token"))
    VenueLogin.objects.create(account=account, state=SessionState.LIVE, epoch=1, access_token=token)
    _list_shares()
    return account


def _list_shares() -> None:
    for name, price in exchange.PRICES.items():
        listing = equity(name, name, price)
        ListedInstrument.objects.create(
            venue="kite",
            exchange="NSE",
            symbol=name,
            token=listing.token,
            kind="EQ",
            name=name,
            segment="NSE",
            tick_size=Decimal(listing.tick) / 100,
            lot_size=1,
            listed_on=exchange.DAY,
        )
