"""Who is signed in at the venue, and what that user may trade."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from brokers.domain.record import VenueRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueProfile(VenueRecord):
    """`demat_consent` is empty, "consent" or "physical"; without it shares need an authorisation to be sold."""

    user_id: str
    user_type: str
    email: str = field(repr=False)
    user_name: str
    user_shortname: str
    broker: str
    exchanges: tuple[str, ...]
    products: tuple[str, ...]
    order_types: tuple[str, ...]
    avatar_url: str
    demat_consent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BankAccount(VenueRecord):
    name: str
    branch: str
    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FullProfile(VenueRecord):
    """The profile with what identifies a person; it is shown to that person alone and never logged."""

    profile: VenueProfile
    two_factor_type: str
    phone: str = field(repr=False)
    tax_number: str = field(repr=False)
    bank_accounts: tuple[BankAccount, ...] = field(repr=False)
    depository_ids: tuple[str, ...] = field(repr=False)
    tags: tuple[str, ...]
    password_changed_at: datetime | None
    two_factor_changed_at: datetime | None
    meta: Mapping[str, object] = field(repr=False)
