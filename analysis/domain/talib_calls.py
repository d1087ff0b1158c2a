"""The one way into TA-Lib: what it is asked, and what becomes of gaps."""

from __future__ import annotations

from math import isnan
from typing import Any

import numpy as np

from brokers.domain.errors import Invalid
from brokers.domain.market import Float64Array1D

# smoothing over one bar means none; everything else needs two bars to say anything
_SMOOTHINGS = frozenset({"signalperiod", "slowk_period", "slowd_period"})


def computed(name: str, *columns: Float64Array1D, **parameters: float) -> Float64Array1D:
    """Return TA-Lib's answer, NaN from the first gap on; raise Invalid for a bad period or unequal lengths."""
    return computed_all(name, 1, *columns, **parameters)[0]


def computed_all(name: str, outputs: int, *columns: Float64Array1D, **parameters: float) -> tuple[Float64Array1D, ...]:
    """Return TA-Lib's several answers, as `computed` does one."""
    _check(columns, parameters)
    if parameters.get("timeperiod", 0) > columns[0].size:
        return tuple(np.full(columns[0].shape, np.nan) for _ in range(outputs))
    if not columns[0].size:
        return tuple(np.empty(0) for _ in range(outputs))
    if not any(isnan(column.dot(column)) for column in columns):
        # hardly ever is anything missing, and one number tells
        return _asked(name, columns, parameters)
    whole = columns[0]
    for column in columns[1:]:
        whole = whole + column
    missing = np.isnan(whole)
    present = np.flatnonzero(~missing)
    if present.size == 0:
        return tuple(np.full(whole.shape, np.nan) for _ in range(outputs))
    gaps = np.flatnonzero(missing[present[0] :])
    stop = present[0] + gaps[0] if gaps.size else whole.size
    return tuple(
        _padded(part, present[0], whole.size)
        for part in _asked(name, tuple(column[present[0] : stop] for column in columns), parameters)
    )


def check_period(period: int, *, least: int = 2, field: str = "period") -> None:
    """Raise Invalid unless a period has at least `least` bars."""
    if period < least:
        noun = "bar" if least == 1 else "bars"
        message = f"a period must be at least {least} {noun}, not {period}"
        raise Invalid(message, code="indicator.period", field=field)


def check_lengths(*columns: Float64Array1D) -> None:
    """Raise Invalid unless all columns have one length."""
    shape = columns[0].shape
    for column in columns:
        if column.shape != shape:
            raise Invalid("columns of an indicator must have one length", code="indicator.shape")


def _check(columns: tuple[Float64Array1D, ...], parameters: dict[str, float]) -> None:
    check_lengths(*columns)
    for parameter, value in parameters.items():
        if value < 2 and parameter.endswith("period"):  # every period may be 2
            check_period(int(value), least=1 if parameter in _SMOOTHINGS else 2)


def _asked(name: str, columns: tuple[Float64Array1D, ...], parameters: dict[str, float]) -> tuple[Float64Array1D, ...]:
    answer = getattr(_talib(), name)(*columns, **parameters)
    return answer if isinstance(answer, tuple) else (answer,)


def _padded(part: Float64Array1D, start: int, size: int) -> Float64Array1D:
    result = np.full(size, np.nan)
    result[start : start + part.size] = part
    return result


def _talib() -> Any:
    # it imports pandas where that is installed: a second and 60 MB that only its callers pay
    import talib

    return talib
