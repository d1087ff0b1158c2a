"""Option chains over the API: each view makes one call."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from brokers.api.idempotency import once
from brokers.api.lookup import account_of, caller, check_may_write, row_of
from brokers.api.queries import NoQuery, StrictSerializer, body_of, query_of
from options import selectors
from options.domain.alerts import Measure
from options.models import FEWEST_EXPIRIES, MOST_EXPIRIES, ChainAlert
from options.reading import tracked_row
from options.services import alert_add, alert_remove, alert_switch, tracking_start, tracking_stop

_LONGEST = 64


class UnderlyingQuery(NoQuery):
    """`?underlying=`, as the venue names it: NIFTY."""

    underlying = serializers.CharField(max_length=_LONGEST)


class MomentQuery(UnderlyingQuery):
    """`?at=` asks for the newest kept minute up to a time."""

    at = serializers.DateTimeField(required=False)


class ExpiryQuery(MomentQuery):
    """`?expiry=`; without it the nearest that is not settled."""

    expiry = serializers.DateField(required=False)


class ProfileQuery(ExpiryQuery):
    """`?since=` says from which moment open interest is to have moved."""

    since = serializers.ChoiceField(choices=["close", "open", "1m", "3m", "5m", "15m", "60m"], required=False)


class HistoryQuery(UnderlyingQuery):
    """`?expiry=` and `?day=`; without a day the newest that is kept."""

    expiry = serializers.DateField(required=False)
    day = serializers.DateField(required=False)


class AlertQuery(NoQuery):
    """`?id=` names an alert."""

    id = serializers.UUIDField()


class StartBody(StrictSerializer):
    """Which underlying to follow, how many of its nearest expiries, and on which of one's accounts."""

    underlying = serializers.CharField(max_length=_LONGEST)
    expiries = serializers.IntegerField(required=False, min_value=FEWEST_EXPIRIES, max_value=MOST_EXPIRIES)
    account = serializers.UUIDField(required=False)


class SwitchBody(StrictSerializer):
    """Which alert to watch, or to watch no longer."""

    id = serializers.UUIDField()
    is_on = serializers.BooleanField()


class StopBody(StrictSerializer):
    """Which underlying to follow no longer."""

    underlying = serializers.CharField(max_length=_LONGEST)


class AlertBody(StrictSerializer):
    """What to be told of: a measure of an underlying, and the level at which it is worth a word."""

    underlying = serializers.CharField(max_length=_LONGEST)
    measure = serializers.ChoiceField(choices=[measure.value for measure in Measure])
    level = serializers.FloatField()


class Underlyings(APIView):
    """`GET /api/options/underlyings`."""

    @extend_schema(responses={200: dict})
    def get(self, request: Request) -> Response:
        """List the underlyings that are followed, and those that may be."""
        query_of(request, NoQuery)
        return Response(selectors.underlyings(caller(request)))


class ChainView(APIView):
    """`GET /api/options/chain`."""

    @extend_schema(parameters=[ExpiryQuery], responses={200: dict})
    def get(self, request: Request) -> Response:
        """Give one expiry's chain, now or at a kept minute."""
        return Response(selectors.chain(caller(request), **query_of(request, ExpiryQuery)))


class History(APIView):
    """`GET /api/options/history`."""

    @extend_schema(parameters=[HistoryQuery], responses={200: dict})
    def get(self, request: Request) -> Response:
        """Give the kept minutes of a day."""
        return Response(selectors.history(caller(request), **query_of(request, HistoryQuery)))


class Profile(APIView):
    """`GET /api/options/profile`."""

    @extend_schema(parameters=[ProfileQuery], responses={200: dict})
    def get(self, request: Request) -> Response:
        """Give open interest by strike and how it moved."""
        return Response(selectors.profile(caller(request), **query_of(request, ProfileQuery)))


class Volatility(APIView):
    """`GET /api/options/volatility`."""

    @extend_schema(parameters=[MomentQuery], responses={200: dict})
    def get(self, request: Request) -> Response:
        """Give the smiles, the term structure, the rank and the percentile."""
        return Response(selectors.volatility(caller(request), **query_of(request, MomentQuery)))


class Exposure(APIView):
    """`GET /api/options/exposure`."""

    @extend_schema(parameters=[ExpiryQuery], responses={200: dict})
    def get(self, request: Request) -> Response:
        """Give gamma and delta exposure by strike."""
        return Response(selectors.exposure(caller(request), **query_of(request, ExpiryQuery)))


class Summary(APIView):
    """`GET /api/oi/summary`."""

    @extend_schema(parameters=[UnderlyingQuery], responses={200: dict})
    def get(self, request: Request) -> Response:
        """Sum up an underlying's open interest."""
        return Response(selectors.summary(caller(request), **query_of(request, UnderlyingQuery)))


class Summaries(APIView):
    """`GET /api/oi/all`."""

    @extend_schema(responses={200: dict})
    def get(self, request: Request) -> Response:
        """Sum up every followed underlying's open interest."""
        query_of(request, NoQuery)
        return Response(selectors.summaries(caller(request)))


class Start(APIView):
    """`POST /api/oi/start`."""

    @extend_schema(request=StartBody, responses={202: dict})
    def post(self, request: Request) -> Response:
        """Follow an underlying's chains from now on."""
        body = body_of(request, StartBody)
        account = account_of(request, body.get("account"))
        if account is not None:
            check_may_write(request, account.desk_id)

        def act(_: str) -> tuple[int, dict[str, Any]]:
            row = tracking_start(
                user=caller(request),
                underlying=body["underlying"],
                expiries=body.get("expiries"),
                account=account,
                at=timezone.now(),
            )
            return 202, {"id": str(row.pk), "underlying": row.underlying, "state": "accepted"}

        return once(request, act)


class Stop(APIView):
    """`POST /api/oi/stop`."""

    @extend_schema(request=StopBody, responses={202: dict})
    def post(self, request: Request) -> Response:
        """Follow an underlying's chains no longer; what was kept of them stays."""
        row = tracked_row(caller(request), body_of(request, StopBody)["underlying"])
        check_may_write(request, row.account.desk_id)

        def act(_: str) -> tuple[int, dict[str, Any]]:
            tracking_stop(row=row, by=caller(request), at=timezone.now())
            return 202, {"id": str(row.pk), "underlying": row.underlying, "state": "accepted"}

        return once(request, act)


class Alerts(APIView):
    """`/api/oi/alerts`."""

    @extend_schema(responses={200: dict})
    def get(self, request: Request) -> Response:
        """List the alerts that are asked for, and those last told."""
        query_of(request, NoQuery)
        return Response(selectors.alerts(caller(request)))

    @extend_schema(request=AlertBody, responses={201: dict})
    def post(self, request: Request) -> Response:
        """Ask to be told."""
        body = body_of(request, AlertBody)
        row = tracked_row(caller(request), body["underlying"])
        check_may_write(request, row.account.desk_id)

        def act(_: str) -> tuple[int, dict[str, Any]]:
            made = alert_add(
                row=row, measure=body["measure"], level=body["level"], by=caller(request), at=timezone.now()
            )
            return 201, selectors.alert_row(made)

        return once(request, act)

    @extend_schema(parameters=[AlertQuery], responses={204: None})
    def delete(self, request: Request) -> Response:
        """Take an alert back."""
        query = query_of(request, AlertQuery)
        alert = row_of(ChainAlert.objects.all(), request=request, id=query["id"], word="alert", field="id")
        check_may_write(request, alert.tracked.account.desk_id)
        alert_remove(alert=alert, by=caller(request), at=timezone.now())
        return Response(status=204)


class AlertSwitch(APIView):
    """`POST /api/oi/alerts/switch`."""

    @extend_schema(request=SwitchBody, responses={200: dict})
    def post(self, request: Request) -> Response:
        """Watch an alert again, or no longer."""
        body = body_of(request, SwitchBody)
        alert = row_of(ChainAlert.objects.all(), request=request, id=body["id"], word="alert", field="id")
        check_may_write(request, alert.tracked.account.desk_id)

        def act(_: str) -> tuple[int, dict[str, Any]]:
            alert_switch(alert=alert, is_on=body["is_on"], by=caller(request), at=timezone.now())
            return 200, selectors.alert_row(alert)

        return once(request, act)
