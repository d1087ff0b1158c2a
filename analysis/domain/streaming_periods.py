"""The windows of the streaming engine, each as its batch indicator names it."""

from __future__ import annotations

from typing import NamedTuple

from analysis.domain.talib_calls import check_period
from brokers.domain.errors import Invalid


class CorePeriods(NamedTuple):
    """Windows of the seven, in bars."""

    sma: int = 20
    ema: int = 20
    rsi: int = 14
    macd_fast: int = 12
    macd_slow: int = 26
    macd_signal: int = 9
    adx: int = 14
    atr: int = 14
    bollinger: int = 20
    deviations: float = 2.0

    @property
    def warm_after(self) -> int:
        """How many bars a symbol needs before every reading exists."""
        slow = self.macd_slow + self.macd_signal - 1
        return max(self.sma, self.ema, self.rsi + 1, slow, 2 * self.adx, self.atr + 1, self.bollinger)


class WidePeriods(NamedTuple):
    """Windows of the indicators beyond the seven, in bars."""

    volume: int = 20
    mfi: int = 14
    cci: int = 20
    stochastic: int = 14
    stochastic_smooth: int = 3
    stochastic_signal: int = 3
    donchian: int = 20
    keltner: int = 20
    keltner_atr: int = 10
    keltner_ranges: float = 2.0
    conversion: int = 9
    base: int = 26
    span: int = 52
    supertrend: int = 10
    supertrend_ranges: float = 3.0
    slope: int = 14

    @property
    def warm_after(self) -> int:
        """How many bars a symbol needs before every reading exists."""
        smoothed = self.stochastic + self.stochastic_smooth + self.stochastic_signal - 3
        cloud = max(self.conversion, self.base, self.span) - 1 + self.base
        before = (self.volume, self.mfi, self.keltner_atr, self.supertrend, smoothed, cloud)
        return max(*before, self.cci - 1, self.donchian - 1, self.keltner - 1, self.slope - 1) + 1


def checked_core(periods: CorePeriods) -> CorePeriods:
    """Return the windows; raise Invalid for one that says nothing or a fast average that is not the faster."""
    for field in ("sma", "ema", "rsi", "macd_fast", "macd_slow", "adx", "atr", "bollinger"):
        check_period(getattr(periods, field), field=field)
    check_period(periods.macd_signal, least=1, field="macd_signal")
    if periods.macd_fast >= periods.macd_slow:
        message = f"the fast average must be shorter than the slow one, not {periods.macd_fast} of {periods.macd_slow}"
        raise Invalid(message, code="indicator.period", field="macd_fast")
    return periods


def checked_wide(periods: WidePeriods) -> WidePeriods:
    """Return the windows; raise Invalid for one that says nothing."""
    unbounded = {"keltner_ranges", "supertrend_ranges"}
    from_one = {"volume", "stochastic_smooth", "stochastic_signal"}
    for field in periods._fields:
        if field not in unbounded:
            check_period(getattr(periods, field), least=1 if field in from_one else 2, field=field)
    return periods
