"""Market protection: how far from the last price a market order may trade, and where what is left of it rests.

Indian venues take no bare market order from an API (since 2026-04-01). A protected one trades inside its band at
once; the remainder stays in the book as a limit at the band's edge, where it may rest unfilled.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from brokers.domain.errors import Invalid
from brokers.domain.instruments import OPTION_KINDS, Instrument, InstrumentKind
from brokers.domain.orders import Side

HUNDRED = Decimal(100)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketProtection:
    """A percent of the last price, or the venue's own by price band; "none" cannot be said."""

    percent: Decimal | None = None

    def __post_init__(self) -> None:
        if self.percent is not None and not 0 < self.percent <= HUNDRED:
            raise Invalid(
                f"a market order's protection is above 0 and at most 100 percent, not {self.percent}",
                code="order.protection",
                field="market_protection",
            )


AUTOMATIC = MarketProtection()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectionBand:
    """The venue's own percent for last prices from `from_price` up to, and including, `to_price`."""

    from_price: Decimal
    to_price: Decimal | None
    percent: Decimal


def _band(from_price: str, to_price: str | None, percent: str) -> ProtectionBand:
    end = None if to_price is None else Decimal(to_price)
    return ProtectionBand(from_price=Decimal(from_price), to_price=end, percent=Decimal(percent))


# A price on an edge belongs to the band that starts there, except that 500 is the end of the middle one.
SHARE_AND_FUTURE_BANDS = (_band("0", "100", "2"), _band("100", "500", "1"), _band("500", None, "0.5"))
OPTION_BANDS = (_band("0", "10", "5"), _band("10", "100", "3"), _band("100", "500", "2"), _band("500", None, "1"))


def automatic_percent(kind: InstrumentKind, last_price: Decimal) -> Decimal:
    """Return the percent that the venue applies by itself at a last price."""
    if last_price <= 0:
        raise Invalid("without a last price there is no protection band", code="price.missing", field="last_price")
    bands = OPTION_BANDS if kind in OPTION_KINDS else SHARE_AND_FUTURE_BANDS
    reached = [band for band in bands if last_price > band.from_price or _starts_at(band, last_price)]
    return reached[-1].percent


def protected_price(
    side: Side, instrument: Instrument, last_price: Decimal, protection: MarketProtection = AUTOMATIC
) -> Decimal:
    """Return the worst price of a protected order, on the passive tick: the limit that stands for a market order."""
    percent = protection.percent or automatic_percent(instrument.kind, last_price)
    edge = last_price * (1 + side.sign * percent / HUNDRED)
    return instrument.price_below(edge) if side is Side.BUY else instrument.price_above(edge)


def _starts_at(band: ProtectionBand, price: Decimal) -> bool:
    return price == band.from_price and band.to_price is not None
