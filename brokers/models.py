"""Trading accounts, their venue sessions, and the instruments a venue lists today."""

from __future__ import annotations

import secrets
import uuid

from django.conf import settings
from django.db import models

from accounts.fields import SecretField
from accounts.ownership import OwnedManager
from brokers import market_models  # noqa: F401 - tables of this app too
from brokers.domain.money import Currency
from brokers.ports import AuthScheme

WALLET_LENGTH = 42


class Venue(models.TextChoices):
    KITE = "kite", "Zerodha Kite"
    ASTER = "aster", "Aster"


def venue_of(key: str) -> Venue:
    """Return the venue at which an instrument trades, by the exchange that its key begins with."""
    return Venue.ASTER if key.startswith("ASTER:") else Venue.KITE


class SessionState(models.TextChoices):
    NEEDS_LOGIN = "needs_login", "Needs login"
    LIVE = "live", "Logged in"


class Proof(models.TextChoices):
    """How an account proves itself to its venue, in words for people."""

    LOGIN = AuthScheme.LOGIN.value, "Daily sign-in"
    KEY_PAIR = AuthScheme.KEY_PAIR.value, "API key and secret"
    AGENT = AuthScheme.AGENT.value, "Agent wallet"


class Relation(models.TextChoices):
    """Who may share an address with whom: the exchanges allow it within a family that has declared itself."""

    SELF = "self", "Myself"
    SPOUSE = "spouse", "My spouse"
    DEPENDENT_CHILD = "dependent_child", "My dependent child"
    DEPENDENT_PARENT = "dependent_parent", "My dependent parent"


def new_postback_door() -> str:
    """Return the part of an address that nobody guesses."""
    return secrets.token_urlsafe(24)


def short_id(venue_user_id: str) -> str:
    """Return an id as people read it: a wallet's address by its ends."""
    is_wallet = venue_user_id.startswith("0x") and len(venue_user_id) == WALLET_LENGTH
    return f"{venue_user_id[:6]}…{venue_user_id[-4:]}" if is_wallet else venue_user_id


class TradingAccount(models.Model):
    """One account at one venue, owned by one person of one desk."""

    desk_path = "desk"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    desk = models.ForeignKey("accounts.Desk", on_delete=models.PROTECT, related_name="accounts")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="trading_accounts")
    venue = models.CharField(max_length=16, choices=Venue.choices)
    label = models.CharField(max_length=60)
    venue_user_id = models.CharField(max_length=64)
    currency = models.CharField(max_length=8, choices=[(c.value, c.value) for c in Currency])
    # a simulated account's venue is the desk's own simulator: no real money can move
    is_simulated = models.BooleanField(default=False)
    is_live = models.BooleanField(default=False)
    is_enabled = models.BooleanField(default=True)
    # whose money it is, in the owner's own words
    relation = models.CharField(max_length=20, choices=Relation.choices, default=Relation.SELF)
    # from which its orders leave: an address of this machine, or a proxy of the operator's list
    egress_address = models.CharField(max_length=200, blank=True)
    postback_door = models.CharField(max_length=40, unique=True, default=new_postback_door, editable=False)
    auth_scheme = models.CharField(max_length=8, choices=Proof.choices, default=Proof.LOGIN)
    # the venue's own test exchange: real answers, money that is worth nothing
    is_testnet = models.BooleanField(default=False)
    # after so long without a sign of life the venue cancels every open order, stops included; null is off
    countdown_s = models.PositiveSmallIntegerField(null=True, blank=True)
    # an app's key, a key pair's key, or an agent wallet's address
    api_key = models.CharField(max_length=64, blank=True)
    api_secret = SecretField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = OwnedManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["desk", "venue", "venue_user_id", "is_testnet"], name="one_account_per_venue_user"
            ),
            # two desks would be two writers on one account of real money
            models.UniqueConstraint(
                fields=["venue", "venue_user_id", "is_testnet"],
                condition=models.Q(is_simulated=False),
                name="one_desk_per_real_account",
            ),
            # a key that signs for two accounts would be two writers on one of them
            models.UniqueConstraint(
                fields=["venue", "api_key", "is_testnet"],
                condition=models.Q(is_simulated=False, venue="aster"),
                name="one_account_per_signing_key",
            ),
            models.CheckConstraint(
                condition=models.Q(venue="kite", auth_scheme="login", is_testnet=False, countdown_s=None)
                | models.Q(venue="aster", auth_scheme__in=["hmac", "agent"]),
                name="each_venue_has_its_proof",
            ),
            models.CheckConstraint(
                condition=models.Q(countdown_s=None) | models.Q(countdown_s__gte=120, countdown_s__lte=3600),
                name="countdown_outlasts_a_short_ban",
            ),
        ]

    def __str__(self) -> str:
        return f"{short_id(self.venue_user_id)} · {self.get_venue_display()}"


class VenueLogin(models.Model):
    """The venue session of an account; the token is readable on desk and guardian only."""

    desk_path = "account__desk"

    account = models.OneToOneField(TradingAccount, on_delete=models.CASCADE, related_name="login", primary_key=True)
    state = models.CharField(max_length=16, choices=SessionState.choices, default=SessionState.NEEDS_LOGIN)
    reason = models.CharField(max_length=300, blank=True)
    access_token = SecretField(blank=True)
    login_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    # the digest of the last request token that was exchanged: one that comes again is told apart from a wrong one
    used_request = models.CharField(max_length=64, blank=True)
    # grows with every login and loss of one, so that an old notice cannot undo a new session
    epoch = models.PositiveIntegerField(default=0)

    objects = OwnedManager()

    def __str__(self) -> str:
        return f"{self.account}: {self.state}"


class Preflight(models.Model):
    """What the last look at an account's way to its venue saw."""

    desk_path = "account__desk"

    account = models.OneToOneField(TradingAccount, on_delete=models.CASCADE, related_name="preflight", primary_key=True)
    at = models.DateTimeField()
    # the way out that was tried; another one needs another look
    egress_address = models.CharField(max_length=200, blank=True)
    # the address that the venue will see, where an echo could be asked
    seen_address = models.CharField(max_length=64, blank=True)
    source_address = models.CharField(max_length=64, blank=True)
    clock_skew_s = models.FloatField(null=True)
    # rows of code, sentence and is_bad, in the order in which they were looked at
    findings = models.JSONField(default=list)

    objects = OwnedManager()

    def __str__(self) -> str:
        return f"{self.account}: looked at {self.at}"


class FamilyTie(models.Model):
    """Two people of a desk who declared to be one family, by which their accounts may share an address."""

    desk_path = "desk"

    desk = models.ForeignKey("accounts.Desk", on_delete=models.PROTECT, related_name="family_ties")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="family_ties")
    relative = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    # what the relative is to the person
    relation = models.CharField(max_length=20, choices=Relation.choices)
    declared_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    declared_at = models.DateTimeField()

    objects = OwnedManager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["desk", "person", "relative"], name="one_tie_between_two_people"),
            models.CheckConstraint(
                condition=~models.Q(person=models.F("relative")), name="nobody_is_tied_to_themselves"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.relative}: {self.relation} of {self.person}"


class ListedInstrument(models.Model):
    """One row of a venue's instrument list of one day; public, so it has no owner."""

    venue = models.CharField(max_length=16, choices=Venue.choices)
    exchange = models.CharField(max_length=8)
    symbol = models.CharField(max_length=64)
    token = models.BigIntegerField()
    kind = models.CharField(max_length=8)
    name = models.CharField(max_length=64, blank=True)
    segment = models.CharField(max_length=16)
    expiry = models.DateField(null=True)
    strike = models.DecimalField(max_digits=18, decimal_places=4, null=True)
    tick_size = models.DecimalField(max_digits=24, decimal_places=12)
    lot_size = models.PositiveIntegerField()
    # where the venue trades parts of a unit
    quantity_step = models.DecimalField(max_digits=24, decimal_places=12, null=True)
    min_quantity = models.DecimalField(max_digits=24, decimal_places=12, null=True)
    min_notional = models.DecimalField(max_digits=24, decimal_places=8, null=True)
    # the venue's own word on whether it trades, empty where it has none
    status = models.CharField(max_length=16, blank=True, default="")
    listed_on = models.DateField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["venue", "exchange", "symbol"], name="one_row_per_instrument"),
        ]
        indexes = [models.Index(fields=["venue", "name", "kind", "expiry"])]

    def __str__(self) -> str:
        return f"{self.exchange}:{self.symbol}"
