"""The neighbourhood of chosen parameters: what else might as well have been chosen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from strategies.domain.params import StrategyParams
from strategies.domain.strategy import SignalStrategy, schema_for

_FACTORS = (0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0)
_PLACES = 9


def neighbourhood(strategy: type[SignalStrategy], params: StrategyParams) -> dict[str, list[Any]]:
    """Return values from half to double of the two parameters that are studied, the chosen ones among them.

    Whole numbers stay whole, others keep to their step, and all to their bounds. Empty where nothing is studied.
    """
    fields = {field["name"]: field for field in schema_for(strategy)["params"]}
    return {name: _values(getattr(params, name), fields[name]) for name in strategy.studied or ()}


def _values(chosen: float, field: Mapping[str, Any]) -> list[Any]:
    step = 1 if field["kind"] == "integer" else field["step"] or chosen / 100
    found = {_fitted(chosen * factor, step, field) for factor in _FACTORS}
    return sorted(found | {chosen})


def _fitted(value: float, step: float, field: Mapping[str, Any]) -> float:
    nearest = float(min(max(value, field["minimum"]), field["maximum"]))
    return round(nearest) if field["kind"] == "integer" else round(round(nearest / step) * step, _PLACES)
