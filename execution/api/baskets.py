"""Baskets of legs chosen by hand: asked for, listed, taken back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from brokers.api.idempotency import once
from brokers.api.lookup import account_of, caller, check_may_write, row_of
from brokers.api.queries import ListQuery, StrictSerializer, body_of, query_of
from brokers.domain.errors import Invalid
from brokers.domain.orders import Book, OrderType, Product, Side
from brokers.models import venue_of
from execution import acts, selectors
from execution.api.bodies import IdBody
from execution.api.writes import Answer, accepted, moves_real_money, one_account, refuse_loosening
from execution.basket_models import Basket
from execution.domain.baskets import MOST_LEGS, BasketPolicy

SEND = (
    "Sends several legs as one: options bought first, then futures and shares, then options written, each stage once the "
    "one before it is filled whole. Every leg passes the risk gate, and none is sent where one of them cannot pass; a "
    "written option needs its cover in the same basket. `policy` says what happens when a leg is refused, rejected or not "
    "filled within `deadline_s`: `unwind` cancels what rests and takes back what filled, what is written first; `hold` "
    "cancels what rests, leaves what filled, and alarms. A MARKET leg is a limit at the far side that follows the price "
    "within the desk's slippage. `mode` is paper unless it says live."
)
LIST = (
    "Baskets, newest first: `state` is pending, working, filled, unwinding, unwound, held or refused, and `reason` says "
    "why. Of each leg: what has filled, at what average, its order's `status` (WAITING before it is sent) and `reason`."
)
UNWIND = "Takes a basket back, whatever has become of it: what rests is cancelled, what is written bought back, the rest sold."


class LegBody(StrictSerializer):
    """One leg: a quantity in units, not lots."""

    instrument = serializers.CharField(max_length=80)
    side = serializers.ChoiceField(choices=[side.value for side in Side])
    quantity = serializers.DecimalField(max_digits=24, decimal_places=8, min_value=Decimal("0.00000001"))
    type = serializers.ChoiceField(choices=[OrderType.LIMIT.value, OrderType.MARKET.value])
    price = serializers.DecimalField(max_digits=24, decimal_places=8, required=False, allow_null=True)
    product = serializers.ChoiceField(choices=[product.value for product in Product])


class BasketBody(StrictSerializer):
    """Legs to send as one, and what to do when that fails."""

    account = serializers.UUIDField(required=False)
    name = serializers.CharField(max_length=60, required=False, allow_blank=True, default="")
    policy = serializers.ChoiceField(choices=[policy.value for policy in BasketPolicy])
    mode = serializers.ChoiceField(choices=[book.value for book in Book], required=False, default=Book.PAPER.value)
    deadline_s = serializers.IntegerField(min_value=5, max_value=900, required=False, default=60)
    legs = serializers.ListField(child=LegBody(), min_length=1, max_length=MOST_LEGS)


class BasketQuery(ListQuery):
    """`?account=`, `?limit=`, and `?id=` for one basket."""

    id = serializers.UUIDField(required=False)


class Baskets(APIView):
    """`GET` and `POST /api/baskets`."""

    @extend_schema(parameters=[BasketQuery], responses={200: dict}, description=LIST)
    def get(self, request: Request) -> Response:
        """List the caller's baskets."""
        asked = query_of(request, BasketQuery)
        asked["account"] = account_of(request, asked.get("account"))
        if "id" in asked:
            row_of(Basket.objects.all(), request=request, id=asked["id"], word="basket", field="id")
        rows = selectors.baskets_rows(caller(request), **asked)
        return Response({"results": rows, "count": len(rows)})

    @extend_schema(request=BasketBody, responses={202: dict}, description=SEND)
    def post(self, request: Request) -> Response:
        """Ask the desk to send a basket."""
        body = body_of(request, BasketBody)
        names = [leg["instrument"] for leg in body["legs"]]
        if len({venue_of(name) for name in names}) > 1:
            raise Invalid("The legs are of two venues: send a basket to each.", code="basket.venues", field="legs")
        account = one_account(request, body.pop("account", None), instruments=names)
        if body["mode"] == Book.LIVE and moves_real_money(account):
            refuse_loosening(request, "A basket for real money is sent on the page, not by an API key.")

        def act(key: str) -> Answer:
            asked: dict[str, Any] = {**body, "account": account, "by": caller(request), "at": timezone.now()}
            basket = acts.basket_send(key=key, **asked)
            return 202, {"id": str(basket.pk), "state": "accepted"}

        return once(request, act)


class BasketUnwind(APIView):
    """`POST /api/baskets/unwind`."""

    @extend_schema(request=IdBody, responses={202: dict}, description=UNWIND)
    def post(self, request: Request) -> Response:
        """Ask the desk to take a basket back."""
        wanted = body_of(request, IdBody)["id"]
        rows = Basket.objects.select_related("account")
        basket: Basket = row_of(rows, request=request, id=wanted, word="basket", field="id")
        check_may_write(request, basket.account.desk_id)

        def act(key: str) -> Answer:
            return accepted([acts.basket_unwind(basket=basket, by=caller(request), key=key, at=timezone.now())])

        return once(request, act)
