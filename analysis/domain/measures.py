"""Everything that the scanner, the triggers and the trend score read of one series, computed once.

All columns are as long as the series and depend on no later bar, so a scan of a day reads one place of
them and a study of years reads them whole. Prices are those of the series: divide by its scale to get
the rupees of the day.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from analysis.domain.channels import Channel, Ichimoku, Supertrend, bollinger, highest, ichimoku, lowest, supertrend
from analysis.domain.daily import Basis, DailySeries
from analysis.domain.exact import Averages, price_units
from analysis.domain.indicators import (
    Directional,
    Macd,
    atr,
    directional,
    macd,
    regression_slope,
    sma,
)
from analysis.domain.oscillators import Stochastic, cci, rsi, stochastic
from analysis.domain.performance import bar_return, relative_strength
from analysis.domain.stages import STAGE_BARS, stages
from analysis.domain.volumes import mfi, obv, volume_ratio
from brokers.domain.errors import DataError
from brokers.domain.market import Float64Array1D

YEAR_BARS = 252
RISE_BARS = 20
SLOPE_BARS = 50
VOLUME_BARS = 50


@dataclass(eq=False)
class Measures:
    """The measures of one forward-adjusted or never adjusted series; each is computed when first read.

    `rating` is its relative strength within a universe, which whoever knows the others fills in.

    Raises
    ------
    DataError
        For a backward-adjusted series: its past was changed by what came later, so no day of it is as it was.
    """

    series: DailySeries
    rating: Float64Array1D = field(init=False)
    _compared: dict[tuple[int, int], Float64Array1D] = field(init=False, default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.rating = np.full(len(self.series), np.nan)
        if self.series.basis is Basis.BACKWARD:
            message = f"{self.series.symbol} is adjusted backward: its past knows what came later"
            raise DataError(message, code="candles.hindsight")

    @cached_property
    def averages(self) -> Averages:
        return Averages(price_units(self.series.close))

    @cached_property
    def average_20(self) -> Float64Array1D:
        return sma(self.series.close, 20)

    @cached_property
    def average_50(self) -> Float64Array1D:
        return sma(self.series.close, 50)

    @cached_property
    def average_150(self) -> Float64Array1D:
        return sma(self.series.close, STAGE_BARS)

    @cached_property
    def average_200(self) -> Float64Array1D:
        return sma(self.series.close, 200)

    def compared(self, fast: int, slow: int) -> Float64Array1D:
        """Return 1, 0 or -1 as the average over `fast` bars lies above, on or below that over `slow`; 1 is the close."""
        found = self._compared.get((fast, slow))
        if found is None:
            found = self._compared[fast, slow] = self.averages.compared(fast, slow)
        return found

    @cached_property
    def rise_200(self) -> Float64Array1D:
        """1, 0 or -1 as the 200-day average lies above, on or below itself 20 bars before."""
        return self.averages.compared_with_earlier(200, RISE_BARS)

    @cached_property
    def year_high(self) -> Float64Array1D:
        return highest(self.series.high, YEAR_BARS)

    @cached_property
    def year_low(self) -> Float64Array1D:
        return lowest(self.series.low, YEAR_BARS)

    @cached_property
    def rsi(self) -> Float64Array1D:
        return rsi(self.series.close)

    @cached_property
    def macd(self) -> Macd:
        return macd(self.series.close)

    @cached_property
    def directional(self) -> Directional:
        return directional(self.series.high, self.series.low, self.series.close)

    @cached_property
    def atr(self) -> Float64Array1D:
        return atr(self.series.high, self.series.low, self.series.close, 14)

    @cached_property
    def bands(self) -> Channel:
        return bollinger(self.series.close)

    @cached_property
    def band_width(self) -> Float64Array1D:
        """The distance of the bands over their middle, without unit."""
        return (self.bands.upper - self.bands.lower) / self.bands.middle

    @cached_property
    def stochastic(self) -> Stochastic:
        return stochastic(self.series.high, self.series.low, self.series.close)

    @cached_property
    def mfi(self) -> Float64Array1D:
        return mfi(self.series.high, self.series.low, self.series.close, self.series.volume)

    @cached_property
    def cci(self) -> Float64Array1D:
        return cci(self.series.high, self.series.low, self.series.close)

    @cached_property
    def obv(self) -> Float64Array1D:
        return obv(self.series.close, self.series.volume)

    @cached_property
    def cloud(self) -> Ichimoku:
        return ichimoku(self.series.high, self.series.low)

    @cached_property
    def supertrend(self) -> Supertrend:
        return supertrend(self.series.high, self.series.low, self.series.close)

    @cached_property
    def slope(self) -> Float64Array1D:
        """The regression slope over 50 bars, as a fraction of the close per bar."""
        return regression_slope(self.series.close, SLOPE_BARS) / self.series.close

    @cached_property
    def volume_50(self) -> Float64Array1D:
        """Volume over the mean of the 50 bars before."""
        return volume_ratio(self.series.volume, VOLUME_BARS)

    @cached_property
    def volume_20(self) -> Float64Array1D:
        """Volume over the mean of the 20 bars before."""
        return volume_ratio(self.series.volume, 20)

    @cached_property
    def change(self) -> Float64Array1D:
        """The change since the bar before, 0.02 for two per cent."""
        return bar_return(self.series.close, 1)

    @cached_property
    def stage(self) -> Float64Array1D:
        return stages(self.series.close, self.average_150)

    @cached_property
    def strength(self) -> Float64Array1D:
        """The weighted return that the relative strength rating ranks."""
        return relative_strength(self.series.close)

    def earlier(self, column: Float64Array1D, bars: int) -> Float64Array1D:
        """Return a column as it was some bars before; NaN where there were none."""
        result = np.full(column.shape, np.nan)
        result[bars:] = column[: max(column.size - bars, 0)]
        return result
