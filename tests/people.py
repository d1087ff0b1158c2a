"""Users, desks, keys and accounts as rows; each test says only what matters to it."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from uuid import uuid4

from allauth.account.internal.flows.login import record_authentication
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.test import RequestFactory
from django.utils import timezone

from accounts.models import Role
from accounts.scopes import TRADING, Scope
from accounts.services import api_key_create, desk_create, membership_set, user_create
from accounts.vault import seal
from brokers.models import ListedInstrument, Preflight, SessionState, TradingAccount, VenueLogin
from execution.models import Order, PositionRow
from strategies.models import Deployment
from strategies.services import deployment_add

_numbers = count(1)
NOON = datetime(2026, 8, 18, 6, 30, tzinfo=UTC)


def a_user(*, password=None, zerodha_id=None, email=None, **fields):
    number = next(_numbers)
    return user_create(
        email=email or f"trader{number}@example.com",
        at=NOON,
        zerodha_id=zerodha_id or f"AB{number:04}",
        password=password,
        **fields,
    )


def confirmed(client, user, *, age=timedelta(days=2)):
    """Give a person a second factor of this age, and let this browser have shown it a moment ago."""
    row = TOTP.activate(user, "JBSWY3DPEHPK3PXP").instance
    Authenticator.objects.filter(pk=row.pk).update(created_at=timezone.now() - age)
    request = RequestFactory().get("/")
    request.session = client.session
    record_authentication(request, user, "mfa", type="totp")
    request.session.save()
    return client


def a_desk(*, owner=None, name="Desk"):
    return desk_create(name=name, owner=owner or a_user(), at=NOON)


def a_member(desk, role=Role.VIEWER):
    user = a_user()
    membership_set(desk=desk, user=user, role=role, at=NOON, by=None)
    return user


def a_key(user, *, may_trade=True, lifetime=timedelta(hours=1), at=None):
    scopes = TRADING if may_trade else (Scope.READ,)
    _, text = api_key_create(user=user, label="test", at=at or timezone.now(), lifetime=lifetime, scopes=scopes)
    return text


def an_account(desk, *, owner=None, is_simulated=True, is_live=False, logged_in=True):
    number = next(_numbers)
    row = TradingAccount(
        id=uuid4(),
        desk=desk,
        owner=owner or desk.memberships.first().user,
        venue="kite",
        label=f"Kite {number}",
        venue_user_id=f"ZZ{number:04}",
        currency="INR",
        is_simulated=is_simulated,
        is_live=is_live,
        api_key="apikey",
    )
    row.api_secret = seal("the-secret-of-the-account", binding=str(row.id))
    row.save()
    state = SessionState.LIVE if logged_in else SessionState.NEEDS_LOGIN
    VenueLogin.objects.create(account=row, state=state)
    return row


def an_aster_account(desk, *, owner=None, is_simulated=True, is_live=False):
    number = next(_numbers)
    row = TradingAccount(
        id=uuid4(),
        desk=desk,
        owner=owner or desk.memberships.first().user,
        venue="aster",
        label=f"Aster {number}",
        venue_user_id=f"wallet-{number}",
        currency="USDT",
        is_simulated=is_simulated,
        is_live=is_live,
        auth_scheme="hmac",
        api_key=f"apikey{number}",
    )
    row.api_secret = seal("the-secret-of-the-account", binding=f"{row.id}:api_secret")
    row.save()
    VenueLogin.objects.create(account=row, state=SessionState.LIVE)
    return row


def cleared(account, *, egress="203.0.113.7", at=None, findings=()):
    """Declare an account's way out, as a preflight saw it."""
    account.egress_address = egress
    account.save(update_fields=["egress_address"])
    seen = {"at": at or timezone.now(), "egress_address": egress, "seen_address": egress, "findings": list(findings)}
    Preflight.objects.update_or_create(account=account, defaults=seen)
    return account


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


def a_listed(symbol="RELIANCE", *, exchange="NSE", kind="EQ", token=None, **fields):
    row = {"venue": "kite", "name": symbol, "segment": exchange, "tick_size": Decimal("0.05"), "lot_size": 1, **fields}
    listed, _ = ListedInstrument.objects.get_or_create(
        venue=row.pop("venue"),
        exchange=exchange,
        symbol=symbol,
        defaults={"token": token or next(_numbers), "kind": kind, "listed_on": NOON.date(), **row},
    )
    return listed


def a_deployment(account, *, mode="paper", **fields):
    a_listed()
    deployment = deployment_add(
        account=account,
        strategy="ema-crossover",
        instruments=["NSE:RELIANCE"],
        params={},
        mode=mode,
        by=account.owner,
        at=NOON,
    )
    if fields:
        Deployment.objects.filter(pk=deployment.pk).update(**fields)
        deployment.refresh_from_db()
    return deployment


def an_order_row(account, **fields):
    number = next(_numbers)
    row = {
        "book": "paper",
        "client_id": f"W{number:08}",
        "instrument": "NSE:RELIANCE",
        "side": "BUY",
        "quantity": 10,
        "order_type": "LIMIT",
        "price": Decimal("1400.05"),
        "product": "MIS",
        "purpose": "ENTRY",
        "status": "OPEN",
        "origin": "DESK",
        "reason": "fast average above slow",
        "venue_day": NOON.date(),
        "created_at": NOON,
        "updated_at": NOON,
        **fields,
    }
    return Order.objects.create(account=account, **row)


def a_position_row(account, **fields):
    row = {
        "book": "paper",
        "instrument": "NSE:RELIANCE",
        "product": "MIS",
        "strategy_key": "",
        "quantity": 10,
        "average_price": Decimal("1400.05"),
        "realised_today_quote": Decimal(0),
        "venue_day": NOON.date(),
        "updated_at": NOON,
        **fields,
    }
    return PositionRow.objects.create(account=account, **row)
