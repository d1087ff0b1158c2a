"""Backtests over the API: each view makes one call."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import Desk
from accounts.selectors import desks_to_act_on
from brokers.api.errors import Conflict
from brokers.api.idempotency import once
from brokers.api.lookup import caller, check_may_write, row_of
from brokers.api.queries import DEFAULT_LIMIT, NoQuery, StrictSerializer, body_of, query_of
from brokers.domain.errors import Invalid, NotFound
from strategies.backtest_models import BacktestRun
from strategies.backtest_rows import backtest_document, backtests_listed, backtests_offered
from strategies.backtests import TooManyError, backtest_ask, backtest_cancel

LONGEST_KEY = 64
LONGEST_SLUG = 60
_MOST_CAPITAL = 1e12
_MOST_LISTED = 200
_TERMS = (
    "capital_quote", "size_fraction", "slippage_fraction", "stop_fraction", "target_fraction", "trail_fraction",
)  # fmt: skip


class BacktestsQuery(NoQuery):
    """`?strategy=` and `?instrument=` keep some of the runs."""

    strategy = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST_SLUG)
    instrument = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST_KEY)
    limit = serializers.IntegerField(required=False, default=DEFAULT_LIMIT, min_value=1, max_value=_MOST_LISTED)


class BacktestBody(StrictSerializer):
    """A strategy, its parameters, the stock, and on what terms it trades; fractions are 0.01 for one per cent."""

    strategy = serializers.CharField(max_length=LONGEST_SLUG)
    instrument = serializers.CharField(max_length=LONGEST_KEY)
    params = serializers.DictField(required=False, default=dict)
    # whose run it is; needed of those who act on several
    desk = serializers.UUIDField(required=False, allow_null=True, default=None)
    since = serializers.DateField(required=False, allow_null=True, default=None)
    until = serializers.DateField(required=False, allow_null=True, default=None)
    capital_quote = serializers.FloatField(
        required=False, default=1_000_000.0, min_value=1_000.0, max_value=_MOST_CAPITAL
    )
    size_fraction = serializers.FloatField(required=False, default=1.0)
    slippage_fraction = serializers.FloatField(required=False, default=0.0005)
    stop_fraction = serializers.FloatField(required=False, default=0.0)
    target_fraction = serializers.FloatField(required=False, default=0.0)
    trail_fraction = serializers.FloatField(required=False, default=0.0)


class CancelBody(StrictSerializer):
    """Which backtest."""

    id = serializers.UUIDField()


class Backtests(APIView):
    """`/api/backtests`."""

    @extend_schema(parameters=[BacktestsQuery], responses={200: dict})
    def get(self, request: Request) -> Response:
        """List the backtests, the newest first."""
        return Response(backtests_listed(caller(request), **query_of(request, BacktestsQuery)))

    @extend_schema(request=BacktestBody, responses={202: dict})
    def post(self, request: Request) -> Response:
        """Ask for a backtest; the answer names its run."""
        body = body_of(request, BacktestBody)
        desk = _desk(request, body["desk"])
        days = {name: body[name].isoformat() if body[name] else None for name in ("since", "until")}

        def act(_: str) -> tuple[int, dict[str, Any]]:
            run = backtest_ask(
                desk=desk,
                strategy=body["strategy"],
                instrument=body["instrument"],
                params=body["params"],
                terms={**{name: body[name] for name in _TERMS}, **days},
                by=caller(request),
                at=timezone.now(),
            )
            return 202, {"id": str(run.id), "state": run.state}

        try:
            return once(request, act)
        except TooManyError as error:
            raise Conflict(error.message, code=error.code) from error


def _desk(request: Request, wanted: UUID | None) -> Desk:
    """Find the desk that a run is for; one is not chosen for whoever acts on several."""
    desks = desks_to_act_on(caller(request))
    if not desks:
        raise PermissionDenied("Your role may look but not act.", code="role.insufficient")
    chosen = [desk for desk in desks if wanted in (None, desk.pk)]
    if not chosen:
        raise NotFound("There is no such desk.", code="desk.unknown", field="desk")
    if len(chosen) > 1:
        raise Invalid("You may act on several desks: name one.", code="desk.required", field="desk")
    return chosen[0]


class Backtest(APIView):
    """`GET /api/backtests/<id>`."""

    @extend_schema(responses={200: dict})
    def get(self, request: Request, run_id: UUID) -> Response:
        """Give one backtest with its result."""
        query_of(request, NoQuery)
        rows = BacktestRun.objects.select_related("requested_by")
        return Response(
            backtest_document(row_of(rows, request=request, id=run_id, word="backtest", field="id"))
        )  # fmt: skip


class BacktestCancel(APIView):
    """`POST /api/backtests/cancel`."""

    @extend_schema(request=CancelBody, responses={202: dict})
    def post(self, request: Request) -> Response:
        """End a backtest that is under way."""
        named = body_of(request, CancelBody)["id"]
        run = row_of(BacktestRun.objects.all(), request=request, id=named, word="backtest", field="id")
        check_may_write(request, run.desk_id)
        ended = backtest_cancel(run=run, at=timezone.now())
        return Response({"id": str(ended.id), "state": ended.state}, status=202)


class BacktestsOffered(APIView):
    """`GET /api/backtests/offered`."""

    @extend_schema(responses={200: dict})
    def get(self, request: Request) -> Response:
        """List strategies and stocks that a backtest may be made of."""
        query_of(request, NoQuery)
        return Response(backtests_offered(caller(request)))
