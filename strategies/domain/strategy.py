"""The strategy interface: bars in, wanted exposure out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import UTC, datetime
from math import isnan
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from brokers.domain.clock import UTC_ZONE
from brokers.domain.errors import Invalid
from brokers.domain.instruments import split_key
from brokers.domain.market import NANOSECONDS, Bars, Float64Array1D
from brokers.domain.orders import Product
from strategies.domain.params import Direction, StrategyParams, wrong
from strategies.domain.session import Sessions
from strategies.domain.signals import Signal


class SignalStrategy(ABC):
    """A strategy as one vectorised function of closed bars.

    The desk calls it on all bars of a growing history, a backtest once on the whole of it; both
    must give the same decision at every bar, so `exposure[i]` may depend on bars up to i alone.
    """

    slug: ClassVar[str]
    title: ClassVar[str]
    # Whether a deployment started in the middle of a wanted exposure takes it up at once, or
    # waits for the next change.
    joins_late: ClassVar[bool] = True
    # What its parameters are unless chosen, where a bar is a day; None where it needs the minutes of the day.
    on_days: ClassVar[Mapping[str, Any] | None] = None
    # The two parameters whose neighbourhood tells whether a result stands or is a spike.
    studied: ClassVar[tuple[str, str] | None] = None
    params: StrategyParams

    class Params(StrategyParams):
        """The parameters that every strategy has."""

    def __init__(self, params: StrategyParams, sessions: Sessions) -> None:
        if not isinstance(params, type(self).Params):
            raise TypeError(f"{type(self).__name__} takes its own Params, not {type(params).__name__}")
        self.params = params
        self.sessions = sessions

    @classmethod
    def params_on_days(cls, given: Mapping[str, Any]) -> StrategyParams:
        """Return the parameters with which it trades daily candles of a stock: bought, held overnight as delivery.

        Raises Invalid naming the parameter that needs the minutes of the day, or where the strategy as a whole does.
        """
        if cls.on_days is None:
            raise Invalid(
                f"{cls.title} counts by the minute of the day, so daily candles cannot test it",
                code="backtest.needs_minutes",
                field="strategy",
            )
        params = cls.Params.parse({**cls.on_days, "product": Product.DELIVERY, **given})
        if params.product is not Product.DELIVERY:
            raise wrong("product", f"daily candles of a stock are held overnight: product is CNC, not {params.product}")
        return params

    @abstractmethod
    def warmup_bars(self) -> int:
        """Return how many bars must precede the first decision."""

    def history_bars(self) -> int:
        """Return how many bars it is best to begin with; the warm-up is the least."""
        return self.warmup_bars()

    @abstractmethod
    def exposure(self, bars: Bars) -> Float64Array1D:
        """Return the wanted exposure after each bar, in [-1, 1]; NaN means no view."""

    @abstractmethod
    def reason(self, bars: Bars) -> str:
        """Return why the last bar's exposure is wanted, with its numbers, to follow the instrument's name."""

    def silence(self, _bars: Bars) -> str | None:
        """Return why it can have no view of this instrument at all, or None."""
        return None


def judge(
    strategy: SignalStrategy,
    bars: Bars,
    *,
    deployment_id: str,
    decided_at: datetime,
    current: float = 0.0,
) -> tuple[Signal | None, str]:
    """Return the signal of the last closed bar, or None and why there is no view ("" where there is one).

    `current` is the exposure of the deployment's last signal, 0 when it never gave one. NaN, and a
    history shorter than the warm-up, mean no view: whatever is held stays.
    """
    if len(bars) < max(strategy.warmup_bars(), 1):
        return None, _warming_up(strategy, bars)
    exposure = _exposure(strategy, bars)
    wanted = _wanted_at(strategy, exposure, bars, -1)
    if isnan(wanted) or wanted == current or _is_missed(strategy, exposure, bars, wanted):
        return None, _no_view(strategy, bars, wanted)
    signal = Signal(
        deployment_id=deployment_id,
        instrument=bars.instrument,
        exposure=wanted,
        previous_exposure=current,
        reason=_reason(strategy, bars),
        bar_end_at=bar_end_at(bars),
        decided_at=decided_at,
    )
    return signal, ""


def wanted_exposure(strategy: SignalStrategy, bars: Bars) -> Float64Array1D:
    """Return a strategy's exposures within what its parameters allow, shape (n,).

    Long-only deployments never go below 0, and intraday ones are flat from the last bar that can
    be acted on before the square-off, and outside the session.
    """
    return _allowed(strategy, _exposure(strategy, bars), bars)


def without_late_joins(exposure: Float64Array1D, first: int) -> Float64Array1D:
    """Return the exposures from bar `first` on, where those who wait for a change begin flat, shape (n - first,).

    The wish that stood before `first` is NaN until another is known; bars without a view end no wish.
    """
    begun = exposure[first:].copy()
    before = exposure[:first][~np.isnan(exposure[:first])]
    if before.size and before[-1] != 0.0:
        others = np.flatnonzero(~np.isnan(begun) & (begun != before[-1]))
        begun[: others[0] if others.size else begun.size] = np.nan
    return begun


def standing(strategy: SignalStrategy, bars: Bars) -> str:
    """Return in one sentence why a deployment holds no view, or an empty text when it has one."""
    if len(bars) < strategy.warmup_bars():
        return _warming_up(strategy, bars)
    return _no_view(strategy, bars, _wanted_at(strategy, _exposure(strategy, bars), bars, -1))


def bar_end_at(bars: Bars) -> datetime:
    """Return the end of the last bar."""
    end_ns = int(bars.start_ns[-1]) + bars.interval_s * NANOSECONDS
    return datetime.fromtimestamp(end_ns // NANOSECONDS, tz=UTC)


def schema_for(strategy: type[SignalStrategy]) -> dict[str, Any]:
    """Return a strategy's parameters as plain data for a form, in the order of declaration."""
    schema = strategy.Params.model_json_schema()
    shared = schema.get("$defs", {})
    return {
        "slug": strategy.slug,
        "title": strategy.title,
        "summary": (strategy.__doc__ or "").strip().partition("\n")[0],
        "params": [_field(name, raw, shared) for name, raw in schema["properties"].items()],
    }


def _exposure(strategy: SignalStrategy, bars: Bars) -> Float64Array1D:
    series = strategy.exposure(bars)
    if series.shape != bars.close.shape:
        raise Invalid(
            f"{strategy.slug} gave {series.shape} exposures for {len(bars)} bars", code="strategy.exposure_shape"
        )
    return series


def _wanted_at(strategy: SignalStrategy, exposure: Float64Array1D, bars: Bars, place: int) -> float:
    # `_allowed` of what a decision looks at: for one or two numbers arrays are slow
    return _allowed_one(strategy, float(exposure[place]), int(bars.start_ns[place]), bars.interval_s)


def _is_missed(strategy: SignalStrategy, exposure: Float64Array1D, bars: Bars, wanted: float) -> bool:
    """Say whether a wish began before this bar, and is not taken up late; bars without a view end no wish."""
    if strategy.joins_late or wanted == 0.0:
        return False
    earlier = (_wanted_at(strategy, exposure, bars, place) for place in range(len(bars) - 2, -1, -1))
    return next((one for one in earlier if not isnan(one)), None) == wanted


def _allowed_one(strategy: SignalStrategy, wanted: float, start_ns: int, interval_s: int) -> float:
    if strategy.params.product is Product.INTRADAY and _is_closing_bar(strategy, start_ns, interval_s):
        return 0.0
    return 0.0 if strategy.params.direction is Direction.LONG and wanted < 0.0 else wanted


def _is_closing_bar(strategy: SignalStrategy, start_ns: int, interval_s: int) -> bool:
    session = strategy.sessions.at(start_ns)
    return start_ns < session.open_ns or start_ns + 2 * interval_s * NANOSECONDS >= session.square_off_ns


def _allowed(strategy: SignalStrategy, series: Float64Array1D, bars: Bars) -> Float64Array1D:
    if strategy.params.direction is Direction.LONG:
        series = np.maximum(series, 0.0)
    if strategy.params.product is Product.INTRADAY:
        series = np.where(_is_closing_time(strategy, bars), 0.0, series)
    return series


def _warming_up(strategy: SignalStrategy, bars: Bars) -> str:
    _, symbol = split_key(bars.instrument)
    return f"{symbol}: warming up, {len(bars)} of {strategy.warmup_bars()} bars"


def _no_view(strategy: SignalStrategy, bars: Bars, wanted: float) -> str:
    silence = strategy.silence(bars) or ("no view after the last bar" if isnan(wanted) else "")
    _, symbol = split_key(bars.instrument)
    return f"{symbol}: {silence}" if silence else ""


def _is_closing_time(strategy: SignalStrategy, bars: Bars) -> npt.NDArray[np.bool_]:
    session = strategy.sessions.of(bars.start_ns)
    # the next bar may end too late to act on, so the last chance is one bar before the square-off
    next_end_ns = bars.start_ns + 2 * bars.interval_s * NANOSECONDS
    closing: npt.NDArray[np.bool_] = (bars.start_ns < session.open_ns) | (next_end_ns >= session.square_off_ns)
    return closing


def _reason(strategy: SignalStrategy, bars: Bars) -> str:
    _, symbol = split_key(bars.instrument)
    zone = strategy.sessions.zone
    now = f"{bar_end_at(bars).astimezone(zone):%H:%M}" + (" UTC" if zone is UTC_ZONE else "")
    last_ns = int(bars.start_ns[-1])
    if strategy.params.product is Product.INTRADAY and _is_closing_bar(strategy, last_ns, bars.interval_s):
        square_off_ns = strategy.sessions.at(last_ns).square_off_ns
        deadline = datetime.fromtimestamp(square_off_ns // NANOSECONDS, tz=zone)
        return f"{symbol}: flat at {now}, ahead of the square-off at {deadline:%H:%M}"
    return f"{symbol}: {strategy.reason(bars)} at {now}"


def _field(name: str, raw: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    kinds = [raw, *raw.get("anyOf", [])]
    reference = next((k["$ref"].rpartition("/")[2] for k in kinds if "$ref" in k), None)
    choices = shared[reference]["enum"] if reference else None
    bounds = {key: value for kind in kinds for key, value in kind.items()}
    return {
        "name": name,
        "kind": "choice" if choices else _kind(bounds.get("type"), kinds),
        "default": raw.get("default"),
        "minimum": bounds.get("minimum", bounds.get("exclusiveMinimum")),
        "maximum": bounds.get("maximum"),
        "step": raw.get("step"),
        "choices": None if choices is None else [choice for choice in choices if choice != Product.PERPETUAL],
        "help": raw.get("description", ""),
    }


def _kind(kind: str | None, kinds: list[dict[str, Any]]) -> str:
    if any(k.get("type") == "number" for k in kinds):
        return "number"
    return {"integer": "integer", "boolean": "boolean"}.get(kind or "", "text")
