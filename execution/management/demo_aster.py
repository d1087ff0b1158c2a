"""The demo's second venue: an account at the simulated Aster, its limits, and strategies on two perpetuals."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from accounts.models import User
from brokers import services as broker_services
from brokers.domain.errors import Retryable
from brokers.domain.money import Currency
from brokers.domain.orders import Book
from brokers.market_models import CurrencyRate
from brokers.models import ListedInstrument, Proof, TradingAccount, Venue
from brokers.simulator.aster.traders import DEMO_AGENT_KEY, DEMO_TRADER
from execution.connections import desk_of
from execution.models import Lease
from risk.models import LimitSet
from strategies.models import Deployment, DeploymentState
from strategies.services import deployment_add, deployment_toggle

LABEL = "Simulated Aster"
SYMBOLS = ("BTCUSDT", "ETHUSDT")
STRATEGY = "ema-crossover"
# in USDT, of the hundred thousand that the simulator gives
LIMITS = {
    "max_daily_loss_quote": Decimal(2_000),
    "max_order_value_quote": Decimal(10_000),
    "max_gross_exposure_quote": Decimal(60_000),
    "max_position_value_quote": Decimal(20_000),
    "max_orders_per_second": 8,
    "max_orders_per_day": 2_000,
    "price_band_fraction": Decimal("0.05"),
    "max_quote_age_s": Decimal(30),
}
RATE, RATE_SOURCE = Decimal("88.50"), "the demo's own figure, read from no market"
PARAMS: dict[str, Any] = {
    "bar_minutes": 1,
    "order_value_quote": "4000",
    "direction": "both",
    "fast": 5,
    "slow": 13,
}


def account_ensure(*, user: User, at: datetime) -> TradingAccount:
    """Make or find the demo's account at the simulated Aster, with its limits and its lease; its agent proves it."""
    desk = desk_of(user, at=at)
    account = TradingAccount.objects.filter(desk=desk, venue=Venue.ASTER, venue_user_id=DEMO_TRADER.user).first()
    if account is None:
        account = broker_services.account_connect(
            desk=desk,
            owner=user,
            venue=Venue.ASTER,
            label=LABEL,
            venue_user_id=DEMO_TRADER.user,
            api_key=DEMO_TRADER.agent,
            api_secret=DEMO_AGENT_KEY,
            auth_scheme=Proof.AGENT,
            is_simulated=True,
            by=user,
            at=at,
        )
        account.is_live = True
        account.save(update_fields=["is_live"])
    LimitSet.objects.get_or_create(account=account, defaults=LIMITS)
    return account


def deployments_ensure(*, account: TradingAccount, by: User, at: datetime) -> list[Deployment]:
    """Deploy one strategy live and on paper, on what the exchange lists; earlier ones stay."""
    kept = list(Deployment.objects.filter(account=account).exclude(state=DeploymentState.REMOVED))
    if kept:
        return kept
    added = [
        deployment_add(
            account=account, strategy=STRATEGY, instruments=_listed(), params=PARAMS, mode=mode, by=by, at=at
        )
        for mode in (Book.LIVE, Book.PAPER)
    ]
    return [deployment_toggle(deployment=row, enabled=True, by=by, at=at) for row in added]


def rate_ensure(*, at: datetime) -> None:
    """Let rupees and USDT be added up by a rate that says of itself that it is no market's."""
    if not CurrencyRate.objects.filter(base=Currency.USDT, quote=Currency.INR).exists():
        CurrencyRate.objects.create(base=Currency.USDT, quote=Currency.INR, rate=RATE, source=RATE_SOURCE, at=at)


def host(account: TradingAccount) -> None:
    """Let a desk take the account, once what it trades is listed."""
    Lease.objects.get_or_create(account=account)


def _listed() -> list[str]:
    rows = ListedInstrument.objects.filter(venue=Venue.ASTER, symbol__in=SYMBOLS).order_by("symbol")
    if not rows:
        raise Retryable("The simulated Aster lists none of the demo's perpetuals.", code="instruments.short")
    return [f"{row.exchange}:{row.symbol}" for row in rows]
