"""The demo's furniture: a user, a simulated account logged in by the real redirect, limits, deployments."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
from django.conf import settings

from accounts.models import ApiKey, Desk, Role, User
from accounts.scopes import TRADING
from accounts.services import api_key_create, api_key_revoke, desk_create, user_create
from brokers import services as broker_services
from brokers.domain.errors import Retryable
from brokers.domain.instruments import OPTION_KINDS, InstrumentKind
from brokers.domain.orders import Book
from brokers.logins import login_exchange
from brokers.models import ListedInstrument, TradingAccount
from brokers.selectors import credentials_of, venue_urls
from brokers.simulator.kite_sessions import DEMO_APP
from execution.models import Lease
from risk.models import LimitSet
from strategies.models import Deployment, DeploymentState
from strategies.services import deployment_add, deployment_toggle

EMAIL = "demo@windhover.example"
KEY_LABEL = "demo"
KEY_LIFE = timedelta(days=1)
LOGIN_TIMEOUT_S = 5.0
INDEX = "NSE:NIFTY 50"
STRIKES = 4
FAVOURITES = (
    "RELIANCE",
    "HDFCBANK",
    "ICICIBANK",
    "INFY",
    "TCS",
    "SBIN",
    "AXISBANK",
    "BHARTIARTL",
    "LT",
    "TATASTEEL",
)
LIMITS = {
    "max_daily_loss_quote": Decimal(50_000),
    "max_order_value_quote": Decimal(500_000),
    "max_gross_exposure_quote": Decimal(5_000_000),
    "max_position_value_quote": Decimal(1_000_000),
    "max_orders_per_second": 8,
    "max_orders_per_day": 2_000,
    "price_band_fraction": Decimal("0.05"),
    "max_quote_age_s": Decimal(30),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """How to sign in to the demo."""

    user: str
    password: str
    key: str


def user_ensure(*, at: datetime) -> tuple[User, SignIn]:
    """Make or find the demo's user, with the password kept in the state folder and a fresh key."""
    password = _password()
    user = User.objects.filter(email=EMAIL).first()
    if user is None:
        user = user_create(
            email=EMAIL, at=at, name="Demo", zerodha_id=DEMO_APP.user_id, password=password, is_operator=True
        )
    elif not user.check_password(password):
        user.set_password(password)
        user.save(update_fields=["password"])
    for old in ApiKey.objects.filter(user=user, label=KEY_LABEL, revoked_at=None):
        api_key_revoke(key=old, at=at, by=user)
    _, key = api_key_create(user=user, label=KEY_LABEL, at=at, lifetime=KEY_LIFE, scopes=TRADING)
    return user, SignIn(user=EMAIL, password=password, key=key)


def account_ensure(*, user: User, at: datetime) -> TradingAccount:
    """Make or find the demo's simulated account, its limits and its lease."""
    membership = user.memberships.filter(role=Role.OWNER, is_active=True).select_related("desk").first()
    desk: Desk = membership.desk if membership else desk_create(name="Demo desk", owner=user, at=at)
    account = TradingAccount.objects.filter(desk=desk, venue_user_id=DEMO_APP.user_id).first()
    if account is None:
        account = broker_services.account_connect(
            desk=desk,
            owner=user,
            venue="kite",
            label="Simulated Kite",
            venue_user_id=DEMO_APP.user_id,
            api_key=DEMO_APP.api_key,
            api_secret=DEMO_APP.api_secret,
            is_simulated=True,
            by=user,
            at=at,
        )
        account.is_live = True
        account.save(update_fields=["is_live"])
    LimitSet.objects.get_or_create(account=account, defaults=LIMITS)
    Lease.objects.get_or_create(account=account)
    return account


def login(account: TradingAccount, *, simulator_url: str, at: datetime) -> None:
    """Log the account in as its owner's browser would: by the venue's redirect and the token it carries."""
    token = request_token(simulator_url, account.api_key)
    login_exchange(account=account, request_token=token, by=account.owner, at=at)


def request_token(simulator_url: str, api_key: str) -> str:
    """Return the token in the address the venue redirects to; raise Retryable when there is none."""
    address = f"{simulator_url.rstrip('/')}/connect/login"
    try:
        reply = httpx.get(
            address,
            params={"v": "3", "api_key": api_key, "auto": "1"},
            follow_redirects=False,
            timeout=LOGIN_TIMEOUT_S,
            trust_env=False,
        )
    except httpx.HTTPError as error:
        raise Retryable(f"The simulated exchange at {simulator_url} does not answer.") from error
    location = parse_qs(urlsplit(reply.headers.get("location", "")).query)
    if "request_token" not in location:
        raise Retryable(f"The simulated exchange at {simulator_url} gave no request token (HTTP {reply.status_code}).")
    return str(location["request_token"][0])


def deployments_ensure(*, account: TradingAccount, is_replay: bool, by: User, at: datetime) -> list[Deployment]:
    """Deploy both strategies live, and one on paper, on what the exchange lists; earlier ones that fit stay.

    Each live strategy has instruments of its own: all decide at the end of the same bar, and what they then want at
    once stays within the orders of a second.
    """
    listed = _chosen(account, is_replay=is_replay)
    kept = list(Deployment.objects.filter(account=account).exclude(state=DeploymentState.REMOVED))
    if any(set(row.instruments) & set(listed) for row in kept):
        return kept
    for row in kept:
        deployment_toggle(deployment=row, enabled=False, by=by, at=at)
    middle = len(listed) // 2
    added = [
        deployment_add(
            account=account,
            strategy=strategy,
            instruments=instruments,
            params=_params(strategy, is_options=listed[0].startswith(("NFO:", "BFO:")), is_replay=is_replay),
            mode=mode,
            by=by,
            at=at,
        )
        for strategy, mode, instruments in (
            ("ema-crossover", Book.LIVE, listed[:middle]),
            ("vwap-breakout", Book.LIVE, listed[middle:]),
            ("ema-crossover", Book.PAPER, listed[middle : middle + 2]),
        )
    ]
    return [deployment_toggle(deployment=row, enabled=True, by=by, at=at) for row in added]


def _params(strategy: str, *, is_options: bool, is_replay: bool) -> Mapping[str, Any]:
    # a recording of stocks has five-minute bars; chains and the built-in market have minutes
    common: dict[str, Any] = {"bar_minutes": 5 if is_replay and not is_options else 1}
    if is_options:
        common |= {"lots": 1, "direction": "long"}
    else:
        common |= {"order_value_quote": "100000", "direction": "both"}
    if strategy == "ema-crossover":
        return {**common, "fast": 5, "slow": 13}
    return {**common, "atr_bars": 5, "atr_multiple": 0.5, "volume_ratio": 1.2}


def _chosen(account: TradingAccount, *, is_replay: bool) -> list[str]:
    rows = ListedInstrument.objects.filter(venue=account.venue)
    stocks = {row.symbol: row for row in rows.filter(kind=InstrumentKind.EQUITY, exchange="NSE")}
    if stocks:
        names = [name for name in FAVOURITES if name in stocks] or sorted(stocks)[: len(FAVOURITES)]
        return [f"NSE:{name}" for name in names[: 8 if is_replay else 6]]
    return _near(_spot(account), list(rows.filter(kind__in=[kind.value for kind in OPTION_KINDS])))


def _spot(account: TradingAccount) -> Decimal | None:
    """Return the index's last price, None where the exchange shows none."""
    credentials = credentials_of(account)
    try:
        reply = httpx.get(
            f"{venue_urls(account).api}/quote/ltp",
            params={"i": INDEX},
            headers={"Authorization": f"token {credentials.api_key}:{credentials.access_token}"},
            timeout=LOGIN_TIMEOUT_S,
            trust_env=False,
        )
        price = Decimal(str(reply.json()["data"][INDEX]["last_price"]))
    except (httpx.HTTPError, ValueError, KeyError, TypeError):
        return None
    return price or None


def _near(spot: Decimal | None, options: list[ListedInstrument]) -> list[str]:
    """Return calls and puts of the nearest expiry around the spot, or around the middle strike without one."""
    dated = [row for row in options if row.expiry is not None and row.strike is not None]
    if not dated:
        raise Retryable("The exchange lists nothing that a strategy could trade.", code="instruments.short")
    nearest: date = min(row.expiry for row in dated if row.expiry)
    near = sorted((row for row in dated if row.expiry == nearest), key=lambda row: (row.strike or 0, row.kind))
    strikes = sorted({row.strike for row in near if row.strike})
    centre = strikes[len(strikes) // 2] if spot is None else spot
    wanted = set(sorted(strikes, key=lambda strike: abs(strike - centre))[:STRIKES])
    return [f"{row.exchange}:{row.symbol}" for row in near if row.strike in wanted]


def _password() -> str:
    path = Path(settings.WINDHOVER_STATE) / "demo.json"
    try:
        return str(json.loads(path.read_text())["password"])
    except FileNotFoundError:
        password = secrets.token_urlsafe(12)
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({"password": password}, file)
        return password
