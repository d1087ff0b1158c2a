"""Who is signed in, and the funds of both segments."""

from __future__ import annotations

from enum import StrEnum

from brokers.adapters.kite import protocol
from brokers.adapters.kite.calls import Ask, ask
from brokers.adapters.kite.reading import Fields, row_of
from brokers.domain.margins import AvailableFunds, SegmentFunds, UsedFunds
from brokers.domain.profiles import BankAccount, FullProfile, VenueProfile


class Segment(StrEnum):
    EQUITY = "equity"
    COMMODITY = "commodity"


def profile() -> Ask[VenueProfile]:
    """Ask who is signed in; also the probe of a session's life."""
    return ask(protocol.profile(), profile_of)


def full_profile() -> Ask[FullProfile]:
    """Ask for all that Kite knows of the user (not in its public reference)."""
    return ask(protocol.reading("/user/profile/full"), full_profile_of)


def funds() -> Ask[dict[str, SegmentFunds]]:
    """Ask for the funds of every segment."""
    return ask(protocol.margins(), funds_of)


def segment_funds(segment: Segment) -> Ask[SegmentFunds]:
    """Ask for one segment's funds."""
    return ask(protocol.reading(f"/user/margins/{segment}"), lambda data: segment_funds_of(segment.value, data))


def profile_of(data: object) -> VenueProfile:
    """Read a profile."""
    return _profile(Fields(data))


def full_profile_of(data: object) -> FullProfile:
    """Read a full profile."""
    row = Fields(data)
    meta = row.mapping("meta")
    return FullProfile(
        two_factor_type=row.text("twofa_type"),
        phone=row.text("phone"),
        tax_number=row.text("pan"),
        bank_accounts=tuple(map(_bank_account, row.each("bank_accounts"))),
        depository_ids=row.texts("dp_ids"),
        tags=row.texts("tags"),
        password_changed_at=row.at("password_timestamp"),
        two_factor_changed_at=row.at("twofa_timestamp"),
        meta=meta,
        profile=_profile(row),
    )


def funds_of(data: object) -> dict[str, SegmentFunds]:
    """Read the funds by segment."""
    return {str(name): segment_funds_of(str(name), segment) for name, segment in row_of(data).items()}


def segment_funds_of(segment: str, data: object) -> SegmentFunds:
    """Read one segment's funds."""
    row = Fields(data)
    return SegmentFunds(
        segment=segment,
        is_enabled=row.flag("enabled"),
        net=row.number("net"),
        available=_available(row.inner("available")),
        used=_used(row.inner("utilised")),
        extra=row.rest(),
    )


def _profile(row: Fields) -> VenueProfile:
    meta = row.inner("meta")
    return VenueProfile(
        user_id=row.need("user_id"),
        user_type=row.text("user_type"),
        email=row.text("email"),
        user_name=row.text("user_name"),
        user_shortname=row.text("user_shortname"),
        broker=row.text("broker"),
        exchanges=row.texts("exchanges"),
        products=row.texts("products"),
        order_types=row.texts("order_types"),
        avatar_url=row.text("avatar_url"),
        demat_consent=meta.text("demat_consent"),
        extra={**row.rest(), **meta.rest()},
    )


def _bank_account(row: Fields) -> BankAccount:
    return BankAccount(name=row.text("name"), branch=row.text("branch"), account=row.text("account"), extra=row.rest())


def _available(row: Fields) -> AvailableFunds:
    return AvailableFunds(
        adhoc_margin=row.number("adhoc_margin"),
        cash=row.number("cash"),
        opening_balance=row.number("opening_balance"),
        live_balance=row.number("live_balance"),
        collateral=row.number("collateral"),
        intraday_payin=row.number("intraday_payin"),
        extra=row.rest(),
    )


def _used(row: Fields) -> UsedFunds:
    return UsedFunds(
        debits=row.number("debits"),
        exposure=row.number("exposure"),
        m2m_realised=row.number("m2m_realised"),
        m2m_unrealised=row.number("m2m_unrealised"),
        option_premium=row.number("option_premium"),
        payout=row.number("payout"),
        span=row.number("span"),
        holding_sales=row.number("holding_sales"),
        turnover=row.number("turnover"),
        liquid_collateral=row.number("liquid_collateral"),
        stock_collateral=row.number("stock_collateral"),
        delivery=row.number("delivery"),
        extra=row.rest(),
    )
