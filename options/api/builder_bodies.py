"""Bodies and queries of the builder."""

from __future__ import annotations

from decimal import Decimal

from rest_framework import serializers

from brokers.api.queries import NoQuery, StrictBoolean, StrictSerializer
from brokers.domain.orders import Product, Side

MOST_LEGS = 20
MOST_LOTS = 500
LONGEST_NAME = 60


class UnderlyingQuery(NoQuery):
    """`?underlying=`."""

    underlying = serializers.CharField(max_length=64)


class IdQuery(NoQuery):
    """`?id=` of a saved combination."""

    id = serializers.UUIDField()


class LegBody(StrictSerializer):
    """A leg: which contract, on which side, how many lots."""

    instrument = serializers.CharField(max_length=80)
    side = serializers.ChoiceField(choices=[side.value for side in Side])
    lots = serializers.IntegerField(min_value=1, max_value=MOST_LOTS, default=1)


def legs_field(*, required: bool = True) -> serializers.ListField:
    """Return a list of one leg to as many as a basket takes."""
    return serializers.ListField(
        child=LegBody(), min_length=1, max_length=MOST_LEGS, allow_empty=False, required=required
    )


class LegsBody(StrictSerializer):
    """Either a template to be turned into legs, or legs to be priced."""

    underlying = serializers.CharField(max_length=64)
    template = serializers.CharField(max_length=60, required=False)
    expiry = serializers.DateField(required=False)
    width = serializers.DecimalField(max_digits=10, decimal_places=2, min_value=Decimal("0.01"), required=False)
    lots = serializers.IntegerField(min_value=1, max_value=MOST_LOTS, default=1)
    legs = legs_field(required=False)


class WhatIfBody(StrictSerializer):
    """Another place: spot in percent, volatility in points, days from now."""

    spot_shift_percent = serializers.DecimalField(
        max_digits=6, decimal_places=3, min_value=-50, max_value=100, default=Decimal(0)
    )
    volatility_shift_points = serializers.DecimalField(
        max_digits=6, decimal_places=3, min_value=-50, max_value=100, default=Decimal(0)
    )
    days = serializers.DecimalField(max_digits=8, decimal_places=4, min_value=0, max_value=2000, default=Decimal(0))


class EvaluateBody(StrictSerializer):
    """Legs, and another place to see them at."""

    underlying = serializers.CharField(max_length=64)
    legs = legs_field()
    what_if = WhatIfBody(required=False)
    product = serializers.ChoiceField(
        choices=[Product.CARRY.value, Product.INTRADAY.value], default=Product.CARRY.value
    )


class MarginBody(StrictSerializer):
    """Legs, and the account whose venue is asked."""

    underlying = serializers.CharField(max_length=64)
    legs = legs_field()
    account = serializers.UUIDField(required=False)
    product = serializers.ChoiceField(
        choices=[Product.CARRY.value, Product.INTRADAY.value], default=Product.CARRY.value
    )


class SaveBody(StrictSerializer):
    """A combination to keep under a name."""

    name = serializers.CharField(max_length=LONGEST_NAME)
    underlying = serializers.CharField(max_length=64)
    legs = legs_field()
    replace = StrictBoolean(default=False)
