"""The lines under and over a stock's chart: indicators of a whole history, in the prices of its last day."""

from __future__ import annotations

from dataclasses import dataclass, replace

from analysis.domain.channels import supertrend
from analysis.domain.daily import PRICES, Basis, DailySeries
from analysis.domain.documents import short
from analysis.domain.measures import Measures
from brokers.domain.errors import DataError
from brokers.domain.market import Float64Array1D

_OF_PRICE = (
    "sma_20",
    "sma_50",
    "sma_150",
    "sma_200",
    "bollinger_upper",
    "bollinger_lower",
    "supertrend",
    "macd",
    "macd_signal",
    "macd_histogram",
    "atr",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyLines:
    """Candles adjusted backward, the newest prices being the market's own, and the columns that belong to them."""

    series: DailySeries
    indicators: dict[str, Float64Array1D]
    stage: Float64Array1D


def study_lines(series: DailySeries, *, share_factor: float = 1.0) -> StudyLines:
    """Return a forward-adjusted history as a chart shows it.

    Everything is measured on the forward-adjusted prices, as a scan measures it, and divided by what the last day's
    prices were multiplied by; so the chart's crosses are the scan's crosses.

    Raises
    ------
    DataError
        For a series that is adjusted backward already.
    """
    if series.basis is Basis.BACKWARD:
        raise DataError(f"{series.symbol} is adjusted backward already", code="candles.adjusted_twice")
    of = Measures(series)
    last = float(series.scale[-1]) if len(series) else 1.0
    columns = _columns(of)
    columns |= {name: columns[name] / last for name in _OF_PRICE}
    prices = {name: getattr(series, name) / last for name in PRICES}
    shown = replace(
        series,
        **prices,
        volume=series.volume * share_factor,
        scale=series.scale / last,
        basis=Basis.BACKWARD,
    )
    return StudyLines(series=shown, indicators=columns, stage=of.stage)


def column_document(column: Float64Array1D) -> list[float | None]:
    """Return a column as JSON values, None where it is not known."""
    return [short(float(value)) for value in column]


def _columns(of: Measures) -> dict[str, Float64Array1D]:
    return {
        "sma_20": of.average_20,
        "sma_50": of.average_50,
        "sma_150": of.average_150,
        "sma_200": of.average_200,
        "bollinger_upper": of.bands.upper,
        "bollinger_lower": of.bands.lower,
        "supertrend": supertrend(of.series.high, of.series.low, of.series.close, is_alone=True).line,
        "rsi": of.rsi,
        "macd": of.macd.line,
        "macd_signal": of.macd.signal,
        "macd_histogram": of.macd.histogram,
        "adx": of.directional.adx,
        "plus_di": of.directional.plus,
        "minus_di": of.directional.minus,
        "atr": of.atr,
        "stochastic_k": of.stochastic.k,
        "stochastic_d": of.stochastic.d,
        "mfi": of.mfi,
        "cci": of.cci,
        "obv": of.obv,
        "volume_ratio": of.volume_20,
    }
