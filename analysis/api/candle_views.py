"""Fetching candles over the API."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analysis.api.views import LONGEST_NAME
from analysis.fetch_models import CandleFetch
from analysis.fetches import fetch_ask, fetch_cancel
from analysis.subjects import EVERYTHING
from brokers.api.idempotency import once
from brokers.api.lookup import account_of, accounts_to_act_on, caller, check_may_write, row_of
from brokers.api.queries import StrictSerializer, body_of


class FetchBody(StrictSerializer):
    """Of which list, and through which account; without them everything that is known, through the first account."""

    universe = serializers.CharField(required=False, default=EVERYTHING, max_length=LONGEST_NAME)
    account = serializers.UUIDField(required=False)


class CancelBody(StrictSerializer):
    """Which fetch."""

    id = serializers.UUIDField()


class CandlesFetch(APIView):
    """`POST /api/analysis/candles/fetch`."""

    @extend_schema(request=FetchBody, responses={202: dict})
    def post(self, request: Request) -> Response:
        """Ask for the daily candles that are missing."""
        body = body_of(request, FetchBody)
        account = account_of(request, body.pop("account", None))
        if account is None:
            account = next(iter(accounts_to_act_on(caller(request))), None)
        if account is None:
            raise PermissionDenied("No desk on which your role lets you act has an account.", code="role.insufficient")
        check_may_write(request, account.desk_id)

        def act(_: str) -> tuple[int, dict[str, Any]]:
            fetch = fetch_ask(account=account, by=caller(request), at=timezone.now(), then_scans=True, **body)
            return 202, {"id": str(fetch.id), "universe": fetch.universe, "state": fetch.state}

        return once(request, act)


class CandlesCancel(APIView):
    """`POST /api/analysis/candles/cancel`."""

    @extend_schema(request=CancelBody, responses={202: dict})
    def post(self, request: Request) -> Response:
        """End a fetch; what it stored stays."""
        named = body_of(request, CancelBody)["id"]
        fetch = row_of(CandleFetch.objects.all(), request=request, id=named, word="fetch", field="id")
        check_may_write(request, fetch.account.desk_id)
        ended = fetch_cancel(fetch=fetch, at=timezone.now())
        return Response({"id": str(ended.id), "state": ended.state}, status=202)
