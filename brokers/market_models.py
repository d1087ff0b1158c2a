"""What is public about a market: the list of contracts of the day, and facts that an operator keeps by date."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q

from brokers.domain.calendar import Segment
from brokers.domain.listings import ChangeKind
from brokers.domain.market_life import RestrictionKind


class InstrumentList(models.Model):
    """One venue's list as it was last taken over, and why a newer one was refused."""

    venue = models.CharField(max_length=16, primary_key=True)
    # changes with every list taken over: what was made from an older one is out of date
    version = models.UUIDField(default=uuid.uuid4)
    listed = models.PositiveIntegerField(default=0)
    loaded_at = models.DateTimeField(null=True)
    refused_at = models.DateTimeField(null=True)
    refused_reason = models.CharField(max_length=300, blank=True)

    def __str__(self) -> str:
        return f"{self.venue}: {self.listed} instruments"


class ListWords(models.Model):
    """A part of the search index of one version of a list; in parts, so that none is long to write."""

    version = models.UUIDField()
    part = models.PositiveSmallIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "part"], name="one_part_of_each_number")]

    def __str__(self) -> str:
        return f"{self.version} {self.part}"


class InstrumentChange(models.Model):
    """What one day's list changed against the one before it."""

    venue = models.CharField(max_length=16)
    exchange = models.CharField(max_length=8)
    symbol = models.CharField(max_length=64)
    kind = models.CharField(max_length=12, choices=[(kind.value, kind.value) for kind in ChangeKind])
    before = models.CharField(max_length=64, blank=True)
    after = models.CharField(max_length=64, blank=True)
    changed_on = models.DateField()
    # the list that brought it
    version = models.UUIDField(null=True, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["venue", "exchange", "symbol", "kind", "changed_on"], name="one_change_of_a_kind_a_day"
            )
        ]
        indexes = [models.Index(fields=["venue", "-changed_on"]), models.Index(fields=["version"])]

    def __str__(self) -> str:
        return f"{self.exchange}:{self.symbol} {self.kind} on {self.changed_on}"


class MarketFacts(models.Model):
    """The number of changes made to the operator's facts; a desk that knows an older number reads them anew."""

    name = models.CharField(max_length=16, primary_key=True, default="market")
    version = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.name} facts, version {self.version}"


class TradingRestriction(models.Model):
    """A contract on one of the exchanges' or the broker's lists, from a day to a day, both included."""

    kind = models.CharField(max_length=16, choices=[(kind.value, kind.label) for kind in RestrictionKind])
    exchange = models.CharField(max_length=8)
    # of a ban: the underlying, as the list of contracts names it
    symbol = models.CharField(max_length=64)
    since = models.DateField()
    until = models.DateField(null=True, blank=True)
    source = models.CharField(max_length=200)
    note = models.CharField(max_length=200, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["kind", "exchange", "symbol", "since"], name="one_restriction_a_start"),
            models.CheckConstraint(
                condition=Q(until=None) | Q(until__gte=F("since")), name="restriction_ends_after_it_begins"
            ),
        ]
        indexes = [models.Index(fields=["until"])]

    def __str__(self) -> str:
        return f"{self.exchange}:{self.symbol} {self.kind} since {self.since}"


class ContractTerm(models.Model):
    """The freeze quantity and the lot size of one underlying from a day on; empty means unknown."""

    exchange = models.CharField(max_length=8)
    # empty: of everything on the exchange that has no row of its own
    underlying = models.CharField(max_length=64, blank=True)
    effective_from = models.DateField()
    freeze_quantity = models.PositiveIntegerField(null=True, blank=True)
    lot_size = models.PositiveIntegerField(null=True, blank=True)
    source = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["exchange", "underlying", "effective_from"], name="one_term_a_start"),
            models.CheckConstraint(
                condition=Q(freeze_quantity=None) | Q(freeze_quantity__gt=0), name="freeze_quantity_above_zero"
            ),
            models.CheckConstraint(condition=Q(lot_size=None) | Q(lot_size__gt=0), name="lot_size_above_zero"),
        ]

    def __str__(self) -> str:
        return f"{self.exchange}:{self.underlying or '*'} from {self.effective_from}"


class MarketDay(models.Model):
    """A day that differs from what the shipped calendar says: closed, or open."""

    day = models.DateField(primary_key=True)
    is_open = models.BooleanField(default=False)
    note = models.CharField(max_length=200, blank=True)
    source = models.CharField(max_length=200)

    def __str__(self) -> str:
        return f"{self.day} {'open' if self.is_open else 'closed'}"


class MarketYear(models.Model):
    """A year of which every holiday is entered as a day; without a row or a shipped list nothing is open in it."""

    year = models.PositiveSmallIntegerField(primary_key=True)
    source = models.CharField(max_length=200)

    def __str__(self) -> str:
        return str(self.year)


class CurrencyRate(models.Model):
    """What an operator read as the price of one currency in another, where and when; the newest one counts."""

    base = models.CharField(max_length=8)
    quote = models.CharField(max_length=8)
    # what one unit of the base costs in the quote
    rate = models.DecimalField(max_digits=20, decimal_places=8)
    source = models.CharField(max_length=200)
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["base", "quote", "at"], name="one_rate_a_moment"),
            models.CheckConstraint(condition=Q(rate__gt=0), name="rate_above_zero"),
            models.CheckConstraint(condition=~Q(base=F("quote")), name="rate_between_two_currencies"),
        ]
        indexes = [models.Index(fields=["base", "quote", "-at"])]

    def __str__(self) -> str:
        return f"{self.base} at {self.rate} {self.quote}, {self.source}"


class SessionHours(models.Model):
    """The hours of one segment from a day on, in place of the shipped ones of the same day; times are the exchange's."""

    segment = models.CharField(max_length=12, choices=[(segment.value, segment.value) for segment in Segment])
    effective_from = models.DateField()
    pre_open = models.TimeField()
    open = models.TimeField()
    continuous_end = models.TimeField()
    entry_cutoff = models.TimeField()
    square_off = models.TimeField()
    auction_end = models.TimeField(null=True, blank=True)
    post_close_start = models.TimeField(null=True, blank=True)
    post_close_end = models.TimeField(null=True, blank=True)
    expiring_end = models.TimeField(null=True, blank=True)
    # until then the desk trades only while these hours and the ones before them are both open
    is_confirmed = models.BooleanField(default=False)
    source = models.CharField(max_length=200)

    class Meta:
        verbose_name_plural = "session hours"
        constraints = [
            models.UniqueConstraint(fields=["segment", "effective_from"], name="one_rule_a_segment_and_day"),
            models.CheckConstraint(
                condition=Q(pre_open__lte=F("open"))
                & Q(open__lt=F("entry_cutoff"))
                & Q(entry_cutoff__lt=F("square_off"))
                & Q(square_off__lt=F("continuous_end")),
                name="hours_follow_one_another",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.segment} from {self.effective_from}"
