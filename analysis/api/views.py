"""The analysis over the API: each view makes one call."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.selectors import desks_to_act_on
from analysis.selectors import scan_results, scan_status
from analysis.services import scan_ask
from brokers.api.idempotency import once
from brokers.api.lookup import caller
from brokers.api.queries import NoQuery, StrictSerializer, body_of, query_of

_LONGEST_NAME = 40


class ScanBody(StrictSerializer):
    """Which list to scan; without one the NIFTY 50, or everything where that list is not stored."""

    universe = serializers.CharField(required=False, max_length=_LONGEST_NAME)


class ResultsQuery(NoQuery):
    """`?universe=` asks for the newest scan of one list."""

    universe = serializers.CharField(required=False, max_length=_LONGEST_NAME)


class ScanStatus(APIView):
    """`GET /api/analysis/status`."""

    @extend_schema(responses={200: dict})
    def get(self, request: Request) -> Response:
        """Say whether a scan is under way, and when the last one ended."""
        query_of(request, NoQuery)
        return Response(scan_status(caller(request)))


class ScanAsk(APIView):
    """`POST /api/analysis/scan`."""

    @extend_schema(request=ScanBody, responses={202: dict})
    def post(self, request: Request) -> Response:
        """Ask for a scan; the answer names its run."""
        body = body_of(request, ScanBody)
        desks = desks_to_act_on(caller(request))
        if not desks:
            raise PermissionDenied("Your role may look but not act.", code="role.insufficient")

        def act(_: str) -> tuple[int, dict[str, Any]]:
            run = scan_ask(desk=desks[0], universe=body.get("universe"), by=caller(request), at=timezone.now())
            return 202, {"id": str(run.id), "universe": run.universe, "state": run.state}

        return once(request, act)


class ScanResults(APIView):
    """`GET /api/analysis/results`."""

    @extend_schema(parameters=[ResultsQuery], responses={200: dict})
    def get(self, request: Request) -> Response:
        """List the stocks of the newest scan, with checks, score, grade and triggers."""
        return Response(scan_results(caller(request), **query_of(request, ResultsQuery)))
