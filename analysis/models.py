"""What the analysis keeps: daily candles as they were traded, corporate actions, names, lists, and scans."""

from __future__ import annotations

from django.db import models

from analysis import alert_models, fetch_models, own_models, scan_models  # noqa: F401 - tables of this app too
from analysis.domain.adjustments import ActionKind


class CandleYear(models.Model):
    """A year of one instrument's raw daily candles, packed.

    A row per candle would be six million rows for the exchange's stocks over ten years, and reading them a
    hundred times slower; a scan reads whole histories.
    """

    instrument = models.CharField(max_length=64)
    year = models.PositiveSmallIntegerField()
    columns = models.BinaryField()
    days = models.PositiveSmallIntegerField()
    last_day = models.DateField()
    digest = models.CharField(max_length=64)
    source = models.CharField(max_length=40)
    changed_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["instrument", "year"], name="one_row_per_instrument_and_year"),
            models.CheckConstraint(condition=models.Q(days__gt=0), name="a_year_holds_candles"),
        ]

    def __str__(self) -> str:
        return f"{self.instrument} {self.year}: {self.days} days"


class ListedAction(models.Model):
    """A corporate action of an instrument; candles stay raw and are adjusted as they are read."""

    instrument = models.CharField(max_length=64)
    ex_date = models.DateField()
    factor = models.FloatField(help_text="price before over price after: 2 for a bonus of 1:1")
    kind = models.CharField(max_length=10, choices=[(kind.value, kind.value) for kind in ActionKind])
    source = models.CharField(max_length=40)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["instrument", "ex_date"], name="one_action_per_instrument_and_day"),
            models.CheckConstraint(condition=models.Q(factor__gt=0), name="a_factor_is_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.instrument} {self.ex_date}: {self.factor:g}"


class ChangedName(models.Model):
    """From a day on, what was traded under one name is traded under another."""

    old = models.CharField(max_length=64)
    new = models.CharField(max_length=64)
    on = models.DateField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["old", "on"], name="one_new_name_per_day")]

    def __str__(self) -> str:
        return f"{self.old} is {self.new} from {self.on}"


class ListMember(models.Model):
    """A stay of an instrument in a list, such as an index; an empty first day is not known."""

    universe = models.CharField(max_length=40)
    instrument = models.CharField(max_length=64)
    sector = models.CharField(max_length=60, blank=True)
    since = models.DateField(null=True, blank=True)
    until = models.DateField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["universe"], name="members_of_a_list")]

    def __str__(self) -> str:
        return f"{self.universe}: {self.instrument}"
