"""Watchlists, rules and notes over the API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.cache import cache
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.models import User
from analysis.api.desks import desk_of, own_row
from analysis.api.views import LONGEST_KEY, LONGEST_NAME
from analysis.domain.rule_backtest import LONGEST_HORIZON
from analysis.own import MOST_INSTRUMENTS, note_add, remove, rule_save, watchlist_row, watchlist_save, watchlists_listed
from analysis.own_models import SavedRule, StockNote, Watchlist
from analysis.rule_trials import HORIZONS, rule_past, rule_row, rule_try, rules_listed
from brokers.api.errors import Conflict
from brokers.api.idempotency import once
from brokers.api.lookup import caller
from brokers.api.queries import NoQuery, StrictSerializer, body_of, query_of

_LONGEST_TITLE = 60
_LONGEST_NOTE = 2000
_MOST_HORIZONS = 6
# a worker that died must not keep its user out for longer
LONGEST_BACKTEST_S = 120


class IdQuery(NoQuery):
    """`?id=` names one row."""

    id = serializers.UUIDField()


class WatchlistBody(StrictSerializer):
    """A watchlist; `id` names one that is changed."""

    id = serializers.UUIDField(required=False)
    name = serializers.CharField(max_length=_LONGEST_TITLE)
    instruments = serializers.ListField(
        child=serializers.CharField(max_length=LONGEST_KEY), max_length=MOST_INSTRUMENTS, allow_empty=True
    )


class TrialBody(StrictSerializer):
    """A rule, the list that it is tried on, and the day."""

    rule = serializers.DictField()
    universe = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST_NAME)
    on = serializers.DateField(required=False, allow_null=True)


class PastBody(StrictSerializer):
    """A rule, the list and the days that it is tested on, and after how many days it is asked what came of it."""

    rule = serializers.DictField()
    universe = serializers.CharField(required=False, allow_blank=True, max_length=LONGEST_NAME)
    since = serializers.DateField(required=False, allow_null=True)
    until = serializers.DateField(required=False, allow_null=True)
    horizons = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=LONGEST_HORIZON),
        required=False,
        default=list(HORIZONS),
        allow_empty=False,
        max_length=_MOST_HORIZONS,
    )


class RuleBody(StrictSerializer):
    """A rule to keep; `id` names one that is changed."""

    id = serializers.UUIDField(required=False)
    name = serializers.CharField(max_length=_LONGEST_TITLE)
    universe = serializers.CharField(required=False, default="", allow_blank=True, max_length=LONGEST_NAME)
    rule = serializers.DictField()


class NoteBody(StrictSerializer):
    """Something to write down about an instrument."""

    instrument = serializers.CharField(max_length=LONGEST_KEY)
    text = serializers.CharField(max_length=_LONGEST_NOTE)


class Watchlists(APIView):
    """`/api/analysis/watchlists`."""

    @extend_schema(responses={200: dict})
    def get(self, request: Request) -> Response:
        """List the watchlists of the caller's desks."""
        query_of(request, NoQuery)
        return Response(watchlists_listed(caller(request)))

    @extend_schema(request=WatchlistBody, responses={200: dict, 201: dict})
    def post(self, request: Request) -> Response:
        """Keep a watchlist, a new one or another in its place."""
        body = body_of(request, WatchlistBody)
        known = _named(request, Watchlist, body.pop("id", None), "watchlist")
        desk = known.desk if known else desk_of(request)

        def act(_: str) -> tuple[int, dict[str, Any]]:
            saved = watchlist_save(desk=desk, watchlist=known, by=caller(request), at=timezone.now(), **body)
            return (200 if known else 201), _plain(watchlist_row(saved))

        return once(request, act)

    @extend_schema(parameters=[IdQuery], responses={200: dict})
    def delete(self, request: Request) -> Response:
        """Take a watchlist back."""
        return _removed(request, Watchlist, "watchlist")


class Rules(APIView):
    """`/api/analysis/rules`."""

    @extend_schema(responses={200: dict})
    def get(self, request: Request) -> Response:
        """List the rules of the caller's desks, and what a rule may be made of."""
        query_of(request, NoQuery)
        return Response(rules_listed(caller(request)))

    @extend_schema(request=RuleBody, responses={200: dict, 201: dict})
    def post(self, request: Request) -> Response:
        """Keep a rule, a new one or another in its place."""
        body = body_of(request, RuleBody)
        known = _named(request, SavedRule, body.pop("id", None), "rule")
        desk, document = known.desk if known else desk_of(request), body.pop("rule")

        def act(_: str) -> tuple[int, dict[str, Any]]:
            saved = rule_save(desk=desk, rule=known, document=document, by=caller(request), at=timezone.now(), **body)
            return (200 if known else 201), _plain(rule_row(saved))

        return once(request, act)

    @extend_schema(parameters=[IdQuery], responses={200: dict})
    def delete(self, request: Request) -> Response:
        """Take a rule back."""
        return _removed(request, SavedRule, "rule")


class RuleTrial(APIView):
    """`POST /api/analysis/rules/try`: it changes nothing, and a rule is too long for an address."""

    @extend_schema(request=TrialBody, responses={200: dict})
    def post(self, request: Request) -> Response:
        """Say who hits a rule on a day."""
        body = body_of(request, TrialBody)
        return Response(rule_try(caller(request), document=body.pop("rule"), **body))


class RulePast(APIView):
    """`POST /api/analysis/rules/backtest`: it changes nothing, and a rule is too long for an address."""

    @extend_schema(request=PastBody, responses={200: dict})
    def post(self, request: Request) -> Response:
        """Say what followed a rule's hits, beside the base rate."""
        body = body_of(request, PastBody)
        with _one_at_a_time(caller(request)):
            return Response(rule_past(caller(request), document=body.pop("rule"), **body))


@contextmanager
def _one_at_a_time(user: User) -> Iterator[None]:
    """Hold the user's one place for a backtest; a Conflict where another of theirs is running."""
    place = f"rule-backtest:{user.pk}"
    if not cache.add(place, True, LONGEST_BACKTEST_S):
        raise Conflict("A backtest of yours is still running; one runs at a time.", code="rule.busy")
    try:
        yield
    finally:
        cache.delete(place)


class Notes(APIView):
    """`/api/analysis/notes`."""

    @extend_schema(request=NoteBody, responses={201: dict})
    def post(self, request: Request) -> Response:
        """Write something down about an instrument."""
        body, desk = body_of(request, NoteBody), desk_of(request)

        def act(_: str) -> tuple[int, dict[str, Any]]:
            note = note_add(desk=desk, by=caller(request), at=timezone.now(), **body)
            return 201, {"id": str(note.id), "instrument": note.instrument}

        return once(request, act)

    @extend_schema(parameters=[IdQuery], responses={200: dict})
    def delete(self, request: Request) -> Response:
        """Take a note back."""
        return _removed(request, StockNote, "note")


def _named(request: Request, model: Any, id: Any, word: str) -> Any:  # noqa: A002 - rows of any model
    return None if id is None else own_row(model.objects.all(), request=request, id=id, word=word)


def _removed(request: Request, model: Any, word: str) -> Response:
    named = query_of(request, IdQuery)["id"]
    row = own_row(model.objects.all(), request=request, id=named, word=word)
    return Response({"id": str(remove(row)), "state": "removed"})


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Give a row whose times are text, so that a repeated request can be answered with it."""
    return {name: value.isoformat() if hasattr(value, "isoformat") else value for name, value in row.items()}
