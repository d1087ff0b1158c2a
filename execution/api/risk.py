"""Limits by the API: what of each is used, tightening and loosening, breaches in shadow, and scenarios."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts import second_factor
from brokers.api.idempotency import once
from brokers.api.lookup import account_of, caller, check_may_write, row_of
from brokers.api.queries import AccountQuery, NoQuery, StrictSerializer, body_of, query_of
from brokers.domain.errors import NotFound
from brokers.domain.orders import Book
from brokers.listings import instruments_by_keys
from brokers.models import TradingAccount
from execution.api.writes import refuse_loosening
from execution.domain.codec import rfc3339
from execution.risk_changes import LimitPlace, limit_change
from execution.risk_rows import overview
from execution.risk_scenarios import scenarios
from risk.domain.levels import Level
from risk.liveness import shadow_run
from risk.models import LimitChange
from risk.services import loosening_withdraw
from strategies.models import Deployment, DeploymentState

Answer = tuple[int, dict[str, Any]]
OVERVIEW = (
    "Limits of every level with what the live and the paper book use of them, how near each came today, when it last "
    "refused and what its breach in shadow came to; exposure by underlying, today's refusals, waiting loosenings, switches."
)
SET = (
    "Sets one limit; `value` null takes it away. What tightens holds at once (`state` applied), what loosens waits "
    "(`state` waiting, `effective_at`)."
)

SCENARIOS = (
    "Profit and loss of a book under moves of price (`moves`, fractions), of volatility (`shifts`, points as fractions) and "
    "days passed: `groups[].cells[day][shift][move]`, by underlying and together; what cannot be valued is named."
)


class LimitBody(StrictSerializer):
    """One limit of an account, or of its desk, owner, one of its strategies, or an instrument."""

    account = serializers.UUIDField()
    level = serializers.ChoiceField(choices=[level.value for level in Level], required=False, default=Level.ACCOUNT)
    # a deployment's id or an instrument's key; the other levels follow from the account
    target = serializers.CharField(max_length=80, required=False, allow_blank=True, default="")
    name = serializers.CharField(max_length=40)
    value = serializers.JSONField(allow_null=True)


class ChangeBody(StrictSerializer):
    """A waiting loosening by its id."""

    id = serializers.IntegerField(min_value=1)


class OneAccountBody(StrictSerializer):
    """One account."""

    account = serializers.UUIDField()


class Limits(APIView):
    """`GET` and `POST /api/risk/limits`."""

    @extend_schema(parameters=[AccountQuery], responses={200: dict}, description=OVERVIEW)
    def get(self, request: Request) -> Response:
        """Return the limits with what of each is used, and what stands beside them."""
        asked = query_of(request, AccountQuery)
        return Response(overview(caller(request), account=account_of(request, asked.get("account"))))

    @extend_schema(request=LimitBody, responses={200: dict}, description=SET)
    def post(self, request: Request) -> Response:
        """Set or take away one limit."""
        body = body_of(request, LimitBody)
        account = _writable(request, body["account"])
        return once(request, _change(request, body, account))


class BookQuery(NoQuery):
    """An account and one of its books."""

    account = serializers.UUIDField()
    book = serializers.ChoiceField(choices=[book.value for book in Book], required=False, default=Book.LIVE)


class Scenarios(APIView):
    """`GET /api/risk/scenarios`."""

    @extend_schema(parameters=[BookQuery], responses={200: dict}, description=SCENARIOS)
    def get(self, request: Request) -> Response:
        """Return what a book would gain or lose elsewhere."""
        asked = query_of(request, BookQuery)
        account = account_of(request, asked["account"])
        assert account is not None
        return Response(scenarios(caller(request), account=account, book=Book(asked["book"])))


class LimitWithdraw(APIView):
    """`POST /api/risk/limits/withdraw`."""

    @extend_schema(request=ChangeBody, responses={200: dict})
    def post(self, request: Request) -> Response:
        """Take a waiting loosening back."""
        wanted = body_of(request, ChangeBody)["id"]
        change: LimitChange = row_of(
            LimitChange.objects.all(), request=request, id=wanted, word="loosening", field="id"
        )
        check_may_write(request, change.desk_id)
        if change.level == Level.USER:
            _check_is_own(request, change.target)

        def act(_: str) -> Answer:
            loosening_withdraw(change=change, by=caller(request), at=timezone.now())
            return 200, {"id": str(change.pk), "state": "withdrawn"}

        return once(request, act)


class ShadowTry(APIView):
    """`POST /api/risk/shadow`."""

    @extend_schema(request=OneAccountBody, responses={200: dict})
    def post(self, request: Request) -> Response:
        """Try a breach of every limit of an account in shadow, now."""
        account = _writable(request, body_of(request, OneAccountBody)["account"])

        def act(_: str) -> Answer:
            results = shadow_run(account=account, at=timezone.now())
            counts = {str(one.outcome): sum(row.outcome is one.outcome for row in results) for one in results}
            return 200, {"account": str(account.pk), "tried": len(results), "outcomes": counts}

        return once(request, act)


def _writable(request: Request, account_id: Any) -> TradingAccount:
    account = account_of(request, account_id)
    assert account is not None
    check_may_write(request, account.desk_id)
    return account


def _check_is_own(request: Request, owner_id: Any) -> None:
    """Raise PermissionDenied unless the caller is that user: such a limit binds the user's accounts on every desk."""
    if str(caller(request).pk) != str(owner_id):
        raise PermissionDenied("Limits over all accounts of an owner are the owner's to set.", code="role.insufficient")


def _change(request: Request, body: dict[str, Any], account: TradingAccount) -> Callable[[str], Answer]:
    def check() -> None:
        refuse_loosening(request, "A limit that guards real money is loosened on the page, not by an API key.")
        second_factor.require(request)

    def act(_: str) -> Answer:
        level = Level(body["level"])
        target = _target(request, level, body["target"], account)
        currency = account.currency if level is not Level.ACCOUNT and body["name"].endswith("_quote") else ""
        place = LimitPlace(account=account, level=level, target=target, name=body["name"], currency=currency)
        waiting = limit_change(place, body["value"], check_loosening=check, by=caller(request), at=timezone.now())
        return 200, _settled(place, waiting)

    return act


def _target(request: Request, level: Level, wanted: str, account: TradingAccount) -> str:
    if level is Level.STRATEGY:
        rows = Deployment.objects.exclude(state=DeploymentState.REMOVED).filter(account=account)
        row = next((one for one in rows.visible_to(caller(request)) if str(one.pk) == wanted), None)
        if row is None:
            raise NotFound(
                f"There is no strategy {wanted or 'without a name'}.", code="strategy.unknown", field="target"
            )
        return str(row.pk)
    if level is Level.INSTRUMENT:
        return _listed(wanted, account)
    if level is Level.USER:
        _check_is_own(request, account.owner_id)
    known = {Level.DESK: account.desk_id, Level.USER: account.owner_id, Level.ACCOUNT: account.pk}
    return str(known[level])


def _listed(wanted: str, account: TradingAccount) -> str:
    key = wanted.strip().upper()
    if ":" not in key or key not in instruments_by_keys(account.venue, [key]):
        raise NotFound(
            f"{account.label} lists no instrument {wanted or 'without a name'}.",
            code="instrument.unknown",
            field="target",
        )
    return key


def _settled(place: LimitPlace, waiting: LimitChange | None) -> dict[str, Any]:
    return {
        "account": str(place.account.pk),
        "level": place.level.value,
        "target": place.target,
        "name": place.name,
        "state": "applied" if waiting is None else "waiting",
        "id": None if waiting is None else str(waiting.pk),
        "effective_at": None if waiting is None else rfc3339(waiting.effective_at),
    }
