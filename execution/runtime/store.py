"""What a desk reads from the database, as plain values; every function runs on a database thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, cast
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from accounts.vault import reveal
from brokers import logins
from brokers.domain.errors import DataError, NeedsLogin, NotFound
from brokers.domain.instruments import Instrument
from brokers.domain.money import Currency
from brokers.domain.orders import Book
from brokers.listings import instruments_by_keys
from brokers.models import ListedInstrument, TradingAccount, VenueLogin
from brokers.ports import Credentials, VenueUrls
from brokers.selectors import binding_of, credentials_of, venue_urls
from execution.basket_models import Basket
from execution.domain.baskets import AT_WORK
from execution.domain.codec import encode
from execution.domain.commands import Json, Record, RecordKind
from execution.domain.events import Act, SendResult, Write
from execution.domain.records import DeploymentSpec
from execution.models import Command, CommandState, EquityPoint, JournalEvent, Order, PositionRow
from risk.domain.limits import Limits
from risk.models import KillSwitch, LimitSet, SwitchScope
from risk.selectors import limits_in_force
from risk.services import loosenings_apply
from strategies.models import Deployment, DeploymentState

READ_AT_ONCE = 2_000
LAST_ORDERS = 1_000  # more than any venue takes in a minute


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFacts:
    """What does not change while an account is hosted."""

    account_id: str
    desk_id: str
    venue: str
    venue_user_id: str
    label: str
    currency: Currency
    is_live: bool
    is_simulated: bool
    egress_address: str
    api_key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginFacts:
    """The venue session as the database has it now; `credentials` only while it is live."""

    epoch: int
    reason: str
    credentials: Credentials | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchFacts:
    scope: str
    target_id: str
    is_engaged: bool
    reason: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What one deployment row wants."""

    spec: DeploymentSpec
    is_enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What people may change while the desk runs, read again every second."""

    limits: Limits
    switches: tuple[SwitchFacts, ...]
    login_epoch: int
    is_released: bool
    login_reason: str = ""
    countdown_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A command that waits, with everything the engine needs to know about it."""

    command_id: str
    kind: str
    payload: dict[str, Json]


def account_facts(account_id: str) -> AccountFacts:
    """Read an account; raise NotFound when it is gone."""
    account = TradingAccount.objects.filter(pk=UUID(account_id)).first()
    if account is None:
        raise NotFound(f"there is no account {account_id}")
    return AccountFacts(
        account_id=str(account.pk),
        desk_id=str(account.desk_id),
        venue=account.venue,
        venue_user_id=account.venue_user_id,
        label=account.label,
        currency=Currency(account.currency),
        is_live=account.is_live,
        is_simulated=account.is_simulated,
        egress_address=account.egress_address,
        api_key=account.api_key,
    )


def login_facts(account_id: str) -> LoginFacts:
    """Read and decrypt the venue session; without one there are no credentials."""
    account = TradingAccount.objects.get(pk=UUID(account_id))
    login = VenueLogin.objects.filter(pk=UUID(account_id)).first()
    epoch, expires_at = (login.epoch, login.expires_at) if login else (0, None)
    try:
        credentials = credentials_of(account)
    except NeedsLogin as why:
        return LoginFacts(epoch=epoch, reason=why.message, credentials=None, expires_at=None)
    return LoginFacts(epoch=epoch, reason="", credentials=credentials, expires_at=expires_at)


def login_lost(account_id: str, *, epoch: int, reason: str, at: datetime) -> bool:
    """Note that a session died; answer False when a newer session stands."""
    account = TradingAccount.objects.get(pk=UUID(account_id))
    return logins.login_lost(account=account, reason=reason, at=at, epoch=epoch)


def api_secret_of(account_id: str) -> str:
    """Open the secret of an account's app, by which its venue signs what it says."""
    account = TradingAccount.objects.get(pk=UUID(account_id))
    return reveal(account.api_secret, binding=binding_of(account, "api_secret"))


def urls_of(account_id: str) -> VenueUrls:
    """Read where an account's venue is."""
    return venue_urls(TradingAccount.objects.get(pk=UUID(account_id)))


def settings_of(account_id: str, desk_id: str) -> Settings:
    """Read limits, switches, the release and the login's epoch; raise DataError for an account without limits."""
    loosenings_apply(account_id=UUID(account_id), at=timezone.now())
    limits = LimitSet.objects.select_related("account").filter(pk=UUID(account_id)).first()
    if limits is None:
        raise DataError(f"account {account_id} has no limits", code="limits.missing")
    login = VenueLogin.objects.filter(pk=UUID(account_id)).values_list("epoch", "reason").first()
    epoch, reason = login or (0, "")
    account = TradingAccount.objects.values("is_live", "is_simulated", "countdown_s").get(pk=UUID(account_id))
    return Settings(
        limits=limits_in_force(limits),
        switches=_switches(account_id, desk_id),
        login_epoch=epoch,
        login_reason=reason,
        is_released=account["is_live"] or account["is_simulated"],
        countdown_s=account["countdown_s"],
    )


def journal_part(account_id: str, after: int) -> tuple[list[Record], int]:
    """Read the journal's next rows after a sequence, oldest first, and the sequence of the last of them."""
    following = JournalEvent.objects.filter(account_id=UUID(account_id), seq__gt=after).order_by("seq")
    rows = list(following.values_list("seq", "kind", "at", "payload")[:READ_AT_ONCE])
    return [Record(kind=kind, at=at, payload=payload) for _, kind, at, payload in rows], rows[-1][0] if rows else after


def orders_decided(account_id: str, since: datetime) -> list[datetime]:
    """Read when the journal decided on calls that the venue counts as orders, less the places never sent."""
    rows = JournalEvent.objects.filter(account_id=UUID(account_id)).order_by("-seq").values_list("at", "payload")
    unsent = {fact["client_id"] for _, fact in rows.filter(kind=RecordKind.OUTCOME)[:LAST_ORDERS] if _is_unsent(fact)}
    intents = rows.filter(kind=RecordKind.INTENT)[:LAST_ORDERS]
    places = [at for at, fact in intents if _is_live(fact) and fact["client_id"] not in unsent]
    writes = [at for at, fact in rows.filter(kind=RecordKind.WRITE)[:LAST_ORDERS] if fact["write"]]
    return sorted(at for at in (*places, *writes) if at >= since)


def _is_unsent(outcome: dict[str, Any]) -> bool:
    return bool(outcome["write"] == Write.PLACE and outcome["result"] == SendResult.NOT_SENT)


def _is_live(intended: dict[str, Any]) -> bool:
    return bool(intended["intent"]["book"] == Book.LIVE)


def wishes_of(account_id: str) -> list[Wish]:
    """Read what every deployment of an account wants."""
    rows = Deployment.objects.filter(account_id=UUID(account_id)).exclude(state=DeploymentState.REMOVED)
    return [Wish(spec=_spec(row), is_enabled=row.is_enabled) for row in rows.order_by("created_at")]


def waiting_commands(account_id: str) -> list[Waiting]:
    """Read the commands that wait, oldest first; what they name is read with them."""
    rows = Command.objects.filter(account_id=UUID(account_id), state=CommandState.ACCEPTED).order_by(
        "requested_at", "pk"
    )
    return [
        Waiting(command_id=str(row.pk), kind=row.kind, payload=_completed(account_id, row.kind, row.payload))
        for row in rows
    ]


def command_refuse(command_id: str, *, outcome: str, at: datetime) -> None:
    """End a command that the engine cannot take."""
    Command.objects.filter(pk=command_id, state=CommandState.ACCEPTED).update(
        state=CommandState.FAILED, outcome=outcome[:300], finished_at=at
    )


def instruments_in_use(account_id: str, venue: str) -> dict[str, Instrument]:
    """Read the instruments that an account's deployments, positions and orders name."""
    names: set[str] = set()
    for wish in wishes_of(account_id):
        names.update(wish.spec.instruments)
    names.update(
        PositionRow.objects.filter(account_id=UUID(account_id)).values_list("instrument", flat=True).distinct()
    )
    names.update(Order.objects.filter(account_id=UUID(account_id)).values_list("instrument", flat=True).distinct())
    at_work = Basket.objects.filter(account_id=UUID(account_id), state__in=list(AT_WORK))
    names.update(leg["instrument"] for legs in at_work.values_list("legs", flat=True) for leg in legs)
    return instruments_by_keys(venue, names)


def instruments_followed(venue: str, count: int) -> dict[str, Instrument]:
    """Read the first instruments of a venue's list, to be listened to beside those in use."""
    if not count:
        return {}
    rows = ListedInstrument.objects.filter(venue=venue).order_by("token")
    return instruments_by_keys(
        venue, [f"{exchange}:{symbol}" for exchange, symbol in rows.values_list("exchange", "symbol")[:count]]
    )


def equity_write(account_id: str, points: Sequence[tuple[Book, datetime, Decimal]]) -> None:
    """Keep points of the day's curve; a minute written twice has the later value."""
    EquityPoint.objects.bulk_create(
        [
            EquityPoint(account_id=account_id, book=book, market_at=market_at, net_quote=net)
            for book, market_at, net in points
        ],
        update_conflicts=True,
        unique_fields=["account", "book", "market_at"],
        update_fields=["net_quote"],
    )


def equity_of(account_id: str, since: datetime) -> list[tuple[str, datetime, Decimal]]:
    """Read the points of the curve since a time, oldest first."""
    rows = EquityPoint.objects.filter(account_id=UUID(account_id), market_at__gte=since).order_by("market_at")
    return list(rows.values_list("book", "market_at", "net_quote"))


def start_payload(spec: DeploymentSpec) -> dict[str, Json]:
    """Return a deployment's specification as the payload of its start."""
    return cast("dict[str, Json]", encode(spec))


def _completed(account_id: str, kind: str, payload: dict[str, Json]) -> dict[str, Json]:
    """Let a command speak of deployments as their rows are now, not as they were when it was written."""
    if kind == Act.DEPLOYMENT_START:
        row = Deployment.objects.filter(pk=str(payload.get("deployment_id")), account_id=UUID(account_id)).first()
        return payload if row is None else start_payload(_spec(row))
    if kind == Act.LIVE_START:
        return {**payload, "deployments": [encode(wish.spec) for wish in wishes_of(account_id) if wish.is_enabled]}
    return payload


def _spec(row: Deployment) -> DeploymentSpec:
    return DeploymentSpec(
        deployment_id=str(row.pk),
        strategy=row.strategy,
        instruments=tuple(row.instruments),
        mode=Book(row.mode),
        params=row.params,
        label=row.strategy,
    )


def _switches(account_id: str, desk_id: str) -> tuple[SwitchFacts, ...]:
    deployments = Deployment.objects.filter(account_id=UUID(account_id)).values("pk")
    rows = KillSwitch.objects.filter(
        Q(scope=SwitchScope.DESK, target_id=UUID(desk_id))
        | Q(scope=SwitchScope.ACCOUNT, target_id=UUID(account_id))
        | Q(scope=SwitchScope.DEPLOYMENT, target_id__in=deployments)
    )
    return tuple(
        SwitchFacts(
            scope=row.scope,
            target_id=str(row.target_id),
            is_engaged=row.is_engaged,
            reason=row.reason,
            epoch=row.epoch,
        )
        for row in rows
    )
