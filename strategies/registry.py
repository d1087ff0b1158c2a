"""The catalogue: which strategies there are, by their short names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from brokers.domain.errors import NotFound
from strategies.domain import Sessions, SignalStrategy
from strategies.library.agent_panel import AgentPanel
from strategies.library.ema_crossover import EmaCrossover
from strategies.library.mean_reversion import MeanReversion
from strategies.library.rsi_reversal import RsiReversal
from strategies.library.vwap_breakout import VwapBreakout

_LIBRARY: Mapping[str, type[SignalStrategy]] = {
    cls.slug: cls for cls in (AgentPanel, EmaCrossover, MeanReversion, RsiReversal, VwapBreakout)
}


def strategy_for(slug: str) -> type[SignalStrategy]:
    """Return a strategy's class; raises NotFound for a name that is not in the catalogue."""
    try:
        return _LIBRARY[slug]
    except KeyError:
        raise NotFound(
            f"there is no strategy named {slug!r}; there are {', '.join(sorted(_LIBRARY))}",
            code="strategy.not_found",
            field="strategy",
        ) from None


def title_of(slug: str) -> str:
    """Return what a strategy is called on a page; one that left the catalogue is called by its short name."""
    found = _LIBRARY.get(slug)
    return found.title if found else slug


def strategies_all() -> tuple[type[SignalStrategy], ...]:
    """Return the whole catalogue, by name."""
    return tuple(_LIBRARY[slug] for slug in sorted(_LIBRARY))


def strategy_made(slug: str, params: Mapping[str, Any], *, sessions: Sessions) -> SignalStrategy:
    """Return a strategy ready to decide; raises NotFound, or Invalid naming the parameter."""
    cls = strategy_for(slug)
    return cls(cls.Params.parse(params), sessions)
