"""Alerts over the API: made, listed, taken back, and their log."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analysis.alert_models import AlertState, PriceAlert
from analysis.alerts import alert_add, alert_log, alert_remove, alert_row, alerts_listed
from analysis.api.own_views import IdQuery
from analysis.api.views import LONGEST_KEY
from analysis.domain.alerts import Direction
from analysis.domain.live_figures import LONGEST_NAME as LONGEST_FIGURE
from brokers.api.idempotency import once
from brokers.api.lookup import account_of, accounts_to_act_on, caller, check_may_write, row_of
from brokers.api.queries import DEFAULT_LIMIT, MAX_LIMIT, NoQuery, StrictBoolean, StrictSerializer, body_of, query_of
from brokers.listings import instruments_by_keys
from brokers.models import TradingAccount

_DIGITS: dict[str, Any] = {"max_digits": 24, "decimal_places": 8}


class AlertBody(StrictSerializer):
    """What is watched, on which side of which level it fires, and whether it goes on after that."""

    account = serializers.UUIDField(required=False)
    instrument = serializers.CharField(max_length=LONGEST_KEY)
    figure = serializers.CharField(max_length=LONGEST_FIGURE, required=False, default="last_price")
    direction = serializers.ChoiceField(choices=[one.value for one in Direction])
    level = serializers.DecimalField(**_DIGITS)
    recurring = StrictBoolean(required=False, default=False)
    hysteresis = serializers.DecimalField(**_DIGITS, required=False, default=Decimal(0), min_value=Decimal(0))
    at_once = StrictBoolean(required=False, default=False)
    note = serializers.CharField(required=False, default="", allow_blank=True, max_length=200)


class AlertsQuery(NoQuery):
    """`?limit=` and `?offset=` give a page."""

    limit = serializers.IntegerField(required=False, default=DEFAULT_LIMIT, min_value=1, max_value=MAX_LIMIT)
    offset = serializers.IntegerField(required=False, default=0, min_value=0)


class LogQuery(NoQuery):
    """`?alert=` keeps one alert's firings, `?since=` what was noted after a time, `?before=` what came before a firing."""

    alert = serializers.UUIDField(required=False)
    since = serializers.DateTimeField(required=False)
    before = serializers.IntegerField(required=False, min_value=1)
    limit = serializers.IntegerField(required=False, default=DEFAULT_LIMIT, min_value=1, max_value=MAX_LIMIT)


class Alerts(APIView):
    """`/api/analysis/alerts`."""

    @extend_schema(parameters=[AlertsQuery], responses={200: dict})
    def get(self, request: Request) -> Response:
        """List the alerts of the caller's desks, and whether each is watched."""
        return Response(alerts_listed(caller(request), now=timezone.now(), **query_of(request, AlertsQuery)))

    @extend_schema(request=AlertBody, responses={201: dict})
    def post(self, request: Request) -> Response:
        """Make an alert."""
        body = body_of(request, AlertBody)
        account = _account(request, body.pop("account", None), body["instrument"])
        is_recurring = body.pop("recurring")

        def act(_: str) -> tuple[int, dict[str, Any]]:
            at = timezone.now()
            alert = alert_add(account=account, is_recurring=is_recurring, by=caller(request), at=at, **body)
            row = alert_row(alert, None, now=at)
            return 201, {**row, "created_at": at.isoformat()}

        return once(request, act)

    @extend_schema(parameters=[IdQuery], responses={200: dict})
    def delete(self, request: Request) -> Response:
        """Take an alert back; its log stays."""
        named = query_of(request, IdQuery)["id"]
        rows = PriceAlert.objects.exclude(state=AlertState.REMOVED)
        alert = row_of(rows, request=request, id=named, word="alert", field="id")
        check_may_write(request, alert.account.desk_id)
        alert_remove(alert=alert, at=timezone.now())
        return Response({"id": str(alert.id), "state": AlertState.REMOVED.value})


class AlertLog(APIView):
    """`GET /api/analysis/alerts/log`."""

    @extend_schema(parameters=[LogQuery], responses={200: dict})
    def get(self, request: Request) -> Response:
        """List what fired, the newest first."""
        return Response(alert_log(caller(request), **query_of(request, LogQuery)))


def _account(request: Request, named: UUID | None, instrument: str) -> TradingAccount:
    """Return the account whose ticks an alert is watched on: the one named, else the first that lists the instrument."""
    account = account_of(request, named)
    if account is not None:
        check_may_write(request, account.desk_id)
        return account
    accounts = accounts_to_act_on(caller(request))
    if not accounts:
        raise PermissionDenied("No desk on which your role lets you act has an account.", code="role.insufficient")
    key = instrument.strip().upper()
    return next((one for one in accounts if instruments_by_keys(one.venue, [key])), accounts[0])
