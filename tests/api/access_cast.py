"""Everybody who calls, and one row of everything that can be named."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property

from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import ApiKey, Role, SignIn
from accounts.scopes import Scope
from accounts.services import api_key_create
from analysis.alerts import alert_add
from analysis.fetch_models import CandleFetch
from analysis.own_models import SavedRule, StockNote, Watchlist
from execution.basket_models import Basket
from execution.models import Discrepancy
from options.builder_models import Combination
from options.models import ChainAlert, TrackedUnderlying
from strategies.agent_models import AgentWatch
from strategies.backtest_models import BacktestRun
from tests.people import (
    a_deployment,
    a_desk,
    a_key,
    a_listed,
    a_member,
    a_position_row,
    a_user,
    an_account,
    an_order_row,
    bearer,
)

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
A_RULE = {"all": [{"left": {"indicator": "rsi"}, "is": "above", "right": 55}]}
CANARY = "canary-of-another-desk"
OPTION = "NFO:NIFTY26NOV24000CE"
AT = datetime(2026, 8, 18, 6, 30, tzinfo=UTC)


class Cast:
    """A desk with an account and a row of everything, each made when it is first asked for."""

    def __init__(self):
        self.desk = a_desk()
        self.owner = self.desk.memberships.get().user
        self.account = an_account(self.desk, owner=self.owner)
        type(self.account).objects.filter(pk=self.account.pk).update(label=CANARY)

    @property
    def own(self):
        return {"desk": self.desk, "created_at": AT, "changed_at": AT, "name": CANARY}

    @cached_property
    def key(self):
        a_key(self.owner)
        return self.owner.api_keys.first()

    @cached_property
    def sign_in(self):
        return SignIn.objects.create(user=self.owner, at=AT, outcome="opened", browser=CANARY, session_key="gone")

    @cached_property
    def deployment(self):
        return a_deployment(self.account)

    @cached_property
    def order(self):
        return an_order_row(self.account, reason=CANARY)

    @cached_property
    def position(self):
        return a_position_row(self.account)

    @cached_property
    def leg(self):
        a_listed(
            OPTION.partition(":")[2], exchange="NFO", kind="CE", name="NIFTY", lot_size=75, expiry=date(2026, 11, 24)
        )
        return {
            "instrument": OPTION,
            "side": "BUY",
            "quantity": "75",
            "type": "LIMIT",
            "price": "101.50",
            "product": "NRML",
        }

    @cached_property
    def basket(self):
        return Basket.objects.create(
            account=self.account,
            name=CANARY,
            policy="hold",
            book="paper",
            state="held",
            deadline_at=AT,
            requested_by=self.owner,
            created_at=AT,
            updated_at=AT,
        )

    @cached_property
    def alert(self):
        a_listed()
        return alert_add(
            account=self.account,
            instrument="NSE:RELIANCE",
            direction="above",
            level=Decimal(100),
            by=self.owner,
            at=AT,
            note=CANARY,
        )

    @cached_property
    def tracked(self):
        return TrackedUnderlying.objects.create(owner=self.owner, account=self.account, underlying="NIFTY", asked_at=AT)

    @cached_property
    def chain_alert(self):
        return ChainAlert.objects.create(tracked=self.tracked, measure="pcr", level=1.5, created_at=AT)

    @cached_property
    def fetch(self):
        return CandleFetch.objects.create(
            account=self.account, universe="all", requested_by=self.owner, requested_at=AT, touched_at=AT
        )

    @cached_property
    def backtest(self):
        return BacktestRun.objects.create(
            desk=self.desk,
            requested_by=self.owner,
            place=1,
            strategy="rsi",
            instrument="NSE:RELIANCE",
            params={"label": CANARY},
            terms={},
            requested_at=AT,
            touched_at=AT,
        )

    @cached_property
    def watch(self):
        return AgentWatch.objects.create(account=self.account, instruments=["NSE:RELIANCE"], created_at=AT)

    @cached_property
    def discrepancy(self):
        return Discrepancy.objects.create(
            account=self.account, kind="position", subject="NSE:RELIANCE", sentence=CANARY, found_at=AT
        )

    @cached_property
    def watchlist(self):
        return Watchlist.objects.create(**self.own)

    @cached_property
    def rule(self):
        return SavedRule.objects.create(**self.own, document=A_RULE)

    @cached_property
    def note(self):
        return StockNote.objects.create(desk=self.desk, instrument="NSE:RELIANCE", text=CANARY, written_at=AT)

    @cached_property
    def combination(self):
        return Combination.objects.create(desk=self.desk, name=CANARY, underlying="NIFTY", saved_at=AT)

    def fill(self):
        """Make every row, so that a stranger's answer could betray it."""
        for name in (name for name, kind in vars(Cast).items() if isinstance(kind, cached_property)):
            getattr(self, name)


def api_client(name, cast):
    """Give the API client of a caller by name; all but strangers and nobodies belong to the cast's desk."""
    client = APIClient(raise_request_exception=False)
    if name != "anonymous":
        client.credentials(HTTP_AUTHORIZATION=bearer(_key(name, cast))["Authorization"])
    return client


def page_client(name, cast):
    """Give the browser of a caller by name."""
    client = Client(raise_request_exception=False)
    if name != "anonymous":
        client.force_login(cast.owner if name == "owner" else a_desk().memberships.get().user, backend=BACKEND)
    return client


def _key(name, cast):
    if name == "unknown key":
        return "wh_nobody"
    if name == "expired key":
        return a_key(cast.owner, at=timezone.now() - timedelta(hours=2))
    if name == "revoked key":
        text = a_key(cast.owner)
        ApiKey.objects.filter(user=cast.owner).update(revoked_at=timezone.now())
        return text
    if name.removesuffix(" key") in set(Scope):
        return _text(cast.owner, [Scope(name.removesuffix(" key"))])
    if name == "stranger":
        stranger = a_user()
        an_account(a_desk(owner=stranger), owner=stranger)
        return _text(stranger, Scope)
    return _text(cast.owner if name == "owner" else a_member(cast.desk, Role(name)), Scope)


def _text(user, scopes):
    now = timezone.now()
    return api_key_create(user=user, label="matrix", at=now, lifetime=timedelta(hours=1), scopes=scopes)[1]
