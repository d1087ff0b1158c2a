"""How much to trade, and why: each plan asks for a quantity and says what made it that, down to whole lots or steps.

Money and prices are in the account's currency, volatilities a year as fractions, fractions of the equity. A plan that
cannot be worked out raises Invalid, naming the field; one that comes to nothing says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from brokers.domain.errors import Invalid
from brokers.domain.figures import in_words, price_in_words, quantity_in_words
from brokers.domain.instruments import Instrument

ZERO, ONE, HALF = Decimal(0), Decimal(1), Decimal("0.5")
# one-sided 95 %: an edge that luck could explain is none
CONFIDENCE_DEVIATIONS = Decimal("1.645")


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """A quantity in whole lots or steps, what was asked for before rounding, and the reason in one sentence."""

    quantity: Decimal
    asked: Decimal
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """What a strategy earned on each of `count` independent trades, net of costs, as fractions of the value traded."""

    mean: Decimal
    deviation: Decimal
    count: int

    def __post_init__(self) -> None:
        _positive(self.deviation, "deviation")
        if self.count < 2:
            raise Invalid("an edge needs at least two trades", code="sizing.count", field="count")

    @property
    def lower_mean(self) -> Decimal:
        """Return the lower end of the mean's one-sided 95 % interval."""
        return self.mean - CONFIDENCE_DEVIATIONS * self.deviation / Decimal(self.count).sqrt()


def by_quantity(quantity: Decimal, *, instrument: Instrument) -> Size:
    """Trade a fixed number of units."""
    return _rounded(_not_negative(quantity, "quantity"), instrument, "a fixed quantity")


def by_value(value_quote: Decimal, *, price: Decimal, instrument: Instrument) -> Size:
    """Trade what a fixed value buys."""
    asked = _not_negative(value_quote, "value_quote") / _positive(price, "price")
    return _rounded(asked, instrument, f"{in_words(value_quote)} at {price_in_words(price)}")


def by_fraction(fraction: Decimal, *, equity_quote: Decimal, price: Decimal, instrument: Instrument) -> Size:
    """Trade what a share of the equity buys; a lost account buys nothing."""
    value = _share(fraction, "fraction") * max(equity_quote, ZERO)
    why = f"{in_words(fraction * 100)} % of an equity of {in_words(equity_quote)} at {price_in_words(price)}"
    return _rounded(value / _positive(price, "price"), instrument, why)


def by_atr(
    risk_fraction: Decimal, *, equity_quote: Decimal, atr_quote: Decimal, atr_multiple: Decimal, instrument: Instrument
) -> Size:
    """Trade what loses a share of the equity when the price moves `atr_multiple` average true ranges against it."""
    risk = _share(risk_fraction, "risk_fraction") * max(equity_quote, ZERO)
    stop = _positive(atr_quote, "atr_quote") * _positive(atr_multiple, "atr_multiple")
    why = (
        f"{in_words(risk)} at risk over a stop {in_words(atr_multiple)} true ranges away, {price_in_words(stop)} a unit"
    )
    return _rounded(risk / stop, instrument, why)


def by_volatility(
    target_annual: Decimal,
    *,
    volatility_annual: Decimal,
    equity_quote: Decimal,
    price: Decimal,
    max_fraction: Decimal,
    instrument: Instrument,
) -> Size:
    """Trade what lets the position move the equity by `target_annual` a year, at most `max_fraction` times the equity.

    `max_fraction` may be above 1 where leverage is wanted.
    """
    ratio = _positive(target_annual, "target_annual") / _positive(volatility_annual, "volatility_annual")
    fraction = min(ratio, _positive(max_fraction, "max_fraction"))
    why = (
        f"{in_words(target_annual * 100)} % a year wanted, the instrument moves {in_words(volatility_annual * 100)} %: "
        f"{_times(fraction)} the equity of {in_words(equity_quote)}"
    )
    if fraction < ratio:
        why += f", capped from {_times(ratio)}"
    return _rounded(fraction * max(equity_quote, ZERO) / _positive(price, "price"), instrument, why)


def by_kelly(
    edge: Edge, *, equity_quote: Decimal, price: Decimal, max_fraction: Decimal, instrument: Instrument
) -> Size:
    """Trade half of Kelly's fraction by the lower confidence bound of the edge, at most `max_fraction` of the equity.

    The fraction is lower bound / deviation^2 / 2 (Kelly 1956 for small returns). It is not for selling premium, whose rare
    losses a deviation does not show: `by_scenario` is.
    """
    full = edge.lower_mean / (edge.deviation * edge.deviation)
    wanted = max(HALF * full, ZERO)
    fraction = min(wanted, _share(max_fraction, "max_fraction"))
    trades = (
        f"{edge.count} trades earned {in_words(edge.mean * 100)} % each, at least {in_words(edge.lower_mean * 100)} %"
    )
    if not wanted:
        return _rounded(ZERO, instrument, f"{trades}: no edge that luck does not explain")
    why = f"{trades}: half of Kelly is {_times(wanted)} the equity of {in_words(equity_quote)}"
    if fraction < wanted:
        why += f", capped at {_times(fraction)}"
    return _rounded(fraction * max(equity_quote, ZERO) / _positive(price, "price"), instrument, why)


def by_scenario(
    risk_fraction: Decimal, *, equity_quote: Decimal, worst_loss_quote: Decimal, instrument: Instrument
) -> Size:
    """Trade what loses a share of the equity in the worst scenario; `worst_loss_quote` is the loss of one unit there."""
    risk = _share(risk_fraction, "risk_fraction") * max(equity_quote, ZERO)
    why = f"{in_words(risk)} at risk, the worst scenario loses {price_in_words(worst_loss_quote)} a unit"
    return _rounded(risk / _positive(worst_loss_quote, "worst_loss_quote"), instrument, why)


def _rounded(asked: Decimal, instrument: Instrument, why: str) -> Size:
    quantity, step = instrument.lots_of(asked), quantity_in_words(instrument.step)
    if not quantity:
        reason = f"{why}: nothing, the smallest step of {instrument.key} is {step}"
    elif quantity == asked:
        reason = f"{why}: {quantity_in_words(quantity)}"
    else:
        reason = f"{why}: {in_words(asked)}, down to {quantity_in_words(quantity)} in steps of {step}"
    return Size(quantity=quantity, asked=asked, reason=reason)


def _times(fraction: Decimal) -> str:
    return f"{in_words(fraction)} times"


def _positive(value: Decimal, name: str) -> Decimal:
    if not value.is_finite() or value <= 0:
        raise Invalid(f"{name} must be above 0, not {value}", code="sizing.not_positive", field=name)
    return value


def _not_negative(value: Decimal, name: str) -> Decimal:
    if not value.is_finite() or value < 0:
        raise Invalid(f"{name} must not be below 0, not {value}", code="sizing.negative", field=name)
    return value


def _share(value: Decimal, name: str) -> Decimal:
    if not value.is_finite() or not ZERO <= value <= ONE:
        raise Invalid(f"{name} lies between 0 and 1, not {value}", code="sizing.fraction", field=name)
    return value
