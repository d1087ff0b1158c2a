"""What a venue lists, found by the words a person types."""

from __future__ import annotations

from decimal import Decimal
from itertools import zip_longest
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from brokers.api.lookup import account_of, caller
from brokers.api.queries import AccountQuery, query_of
from brokers.domain.instruments import Instrument
from brokers.listings import instruments_found
from brokers.selectors import accounts_visible

MOST_FOUND = 50
MOST_WORDS = 64


class InstrumentQuery(AccountQuery):
    """`?q=` words of a symbol, name, expiry or strike, `?limit=` how many, `?indices=true` for indices too."""

    q = serializers.CharField(required=False, default="", allow_blank=True, max_length=MOST_WORDS)
    limit = serializers.IntegerField(required=False, default=20, min_value=1, max_value=MOST_FOUND)
    indices = serializers.BooleanField(required=False, default=False)


class Instruments(APIView):
    """`GET /api/instruments`."""

    @extend_schema(parameters=[InstrumentQuery], responses={200: dict})
    def get(self, request: Request) -> Response:
        """List the instruments in which every word of `q` begins a word of symbol, name, expiry or strike, likeliest first.

        So `nifty 24500 ce nov` and `reliance fut`. A word may name the exchange (`NFO:`); strategies are
        deployed on the `symbol` of a row.
        """
        query = query_of(request, InstrumentQuery)
        only = account_of(request, query.get("account"))
        accounts = [only] if only else list(accounts_visible(caller(request)))
        found = [
            [
                _row(venue, instrument)
                for instrument in instruments_found(
                    venue, query["q"], limit=query["limit"], with_indices=query["indices"]
                )
            ]
            for venue in sorted({account.venue for account in accounts})
        ]
        # by turns: the likeliest of each venue stands at the top
        turns = [row for rank in zip_longest(*found) for row in rank if row is not None]
        rows = turns[: query["limit"]]
        return Response({"results": rows, "count": len(rows)})


def _row(venue: str, instrument: Instrument) -> dict[str, Any]:
    return {
        "symbol": instrument.key,
        "venue": venue,
        "name": instrument.name,
        "kind": instrument.kind.value,
        "expiry": instrument.expiry.isoformat() if instrument.expiry else None,
        "strike": None if instrument.strike is None else f"{instrument.strike:f}",
        "tick_size": f"{instrument.tick_size:f}",
        "lot_size": str(instrument.lot_size),
        # of a perpetual: the step and the least value of an order, in its currency
        "quantity_step": _text(instrument.quantity_step),
        "min_notional": _text(instrument.min_notional_quote),
        "currency": str(instrument.currency),
        # false for what is listed still, or already, and is not traded
        "takes_orders": instrument.takes_orders,
    }


def _text(value: Decimal | None) -> str | None:
    return None if value is None else f"{value.normalize():f}"
