"""The journal, what is projected from it, and the rows by which desks are told what to do.

`JournalEvent` is the truth and append-only; `Order`, `Fill` and `PositionRow` are projections
written in the same transaction, and could be rebuilt from it.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from accounts.ownership import OwnedManager
from brokers.domain.orders import Book, OrderStatus, OrderType, Origin, Product, Purpose, Side
from brokers.domain.perpetual_terms import FillSource, MarginMode, PositionSide
from execution import basket_models  # noqa: F401 - a table of this app too


def _choices(enum: type) -> list[tuple[str, str]]:
    return [(member.value, member.value) for member in enum]  # type: ignore[attr-defined]


class Lease(models.Model):
    """The right to write for one account. Times are the database's or the boot clock's."""

    desk_path = "account__desk"

    account = models.OneToOneField(
        "brokers.TradingAccount", on_delete=models.CASCADE, related_name="lease", primary_key=True
    )
    wants_to_run = models.BooleanField(default=True)
    owner = models.CharField(max_length=120, blank=True)
    # the fencing token: grows with every claim, so that rows of an older owner are refused
    token = models.PositiveBigIntegerField(default=0)
    # changes at every restore of the database, so that client ids never repeat
    incarnation = models.CharField(max_length=8, default="a")
    boot_id = models.CharField(max_length=40, blank=True)
    expires_ns = models.BigIntegerField(default=0)
    claimed_at = models.DateTimeField(null=True)
    renewed_at = models.DateTimeField(null=True)

    objects = OwnedManager()

    def __str__(self) -> str:
        return f"{self.account_id}: {self.owner or 'nobody'} #{self.token}"


class CommandState(models.TextChoices):
    ACCEPTED = "accepted", "Accepted"
    DONE = "done", "Done"
    FAILED = "failed", "Failed"


class Command(models.Model):
    """An operator's act, executed by the desk once; the key makes a repeat harmless."""

    desk_path = "account__desk"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey("brokers.TradingAccount", on_delete=models.CASCADE, related_name="commands")
    kind = models.CharField(max_length=40)
    payload = models.JSONField(default=dict)
    idempotency_key = models.CharField(max_length=80)
    state = models.CharField(max_length=12, choices=CommandState.choices, default=CommandState.ACCEPTED)
    outcome = models.CharField(max_length=300, blank=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    requested_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    objects = OwnedManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "idempotency_key"], name="one_command_per_key"),
        ]
        indexes = [models.Index(fields=["account", "state", "requested_at"])]

    def __str__(self) -> str:
        return f"{self.kind} {self.state}"


class JournalEvent(models.Model):
    """One append-only row, chained by hash to the one before it in its account."""

    desk_path = "account__desk"

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey("brokers.TradingAccount", on_delete=models.PROTECT, related_name="journal")
    seq = models.PositiveBigIntegerField()
    at = models.DateTimeField()
    kind = models.CharField(max_length=40)
    payload = models.JSONField()
    lease_token = models.PositiveBigIntegerField()
    previous_hash = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    objects = OwnedManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "seq"], name="one_event_per_sequence"),
        ]
        indexes = [models.Index(fields=["account", "kind", "-seq"])]

    def __str__(self) -> str:
        return f"{self.seq} {self.kind}"


class Order(models.Model):
    """An order's latest state, projected from the journal."""

    desk_path = "account__desk"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey("brokers.TradingAccount", on_delete=models.PROTECT, related_name="orders")
    book = models.CharField(max_length=8, choices=_choices(Book))
    # the desk's own id for ours, "EXT-" and the venue's id for orders placed by others
    client_id = models.CharField(max_length=48)
    venue_order_id = models.CharField(max_length=64, blank=True)
    instrument = models.CharField(max_length=80)
    side = models.CharField(max_length=4, choices=_choices(Side))
    quantity = models.DecimalField(max_digits=24, decimal_places=8)
    filled_quantity = models.DecimalField(max_digits=24, decimal_places=8, default=0)
    average_price = models.DecimalField(max_digits=24, decimal_places=8, null=True)
    price = models.DecimalField(max_digits=24, decimal_places=8, null=True)
    trigger_price = models.DecimalField(max_digits=24, decimal_places=8, null=True)
    order_type = models.CharField(max_length=8, choices=_choices(OrderType))
    product = models.CharField(max_length=8, choices=_choices(Product))
    # how long it stands: a day, until it is cancelled, or shorter; empty for orders from before this was kept
    validity = models.CharField(max_length=4, blank=True, default="")
    reduce_only = models.BooleanField(default=False)
    # whose hand it was where it was the exchange's own: its liquidation or deleveraging
    source = models.CharField(max_length=12, blank=True, default="")
    purpose = models.CharField(max_length=8, choices=_choices(Purpose))
    status = models.CharField(max_length=20, choices=_choices(OrderStatus))
    origin = models.CharField(max_length=12, choices=_choices(Origin))
    deployment = models.ForeignKey("strategies.Deployment", on_delete=models.PROTECT, null=True, related_name="orders")
    basket = models.ForeignKey("execution.Basket", on_delete=models.PROTECT, null=True, related_name="orders")
    reason = models.CharField(max_length=300, blank=True)
    message = models.CharField(max_length=300, blank=True)
    lease_token = models.PositiveBigIntegerField(default=0)
    # the venue's calendar day, on the market's clock
    venue_day = models.DateField()
    # by the market's own clock, which in a replay runs apart from the desk's
    market_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects = OwnedManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "client_id"], name="one_order_per_client_id"),
            models.CheckConstraint(condition=models.Q(quantity__gt=0), name="quantity_above_zero"),
        ]
        indexes = [
            models.Index(fields=["account", "status"]),
            models.Index(fields=["account", "-created_at"]),
        ]

    def __str__(self) -> str:
        return f"{self.side} {self.quantity} {self.instrument} {self.status}"


class Fill(models.Model):
    """One execution; the unique key makes a repeated report harmless."""

    desk_path = "account__desk"

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey("brokers.TradingAccount", on_delete=models.PROTECT, related_name="fills")
    order = models.ForeignKey(Order, on_delete=models.PROTECT, related_name="fills")
    book = models.CharField(max_length=8, choices=_choices(Book))
    venue_day = models.DateField()
    instrument = models.CharField(max_length=80)
    venue_order_id = models.CharField(max_length=64)
    trade_id = models.CharField(max_length=64)
    side = models.CharField(max_length=4, choices=_choices(Side))
    quantity = models.DecimalField(max_digits=24, decimal_places=8)
    price = models.DecimalField(max_digits=24, decimal_places=8)
    product = models.CharField(max_length=8, choices=_choices(Product))
    deployment = models.ForeignKey("strategies.Deployment", on_delete=models.PROTECT, null=True, related_name="fills")
    basket = models.ForeignKey("execution.Basket", on_delete=models.PROTECT, null=True, related_name="fills")
    # what the venue itself charged, paid where positive; empty where a schedule of charges tells
    fee_quote = models.DecimalField(max_digits=24, decimal_places=8, null=True)
    # who told the fee: the venue, the account's own rate, or an assumed one
    fee_source = models.CharField(max_length=16, blank=True, default="")
    # whose hand it was: a trade, or the exchange's liquidation or deleveraging
    source = models.CharField(max_length=12, choices=_choices(FillSource), default=FillSource.TRADE.value)
    filled_at = models.DateTimeField()

    objects = OwnedManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "book", "venue_day", "instrument", "venue_order_id", "trade_id"],
                name="one_row_per_execution",
            ),
        ]
        indexes = [models.Index(fields=["account", "venue_day"])]

    def __str__(self) -> str:
        return f"{self.side} {self.quantity} {self.instrument} at {self.price}"


class PositionRow(models.Model):
    """The net of one deployment's (or nobody's) fills in one instrument and product."""

    desk_path = "account__desk"

    account = models.ForeignKey("brokers.TradingAccount", on_delete=models.PROTECT, related_name="positions")
    book = models.CharField(max_length=8, choices=_choices(Book))
    instrument = models.CharField(max_length=80)
    product = models.CharField(max_length=8, choices=_choices(Product))
    # the deployment's id, or empty for what belongs to no strategy; text keeps it in the key
    strategy_key = models.CharField(max_length=40, blank=True)
    quantity = models.DecimalField(max_digits=24, decimal_places=8)
    average_price = models.DecimalField(max_digits=24, decimal_places=8)
    # what was held at the day's start costs that day's opening mark; the day's P&L speaks of this average
    day_average = models.DecimalField(max_digits=24, decimal_places=8, default=0)
    realised_today_quote = models.DecimalField(max_digits=24, decimal_places=8)
    # the venue's own fees of the day, paid where positive, and its funding, received where positive
    fees_today_quote = models.DecimalField(max_digits=24, decimal_places=8, default=0)
    funding_today_quote = models.DecimalField(max_digits=24, decimal_places=8, default=0)
    venue_day = models.DateField()
    updated_at = models.DateTimeField()

    objects = OwnedManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "book", "instrument", "product", "strategy_key"],
                name="one_position_per_holder",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} {self.instrument}"


class FundingRow(models.Model):
    """One holder's share of one funding payment, received where positive."""

    desk_path = "account__desk"

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey("brokers.TradingAccount", on_delete=models.PROTECT, related_name="funding")
    book = models.CharField(max_length=8, choices=_choices(Book))
    payment_id = models.CharField(max_length=80)
    instrument = models.CharField(max_length=80)
    position_side = models.CharField(max_length=8, choices=_choices(PositionSide))
    # the deployment's id, or empty for what belongs to no strategy
    strategy_key = models.CharField(max_length=40, blank=True)
    amount_quote = models.DecimalField(max_digits=24, decimal_places=8)
    asset = models.CharField(max_length=16)
    rate = models.DecimalField(max_digits=16, decimal_places=10, null=True)
    # the venue's own booking, or its rate at its mark for what paper holds
    source = models.CharField(max_length=40)
    venue_day = models.DateField()
    paid_at = models.DateTimeField()
    booked_at = models.DateTimeField()

    objects = OwnedManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "payment_id", "strategy_key"], name="one_share_per_holder"),
        ]
        indexes = [models.Index(fields=["account", "-paid_at"])]

    def __str__(self) -> str:
        return f"{self.amount_quote} {self.asset} for {self.instrument}"


class MarginRow(models.Model):
    """One net perpetual position with its margin, as its venue or our own formula shows it."""

    desk_path = "account__desk"

    account = models.ForeignKey("brokers.TradingAccount", on_delete=models.PROTECT, related_name="perpetual_margins")
    book = models.CharField(max_length=8, choices=_choices(Book))
    instrument = models.CharField(max_length=80)
    position_side = models.CharField(max_length=8, choices=_choices(PositionSide))
    quantity = models.DecimalField(max_digits=24, decimal_places=8)
    entry_price = models.DecimalField(max_digits=24, decimal_places=8)
    leverage = models.PositiveSmallIntegerField(null=True)
    margin_mode = models.CharField(max_length=12, blank=True, choices=_choices(MarginMode))
    isolated_margin_quote = models.DecimalField(max_digits=24, decimal_places=8, null=True)
    mark_price = models.DecimalField(max_digits=24, decimal_places=8, null=True)
    liquidation_price = models.DecimalField(max_digits=24, decimal_places=8, null=True)
    # whose the liquidation price is: the venue's, or an estimate and of what kind
    liquidation_source = models.CharField(max_length=80, blank=True)
    updated_at = models.DateTimeField()

    objects = OwnedManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "book", "instrument", "position_side"], name="one_margin_per_position_side"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} {self.instrument} {self.position_side}"


class EquityPoint(models.Model):
    """The day's net P&L at one market minute, for the curve."""

    desk_path = "account__desk"

    account = models.ForeignKey("brokers.TradingAccount", on_delete=models.CASCADE, related_name="equity_points")
    book = models.CharField(max_length=8, choices=_choices(Book))
    market_at = models.DateTimeField()
    net_quote = models.DecimalField(max_digits=24, decimal_places=8)

    objects = OwnedManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "book", "market_at"], name="one_equity_point_per_minute"),
        ]

    def __str__(self) -> str:
        return f"{self.market_at}: {self.net_quote}"


class Discrepancy(models.Model):
    """A difference between journal and venue that waits for a human: the exceptions inbox."""

    desk_path = "account__desk"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    account = models.ForeignKey("brokers.TradingAccount", on_delete=models.CASCADE, related_name="discrepancies")
    kind = models.CharField(max_length=40)
    subject = models.CharField(max_length=120)
    sentence = models.CharField(max_length=300)
    found_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)
    resolution = models.CharField(max_length=300, blank=True)

    objects = OwnedManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["account", "kind", "subject"],
                condition=models.Q(resolved_at__isnull=True),
                name="one_open_discrepancy_per_subject",
            ),
        ]

    def __str__(self) -> str:
        return self.sentence
