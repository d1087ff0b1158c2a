"""Rates between currencies as the operator knows them: rows first, then what the environment says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from decimal import Decimal

from django.conf import settings

from brokers.domain.clock import UTC_ZONE
from brokers.domain.market_life import Par
from brokers.domain.money import Currency
from brokers.market_models import CurrencyRate

FROM_ENVIRONMENT = "WINDHOVER_USDT_INR"
# what the stable currency of perpetuals stands for
PAR_REFERENCE = "USD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What one unit of `base` costs in `quote`, whose figure it is and of when."""

    base: str
    quote: str
    rate: Decimal
    source: str
    as_of: datetime


def rate_of(base: str, quote: str, at: datetime) -> Rate | None:
    """Return the newest rate known at a time, None where nobody has told one."""
    row = CurrencyRate.objects.filter(base=base, quote=quote, at__lte=at).order_by("-at").first()
    if row is not None:
        return Rate(base=base, quote=quote, rate=row.rate, source=row.source, as_of=row.at)
    if (base, quote) != (Currency.USDT, Currency.INR):
        return None
    return _of_the_environment(at)


def par_of_usdt(at: datetime) -> Par | None:
    """Return how USDT stands to the dollar, None where no rate of it is known."""
    known = rate_of(Currency.USDT, PAR_REFERENCE, at)
    if known is None:
        return None
    return Par(
        asset=Currency.USDT,
        reference=PAR_REFERENCE,
        rate=known.rate,
        band_fraction=settings.WINDHOVER_USDT_PAR_FRACTION,
        source=known.source,
        as_of=known.as_of,
    )


def _of_the_environment(at: datetime) -> Rate | None:
    rate, day = settings.WINDHOVER_USDT_INR, settings.WINDHOVER_USDT_INR_ON
    if not rate or day is None:
        return None
    as_of = datetime.combine(day, time(), tzinfo=UTC_ZONE)
    return Rate(
        base=Currency.USDT, quote=Currency.INR, rate=Decimal(rate), source=FROM_ENVIRONMENT, as_of=min(as_of, at)
    )
