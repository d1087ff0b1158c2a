"""Trading accounts as a whole: connected with limits and a lease, hosted from their first login, removed while empty."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from django.db import transaction

from accounts.audit import audit_record
from accounts.models import Role
from accounts.services import desk_create
from brokers.domain.errors import Invalid
from brokers.domain.money import Currency
from brokers.domain.orders import FINAL_STATUSES, Book
from brokers.models import Proof, Relation, SessionState, TradingAccount, VenueLogin
from brokers.services import account_connect, account_switch
from execution.models import Fill, JournalEvent, Lease, Order, PositionRow
from risk.services import limits_set
from strategies.models import Deployment, DeploymentState

if TYPE_CHECKING:
    from accounts.models import Desk, User

# Small on purpose: an owner who wants more says so in the admin, and the audit chain keeps it.
FIRST_LIMITS = {
    Currency.INR: {
        "max_daily_loss_quote": Decimal(5_000),
        "max_order_value_quote": Decimal(50_000),
        "max_gross_exposure_quote": Decimal(200_000),
        "max_position_value_quote": Decimal(100_000),
        "max_orders_per_second": 3,
        "max_orders_per_day": 200,
        "price_band_fraction": Decimal("0.02"),
        "max_quote_age_s": Decimal(5),
    },
    Currency.USDT: {
        "max_daily_loss_quote": Decimal(50),
        "max_order_value_quote": Decimal(500),
        "max_gross_exposure_quote": Decimal(2_000),
        "max_position_value_quote": Decimal(1_000),
        "max_orders_per_second": 3,
        "max_orders_per_day": 200,
        "price_band_fraction": Decimal("0.02"),
        "max_quote_age_s": Decimal(5),
    },
}


@transaction.atomic
def account_add(
    *,
    desk: Desk,
    owner: User,
    venue: str,
    label: str,
    venue_user_id: str,
    api_key: str,
    api_secret: str,
    is_simulated: bool,
    by: User,
    at: datetime,
    relation: str = Relation.SELF,
    auth_scheme: str = "",
    is_testnet: bool = False,
) -> TradingAccount:
    """Connect an account with small limits; it is on paper.

    No desk holds it before its first login; one that a key proves is held at once.
    """
    account: TradingAccount = account_connect(
        desk=desk,
        owner=owner,
        venue=venue,
        label=label,
        venue_user_id=venue_user_id,
        api_key=api_key,
        api_secret=api_secret,
        is_simulated=is_simulated,
        relation=relation,
        auth_scheme=auth_scheme,
        is_testnet=is_testnet,
        by=by,
        at=at,
    )
    limits_set(account=account, values=FIRST_LIMITS[Currency(account.currency)], by=by, at=at)
    if account.auth_scheme != Proof.LOGIN:
        account_host(account)
    return account


def account_host(account: TradingAccount) -> None:
    """Let a desk hold the account from now on; one that has its lease keeps it."""
    Lease.objects.get_or_create(account=account)


@transaction.atomic
def account_remove(*, account: TradingAccount, by: User, at: datetime) -> None:
    """Forget an account that never traded; raise Invalid with what keeps it."""
    locked = TradingAccount.objects.select_for_update().get(pk=account.pk)
    live = VenueLogin.objects.filter(account=locked, state=SessionState.LIVE)
    if locked.auth_scheme == Proof.LOGIN and live.exists():
        raise Invalid("The account is logged in: log it out first.", code="account.logged_in", field="account")
    kept = _in_words(_standing(locked))
    if kept:
        sentence = f"The account cannot be removed, since these are kept: {kept}. Disable it instead."
        raise Invalid(sentence, code="account.in_use", field="account")
    details: dict[str, object] = {"venue": locked.venue, "venue_user_id": locked.venue_user_id}
    audit_record(
        action="account.remove", at=at, actor=by, desk_id=locked.desk_id, subject=str(locked.pk), details=details
    )
    Deployment.objects.filter(account=locked, state=DeploymentState.REMOVED).delete()
    locked.delete()


@transaction.atomic
def account_rest(*, account: TradingAccount, by: User, at: datetime) -> None:
    """Disable an account; raise Invalid while something of it is open, which nobody would watch any more."""
    locked = TradingAccount.objects.select_for_update().get(pk=account.pk)
    working = Order.objects.filter(account=locked).exclude(status__in=[str(status) for status in FINAL_STATUSES])
    held = PositionRow.objects.filter(account=locked, book=Book.LIVE).exclude(quantity=0)
    counts = [(held.count(), "open position", "open positions"), (working.count(), "working order", "working orders")]
    standing = _in_words(counts)
    if standing:
        advice = "log in, and close" if locked.auth_scheme == Proof.LOGIN else "close"
        sentence = f"The account has {standing}, and nobody would watch them: {advice} or cancel them first."
        raise Invalid(sentence, code="account.in_use", field="account")
    account_switch(account=locked, is_enabled=False, by=by, at=at)


def desk_of(user: User, *, at: datetime) -> Desk:
    """Return the first desk that the person owns, or a new one."""
    own = user.memberships.filter(role=Role.OWNER, is_active=True).select_related("desk").order_by("pk").first()
    return own.desk if own else desk_create(name=f"{user.email}'s desk", owner=user, at=at)


def _in_words(counts: list[tuple[int, str, str]]) -> str:
    return ", ".join(f"{count} {one if count == 1 else many}" for count, one, many in counts if count)


def _standing(account: TradingAccount) -> list[tuple[int, str, str]]:
    strategies = Deployment.objects.filter(account=account).exclude(state=DeploymentState.REMOVED)
    return [
        (Order.objects.filter(account=account).count(), "order", "orders"),
        (Fill.objects.filter(account=account).count(), "fill", "fills"),
        (PositionRow.objects.filter(account=account).count(), "position", "positions"),
        (strategies.count(), "strategy", "strategies"),
        (JournalEvent.objects.filter(account=account).count(), "journal entry", "journal entries"),
    ]
