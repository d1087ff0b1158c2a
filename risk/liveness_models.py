"""What limits are judged by beyond an order: how near each came, its breach in shadow, and what a book's unit is worth."""

from __future__ import annotations

from django.db import models

from accounts.ownership import OwnedManager


class LimitMark(models.Model):
    """The most that was used of one limit on one day of its venue, by one book."""

    desk_path = "account__desk"

    account = models.ForeignKey("brokers.TradingAccount", on_delete=models.CASCADE, related_name="limit_marks")
    book = models.CharField(max_length=8)
    level = models.CharField(max_length=16)
    target = models.CharField(max_length=80, blank=True)
    name = models.CharField(max_length=40)
    day = models.DateField()
    used = models.DecimalField(max_digits=28, decimal_places=8)
    # what the limit was at that moment
    bound = models.DecimalField(max_digits=28, decimal_places=8)
    # the instrument or underlying that it was used by, where one of several counts
    of = models.CharField(max_length=80, blank=True)
    at = models.DateTimeField()

    objects = OwnedManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "book", "level", "target", "name", "day"], name="one_mark_per_limit_and_day"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.level} {self.target}: {self.used} of {self.bound}"


class ShadowOutcome(models.TextChoices):
    REFUSED = "refused", "Refused"
    REDUCED = "reduced", "Made smaller"
    OTHER = "other", "Refused by another rule"
    PASSED = "passed", "Passed"


class ShadowBreach(models.Model):
    """An order just over one limit, judged by the account's own settings and never sent: what became of it that day."""

    desk_path = "account__desk"

    account = models.ForeignKey("brokers.TradingAccount", on_delete=models.CASCADE, related_name="shadow_breaches")
    level = models.CharField(max_length=16)
    target = models.CharField(max_length=80, blank=True)
    name = models.CharField(max_length=40)
    day = models.DateField()
    at = models.DateTimeField()
    outcome = models.CharField(max_length=16, choices=ShadowOutcome.choices)
    # the rule that spoke, and what it said
    rule = models.CharField(max_length=40, blank=True)
    sentence = models.CharField(max_length=300, blank=True)

    objects = OwnedManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "level", "target", "name", "day"], name="one_shadow_breach_per_limit_and_day"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.level} {self.target} on {self.day}: {self.outcome}"


class UnitWorth(models.Model):
    """What one unit of a book was worth when it was last seen, its peak, and what the book earned that day until then."""

    desk_path = "account__desk"

    account = models.ForeignKey("brokers.TradingAccount", on_delete=models.CASCADE, related_name="unit_worths")
    book = models.CharField(max_length=8)
    nav = models.DecimalField(max_digits=24, decimal_places=12)
    peak = models.DecimalField(max_digits=24, decimal_places=12)
    equity_quote = models.DecimalField(max_digits=24, decimal_places=8)
    net_quote = models.DecimalField(max_digits=24, decimal_places=8)
    # the end of the venue's day that `net_quote` is of
    day_ends_at = models.DateTimeField()
    # by the market's clock
    seen_at = models.DateTimeField()

    objects = OwnedManager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "book"], name="one_unit_worth_per_book")]

    def __str__(self) -> str:
        return f"{self.book} of {self.account_id}: {self.nav}, peak {self.peak}"
