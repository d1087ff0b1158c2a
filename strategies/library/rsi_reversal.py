"""Reversal of an exhausted move, by Wilder's relative strength index."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from analysis.domain import atr, rsi
from brokers.domain.figures import in_words, price_in_words
from brokers.domain.market import Bars, Float64Array1D
from brokers.domain.orders import Product
from strategies.domain import Direction, SignalStrategy, StrategyParams, param, wrong
from strategies.library.holding import Cause, Conditions, Held, held
from strategies.library.hours import Flags, may_enter, must_leave


class RsiReversal(SignalStrategy):
    """Long when RSI comes back up through the oversold line, until the middle, a stop, or so many bars.

    Coming back is what counts: an index that stays below the line is a fall and no reversal. The stop lies so
    many average true ranges from the close of the entry. Where both ways are allowed, shorts mirror longs
    from the overbought line.
    """

    slug = "rsi"
    title = "RSI reversal"
    # the recrossing is an event: an hour later it says nothing
    joins_late = False
    on_days: ClassVar[Mapping[str, Any]] = {}
    studied = ("oversold", "rsi_bars")

    class Params(StrategyParams):
        rsi_bars: int = param(14, ge=2, le=100, help="bars in the relative strength index")
        oversold: float = param(30.0, ge=1, le=49, step=1, help="line that is recrossed from below for a long")
        overbought: float = param(70.0, ge=51, le=99, step=1, help="line that is recrossed from above for a short")
        exit_at: float = param(50.0, ge=2, le=98, step=1, help="index at which the target is reached")
        atr_bars: int = param(14, ge=2, le=100, help="bars in the average true range")
        stop_atr: float = param(
            2.0, gt=0, le=20, step=0.1, help="true ranges against the entry at which it is given up"
        )
        max_bars: int = param(40, ge=1, le=2_000, help="bars after which it is given up")
        quiet_minutes: int = param(15, ge=0, le=120, help="minutes after the open without intraday entries")

        def check(self) -> None:
            """Raise Invalid unless the exit lies between the two lines."""
            super().check()
            if not self.oversold < self.exit_at < self.overbought:
                raise wrong(
                    "exit_at",
                    f"exit_at ({self.exit_at:g}) must lie between oversold ({self.oversold:g}) "
                    f"and overbought ({self.overbought:g})",
                )

    params: Params

    def warmup_bars(self) -> int:
        # Wilder's smoothing forgets e⁻¹⁰ after ten of its periods
        return 10 * max(self.params.rsi_bars, self.params.atr_bars)

    def exposure(self, bars: Bars) -> Float64Array1D:
        """Return 1 from a recrossing upwards to the exit, -1 from one downwards; NaN until both measures exist."""
        index, reach = self._measures(bars)
        unknown = (np.isnan(index) | np.isnan(reach)) & ~self._day_ended(bars)
        return np.where(unknown, np.nan, self._held(bars, index, reach).exposure)

    def reason(self, bars: Bars) -> str:
        index, reach = self._measures(bars)
        outcome = self._held(bars, index, reach)
        wanted, entered = float(outcome.exposure[-1]), int(outcome.entered_at[-1])
        if wanted:
            line = self.params.oversold if wanted > 0 else self.params.overbought
            stop = float(bars.close[entered] - wanted * self.params.stop_atr * reach[entered])
            return (
                f"RSI {in_words(float(index[-1]))} came back {'above' if wanted > 0 else 'below'} {in_words(line)}, "
                f"stop at {price_in_words(stop)}"
            )
        return self._why_flat(Cause(int(outcome.cause[-1])), bars, float(index[-1]), len(bars) - 1 - entered)

    def _why_flat(self, cause: Cause, bars: Bars, index: float, bars_held: int) -> str:
        if cause is Cause.STOPPED:
            close = price_in_words(float(bars.close[-1]))
            return f"close {close} is {in_words(self.params.stop_atr)} true ranges or more against the entry"
        if cause is Cause.TIMED_OUT:
            return f"{bars_held} bars passed and RSI is {in_words(index)}"
        if cause is Cause.DAY_ENDED:
            return "the day of the entry is over"
        return f"RSI is {in_words(index)}, the exit is {in_words(self.params.exit_at)}"

    def _measures(self, bars: Bars) -> tuple[Float64Array1D, Float64Array1D]:
        return rsi(bars.close, self.params.rsi_bars), atr(bars.high, bars.low, bars.close, self.params.atr_bars)

    def _held(self, bars: Bars, index: Float64Array1D, reach: Float64Array1D) -> Held:
        rules = self.params
        before = np.concatenate(([np.nan], index[:-1]))
        allowed = self._may_enter(bars) & ~np.isnan(reach)
        never = np.zeros(len(bars), dtype=np.bool_)
        is_both = rules.direction is Direction.BOTH
        return held(
            Conditions(
                close=bars.close,
                enter_long=allowed & (before < rules.oversold) & (index >= rules.oversold) & (index < rules.exit_at),
                enter_short=is_both
                & (allowed & (before > rules.overbought) & (index <= rules.overbought) & (index > rules.exit_at)),
                target_long=index >= rules.exit_at,
                target_short=index <= rules.exit_at,
                stop_long=never,
                stop_short=never,
                level_long=bars.close - rules.stop_atr * reach,
                level_short=bars.close + rules.stop_atr * reach,
                rearmed=~never,
                day_ended=self._day_ended(bars),
                max_bars=rules.max_bars,
            )
        )

    def _may_enter(self, bars: Bars) -> Flags:
        if self.params.product is not Product.INTRADAY:
            return np.ones(len(bars), dtype=np.bool_)
        return may_enter(bars, self.sessions.of(bars.start_ns), quiet_minutes=self.params.quiet_minutes)

    def _day_ended(self, bars: Bars) -> Flags:
        if self.params.product is not Product.INTRADAY:
            return np.zeros(len(bars), dtype=np.bool_)
        return must_leave(bars, self.sessions.of(bars.start_ns))
