"""Mean reversion to the volume-weighted average price."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from analysis.domain import adx, session_vwap
from brokers.domain.figures import in_words, price_in_words
from brokers.domain.market import Bars, Float64Array1D
from brokers.domain.orders import Product
from strategies.domain import Direction, SignalStrategy, StrategyParams, param, wrong
from strategies.library.holding import Cause, Conditions, Held, held
from strategies.library.hours import SESSION_MINUTES, Flags, in_session, may_enter, must_leave
from strategies.library.windows import rolling_vwap, z_score


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measures:
    vwap: Float64Array1D
    z: Float64Array1D
    adx: Float64Array1D


class MeanReversion(SignalStrategy):
    """Against an unusual distance from VWAP while no trend stands behind it, until the distance is usual again.

    The distance is z, the standard score of log(price / VWAP) over a window of bars. It is given up when z
    goes on to the stop, or after so many bars; that side is then entered again only after z was back within
    the exit. VWAP counts from the day's open, and nothing is held overnight, unless a rolling window is asked for.
    """

    slug = "mean-reversion"
    title = "Mean reversion"
    # the distance is an event: later there may be nothing left to come back from
    joins_late = False
    # a day has one bar, so its VWAP has to roll
    on_days: ClassVar[Mapping[str, Any]] = {"vwap_bars": 20}
    studied = ("enter_z", "z_bars")

    class Params(StrategyParams):
        z_bars: int = param(60, ge=20, le=500, help="bars in the window that says what distance from VWAP is usual")
        enter_z: float = param(
            2.0, ge=0.5, le=6, step=0.1, help="standard deviations from VWAP that are entered against"
        )
        exit_z: float = param(0.5, ge=0, le=5, step=0.1, help="standard deviations at which the target is reached")
        stop_z: float = param(3.5, ge=1, le=10, step=0.1, help="standard deviations at which it is given up")
        max_bars: int = param(60, ge=1, le=2_000, help="bars after which it is given up")
        adx_bars: int = param(14, ge=2, le=100, help="bars in the trend strength (ADX)")
        adx_below: float = param(20.0, gt=0, le=100, step=1, help="trend strength below which entries are allowed")
        vwap_bars: int = param(0, ge=0, le=2_000, help="bars in a rolling VWAP; 0 counts from the day's open")
        quiet_minutes: int = param(15, ge=0, le=120, help="minutes after the open without entries")

        def check(self) -> None:
            """Raise Invalid unless exit, entry and stop lie one beyond the other."""
            super().check()
            if self.exit_z >= self.enter_z:
                raise wrong("exit_z", f"exit_z ({self.exit_z:g}) must be below enter_z ({self.enter_z:g})")
            if self.enter_z >= self.stop_z:
                raise wrong("stop_z", f"stop_z ({self.stop_z:g}) must be above enter_z ({self.enter_z:g})")
            reach = (self.z_bars - 1) / self.z_bars**0.5
            if self.stop_z > reach:
                raise wrong(
                    "stop_z", f"z over {self.z_bars} bars never exceeds {reach:.2f}: lower stop_z or raise z_bars"
                )

    params: Params

    @classmethod
    def params_on_days(cls, given: Mapping[str, Any]) -> StrategyParams:
        """Return the parameters for daily candles; raises Invalid where VWAP would have to begin with the day."""
        params = super().params_on_days(given)
        if isinstance(params, cls.Params) and params.vwap_bars < 2:
            raise wrong("vwap_bars", "a day is one bar, so its VWAP has to roll: vwap_bars must be at least 2")
        return params

    def warmup_bars(self) -> int:
        # the index smooths twice by Wilder's way: after fifteen of its periods 5e-6 of the beginning are left
        return max(15 * self.params.adx_bars, self.params.z_bars + self.params.vwap_bars)

    def history_bars(self) -> int:
        # the session before, so that the window is full at the open
        return max(2 * SESSION_MINUTES // self.params.bar_minutes, self.warmup_bars())

    def exposure(self, bars: Bars) -> Float64Array1D:
        """Return 1 below VWAP and -1 above it from the entry to the exit; NaN while a measure is unknown."""
        measures = self._measures(bars)
        wanted, ended = self._held(bars, measures).exposure, self._day_ended(bars)
        unknown = (np.isnan(measures.z) | np.isnan(measures.adx)) & ~ended
        return np.where(unknown, np.nan, wanted)

    def reason(self, bars: Bars) -> str:
        measures = self._measures(bars)
        outcome = self._held(bars, measures)
        z, wanted = float(measures.z[-1]), float(outcome.exposure[-1])
        if wanted:
            return (
                f"close {price_in_words(float(bars.close[-1]))} is {in_words(abs(z))} deviations "
                f"{'below' if z < 0 else 'above'} VWAP {price_in_words(float(measures.vwap[-1]))} "
                f"while ADX {in_words(float(measures.adx[-1]))} is below {in_words(self.params.adx_below)}"
            )
        return self._why_flat(Cause(int(outcome.cause[-1])), z, len(bars) - 1 - int(outcome.entered_at[-1]))

    def _why_flat(self, cause: Cause, z: float, bars_held: int) -> str:
        if cause is Cause.STOPPED:
            return f"z went on to {in_words(z)}, beyond the stop at {in_words(self.params.stop_z)}"
        if cause is Cause.TIMED_OUT:
            return f"{bars_held} bars passed without a return to VWAP"
        if cause is Cause.DAY_ENDED:
            return "the day's VWAP ends, and the position with it"
        return f"z is {in_words(z)}, the exit is within {in_words(self.params.exit_z)}"

    def silence(self, bars: Bars) -> str | None:
        if np.nansum(bars.volume) > 0:
            return None
        return "no volume is reported, so there is no VWAP; trade its near future instead"

    def _measures(self, bars: Bars) -> _Measures:
        vwap = self._vwap(bars)
        return _Measures(
            vwap=vwap,
            z=z_score(np.log(bars.close / vwap), self.params.z_bars),
            adx=adx(bars.high, bars.low, bars.close, self.params.adx_bars),
        )

    def _vwap(self, bars: Bars) -> Float64Array1D:
        if self.params.vwap_bars:
            return rolling_vwap(bars.high, bars.low, bars.close, bars.volume, self.params.vwap_bars)
        columns = self.sessions.of(bars.start_ns)
        volume = np.where(in_session(bars, columns), bars.volume, 0.0)
        return session_vwap(bars.high, bars.low, bars.close, volume, columns.open_ns)

    def _held(self, bars: Bars, measures: _Measures) -> Held:
        rules, z = self.params, measures.z
        allowed = self._may_enter(bars) & (measures.adx < rules.adx_below) & (np.abs(z) < rules.stop_z)
        is_both = rules.direction is Direction.BOTH
        none = np.full(z.shape, np.nan)
        return held(
            Conditions(
                close=bars.close,
                enter_long=allowed & (z <= -rules.enter_z),
                enter_short=allowed & (z >= rules.enter_z) & is_both,
                target_long=z >= -rules.exit_z,
                target_short=z <= rules.exit_z,
                stop_long=z <= -rules.stop_z,
                stop_short=z >= rules.stop_z,
                level_long=none,
                level_short=none,
                rearmed=np.abs(z) <= rules.exit_z,
                day_ended=self._day_ended(bars),
                max_bars=rules.max_bars,
            )
        )

    @property
    def _is_by_day(self) -> bool:
        return self.params.vwap_bars == 0 or self.params.product is Product.INTRADAY

    def _may_enter(self, bars: Bars) -> Flags:
        if not self._is_by_day:
            return np.ones(len(bars), dtype=np.bool_)
        return may_enter(bars, self.sessions.of(bars.start_ns), quiet_minutes=self.params.quiet_minutes)

    def _day_ended(self, bars: Bars) -> Flags:
        if not self._is_by_day:
            return np.zeros(len(bars), dtype=np.bool_)
        return must_leave(bars, self.sessions.of(bars.start_ns))
