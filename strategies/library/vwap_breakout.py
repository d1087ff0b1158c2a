"""Breakout from the session's volume-weighted average price."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from analysis.domain import atr, relative_volume, session_vwap
from brokers.domain.figures import in_words, price_in_words
from brokers.domain.market import Bars, Float64Array1D
from strategies.domain import Direction, SessionColumns, SignalStrategy, StrategyParams, param
from strategies.library.hours import SESSION_MINUTES, Flags, in_session, may_enter, must_leave


@dataclass(frozen=True, slots=True, kw_only=True)
class _Measures:
    vwap: Float64Array1D
    band: Float64Array1D
    relative_volume: Float64Array1D


class VwapBreakout(SignalStrategy):
    """Long after a close beyond VWAP + k·ATR on unusual volume, until a close back through VWAP.

    Volume is unusual against the same minute of earlier sessions; where fewer than three of them
    are known, against the bars just before. VWAP counts from the first bar of the day that is
    known, which is the open unless the history begins later. No entry in the first minutes or after the cut-off,
    flat by the square-off. Where both ways are allowed, shorts mirror longs.
    """

    slug = "vwap-breakout"
    title = "VWAP breakout"
    # a breakout is an event: an hour later there is nothing left to break out of
    joins_late = False

    class Params(StrategyParams):
        atr_bars: int = param(14, ge=2, le=100, help="bars in the average true range")
        atr_multiple: float = param(1.0, ge=0.05, le=10, step=0.05, help="true ranges beyond VWAP that make a breakout")
        volume_ratio: float = param(1.5, ge=1, le=20, step=0.1, help="times the usual volume that make it unusual")
        volume_bars: int = param(20, ge=5, le=200, help="bars before that stand in for the same minute's average")
        quiet_minutes: int = param(15, ge=0, le=120, help="minutes after the open without entries")

    params: Params

    def warmup_bars(self) -> int:
        # Wilder's smoothing forgets e⁻¹⁰ after ten of its periods
        return max(10 * self.params.atr_bars, self.params.volume_bars + 1)

    def history_bars(self) -> int:
        # today from its open, and three earlier sessions of the same minutes
        return max(4 * SESSION_MINUTES // self.params.bar_minutes, self.warmup_bars())

    def exposure(self, bars: Bars) -> Float64Array1D:
        """Return 1 from a breakout upwards until the close is back, -1 downwards; NaN without a VWAP."""
        columns = self.sessions.of(bars.start_ns)
        measures = self._measures(bars, columns)
        allowed = may_enter(bars, columns, quiet_minutes=self.params.quiet_minutes)
        allowed &= measures.relative_volume >= self.params.volume_ratio
        leave = must_leave(bars, columns)
        above = bars.close > measures.vwap + measures.band
        longs = _held(allowed & above, leave | (bars.close < measures.vwap))
        if self.params.direction is Direction.BOTH:
            below = bars.close < measures.vwap - measures.band
            longs = longs - _held(allowed & below, leave | (bars.close > measures.vwap))
        return np.where(np.isnan(measures.vwap) & ~leave, np.nan, longs)

    def reason(self, bars: Bars) -> str:
        columns = self.sessions.of(bars.start_ns)
        measures = self._measures(bars, columns)
        close, vwap = price_in_words(float(bars.close[-1])), price_in_words(float(measures.vwap[-1]))
        wanted = self.exposure(bars)[-1]
        if wanted == 0.0:
            return f"close {close} is back {'below' if bars.close[-1] < measures.vwap[-1] else 'above'} VWAP {vwap}"
        edge = float(measures.vwap[-1] + wanted * measures.band[-1])
        return (
            f"close {close} broke {'above' if wanted > 0 else 'below'} {price_in_words(edge)} "
            f"(VWAP {vwap} {'plus' if wanted > 0 else 'minus'} {in_words(self.params.atr_multiple)} ATR) "
            f"on {in_words(float(measures.relative_volume[-1]))} times the usual volume"
        )

    def silence(self, bars: Bars) -> str | None:
        if np.nansum(bars.volume) > 0:
            return None
        return "no volume is reported, so there is no VWAP; trade its near future instead"

    def _measures(self, bars: Bars, columns: SessionColumns) -> _Measures:
        volume = np.where(in_session(bars, columns), bars.volume, 0.0)
        return _Measures(
            vwap=session_vwap(bars.high, bars.low, bars.close, volume, columns.open_ns),
            band=self.params.atr_multiple * atr(bars.high, bars.low, bars.close, self.params.atr_bars),
            relative_volume=relative_volume(
                bars.volume, columns.open_ns, bars.start_ns - columns.open_ns, recent_bars=self.params.volume_bars
            ),
        )


def _held(enter: Flags, leave: Flags) -> Float64Array1D:
    # leaving wins over entering; between two events the last one holds
    event = np.where(leave, 0.0, np.where(enter, 1.0, np.nan))
    last = np.maximum.accumulate(np.where(np.isnan(event), -1, np.arange(event.size)))
    return np.where(last >= 0, event[np.maximum(last, 0)], 0.0)
