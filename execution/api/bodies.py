"""The bodies of writes."""

from __future__ import annotations

from rest_framework import serializers

from brokers.api.queries import StrictBoolean, StrictSerializer
from brokers.domain.orders import Book
from risk.models import SwitchScope

REASON_LENGTH = 300


class AddBody(StrictSerializer):
    """A strategy to deploy."""

    strategy = serializers.CharField(max_length=60)
    instruments = serializers.ListField(
        child=serializers.CharField(max_length=80), min_length=1, max_length=100, allow_empty=False
    )
    params = serializers.DictField(required=False, default=dict)
    mode = serializers.ChoiceField(choices=[book.value for book in Book])
    account = serializers.UUIDField(required=False)


class ToggleBody(StrictSerializer):
    """A deployment and whether it should run."""

    id = serializers.UUIDField()
    enabled = StrictBoolean()


class IdBody(StrictSerializer):
    """A row by its id."""

    id = serializers.UUIDField()


class CancelBody(StrictSerializer):
    """An order by its id or by its client id."""

    id = serializers.CharField(max_length=48)
    account = serializers.UUIDField(required=False)


class AccountBody(StrictSerializer):
    """One account, or all that the caller may act on."""

    account = serializers.UUIDField(required=False)


class SwitchBody(StrictSerializer):
    """A kill switch: the desk's, an account's or a deployment's."""

    engaged = StrictBoolean()
    reason = serializers.CharField(max_length=REASON_LENGTH)
    scope = serializers.ChoiceField(choices=SwitchScope.values, required=False, default=SwitchScope.DESK)
    target = serializers.UUIDField(required=False)


class ExitAllBody(StrictSerializer):
    """Every open position of an account, or of one of its books."""

    account = serializers.UUIDField()
    book = serializers.ChoiceField(choices=[book.value for book in Book], required=False)


class ExitBody(StrictSerializer):
    """A position, by what makes it one row."""

    account = serializers.UUIDField()
    symbol = serializers.CharField(max_length=80)
    product = serializers.CharField(max_length=8, required=False)
    book = serializers.ChoiceField(choices=[book.value for book in Book], required=False)
    strategy = serializers.CharField(max_length=40, required=False, allow_blank=True)
