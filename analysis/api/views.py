"""Scans over the API and what they show: each view makes one call."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from analysis.api.desks import desk_of_list
from analysis.boards import SPANS, breadth_board, movers_board, triggers_board
from analysis.domain.triggers import Side
from analysis.selectors import scan_results, scan_status, universes_listed
from analysis.services import scan_ask
from analysis.stock import MOST_BARS, stock_document
from brokers.api.idempotency import once
from brokers.api.lookup import caller
from brokers.api.queries import NoQuery, StrictSerializer, body_of, query_of

LONGEST_NAME = 40
LONGEST_KEY = 64
_MOST_MOVERS = 100


class ScanBody(StrictSerializer):
    """Which list to scan; without one the NIFTY 50, or everything where that list is not stored."""

    universe = serializers.CharField(required=False, max_length=LONGEST_NAME)


class UniverseQuery(NoQuery):
    """`?universe=` asks for the newest scan of one list."""

    universe = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST_NAME)


class MoversQuery(UniverseQuery):
    """Over how many trading days, or since the last week's or month's close, and how many a side."""

    days = serializers.ChoiceField(choices=list(SPANS), required=False, default="1")
    count = serializers.IntegerField(required=False, default=10, min_value=1, max_value=_MOST_MOVERS)


class TriggersQuery(UniverseQuery):
    """`?name=` and `?side=` keep some of the triggers."""

    name = serializers.CharField(required=False, max_length=LONGEST_NAME)
    side = serializers.ChoiceField(choices=[side.value for side in Side], required=False)


class StockQuery(UniverseQuery):
    """Which instrument, and how many of its days."""

    instrument = serializers.CharField(max_length=LONGEST_KEY)
    days = serializers.IntegerField(required=False, default=500, min_value=1, max_value=MOST_BARS)


class ScanStatus(APIView):
    """`GET /api/analysis/status`."""

    @extend_schema(responses={200: dict})
    def get(self, request: Request) -> Response:
        """Say whether a scan or a fetch is under way, and when the last one ended."""
        query_of(request, NoQuery)
        return Response(scan_status(caller(request)))


class ScanAsk(APIView):
    """`POST /api/analysis/scan`."""

    @extend_schema(request=ScanBody, responses={202: dict})
    def post(self, request: Request) -> Response:
        """Ask for a scan; the answer names its run."""
        universe = body_of(request, ScanBody).get("universe")
        desk = desk_of_list(request, universe)

        def act(_: str) -> tuple[int, dict[str, Any]]:
            run = scan_ask(desk=desk, universe=universe, by=caller(request), at=timezone.now())
            return 202, {"id": str(run.id), "universe": run.universe, "state": run.state}

        return once(request, act)


class ScanResults(APIView):
    """`GET /api/analysis/results`."""

    @extend_schema(parameters=[UniverseQuery], responses={200: dict})
    def get(self, request: Request) -> Response:
        """List the stocks of the newest scan, with checks, score, grade and triggers."""
        return Response(scan_results(caller(request), **query_of(request, UniverseQuery)))


class Movers(APIView):
    """`GET /api/analysis/movers`."""

    @extend_schema(parameters=[MoversQuery], responses={200: dict})
    def get(self, request: Request) -> Response:
        """List who rose and fell most."""
        query = query_of(request, MoversQuery)
        span = SPANS[query.pop("days")]
        return Response(movers_board(caller(request), span=span, **query))


class Triggers(APIView):
    """`GET /api/analysis/triggers`."""

    @extend_schema(parameters=[TriggersQuery], responses={200: dict})
    def get(self, request: Request) -> Response:
        """List what fired in the newest scan, the strongest first."""
        return Response(triggers_board(caller(request), **query_of(request, TriggersQuery)))


class BreadthOf(APIView):
    """`GET /api/analysis/breadth`."""

    @extend_schema(parameters=[UniverseQuery], responses={200: dict})
    def get(self, request: Request) -> Response:
        """Say how many take part, as a whole and sector by sector."""
        return Response(breadth_board(caller(request), **query_of(request, UniverseQuery)))


class Stock(APIView):
    """`GET /api/analysis/stock`."""

    @extend_schema(parameters=[StockQuery], responses={200: dict})
    def get(self, request: Request) -> Response:
        """Give one stock's candles, lines, checks and notes."""
        return Response(stock_document(caller(request), **query_of(request, StockQuery)))


class Universes(APIView):
    """`GET /api/analysis/universes`."""

    @extend_schema(responses={200: dict})
    def get(self, request: Request) -> Response:
        """List what can be scanned."""
        query_of(request, NoQuery)
        rows = universes_listed(caller(request))
        return Response({"results": rows, "count": len(rows)})
